#!/usr/bin/env bash
#
# Starts, stops and asks a server, with the words and exit codes of Apache ZooKeeper's script of
# this name, so that what calls that one can call this one.
#
#   zkServer.sh [--config DIR] COMMAND [FILE]
#
# FILE lies in the config folder, or is a path if it has a folder in it.  See zkEnv.sh for the
# variables, and:
#   ZOOPIDFILE     default: dataDir/zookeeper_server.pid
#   ZOO_NOEXEC     start-foreground waits for the server instead of becoming it
#   ZOO_DATADIR_AUTOCREATE_DISABLE   the data folders must exist
# The JMX variables are of no use here.

script="${BASH_SOURCE-$0}"
ZOOBINDIR="$(cd "$(dirname "$script")" && pwd)"
# A link somewhere else: the scripts beside the file it points to.
if [[ ! -e "$ZOOBINDIR/../libexec/zkEnv.sh" && ! -e "$ZOOBINDIR/zkEnv.sh" ]]; then
    ZOOBINDIR="$(dirname "$(readlink -f "$script")")"
fi
if [[ -e "$ZOOBINDIR/../libexec/zkEnv.sh" ]]; then
    # shellcheck source=bin/zkEnv.sh
    . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
    # shellcheck source=bin/zkEnv.sh
    . "$ZOOBINDIR/zkEnv.sh"
fi

command=$1
if [[ -n $2 ]]; then
    case $2 in
        */*) ZOOCFG=$2 ;;
        *) ZOOCFG="$ZOOCFGDIR/$2" ;;
    esac
fi
if [[ -n $JMXPORT && $JMXDISABLE != true ]]; then
    echo "JMXPORT is set, but there is no JVM that could listen there" >&2
fi
echo "Using config: $ZOOCFG" >&2

read -r -d '' -a flags <<<"$SERVER_JVMFLAGS $JVMFLAGS"
paddock_defines "${flags[@]}"

ZOO_DATADIR="$(zoo_setting dataDir "$ZOOCFG")"
ZOO_DATALOGDIR="$(zoo_setting dataLogDir "$ZOOCFG")"

if [[ -n $ZOO_DATADIR_AUTOCREATE_DISABLE ]]; then
    if [[ ! -d "$ZOO_DATADIR/version-2" ]]; then
        echo "ZooKeeper data directory is missing at $ZOO_DATADIR fix the path or run initialize"
        exit 1
    fi
    if [[ -n $ZOO_DATALOGDIR && ! -d "$ZOO_DATALOGDIR/version-2" ]]; then
        echo "ZooKeeper txnlog directory is missing at $ZOO_DATALOGDIR fix the path or run initialize"
        exit 1
    fi
    defines=("-Dzookeeper.datadir.autocreate=false" "${defines[@]}")
fi

if [[ -z $ZOOPIDFILE ]]; then
    ZOOPIDFILE="$ZOO_DATADIR/zookeeper_server.pid"
fi
server_out="$ZOO_LOG_DIR/zookeeper-$USER-server-$HOSTNAME.out"

# The folders of the pid file and of the log.
make_folders() {
    if [[ ! -r $ZOOCFG ]]; then
        echo "Config file $ZOOCFG cannot be read" >&2
        return 1
    fi
    mkdir -p "$(dirname "$ZOOPIDFILE")" && { [[ -w $ZOO_LOG_DIR ]] || mkdir -p "$ZOO_LOG_DIR"; }
}

start_server() {
    local daemon pid
    echo -n "Starting zookeeper ... "
    if [[ -f $ZOOPIDFILE ]] && kill -0 "$(cat "$ZOOPIDFILE")" 2>/dev/null; then
        echo "already running as process $(cat "$ZOOPIDFILE")."
        exit 1
    fi
    if ! daemon=$(paddock_program paddockd) || ! make_folders; then
        echo FAILED TO START
        exit 1
    fi
    nohup "$daemon" "${defines[@]}" "$ZOOCFG" >"$server_out" 2>&1 </dev/null &
    pid=$!
    if ! echo -n "$pid" >"$ZOOPIDFILE"; then
        kill "$pid"
        echo FAILED TO WRITE PID
        exit 1
    fi
    # What is wrong with the configuration, the port or the data shows at once.
    sleep 1
    if ! kill -0 "$pid" 2>/dev/null; then
        echo FAILED TO START
        tail -n 3 "$server_out" >&2
        exit 1
    fi
    echo STARTED
}

stop_server() {
    local pid tenths
    echo -n "Stopping zookeeper ... "
    if [[ ! -f $ZOOPIDFILE ]]; then
        echo "no zookeeper to stop (could not find file $ZOOPIDFILE)"
        return
    fi
    pid=$(cat "$ZOOPIDFILE")
    kill "$pid"
    rm "$ZOOPIDFILE"
    # It answers what it has begun before it goes; a start right behind needs its port and folder.
    for ((tenths = 0; tenths < 300; tenths++)); do
        if ! kill -0 "$pid" 2>/dev/null; then
            echo STOPPED
            return
        fi
        sleep 0.1
    done
    echo "process $pid got the signal and still runs"
}

# Sets client_address and client_port from a server.N line's part behind the ';'.
use_server_line() {
    local line=$1
    if [[ $line =~ ^\[?([^]]*)\]?:([0-9]+)$ ]]; then
        client_address=${BASH_REMATCH[1]}
        client_port=${BASH_REMATCH[2]}
    elif [[ $line =~ ^[0-9]+$ ]]; then
        client_port=$line
    fi
}

# The words of each step are what monitoring scripts of Apache's server look for.
find_client_port() {
    local myid line
    client_address=$(zoo_setting clientPortAddress "$ZOOCFG")
    client_port=$(zoo_setting clientPort "$ZOOCFG")
    client_ssl=false
    if ! [[ $client_port =~ ^[0-9]+$ ]]; then
        client_port=
        myid=$(cat "$ZOO_DATADIR/myid" 2>/dev/null)
        if ! [[ $myid =~ ^[0-9]+$ ]]; then
            echo "myid could not be determined, will not able to locate clientPort in the server configs."
        else
            line=$(zoo_setting "server.$myid" "$ZOOCFG")
            if [[ $line != *\;* ]]; then
                echo "Client port not found in static config file. Looking in dynamic config file."
                line=$(zoo_setting "server.$myid" "$(zoo_setting dynamicConfigFile "$ZOOCFG")")
            fi
            if [[ $line == *\;* ]]; then
                line=${line#*;}
                use_server_line "${line%%;*}"
            else
                echo "Client port not found in the server configs"
            fi
        fi
    fi
    if [[ -z $client_port ]]; then
        echo "Client port not found. Looking for secureClientPort in the static config."
        client_port=$(zoo_setting secureClientPort "$ZOOCFG")
        client_address=$(zoo_setting secureClientPortAddress "$ZOOCFG")
        client_ssl=true
        if [[ -z $client_port ]]; then
            echo "Unable to find either secure or unsecure client port in any configs. Terminating."
            exit 1
        fi
    fi
    client_address=${client_address:-localhost}
}

show_status() {
    local probe mode
    find_client_port
    echo "Client port found: $client_port. Client address: $client_address. Client SSL: $client_ssl."
    probe=$(paddock_program paddock-probe) || exit 1
    mode=$("$probe" "$client_address" "$client_port" srvr "$client_ssl" 2>/dev/null | grep Mode)
    if [[ -z $mode ]]; then
        echo "Error contacting service. It is probably not running."
        exit 1
    fi
    echo "$mode"
}

show_version() {
    local daemon version
    daemon=$(paddock_program paddockd) || exit 1
    version=$("$daemon" --version) || exit 1 # "paddockd 3.9.5-paddock-0.1.0, built on DATE"
    version=${version#paddockd }
    echo "Apache ZooKeeper, version ${version/, built on/}"
}

print_command() {
    local daemon
    daemon=$(paddock_program paddockd) || exit 1
    printf '"%s" ' "$daemon" "${defines[@]}" "$ZOOCFG"
    printf '> "%s" 2>&1 < /dev/null\n' "$server_out"
}

case $command in
    start) start_server ;;
    start-foreground)
        daemon=$(paddock_program paddockd) || exit 1
        make_folders || exit 1
        if [[ -n $ZOO_NOEXEC ]]; then
            "$daemon" "${defines[@]}" "$ZOOCFG"
        else
            exec "$daemon" "${defines[@]}" "$ZOOCFG"
        fi
        ;;
    stop)
        stop_server
        exit 0
        ;;
    restart)
        stop_server
        start_server
        ;;
    status) show_status ;;
    version) show_version ;;
    print-cmd) print_command ;;
    print-classpath) echo "CLASSPATH=$CLASSPATH" ;;
    *)
        echo "Usage: $0 [--config <conf-dir>] {start|start-foreground|stop|version|restart|status|print-cmd}" >&2
        ;;
esac
