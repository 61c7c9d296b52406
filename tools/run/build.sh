# Sourced by run.sh and ensemble.sh: builds what is not up to date.

MAKE=${MAKE:-make}

# One line that counts what is compiled; warnings and errors in full.
build() {
    total=$($MAKE --no-print-directory -n all Q= 2>/dev/null | grep -c ' -c ' || true)
    [ "$total" -gt 0 ] || return 0
    echo "Building ($total files; later only what has changed)"
    status=build/run.status
    [ -t 1 ] && tty=1 || tty=0
    mkdir -p build
    {
        $MAKE --no-print-directory -j "$(nproc)" all Q= 2>&1 && echo 0 >$status || echo 1 >$status
    } | awk -v total="$total" -v tty="$tty" '
        / -c .* -o / { done++; if (tty) { printf "\r  %d of %d", done, total; fflush() }; next }
        / -o build\/| ar rcs |^rm -f |^mkdir / { next }
        { if (tty) printf "\r"; print }
        END { if (tty) printf "\r  %d of %d\n", done, total }'
    [ "$(cat $status)" = 0 ] || exit 1
}
