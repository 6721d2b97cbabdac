#!/usr/bin/env bash
# capacity.sh - the highest load against the law of M/M/1, the cheapest fleet against an exhaustive sweep and against all pairs of two
# models' fleets; what is left out and why; domains down; SLO by window against SQL. With STATISTICS=no (under sanitizers) one of the
# targets. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
suite=capacity
srcdir=$(cd "${srcdir:?the top of the source tree}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/check.sh"
export TMPDIR=$scratch
cd "$scratch" || exit 1
fleet=$srcdir/tests/system/capacity.ini
json() { sqlite3 :memory: "SELECT $2 FROM (SELECT readfile('$1') j)"; }

# M/M/1: an answer takes longer than 400 ms with probability exp(-(mu - lambda) 0.4), mu = 1 / 40 ms: a tenth
# at lambda = mu - ln(10) / 0.4 = 19.24/s.
printf 'include %s\n[run]\nwarmup = 10s\n[class all]\ne2el = 400ms\n[workload]\nrequests = 3000\n[capacity]\ntarget = 0.9\nprecision = 0.02\nfrom = 4/s\nto = 64/s\n' \
    "$srcdir/tests/theory/mm1.ini" > mm1.ini
"$TIERSIM" capacity mm1.ini --replications 4 --json > rate.json
is "M/M/1: the interval has the load by theory, and is short" "1|1" "$(json rate.json "j ->> '\$.sets[0].low' < 19.24 AND j ->> '\$.sets[0].high' > 19.24,
    j ->> '\$.sets[0].high' - (j ->> '\$.sets[0].low') < 3")"
is "the attainment there is near the target" "1" "$(json rate.json "abs(j ->> '\$.sets[0].attainment' - 0.9) < 0.02")"
load=$(json rate.json "printf('%.9g', j ->> '\$.sets[0].of_replications[2]')")
held() { "$TIERSIM" run -q mm1.ini -s run.replication=2 -s "workload.rate=$1/s" -o held.db --force
    sqlite3 held.db "SELECT value >= 0.9 FROM metric WHERE name = 'slo_attainment' AND class IS NULL"; }
is "a replication holds at its load, and not 2 % above" "1 0" "$(held "$load") $(held "$(awk "BEGIN { print $load / 0.98 }")")"
check "beyond the ends" 0 "at least 8/s in 2 of 2 replications" "$TIERSIM" capacity mm1.ini --replications 2 -s capacity.to=8/s
check "below the ends" 0 "below 30/s in 2 of 2 replications" "$TIERSIM" capacity mm1.ini --replications 2 -s capacity.from=30/s
is "nothing is left behind" "" "$(find . -name 'tiersim-*')"

# The cheapest fleet.
"$TIERSIM" sweep -q "$fleet" -o sweep.db
exhaustive="SELECT params FROM (SELECT params, max(CASE WHEN name = 'slo_attainment' THEN mean END) a, max(CASE WHEN name = 'cost_usd_per_h'
    THEN mean END) c, max(CASE WHEN name = 'verdict' THEN mean END) v FROM v_point WHERE class IS NULL GROUP BY param_set)"
[ "${STATISTICS:-yes}" = yes ] && targets='0.5 0.999 0.9' || targets=0.9
for target in $targets; do
    "$TIERSIM" capacity "$fleet" -s capacity.target=$target --json --force -o c.db > $target.json
    is "attainment of $target: that of an exhaustive sweep" "$(sqlite3 sweep.db "$exhaustive WHERE a >= $target AND v < 1.5 ORDER BY c LIMIT 1")" \
        "$(json $target.json "j ->> '\$.studies[0].cheapest'")"
done
is "some sets were not tried, some given up" "1|1" "$(sqlite3 c.db "SELECT sum(status = 'dearer') > 0, sum(status = 'given up') > 0 FROM capacity")"
"$TIERSIM" capacity "$fleet" -s capacity.target=0.9 -j 1 --json --force -o c.db > one.json
is "the same with one process at a time" "$(cat 0.9.json)" "$(cat one.json)"
inode=$(stat -c %i c.d/p000000.db)
"$TIERSIM" capacity "$fleet" --all --json --force -o c.db > all.json
is "what was run is not run again" "$inode" "$(stat -c %i c.d/p000000.db)"
is "all: the study file is that of a sweep" "$(sqlite3 sweep.db "SELECT run_id, class, name, value FROM metric")" \
    "$(sqlite3 c.db "SELECT run_id, class, name, value FROM metric")"
is "all: the same answer" "$(json 0.9.json "j ->> '\$.studies[0].cheapest'")" "$(sqlite3 c.db "SELECT params FROM capacity WHERE cheapest")"
is "the front: none is better in all" "$(sqlite3 c.db "WITH p AS (SELECT p.* FROM v_pareto p JOIN capacity c USING (param_set) WHERE c.status = 'holds')
    SELECT params FROM p WHERE NOT EXISTS (SELECT 1 FROM p q WHERE q.param_set <> p.param_set AND q.usd_per_m_output <= p.usd_per_m_output
    AND q.tokens_per_s_per_user >= p.tokens_per_s_per_user AND q.tokens_per_s_per_gpu >= p.tokens_per_s_per_gpu) ORDER BY param_set")" \
    "$(sqlite3 c.db "SELECT params FROM capacity WHERE front ORDER BY param_set")"
check "there already" 2 "exists" "$TIERSIM" capacity "$fleet" -o c.db

# What it may take.
check "supply" 0 "left out: takes 6 of h100, there is 5" "$TIERSIM" capacity "$fleet" -s capacity.supply=h100:5 --force -o c.db
check "racks" 0 "left out: takes 2 racks, there are 1" "$TIERSIM" capacity "$fleet" -s capacity.rack_kw=12 -s capacity.racks=1 \
    -s 'replica.count=${count=3, 9}' -s replica.tp=1 -s scheduler.max_num_batched_tokens=2048 --replications 2 -o r.db
check "no rack is large enough" 2 "no set is left: a host takes 11.07 kW" "$TIERSIM" capacity "$fleet" -s capacity.rack_kw=5 -o n.db
check "a part that nothing has" 2 'no fleet has a part "b200"' "$TIERSIM" capacity "$fleet" -s capacity.supply=b200:6 -o n.db
check "no part" 2 'is no part and amount' "$TIERSIM" capacity "$fleet" -s capacity.supply=h100 -o n.db
check "racks without prices" 2 'watts are only known with' "$TIERSIM" capacity mm1.ini --find=cheapest -s capacity.rack_kw=5 -o n.db
check "racks without watts of a rack" 2 "racks: needs rack_kw" "$TIERSIM" check mm1.ini -s capacity.racks=5

# N+1: the fleet with a fault of its own, by hand.
small=(-s 'replica.count=${count=3, 4}' -s replica.tp=2 -s scheduler.max_num_batched_tokens=2048 -s workload.rate=150/s -s sweep.repeat=2)
"$TIERSIM" capacity "$fleet" "${small[@]}" -s capacity.spare=1 -s capacity.domain=replica --all --json -o d.db > d.json
is "with one down, one more is needed" "fails with domains down|holds" "$(sqlite3 d.db "SELECT group_concat(status, '|') FROM (SELECT status FROM capacity ORDER BY param_set)")"
printf 'include %s\n[fault x]\nwhat = gpu\nunit = 1\nat = 0s\n' "$fleet" > down.ini
"$TIERSIM" sweep -q down.ini "${small[@]}" -o down.db
is "as with a fault" "$(sqlite3 down.db "SELECT printf('%.9f', mean) FROM v_point WHERE name = 'slo_attainment' AND class IS NULL ORDER BY param_set")" \
    "$(sqlite3 d.db "SELECT printf('%.9f', attainment_down) FROM capacity ORDER BY param_set")"
check "none is left of one host" 0 "fails with domains down" "$TIERSIM" capacity "$fleet" "${small[@]}" -s capacity.spare=1 --force -o d.db

# Two models in one fleet: all pairs. Both would take two H200, and there are three.
for m in one two; do
    printf 'include %s\n[run]\nhorizon = 6s\n[sweep]\nrepeat = 2\n[scheduler]\nmax_num_batched_tokens = 2048\n[replica]\ntp = 1\n[gpu]\npreset = ${gpu = h100, h200}\n' \
        "$fleet" > $m.ini
done
printf '[capacity]\nsupply = h200:3\n' >> one.ini
printf '[workload]\nrate = 79/s\n' >> two.ini
"$TIERSIM" capacity one.ini two.ini --json > two.json
pairs="FROM main.capacity a JOIN t.capacity b WHERE a.status = 'holds' AND b.status = 'holds'"
within="a.gpus * (a.params LIKE '%h200%') + b.gpus * (b.params LIKE '%h200%') <= 3"
is "two models: the cheapest of all pairs within the supply" "$(sqlite3 one.db "ATTACH 'two.db' AS t; SELECT printf('%.6f', min(a.cost + b.cost)) $pairs AND $within")" \
    "$(json two.json "printf('%.6f', j ->> '\$.cost')")"
is "the supply makes it dearer" "1" "$(sqlite3 one.db "ATTACH 'two.db' AS t; SELECT min(a.cost + b.cost) < $(json two.json "j ->> '\$.cost'") - 0.01 $pairs")"
is "it is chosen" "$(json two.json "printf('%.6f', j ->> '\$.cost')")" "$(sqlite3 one.db "ATTACH 'two.db' AS t;
    SELECT printf('%.6f', a.cost + b.cost) FROM main.capacity a JOIN t.capacity b WHERE a.cheapest AND b.cheapest AND $within")"
check "no pair is within the supply" 0 "No choice of sets holds within" "$TIERSIM" capacity one.ini two.ini -s 'gpu.preset=${gpu=h200}' --force

# SLO by window.
"$TIERSIM" run -q "$fleet" "${small[@]}" -s 'replica.count=3' -s sweep.repeat=1 -s run.log=request -s run.slo_window=2s -o w.db
is "the worst window by SQL" "$(sqlite3 w.db "SELECT printf('%.9f', min(a)) FROM (SELECT avg(status = 'completed' AND t_first_ns - t_call_ns <= slo_ttft_ns AND
    (output_tokens < 2 OR (t_end_ns - t_first_ns) <= slo_tpot_ns * (output_tokens - 1))) a FROM request r JOIN class c ON c.id = r.class
    WHERE t_arrive_ns >= 2e9 AND t_end_ns IS NOT NULL AND status IN ('completed', 'rejected', 'failed', 'timed_out') GROUP BY (t_arrive_ns - 2000000000) / 2000000000
    HAVING (t_arrive_ns - 2000000000) / 2000000000 < 4)")" "$(sqlite3 w.db "SELECT printf('%.9f', value) FROM metric WHERE name = 'slo_attainment_worst'")"
"$TIERSIM" capacity "$fleet" "${small[@]}" -s run.slo_window=2s --all --json -o ww.db > ww.json
is "the worst window decides" "1" "$(sqlite3 ww.db "SELECT count(*) FROM capacity c JOIN v_point p USING (param_set) WHERE p.name = 'slo_attainment_worst'
    AND p.class IS NULL AND abs(p.mean - c.attainment) < 1e-12 AND c.param_set = 0")"

check "no objective" 2 "no class has an objective" "$TIERSIM" capacity "$srcdir/tests/theory/mm1.ini" -s capacity.from=1/s -s capacity.to=2/s -s workload.requests=500
check "nothing was answered" 2 "no call was answered after warm-up" "$TIERSIM" capacity "$fleet" "${small[@]}" -s run.horizon=1ms -s run.warmup=0s -o n.db
check "where to look" 2 "where to look for the highest load" "$TIERSIM" capacity "$srcdir/tests/theory/mm1.ini"
check "falling ends" 2 "no rising amounts" "$TIERSIM" capacity mm1.ini -s capacity.to=1/s
check "the load is varied" 2 "which is the load" "$TIERSIM" capacity mm1.ini --find=rate -s 'workload.rate=${r=1/s,2/s}'
check "one end" 2 "belong together" "$TIERSIM" capacity "$fleet" -s capacity.from=1/s -o n.db
check "no such thing to find" 2 "none of rate, cheapest" "$TIERSIM" capacity "$fleet" --find=best
check "no key of capacity" 2 'no key "targt"' "$TIERSIM" capacity "$fleet" -s capacity.targt=1 -o n.db
check "two studies, one file" 2 "would both write" "$TIERSIM" capacity one.ini ./one.ini
exit $failed
