# shellcheck shell=bash
# setup.sh - sourced by tools/quickstart and tools/test: what they need from the system, and how they build.
#
# Packages are asked for by what they give (a command, a pkg-config module), so that nothing is installed, and no
# root is needed, where it is there already, Debian or not.

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# have PACKAGE: is what the package gives there?
have() {
    case $1 in
    libc6-dev) printf '#include <stdio.h>\n' | gcc -E - >/dev/null 2>&1 ;;
    autoconf) command -v autoreconf >/dev/null ;;
    automake) command -v aclocal >/dev/null ;;
    binutils) command -v nm >/dev/null && command -v ar >/dev/null ;;
    xz-utils) command -v xz >/dev/null ;;
    slurm-wlm) command -v slurmctld >/dev/null && command -v slurmd >/dev/null ;;
    munge) command -v munged >/dev/null ;;
    procps) command -v pgrep >/dev/null ;;
    check) pkg-config --exists check 2>/dev/null ;;
    libgsl-dev) pkg-config --exists gsl 2>/dev/null ;;
    libsqlite3-dev) pkg-config --exists sqlite3 2>/dev/null ;;
    libinih-dev) pkg-config --exists inih 2>/dev/null ;;
    libjansson-dev) pkg-config --exists jansson 2>/dev/null ;;
    zlib1g-dev) pkg-config --exists zlib 2>/dev/null ;;
    libzstd-dev) pkg-config --exists libzstd 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# need_packages PACKAGE...: installs those that are missing, or says what to do.
need_packages() {
    local package missing=() root=()

    for package in "$@"; do
        have "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    command -v apt-get >/dev/null || die "missing: ${missing[*]} (Debian's names; apt-get is not here to install them)"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "missing packages; as root run: apt-get install ${missing[*]}"
        root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${root[@]}" apt-get update -qq || die "apt-get update failed"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
        die "apt-get could not install: ${missing[*]}"
    for package in "${missing[@]}"; do
        have "$package" || die "$package was installed but what it gives is still not found"
    done
}

# shellcheck disable=SC2034 # for those who source this file
build_packages=(gcc libc6-dev binutils make autoconf automake pkg-config libgsl-dev libsqlite3-dev libinih-dev
    libjansson-dev zlib1g-dev libzstd-dev check sqlite3)

# Generates configure where it is missing or older than its sources.
bootstrap() {
    local input

    for input in configure.ac Makefile.am; do
        if ! [ -e configure ] || ! [ -e Makefile.in ] || [ "$input" -nt configure ] || [ "$input" -nt Makefile.in ]; then
            say "autoreconf"
            mkdir -p m4 build-aux
            autoreconf -fi
            # autoreconf leaves what has not changed: without this the test above would stay true.
            touch configure Makefile.in
            return
        fi
    done
}

# configure_into FOLDER [ARGUMENT...]: an out-of-tree build; configures again only when it must.
configure_into() {
    local folder=$1 wanted
    shift

    mkdir -p "$folder"
    wanted="$*"
    if ! [ -e "$folder/config.status" ] || [ configure -nt "$folder/config.status" ] || [ Makefile.in -nt "$folder/Makefile" ] ||
        [ "$(cat "$folder/.configured" 2>/dev/null)" != "$wanted" ]; then
        say "configure in $folder${wanted:+ ($wanted)}"
        rm -f "$folder/.configured"
        if ! (cd "$folder" && ../configure "$@") >"$folder/configure.out" 2>&1; then
            tail -n 20 "$folder/configure.out" >&2
            die "configure failed; all of it is in $folder/configure.out and $folder/config.log"
        fi
        # Other flags make other objects.
        make -s -C "$folder" clean >/dev/null 2>&1 || true
        printf '%s\n' "$wanted" >"$folder/.configured"
    fi
}

# shellcheck disable=SC2034
jobs=$(nproc 2>/dev/null || echo 2)
