#!/bin/sh
# `make run-ensemble [DIR=FOLDER] [PORT=N]`: from a clone to three voters and an observer.
set -eu
cd "$(dirname "$0")/../.."
. tools/run/packages.sh
. tools/run/build.sh

find_missing tools/run/build.packages
find_missing tools/run/ensemble.packages
install_missing "Paddock's ensemble"
build
exec /usr/bin/python3 tools/run/ensemble.py --dir "${DIR:-ensemble}" ${PORT:+--port "$PORT"}
