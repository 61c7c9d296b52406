#!/usr/bin/env bash
#
# Makes empty data folders for a server that has never run, or with --force for one that begins
# anew, with the words of Apache ZooKeeper's script of this name:
#
#   zkServer-initialize.sh [--config DIR] [--configfile=FILE] [--myid=N] [--force]
#
# What it leaves behind: version-2 in dataDir and dataLogDir, dataDir/myid, and the file
# dataDir/initialize, which is the leave to take part in elections with an empty database
# (zookeeper.db.autocreate=false asks for it).

script="${BASH_SOURCE-$0}"
ZOOBINDIR="$(cd "$(dirname "$script")" && pwd)"
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

usage() {
    cat <<END
usage: $0 <parameters>
  Optional parameters:
     -h, --help            Display this message
     --configfile=FILE     ZooKeeper config file ($ZOOCFG)
     --myid=#              Set the myid to be used, if any (0-255)
     --force               Force creation of the data/txnlog dirs
END
    exit 1
}

refuse() {
    echo "$1"
    exit 1
}

# Empty and new: what was in it is gone.
make_anew() {
    rm -rf "$1/myid" "$1/version-2"
    mkdir -p "$1/version-2" || exit 1
}

myid=
force=
while [[ $# -gt 0 ]]; do
    case $1 in
        --configfile | --myid)
            [[ $# -gt 1 ]] || usage
            if [[ $1 == --myid ]]; then myid=$2; else ZOOCFG=$2; fi
            shift
            ;;
        --configfile=?*) ZOOCFG=${1#*=} ;;
        --myid=?*) myid=${1#*=} ;;
        --force) force=1 ;;
        -h | --help) usage ;;
        *)
            echo "Unknown option: $1"
            usage
            ;;
    esac
    shift
done

if [[ -n $myid ]] && ! { [[ $myid =~ ^[0-9]{1,3}$ ]] && ((10#$myid <= 255)); }; then
    refuse "myid must be a number from 0 to 255, and is: $myid"
fi
[[ -e $ZOOCFG ]] || refuse "Unable to find config file at $ZOOCFG"
data_dir="$(zoo_setting dataDir "$ZOOCFG")"
log_dir="$(zoo_setting dataLogDir "$ZOOCFG")"
[[ -n $data_dir ]] || refuse "Unable to determine dataDir from $ZOOCFG"

pid_file="${ZOOPIDFILE:-$data_dir/zookeeper_server.pid}"
if [[ -f $pid_file ]] && kill -0 "$(cat "$pid_file")" 2>/dev/null; then
    refuse "A server runs on these directories as process $(cat "$pid_file"); stop it first"
fi
if [[ -n $force ]]; then
    echo "Force enabled, data/txnlog directories will be re-initialized"
else
    again="(or use --force to force re-initialization)"
    [[ ! -d "$data_dir/version-2" ]] ||
        refuse "ZooKeeper data directory already exists at $data_dir $again"
    [[ -z $log_dir || ! -d "$log_dir/version-2" ]] ||
        refuse "ZooKeeper txnlog directory already exists at $log_dir $again"
fi

make_anew "$data_dir"
[[ -z $log_dir ]] || make_anew "$log_dir"
if [[ -n $myid ]]; then
    echo "Using myid of $myid"
    echo "$myid" >"$data_dir/myid" || exit 1
else
    echo "No myid provided, be sure to specify it in $data_dir/myid if using non-standalone"
fi
touch "$data_dir/initialize"
