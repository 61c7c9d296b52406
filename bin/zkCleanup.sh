#!/usr/bin/env bash
#
# Removes old snapshots and logs:
#
#   zkCleanup.sh [--config DIR] -n COUNT
#   zkCleanup.sh DATALOGDIR [DATADIR] -n COUNT
#
# The first form takes the folders from the config file (see zkEnv.sh).  COUNT snapshots are kept,
# at least 3, with the logs that the oldest of them needs.  The server may be running.

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

folders=()
if [[ $1 == -n || $# -eq 0 ]]; then
    data_dir="$(zoo_setting dataDir "$ZOOCFG")"
    log_dir="$(zoo_setting dataLogDir "$ZOOCFG")"
    [[ -n $log_dir ]] && folders+=("$log_dir")
    [[ -n $data_dir ]] && folders+=("$data_dir")
fi

purge=$(paddock_program paddock-purge) || exit 1
exec "$purge" "${folders[@]}" "$@"
