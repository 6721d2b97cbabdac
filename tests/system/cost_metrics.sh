#!/usr/bin/env bash
# cost_metrics.sh - what runs with a bill ([prices]) are charged, and whose that is: every metric and each cell of table cost again by SQL over the rows (cost_metrics.sql), for plain runs,
# runs with warm-up and cut at a horizon, refused and impatient requests, pools, three memories, agents, replicas that come and go, ranks, speculation. Needs TIERSIM and srcdir.
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
here=$srcdir/tests/system
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

card=(-s price_card.input_usd_per_m=3 -s price_card.cached_input_usd_per_m=0.3 -s price_card.output_usd_per_m=15)
check() { # NAME FROM-METRICS SCENARIO OPTIONS...
    local name=$1 least=$2 out laws
    shift 2
    "$TIERSIM" run "$@" -s prices.preset=2026q4 -s run.log=all "${card[@]}" -q --force -o "$tmp/x.db"
    out=$(sqlite3 -batch "$tmp/x.db" < "$here/cost_metrics.sql")
    if [[ $out =~ ^compared\ ([0-9]+)\ metrics,\ ([0-9]+)\ above\ 0,\ and\ ([0-9]+)\ shares$ ]] && ((BASH_REMATCH[2] >= least && BASH_REMATCH[3] >= 12)); then
        result "$name: every metric and share by SQL ($out)" 1 ""
    else
        result "$name: every metric and share by SQL" 0 "$out"
    fi
    laws=$(sqlite3 -batch "$tmp/x.db" "SELECT * FROM v_conservation WHERE NOT ok; PRAGMA foreign_key_check")
    result "$name: conservation" $((${#laws} == 0)) "$laws"
}
# As a run that was killed leaves its file: what the report computes from the rows is what the run would have.
killed() { # NAME
    local out
    "$TIERSIM" report "$tmp/x.db" --json > "$tmp/whole.json"
    cp "$tmp/x.db" "$tmp/cut.db"
    sqlite3 -batch "$tmp/cut.db" "DELETE FROM metric; DELETE FROM counter; UPDATE run SET status = 'running', t_end_ns = NULL"
    "$TIERSIM" report "$tmp/cut.db" --json > "$tmp/cut.json"
    out=$(sqlite3 -batch :memory: "SELECT w.key, w.value, c.value FROM json_each(readfile('$tmp/whole.json')) w LEFT JOIN json_each(readfile('$tmp/cut.json')) c ON c.key = w.key
        WHERE (w.key GLOB '*usd*' OR w.key GLOB '*joules*' OR w.key = 'energy_kwh') AND (c.key IS NULL OR (w.value IS NULL) <> (c.value IS NULL) OR abs(w.value - c.value) > 1e-9 * abs(w.value));
        SELECT 'none' WHERE NOT EXISTS (SELECT 1 FROM json_each(readfile('$tmp/whole.json')) WHERE key = 'cost_usd')")
    result "$1: of a file without metrics, the same" $((${#out} == 0)) "$out"
}
has() { # NAME SQL
    local n
    n=$(sqlite3 -batch "$tmp/x.db" "$2")
    result "$1 ($n)" "$(awk -v n="$n" 'BEGIN { print (n > 0) ? 1 : 0 }')" "none"
}

mixed=$here/sql_metrics.ini
check "rented, with warm-up" 14 "$mixed"
has "rented, with warm-up: the edges have a share" "SELECT total(full_usd) FROM cost WHERE who = 'other'"
check "owned, cut at a horizon" 14 "$mixed" -s prices.basis=own -s run.horizon=20s
has "owned: power is a part of it" "SELECT total(usd) FROM cost c JOIN bill b ON b.id = c.part WHERE b.kind = 'power' AND c.who = 'output'"
check "preempted, impatient" 14 "$mixed" -s prices.basis=own -s replica.memory_fraction=0.215 -s run.warmup=0s -s "class chat.timeout_e2el=12s" -s "class chat.retries=1"
has "impatient: what was in vain has a share" "SELECT total(full_usd) FROM cost WHERE who = 'lost'"
check "three memories" 17 "$here/memory_load.ini" -s run.warmup=35s -s prices.basis=own -s "prices.products=hbm:hbm3e ddr5:rdimm nvme:tlc"
killed "three memories"
has "three memories: cached tokens cost something" "SELECT value FROM metric WHERE name = 'usd_per_m_cached_input'"
has "three memories: both tiers are cached KV's" "SELECT min(c.usd) FROM cost c JOIN bill b ON b.id = c.part WHERE b.kind IN ('warm', 'cold') AND c.who = 'cached'"
check "steps that wait for KV" 14 "$here/memory_load.ini" -s "prices.products=hbm:hbm3e ddr5:rdimm nvme:tlc" -s replica.cost=fixed -s replica.step_time=10ms -s cache.overlap=yes
has "steps that wait for KV: there are some with decodes" "SELECT count(*) FROM step s WHERE t_end_ns - t_start_ns > 10100000 AND n_decode > 0 AND n_prefill > 0"
has "steps that wait for KV: the wait is the prompts', of the rest each has half" "SELECT min(h.decode_ns = CASE WHEN s.n_prefill > 0 THEN 5000000 ELSE 10000000 END) FROM step s
    JOIN step_share h ON h.replica = s.replica AND h.t_start_ns = s.t_start_ns WHERE s.n_decode > 0"
check "pools" 14 "$srcdir/scenarios/disagg-long.ini" -s run.warmup=10s
killed "pools"
has "pools: of answers, GPUs of the one have no share, those of the other have" "SELECT p.usd = 0 AND d.usd > 0 FROM (SELECT total(usd) AS usd FROM cost c JOIN bill b ON b.id = c.part
    WHERE b.kind = 'gpu' AND b.pool = 0 AND c.who = 'output') p, (SELECT total(usd) AS usd FROM cost c JOIN bill b ON b.id = c.part WHERE b.kind = 'gpu' AND b.pool = 1 AND c.who = 'output') d"
check "agents" 18 "$here/agents.ini" -s workload.requests=40
killed "agents"
has "agents: tasks have a cost" "SELECT value FROM metric WHERE name = 'usd_per_task'"
check "ranks apart" 14 "$srcdir/scenarios/ranks-deepseek-v3.ini" -s workload.requests=150
check "speculation" 14 "$srcdir/scenarios/speculation.ini" -s workload.requests=100

# Replicas that come and go are paid while they are there.
awk 'BEGIN { print "TIMESTAMP,ContextTokens,GeneratedTokens"; for (i = 0; i < 400; i++) { t = i < 100 ? i : i < 300 ? 100 + (i - 100) / 10 : 20 + i - 200
    printf "2026-01-01 00:%02d:%09.6f,100,100\n", int(t / 60), t % 60 } }' > "$tmp/load.csv"
check "autoscaling" 14 "$here/autoscale.ini" -s workload.trace="$tmp/load.csv" -s prices.basis=own
has "autoscaling: replicas were started" "SELECT value FROM metric WHERE name = 'scale_outs'"
out=$(sqlite3 -batch "$tmp/x.db" "SELECT sum(b.usd_per_h) * m.value / 3600 / p.replicas, (SELECT sum(usd) FROM v_bill WHERE kind <> 'power') FROM bill b, bill_pool p, metric m
    WHERE m.name = 'replica_seconds' AND b.kind <> 'power'")
result "autoscaling: the bill is of replica-hours" "$(awk -F'|' '{ print ($1 > 0 && ($1 - $2) ^ 2 < 1e-18 * $1 ^ 2) ? 1 : 0 }' <<< "$out")" "$out"
exit $bad
