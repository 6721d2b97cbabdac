#!/usr/bin/env bash
# replications.sh - run --replications and --until-ci: the runs are those of run.replication, the intervals those of Student, it ends when
# they are narrow enough; compare of study files. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
suite=replications
srcdir=$(cd "${srcdir:?the top of the source tree}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/check.sh"
cd "$scratch" || exit 1
mm1=$srcdir/tests/theory/mm1.ini
short=(-s run.warmup=0s -s workload.requests=1500)

check "three replications" 0 "mean TTFT" "$TIERSIM" run "$mm1" "${short[@]}" --replications 3 -j 2 -o r.db
for k in 0 1 2; do
    "$TIERSIM" run -q "$mm1" "${short[@]}" -s run.replication=$k -o one.db --force
    sqlite3 one.db "SELECT fingerprint FROM run" >> one.txt
done
is "each is the run of its number" "$(cat one.txt)" "$(sqlite3 r.db "SELECT fingerprint FROM run ORDER BY replication")"
"$TIERSIM" run -q "$mm1" "${short[@]}" --replications 3 -j 1 -o again.db
metrics="SELECT run_id, class, name, value FROM metric ORDER BY 1, 2, 3"
is "one at a time gives the same" "$(sqlite3 r.db "$metrics")" "$(sqlite3 again.db "$metrics")"

width="SELECT n, (ci95_high - ci95_low) / 2 / mean FROM v_point WHERE name = 'mean_ttft_ms' AND class IS NULL"
"$TIERSIM" run "$mm1" "${short[@]}" --until-ci 8%=mean_ttft_ms --max-replications 60 -j 2 -o u.db > u.txt 2> u.err
is "until the interval is narrow" "more than 10, within 8 %" \
    "$(sqlite3 u.db "SELECT CASE WHEN n > 10 AND w <= 0.08 THEN 'more than 10, within 8 %' ELSE n || ' ' || w END
        FROM (SELECT n, (ci95_high - ci95_low) / 2 / mean w FROM v_point WHERE name = 'mean_ttft_ms' AND class IS NULL)")"
check "it says why it goes on" 0 "after 10 replications, the interval of mean_ttft_ms is" cat u.err
is "those of before are kept" "$(sqlite3 r.db "SELECT fingerprint FROM run ORDER BY id")" \
    "$(sqlite3 u.db "SELECT fingerprint FROM run WHERE id <= 3 ORDER BY id")"
check "not within the most" 1 "after 11 replications, the interval of mean_ttft_ms is still" \
    "$TIERSIM" run -q "$mm1" "${short[@]}" --until-ci 1% --max-replications 11 -o v.db
is "what it has is kept" "11" "$(sqlite3 v.db "$width" | cut -d'|' -f1)"

"$TIERSIM" sweep -q "$mm1" "${short[@]}" -s 'workload.rate=${rate=15/s, 18/s}' -s sweep.repeat=4 -s run.log=request -o s.db
check "two points of one study" 0 "PAIRED: 4 pairs of runs" "$TIERSIM" compare s.db@rate=15/s s.db@rate=18/s
check "they differ" 0 "mean_ttft_ms .* \*$" "$TIERSIM" compare s.db@rate=15/s s.db@rate=18/s
"$TIERSIM" compare "$mm1" "$mm1" "${short[@]}" --set-a workload.rate=15/s --set-b workload.rate=18/s --replications 4 --json | grep -v '"a"\|"b": "' > c.json
"$TIERSIM" compare s.db@rate=15/s s.db@rate=18/s --json | grep -v '"a"\|"b": "' > d.json
is "as if the scenarios had been named" "$(cat c.json)" "$(cat d.json)"
check "against other numbers of runs" 0 "NOT PAIRED: one has more runs" "$TIERSIM" compare s.db@rate=15/s r.db
check "against one run" 2 "has one run, the other several" "$TIERSIM" compare one.db r.db
check "several parameter sets" 2 "choose one by 's.db@rate=15/s'" "$TIERSIM" compare s.db r.db
check "no such parameter set" 2 'no point has rate=16/s' "$TIERSIM" compare s.db@rate=16/s r.db
check "choosing in a run" 2 'is no study file' "$TIERSIM" compare one.db@rate=16/s r.db

check "there already" 2 "exists" "$TIERSIM" run -q "$mm1" "${short[@]}" --replications 4 -o r.db
check "a study" 2 "tiersim sweep" "$TIERSIM" run -q "$mm1" -s 'workload.rate=${rate=15/s, 18/s}' --replications 3 -o w.db
check "no such metric" 2 'have no metric "ttft"' "$TIERSIM" run -q "$mm1" "${short[@]}" --until-ci 5%=ttft -o w.db
check "no per cent" 2 "is no such target" "$TIERSIM" run -q "$mm1" --until-ci 2 -o w.db
check "one replication" 2 "whole number from 2" "$TIERSIM" run -q "$mm1" --replications 1 -o w.db
check "processes of one run" 2 "one run is one process" "$TIERSIM" run -q "$mm1" -j 2 -o w.db
check "a fingerprint of several" 2 "is of one run" "$TIERSIM" run -q "$mm1" --replications 3 --expect-fingerprint 0123456789abcdef -o w.db
check "most without a target" 2 "is for --until-ci" "$TIERSIM" run -q "$mm1" --max-replications 3 -o w.db
cp "$mm1" own.ini
check "over the scenario itself" 2 "is the scenario itself" "$TIERSIM" run -q own.ini --replications 3 -o own.ini --force
exit $failed
