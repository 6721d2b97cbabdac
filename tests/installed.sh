#!/usr/bin/env bash
# installed.sh - make installcheck: every preset and scenario of the sources is installed as it is, and the installed program
# runs one with nothing else. Needs TIERSIM, TIERSIM_DATA (the installed data, which the program then takes) and srcdir.
set -uo pipefail
: "${TIERSIM:?}" "${TIERSIM_DATA:?}" "${srcdir:?}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" > "$scratch/out" 2>&1; then
        echo "ok - installed: $name"
    else
        echo "not ok - installed: $name"
        sed 's/^/#   /' "$scratch/out" | head -20
        failed=1
    fi
}
check "data/" diff -r -x scenarios "$srcdir/data" "$TIERSIM_DATA"
check "scenarios/" diff -r "$srcdir/scenarios" "$TIERSIM_DATA/scenarios"
cd "$scratch" || exit 1
check "the program runs a scenario" "$TIERSIM" run "$TIERSIM_DATA/scenarios/quickstart.ini" -q -o run.db
check "... and reports" "$TIERSIM" report run.db
exit $failed
