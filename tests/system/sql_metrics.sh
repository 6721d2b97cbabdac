#!/bin/bash
# sql_metrics.sh - every metric of a results file again, by plain SQL over its rows (metrics.sql): what C computed must
# be what anyone can compute with the sqlite3 shell. Also: every conservation law holds, every reference
# leads somewhere, and the cheaper log levels give the same metrics as `all` (summary: percentiles within 0.1%).
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
here=$srcdir/tests/system
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

check_file() { # NAME FILE
    local out laws
    out=$(sqlite3 -batch "$2" <"$here/metrics.sql")
    # One line only, the count: at least 90 metrics, most of them with a value.
    if [[ $out =~ ^compared\ ([0-9]+),\ with\ a\ value\ ([0-9]+)$ ]] && ((BASH_REMATCH[1] >= 90 && BASH_REMATCH[2] >= 80)); then
        result "$1: every metric by SQL ($out)" 1 ""
    else
        result "$1: every metric by SQL" 0 "$out"
    fi
    out=$(sqlite3 -batch "$2" "SELECT * FROM v_conservation WHERE NOT ok")
    laws=$(sqlite3 -batch "$2" "SELECT count(*) FROM v_conservation")
    result "$1: $laws conservation laws" $((${#out} == 0 && laws >= 24)) "$laws laws; $out"
    out=$(sqlite3 -batch "$2" "PRAGMA foreign_key_check")
    result "$1: references" $((${#out} == 0)) "$out"
}

run() { # FILE OPTIONS...
    local file=$1
    shift
    "$TIERSIM" run "$here/sql_metrics.ini" -o "$file" --force "$@" >/dev/null
}

# Plenty of memory and warm-up; too little of it, so that requests are preempted; cut in mid-run; overloaded and rejecting.
run "$tmp/plain.db" -s run.log=all
check_file plain "$tmp/plain.db"
run "$tmp/preempt.db" -s run.log=all -s replica.memory_fraction=0.215 -s run.warmup=0s
check_file preempted "$tmp/preempt.db"
n=$(sqlite3 "$tmp/preempt.db" "SELECT count(*) FROM preempt")
result "preempted: there were preemptions ($n)" $((n > 0)) "none"
n=$(sqlite3 "$tmp/preempt.db" "SELECT count(*) FROM resume")
result "preempted: there were resumes ($n)" $((n > 0)) "none"
run "$tmp/cut.db" -s run.log=all -s run.horizon=20s
check_file "cut at a horizon" "$tmp/cut.db"
n=$(sqlite3 "$tmp/cut.db" "SELECT count(*) FROM request WHERE status IN ('waiting', 'running')")
result "cut at a horizon: requests are in flight ($n)" $((n > 0)) "none"
# Drafts of a model of their own, few of which hold; with so little memory that sequences are preempted.
drafts=(-s run.log=all -s replica.spec_tokens=3 -s replica.spec_method=draft -s draft.preset=llama-3.1-8b -s "replica.spec_acceptance=0.8 0.6 0.5")
run "$tmp/drafts.db" "${drafts[@]}" -s replica.memory_fraction=0.42
check_file speculation "$tmp/drafts.db"
n=$(sqlite3 "$tmp/drafts.db" "SELECT count(*) FROM metric WHERE name IN ('acceptance_length', 'decode_tokens_per_step', 'draft_share') AND value > 0")
result "speculation: metrics of its own ($n)" $((n == 3)) "$n"
n=$(sqlite3 "$tmp/drafts.db" "SELECT count(*) FROM preempt")
result "speculation: there were preemptions ($n)" $((n > 0)) "none"
# Two pools, one of which hands KV to the other.
"$TIERSIM" run "$srcdir/scenarios/disagg-long.ini" -o "$tmp/pools.db" -s run.log=all > /dev/null
check_file pools "$tmp/pools.db"
n=$(sqlite3 "$tmp/pools.db" "SELECT count(*) FROM metric WHERE name GLOB '*/prefill' OR name GLOB '*/decode' OR name GLOB '*hand*'")
result "pools: metrics of their own ($n)" $((n == 7)) "$n"
# Values of percentiles in a file: where they are in memory they are the same.
run "$tmp/file.db" -s run.log=all -s run.metrics_memory=0B
check_file "values in a file" "$tmp/file.db"
n=$(find "$tmp" -name 'tiersim-*' | wc -l)
result "values in a file: nothing is left of it" $((n == 0)) "$n"
# The same over several commits: requests in flight at the end have rows of an earlier one.
run "$tmp/long.db" -s run.log=all -s run.horizon=100s -s workload.rate=60/s -s workload.requests=100000
check_file "cut after many commits" "$tmp/long.db"
n=$(sqlite3 "$tmp/long.db" "SELECT count(*) FROM request WHERE status = 'running' AND t_arrive_ns < 90e9")
result "cut after many commits: old requests are running ($n)" $((n > 0)) "none"
# Prefix caching, and three memories that are too small for it, over a warm-up and cut at a horizon; a run that was killed.
run_tiers() { # FILE OPTIONS...
    "$TIERSIM" run "$here/memory_load.ini" -o "$@" --force >/dev/null
}
run_tiers "$tmp/tiers.db" -s run.warmup=35s
check_file "three tiers" "$tmp/tiers.db"
n=$(sqlite3 "$tmp/tiers.db" "SELECT count(*) FROM metric WHERE value > 0 AND (name GLOB 'hit_tokens/*' OR name GLOB 'contention_s/step/*'
    OR name GLOB 'contention_s/restore/*' OR name GLOB 'drive_life_years/*' OR name GLOB 'evicted_blocks/*')")
result "three tiers: hits, evictions, contention and wear are among them ($n)" $((n >= 10)) "$n"
run_tiers "$tmp/tiers-cut.db" -s run.horizon=60s
check_file "three tiers, cut at a horizon" "$tmp/tiers-cut.db"
n=$(sqlite3 "$tmp/tiers-cut.db" "SELECT sum(value) FROM counter WHERE name GLOB 'moves_*_running'")
result "three tiers, cut at a horizon: transfers are under way ($n)" $((n > 0)) "none"
run_tiers "$tmp/cache.db" -s memory.tiers=none
check_file "prefix cache alone" "$tmp/cache.db"
run "$tmp/central.db" -s run.log=all -s router.policy=central_queue -s scheduler.max_num_seqs=8
check_file "central queue" "$tmp/central.db"

compare='ATTACH %s AS other;
SELECT m.name, m.value, o.value FROM metric m LEFT JOIN other.metric o ON o.class IS m.class AND o.name = m.name
WHERE (m.value IS NULL) <> (o.value IS NULL) OR abs(m.value - o.value) > %s * abs(m.value);
SELECT '\''fingerprint'\'' FROM run JOIN other.run o WHERE run.fingerprint <> o.fingerprint;'
for level in step request summary; do
    run "$tmp/$level.db" -s run.log=$level
    tolerance=0
    if [ $level = summary ]; then tolerance=1e-3; fi
    # shellcheck disable=SC2059
    out=$(sqlite3 -batch "$tmp/plain.db" "$(printf "$compare" "'$tmp/$level.db'" $tolerance)")
    result "log level $level: the same metrics and fingerprint" $((${#out} == 0)) "$out"
done
n=$(sqlite3 "$tmp/summary.db" "SELECT count(*) FROM metric WHERE approximate")
result "log level summary: percentiles are marked approximate" $((n > 0)) "none"
exit $bad
