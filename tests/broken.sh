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
{
    ../source/configure -q --enable-broken CFLAGS="-O1" &&
        ${MAKE:-make} -s -j"$(nproc 2> /dev/null || echo 2)" tiersim tests/prop/prop_batch tests/theory/theory_tier
} > make.out 2>&1 || {
    echo "not ok - the wrong model is built"
    cat make.out
    exit 1
}
export TIERSIM=$build/build/tiersim srcdir

must_fail() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" > "$name.txt" 2>&1 || grep -q "tiersim: bug:" "$name.txt" || ! grep -qE "^not ok|Failures: [1-9]" "$name.txt"; then
        echo "not ok - the wrong model turns $name red"
        sed 's/^/# /' "$name.txt" | tail -5
        return 1
    fi
    echo "ok - the wrong model turns $name red"
}
# All at once; what each says goes out whole.
ids=()
expect() { # NAME COMMAND...
    {
        code=0
        must_fail "$@" > "$1.said" || code=1
        cat "$1.said"
        exit $code
    } &
    ids+=($!)
}
expect theory "$srcdir/tests/theory/run.sh"
expect theory_tier tests/theory/theory_tier
expect prop_batch tests/prop/prop_batch
expect golden "$srcdir/tests/golden/run.sh"
expect cost "$srcdir/tests/system/cost.sh"
expect edges "$srcdir/tests/system/edges.sh"
for id in "${ids[@]}"; do
    wait "$id" || failed=1
done
exit $failed
