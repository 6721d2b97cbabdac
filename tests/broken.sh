#!/usr/bin/env bash
# The deliberately wrong model (configure --enable-broken): preempted requests go to the queue's tail, every step lasts 5%
# too long, and sharing a port costs a tenth more than it should. None of these breaks the model's own assertions, so that
# the tests named here must notice by comparing; one that does not could not have failed.
# Needs srcdir, and MAKE and CC if they are not the usual ones.
set -euo pipefail

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
srcdir=$(cd "$srcdir" && pwd)
failed=0

# By a link: configure refuses a source folder whose absolute name has spaces in it.
ln -s "$srcdir" "$build/source"
mkdir "$build/build"
cd "$build/build"
{ ../source/configure -q --enable-broken CFLAGS="-O1" && ${MAKE:-make} -s tiersim tests/prop/prop_batch tests/theory/theory_tier; } > make.out 2>&1 || {
    echo "not ok - the wrong model is built"
    cat make.out
    exit 1
}
export TIERSIM=$build/build/tiersim srcdir

must_fail() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" > out.txt 2>&1 || grep -q "tiersim: bug:" out.txt || ! grep -qE "^not ok|Failures: [1-9]" out.txt; then
        echo "not ok - the wrong model turns $name red"
        sed 's/^/# /' out.txt | tail -5
        failed=1
    else
        echo "ok - the wrong model turns $name red"
    fi
}
must_fail prop_batch tests/prop/prop_batch
must_fail theory_tier tests/theory/theory_tier
must_fail golden "$srcdir/tests/golden/run.sh"
must_fail theory "$srcdir/tests/theory/run.sh"
must_fail cost "$srcdir/tests/system/cost.sh"
must_fail edges "$srcdir/tests/system/edges.sh"
exit $failed
