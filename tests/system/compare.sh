#!/usr/bin/env bash
# compare.sh - compare: intervals against t of a table and values read out of each run, pairing, what is refused; warm-up by MSER-5
# and intervals of one run, against SQL. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
suite=compare
srcdir=$(cd "${srcdir:?the top of the source tree}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/check.sh"
export TMPDIR=$scratch
cd "$scratch" || exit 1
mm1=$srcdir/tests/theory/mm1.ini
short=(-s run.warmup=0s -s workload.requests=1500)
json() { # FILE SQL: json_each of its metrics is m
    sqlite3 :memory: "SELECT $2 FROM json_each(readfile('$1'), '\$.metrics') m;"
}
of() { echo "json_extract(m.value, '\$.$1')"; }

# By hand: t(0.975, 2) = 4.302653, t(0.975, 3) = 3.182446.
for r in 0 1 2; do
    for rate in 17 18; do
        "$TIERSIM" run -q "$mm1" "${short[@]}" -s run.replication=$r -s workload.rate=$rate/s -o "$rate-$r.db"
        sqlite3 "$rate-$r.db" "SELECT value FROM metric WHERE name = 'mean_e2el_ms' AND class IS NULL" >> "$rate.txt"
    done
done
by_hand=$(paste 17.txt 18.txt | awk '{ d[NR] = $2 - $1; s += d[NR] } END { m = s / NR; for (i in d) q += (d[i] - m) ^ 2
    h = 4.302653 * sqrt(q / (NR - 1) / NR); printf "%.5f %.5f %.5f\n", m, m - h, m + h }')
"$TIERSIM" compare "$mm1" "$mm1" "${short[@]}" --set-a workload.rate=17/s --set-b workload.rate=18/s --replications 3 -j 2 --json > c.json
is "three pairs: Student's t" "$by_hand" "$(json c.json "printf('%.5f %.5f %.5f', $(of difference), $(of low), $(of high))" |
    sed -n "$(json c.json "$(of metric)" | grep -n '^mean_e2el_ms$' | cut -d: -f1)p")"
is "it says that they are paired" "1|3" "$(sqlite3 :memory: "SELECT j ->> 'paired', j ->> 'pairs' FROM (SELECT readfile('c.json') j)")"
is "Holm: no p falls, none is below its own" "1" "$(sqlite3 :memory: "SELECT min(h >= p AND h >= prev) FROM (SELECT p, h,
    lag(h, 1, 0) OVER (ORDER BY p) prev FROM (SELECT m.value ->> 'p' p, m.value ->> 'p_holm' h
    FROM json_each(readfile('c.json'), '\$.metrics') m) WHERE h IS NOT NULL)")"
is "nothing is left behind" "" "$(find "$scratch" -name 'tiersim-*')"

"$TIERSIM" compare "$mm1" "$mm1" "${short[@]}" --set-b run.seed=9 --replications 4 > c.txt
is "other seeds: not paired" "NOT PAIRED: their seeds and replications differ" "$(grep PAIRED c.txt)"
is "other seeds: nothing significant" "" "$(grep ' \*$' c.txt)"
"$TIERSIM" compare "$mm1" "$mm1" "${short[@]}" --set-b workload.rate=24/s > c.txt
is "ten times by default" "PAIRED: 10 pairs of runs with common random numbers" "$(grep PAIRED c.txt)"
check "a load that is half as high again" 0 "mean_ttft_ms .* \*$" cat c.txt
check "alike is alike" 0 "mean_tpot_ms .* same$" cat c.txt

# One run each, call by call.
"$TIERSIM" run -q "$mm1" "${short[@]}" -s run.log=request -o a.db
"$TIERSIM" run -q "$mm1" "${short[@]}" -s run.log=request -s replica.step_time=1010us -o b.db
check "one run each: pairs of calls" 0 "PAIRED: 1500 pairs of calls" "$TIERSIM" compare a.db b.db
check "one run each: slower is slower" 0 "mean_tpot_ms .* \*$" "$TIERSIM" compare a.db b.db
"$TIERSIM" compare a.db b.db --json --metric mean_e2el_ms > c.json
is "batch means by SQL: the first 0 calls left out, 75 in each" \
    "$(sqlite3 a.db "ATTACH 'b.db' AS b; SELECT printf('%.6f', sum(d) / 20) FROM (SELECT (a.id / 75) k,
        avg(((y.t_end_ns - y.t_arrive_ns) - (a.t_end_ns - a.t_arrive_ns)) / 1e6) d
        FROM main.request a JOIN b.request y USING (id) GROUP BY k)")" "$(json c.json "printf('%.6f', $(of difference))")"
"$TIERSIM" run -q "$mm1" "${short[@]}" -s run.log=request -s run.seed=5 -o other.db
check "other calls: not paired" 0 "NOT PAIRED: their seeds and replications differ" "$TIERSIM" compare a.db other.db
"$TIERSIM" run -q "$mm1" "${short[@]}" -s run.log=request -s workload.rate=18/s -o b.db --force
check "other arrivals: not paired" 0 "NOT PAIRED: their calls" "$TIERSIM" compare a.db b.db
is "what is shorter by chance is not significant" "" "$("$TIERSIM" compare a.db other.db | grep ' \*$')"

check "log level summary has no calls" 1 "its log level is summary" "$TIERSIM" compare 17-0.db 18-0.db
check "no such metric" 2 'neither has a metric "mean_ttft"' "$TIERSIM" compare a.db b.db --metric mean_ttft
check "of one run, not all metrics" 1 "of one run each, only mean_ttft_ms" "$TIERSIM" compare a.db b.db --metric utilisation
check "no such file" 2 "cannot read" "$TIERSIM" compare a.db nix.ini
check "one operand" 2 "which two" "$TIERSIM" compare a.db
check "three operands" 2 "too many" "$TIERSIM" compare a.db b.db c.db
check "a study" 2 "study of 2 parameter sets" "$TIERSIM" compare "$mm1" "$mm1" -s 'workload.rate=${r=1/s,2/s}'
check "a scenario that is wrong" 2 'is not a number' "$TIERSIM" compare "$mm1" "$mm1" -s workload.rate=x
check "one replication" 2 "whole number from 2" "$TIERSIM" compare "$mm1" "$mm1" --replications 1

# Intervals of one run.
"$TIERSIM" report --intervals --json a.db > i.json
quantile="SELECT printf('%.6f', avg(v)) FROM (SELECT (t_first_ns - t_arrive_ns) / 1e6 v FROM request ORDER BY v LIMIT 2 OFFSET 749)"
is "median by SQL" "$(sqlite3 a.db "$quantile")" "$(sqlite3 :memory: "SELECT printf('%.6f', readfile('i.json') ->> '\$.metrics.median_ttft_ms.value')")"
half=$(sqlite3 a.db "WITH b AS (SELECT avg(t_end_ns - t_arrive_ns) / 1e6 v FROM request GROUP BY id / 75)
    SELECT printf('%.4f', 2.093024 * sqrt(sum((v - m) * (v - m)) / 19 / 20)) FROM b, (SELECT avg(v) m FROM b)") # t(0.975, 19)
is "20 batches of 75 by SQL" "$half" "$(sqlite3 :memory: "SELECT printf('%.4f', (j ->> '\$.metrics.mean_e2el_ms.high' -
    j ->> '\$.metrics.mean_e2el_ms.low') / 2) FROM (SELECT readfile('i.json') j)")"
is "no 99th percentile of 75 calls" "1" "$(sqlite3 :memory: "SELECT readfile('i.json') ->> '\$.metrics.p99_ttft_ms.low' IS NULL")"
check "intervals need calls" 1 "its log level is summary" "$TIERSIM" report --intervals 17-0.db

# MSER-5. The queue begins with 60 at once, which takes a while to go away.
burst=(-s workload.arrivals=piecewise -s "workload.times=0s 100ms" -s "workload.rates=600/s 12/s" -s workload.requests=3000 -s run.warmup=0s)
"$TIERSIM" run --json "$mm1" "${burst[@]}" -s run.log=request -s run.warmup_by=mser5 -o m.db > m.json
warm=$(sqlite3 m.db "SELECT warmup_ns FROM run")
is "the burst is left out, and little more" "1" "$(sqlite3 m.db "SELECT $warm > (SELECT t_arrive_ns FROM request WHERE id = 50) AND $warm < 30e9")"
is "the warm-up is told" "mser5" "$(sqlite3 :memory: "SELECT readfile('m.json') ->> 'warmup_by'")"
check "the report tells it" 0 "Warm-up left out, by MSER-5" "$TIERSIM" report m.db
is "metrics leave it out" "$(sqlite3 m.db "SELECT count(*) FROM request WHERE t_arrive_ns >= $warm AND status = 'completed'")" \
    "$(sqlite3 m.db "SELECT CAST(value AS INTEGER) FROM metric WHERE name = 'completed' AND class IS NULL")"
"$TIERSIM" run -q "$mm1" "${burst[@]}" -o g.db
is "the run itself is the same" "$(sqlite3 g.db "SELECT fingerprint FROM run")" "$(sqlite3 m.db "SELECT fingerprint FROM run")"
check "above capacity it is refused" 1 "is not steady before call .* past half" "$TIERSIM" run -q "$mm1" "${short[@]}" \
    -s workload.rate=40/s -s run.warmup_by=mser5 -o o.db
is "a refused run leaves no file" "" "$(ls o.db* 2> /dev/null)"
check "too few calls" 1 "needs 100 completed calls" "$TIERSIM" run -q "$mm1" "${short[@]}" -s workload.requests=50 -s run.warmup_by=mser5 -o o.db
check "two warm-ups" 2 "finds the warm-up itself" "$TIERSIM" run -q "$mm1" -s run.warmup_by=mser5 -o o.db
exit $failed
