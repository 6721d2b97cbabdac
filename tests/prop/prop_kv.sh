#!/usr/bin/env bash
# prop_kv.sh - random scenarios of the KV cache, the tiers below it and pools that hand over, under every scheduler and order (kv_scenario.awk): each must come
# to its end, with every law of conservation checked by the run itself, twice with the same fingerprint; and hits of one request at a time are a per-block twin's
# (kv_twin.awk). SEEDS='FROM-TO ...' runs others. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
seeds=${SEEDS:-1-48 59-59}

bad=0 n=0
for seed in $(for range in $seeds; do seq "${range%-*}" "${range#*-}"; done); do
    awk -v seed="$seed" -v prefix="s$seed" -f "$srcdir/tests/prop/kv_scenario.awk"
    first=$(timeout 60 "$TIERSIM" run "s$seed.ini" -o a.db --force 2> err | grep Fingerprint)
    again=$(timeout 60 "$TIERSIM" run "s$seed.ini" -o a.db --force -s run.log=summary 2>> err | grep Fingerprint)
    n=$((n + 1))
    if [ -z "$first" ] || [ "$first" != "$again" ]; then
        echo "# seed $seed: \"$first\", then \"$again\": $(head -2 err | tr '\n' ' ')"
        bad=$((bad + 1))
    elif grep -q '^preempt = none' "s$seed.ini" &&
        [ "$(sqlite3 a.db "SELECT value FROM counter WHERE name = 'preemptions'")" != 0 ]; then
        echo "# seed $seed: preempt = none, and some were"
        bad=$((bad + 1))
    fi
done
if [ $bad = 0 ]; then
    echo "ok - random caches and tiers: $n scenarios come to their end, twice the same"
else
    echo "not ok - random caches and tiers: $bad of $n scenarios failed"
    failed=1
fi

# Unlimited, one request at a time: the conversation trace, request by request.
trace=$srcdir/../shared/data/traces/mooncake_conversation_0-45min.jsonl
if [ -r "$trace" ]; then
    "$TIERSIM" run "$srcdir/scenarios/prefix-unlimited.ini" -o p.db -s workload.trace="$trace" > /dev/null
    sqlite3 p.db "SELECT hit_blocks FROM request ORDER BY id" > got
    awk -v blocks=0 -v evict=lru -v block=512 -f "$srcdir/tests/system/kv_twin.awk" "$trace" "$trace" > want
    if cmp -s got want; then
        echo "ok - the conversation trace: hits of all $(wc -l < got) requests are the twin's, $(awk '{ s += $1 } END { print s }' got) blocks"
    else
        echo "not ok - the conversation trace: $(diff got want | grep -c '^<') requests differ from the twin"
        failed=1
    fi
else
    echo "# skipped: the conversation trace is not there"
fi
exit $failed
