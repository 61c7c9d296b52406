#!/bin/sh
# `make test`: what the tests need beside the compiler, installed as `make run` does it.
set -eu
cd "$(dirname "$0")/../.."
. tools/run/packages.sh

find_missing tools/run/build.packages
find_missing tools/run/test.packages
find_missing_names tests/interop/foreign/packages.txt
install_missing "make test"
