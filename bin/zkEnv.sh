#!/usr/bin/env bash
#
# Sourced by the other scripts of this folder: where things are and what the caller asked for.
#
# Takes and sets what Apache ZooKeeper's script of this name takes and sets, as far as it means
# something without a JVM:
#   --config DIR   as the first two arguments, or ZOOCFGDIR: the folder of the configuration;
#                  else ../conf, else ../etc/zookeeper
#   zookeeper-env.sh and java.env in that folder are sourced
#   ZOOCFG         name of the file in it (zoo.cfg); afterwards its path
#   ZOO_LOG_DIR    ../logs
#   JVMFLAGS, SERVER_JVMFLAGS: their -D settings reach the server, the rest is for a JVM
# Ours:
#   PADDOCK_BIN    folder of paddockd and its tools; else looked for beside this script, in
#                  ../sbin, and in ../build/bin (a source tree)

ZOOBINDIR="${ZOOBINDIR:-/usr/bin}"
ZOOKEEPER_PREFIX="$ZOOBINDIR/.."

# Sourced without arguments, so these are the calling script's own.
if [[ $# -gt 1 && $1 == --config ]]; then
    ZOOCFGDIR=$2
    shift 2
fi

if [[ -z $ZOOCFGDIR ]]; then
    if [[ -e "$ZOOKEEPER_PREFIX/conf" ]]; then
        ZOOCFGDIR="$ZOOBINDIR/../conf"
    else
        ZOOCFGDIR="$ZOOBINDIR/../etc/zookeeper"
    fi
fi

if [[ -f "$ZOOCFGDIR/zookeeper-env.sh" ]]; then
    # shellcheck disable=SC1091
    . "$ZOOCFGDIR/zookeeper-env.sh"
fi

ZOOCFG="$ZOOCFGDIR/${ZOOCFG:-zoo.cfg}"

if [[ -f "$ZOOCFGDIR/java.env" ]]; then
    # shellcheck disable=SC1091
    . "$ZOOCFGDIR/java.env"
fi

ZOO_LOG_DIR=${ZOO_LOG_DIR:-$ZOOKEEPER_PREFIX/logs}

# paddock_program NAME: prints the path of one of our programs; exit code 1 when it is nowhere.
paddock_program() {
    local dir
    for dir in "$PADDOCK_BIN" "$ZOOBINDIR" "$ZOOBINDIR/../sbin" "$ZOOBINDIR/../build/bin"; do
        if [[ -n $dir && -x "$dir/$1" ]]; then
            echo "$dir/$1"
            return 0
        fi
    done
    echo "Error: $1 could not be found; run make first, or set PADDOCK_BIN to its folder." >&2
    return 1
}

# paddock_defines FLAGS...: fills the array `defines` with those that mean something to paddockd.
# Memory sizes, collectors, agents, class paths, JMX and loggers are for a JVM.
paddock_defines() {
    local flag
    defines=()
    for flag in "$@"; do
        case $flag in
            -Djava.security.auth.login.config=*) defines+=("$flag") ;; # the server says what it lacks
            -Djava.* | -Djavax.* | -Djdk.* | -Dsun.* | -Dcom.sun.*) ;;
            -Dlog4j* | -Dlogback.* | -Dorg.slf4j.* | -Dfile.encoding=* | -Duser.*) ;;
            -Dnetworkaddress.cache.* | -Dzookeeper.jmx.* | -Dzookeeper.log.*) ;;
            -Dzookeeper.root.logger=* | -Dzookeeper.console.threshold=*) ;;
            -D?*) defines+=("$flag") ;;
        esac
    done
}

# zoo_setting KEY FILE: prints the value that a config file gives a key, nothing when it has none.
# The syntax is that of Java's properties, but for escapes other than joined lines.
zoo_setting() {
    [[ -r $2 ]] || return 0
    awk -v want="$1" '
        { sub(/\r$/, ""); sub(/^[ \t\f]+/, "") }
        /^[#!]/ || /^$/ { next }
        {
            entry = $0
            while (entry ~ /\\$/ && (getline more) > 0) {
                sub(/\r$/, "", more)
                sub(/^[ \t\f]+/, "", more)
                entry = substr(entry, 1, length(entry) - 1) more
            }
            match(entry, /^[^=: \t\f]+/)
            key = substr(entry, 1, RLENGTH)
            sub(/^[^=: \t\f]+[ \t\f]*[=:]?[ \t\f]*/, "", entry)
            sub(/[ \t\f]+$/, "", entry)
            if (key == want) value = entry
        }
        END { if (value != "") print value }' "$2"
}
