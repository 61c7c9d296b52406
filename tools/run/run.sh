#!/bin/sh
# `make run [PORT=N]`: from a clone to a server that answers, on Debian 12 with git, gcc and make.
set -eu
cd "$(dirname "$0")/../.."
. tools/run/packages.sh
. tools/run/build.sh

PORT=${PORT:-}

case $PORT in
    *[!0-9]*)
        echo "PORT=$PORT is no number; for example: make run PORT=2191" >&2
        exit 2
        ;;
esac

find_missing tools/run/build.packages
install_missing Paddock

build

# The server writes its port here once it listens: nothing is promised before.
port_file=$(mktemp)
trap 'rm -f "$port_file"' EXIT
rm "$port_file"
set -- -D "paddock.portFile=$port_file"
[ -z "$PORT" ] || set -- "$@" -D "clientPort=$PORT"
build/bin/paddockd "$@" conf/run.cfg &
server=$!
# Ctrl-C reaches the server, too: it stops cleanly, and this script waits for that.
trap : INT TERM HUP
trap 'kill $server 2>/dev/null || :; rm -f "$port_file"' EXIT

while [ ! -s "$port_file" ] && kill -0 $server 2>/dev/null; do sleep 0.05; done
if [ -s "$port_file" ]; then
    port=$(cat "$port_file")
    cat <<HELP

Paddock serves 127.0.0.1:$port, its data is in ./data.  Ctrl-C stops it.  Talk to it:

  with a shell       echo srvr | nc 127.0.0.1 $port
  with Apache's      /usr/share/zookeeper/bin/zkCli.sh -server 127.0.0.1:$port
  with Python        python3 -c 'from kazoo.client import KazooClient as C; z = C("127.0.0.1:$port"); z.start(); print(z.get_children("/"))'

HELP
fi

code=0
wait $server || code=$?
while kill -0 $server 2>/dev/null; do # a signal woke the wait; the server is on its way
    wait $server || code=$?
done
if [ ! -s "$port_file" ] && [ $code = 1 ]; then
    echo "It did not start.  If the port is taken, choose another: make run PORT=2191" >&2
fi
exit $code
