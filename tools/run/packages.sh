# Sourced by run.sh and test-deps.sh: which packages are missing, and how to get them.
#
# `missing` and `reasons` are what find_missing leaves behind: names with blanks between, and lines
# for people.

missing=
reasons=
judged= # names with a proof, found or not

# Is what proves a package there?  A header counts when the compiler finds it.
is_there() {
    case $1 in
        "<"*) printf '#include %s\n' "$1" | "${CC:-cc}" -E -x c - >/dev/null 2>&1 ;;
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# find_missing FILE: adds the packages of a list that are not there.
find_missing() {
    while read -r name proof what; do
        case $name in "" | "#"*) continue ;; esac
        judged="$judged $name"
        is_there "$proof" && continue
        missing="$missing $name"
        reasons="$reasons$(printf '  %-24s %s' "$name" "$what")
"
    done <"$1"
}

# find_missing_names FILE: the same for a list of bare names; those that another list has a proof
# for are left to that (a node or a JDK from elsewhere counts).
find_missing_names() {
    [ -f "$1" ] || return 0
    while read -r name _; do
        case $name in "" | "#"*) continue ;; esac
        case " $judged " in *" $name "*) continue ;; esac
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q ' installed$' && continue
        missing="$missing $name"
        reasons="$reasons$(printf '  %-24s %s' "$name" "clients in the tests")
"
    done <"$1"
}

apt_install() {
    # shellcheck disable=SC2086 # a list of names
    "$@" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}

# install_missing WHY: says what is missing, installs it or says how, and stops when it cannot.
install_missing() {
    [ -n "$missing" ] || return 0
    echo "$1 needs Debian packages that are not installed:"
    printf '%s' "$reasons"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "There is no apt-get here: install what they contain and try again." >&2
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        as_root=sudo
    else
        echo "Type this as root, then try again:" >&2
        echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
    echo "Installing them now: ${as_root:+sudo }apt-get install --no-install-recommends$missing"
    # A fresh machine has no package lists, an old one may have lists that are too old.
    if ! ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 || ! apt_install $as_root; then
        $as_root apt-get update
        apt_install $as_root
    fi
}
