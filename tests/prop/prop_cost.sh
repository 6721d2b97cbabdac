#!/usr/bin/env bash
# prop_cost.sh - random scenarios of caches, tiers, pools and agents with a bill ([prices], by rent or owned): every US$ of it has an owner and no share is negative (v_conservation, also at
# log = summary), the rows of requests sum to what the run was charged, and prices change nothing of what is simulated. SEEDS=FROM-TO runs others. Needs TIERSIM and srcdir.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
seeds=${SEEDS:-1-20}
failed=0

prices() { # BASIS
    printf '[prices]\npreset = 2026q4\nbasis = %s\nproducts = hbm:hbm3e\n' "$1"
    for t in 0 1 2 3; do printf '[memory_price t%d]\nusd_per_gb = %d\n' $t $((t + 2)); done
    printf '[price_card]\ninput_usd_per_m = 3\ncached_input_usd_per_m = 0.3\noutput_usd_per_m = 15\n'
}

# What is wrong with a.db (log = all), b.db (log = summary) and without prices c.db; nothing else.
wrong() {
    sqlite3 -batch a.db "ATTACH 'b.db' AS b; ATTACH 'c.db' AS c;
        SELECT 'law', name, \"left\", \"right\" FROM v_conservation WHERE NOT ok;
        SELECT 'no bill' WHERE NOT EXISTS (SELECT 1 FROM cost);
        SELECT 'negative', * FROM cost WHERE usd < 0 OR full_usd < 0;
        SELECT 'negative', * FROM cost_rate WHERE usd < 0;
        SELECT 'negative', * FROM step_share WHERE prefill_ns < 0 OR decode_ns < 0 OR context_ns NOT BETWEEN 0 AND decode_ns
            OR prefill_blocks < 0 OR decode_blocks < 0 OR cached_blocks < 0;
        SELECT 'negative', * FROM request_cost WHERE prefill_ns < 0 OR decode_ns < 0 OR prefill_token_us < 0 OR decode_token_us < 0;
        SELECT 'nobody pays', total(full_usd) FROM cost WHERE who = 'idle' AND EXISTS (SELECT 1 FROM step_share) HAVING total(full_usd) > 0;
        SELECT 'requests', r.usd, c.usd FROM (SELECT total(usd) AS usd FROM v_cost_request) r,
            (SELECT total(full_usd) AS usd FROM cost WHERE who <> 'idle') c, (SELECT total(hit_tokens) AS n FROM request) h,
            (SELECT total(full_usd) AS usd FROM cost WHERE who = 'cached') k
            WHERE NOT EXISTS (SELECT 1 FROM request WHERE t_end_ns IS NULL) AND abs(r.usd + (h.n = 0) * k.usd - c.usd) > 1e-5 * c.usd;
        SELECT 'log', m.name, m.value, o.value FROM metric m JOIN b.metric o ON o.class IS m.class AND o.name = m.name
            WHERE (m.name GLOB '*usd*' OR m.name GLOB '*joules*') AND abs(m.value - o.value) > 1e-12 * abs(m.value);
        SELECT 'with prices', k.name, k.value, o.value FROM counter k LEFT JOIN c.counter o ON o.name = k.name
            WHERE k.name NOT GLOB 'share_*' AND k.value IS NOT o.value;
        SELECT 'with prices', 'events' FROM run JOIN c.run o WHERE run.events <> o.events;"
}

bad=0 n=0 answered=0
try() { # NAME
    local basis=rent out n_answered
    [ $((n % 2)) = 1 ] && basis=own
    { cat "$1.ini"; prices $basis; } > priced.ini
    n=$((n + 1))
    if ! timeout 60 "$TIERSIM" run priced.ini -q -f -o a.db -s run.log=all 2> err ||
        ! timeout 60 "$TIERSIM" run priced.ini -q -f -o b.db -s run.log=summary 2>> err ||
        ! timeout 60 "$TIERSIM" run "$1.ini" -q -f -o c.db -s run.log=summary 2>> err; then
        echo "# $1: $(head -2 err | tr '\n' ' ')"
        bad=$((bad + 1))
        return
    fi
    out=$(wrong)
    n_answered=$(sqlite3 a.db "SELECT count(*) FROM request WHERE status = 'completed'")
    answered=$((answered + n_answered))
    if [ -n "$out" ]; then
        echo "# $1 ($basis): $(head -3 <<< "$out" | tr '\n' ' ')"
        bad=$((bad + 1))
    fi
}

for seed in $(seq "${seeds%-*}" "${seeds#*-}"); do
    awk -v seed="$seed" -v prefix="k$seed" -f "$srcdir/tests/prop/kv_scenario.awk"
    try "k$seed"
    if [ $((seed % 3)) = 0 ]; then
        awk -v seed="$seed" -f "$srcdir/tests/prop/agent_scenario.awk" > "g$seed.ini"
        try "g$seed"
    fi
done
if [ $bad = 0 ] && [ $answered -gt 100 ]; then
    echo "ok - random scenarios with a bill: $n, $answered requests answered; shares sum to it, none is negative"
else
    echo "not ok - random scenarios with a bill: $bad of $n are wrong, $answered requests answered"
    failed=1
fi
exit $failed
