#!/usr/bin/env bash
# sweep.sh - studies from the command line: points, sweep, resume after kill -9, merge, study file, what is refused.
# Needs TIERSIM and srcdir.
set -u
srcdir=$(cd "$srcdir" && pwd)
TIERSIM=$(realpath "$TIERSIM")
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
. "$srcdir/tests/check.sh"
suite=sweep
ask() { sqlite3 -separator ' ' "$@"; }
sweep() { timeout 100 "$TIERSIM" sweep "$@"; }

cat > base.inc.ini << E
extends $srcdir/scenarios/quickstart.ini
[workload]
requests = \${n=150, 300}
[run]
log = summary
warmup = 0s
E
cat > study.ini << 'E'
extends base.inc.ini
[replica]
count = ${gpus=1, 2}
[workload]
rate = ${9/s * gpus}
[router]
policy = ${router=random, least_requests}
[gpu]
preset = ${!gpu=h100, b200}
[sweep]
repeat = 3
constraint = not (n == 300 and gpus == 1)
E

# ---- which points there are, and one alone ----
check "a study is checked point by point" 0 "a study of 18 points (6 sets of values, 3 repetitions)" "$TIERSIM" check study.ini
check "a study is not run without a point" 2 "is a study of 18 points" "$TIERSIM" run study.ini
check "there is no point past the last" 2 "there is no point 18: points are numbered from 0 to 17" "$TIERSIM" run study.ini --point 18
check "dry-run lists points" 0 "^    17  repetition 2  to run  n=300 gpus=2 router=least_requests gpu=b200$" sweep study.ini -o a.db --dry-run
is "dry-run runs nothing" "base.inc.ini study.ini" "$(ls -- *.* | grep -v -e '^out$' -e '^err$' | xargs)"
"$TIERSIM" run study.ini --point 10 -q -o point.db
"$TIERSIM" run study.ini -s 'workload.requests=${n=150}' -s 'replica.count=${gpus=2}' -s workload.rate=18/s -s sweep.repeat=1 \
    -s 'router.policy=${router=least_requests}' -s 'gpu.preset=${gpu=b200}' -s run.replication=1 -q -o alone.db
facts="SELECT config_hash, fingerprint, replication, (SELECT group_concat(name || '=' || value) FROM metric) FROM run"
is "a point is the scenario with its values" "$(ask alone.db "$facts")" "$(ask point.db "$facts")"
is "a shard says which keys are varied" "gpu.name replica.count router.policy workload.rate workload.requests" \
    "$(ask point.db "SELECT key FROM run_param WHERE is_iter ORDER BY key" | sed '1i gpu.name' | xargs)"

# ---- all of them ----
check "sweep runs all points" 0 "18 of 18 points" sweep study.ini -o all.db -j 2
is "the file has each point once, in order" "18 18 0 17 1" "$(ask all.db "SELECT count(*), count(DISTINCT config_hash || param_set), min(point), max(point), (SELECT complete FROM study) FROM run")"
is "random numbers are common to all sets" "0 1 2" "$(ask all.db "SELECT DISTINCT replication FROM run ORDER BY 1" | xargs)"
is "parallel values go together" "h100 random
b200 least_requests" "$(ask all.db "SELECT DISTINCT gpu, router FROM v_param")"
is "v_param has a column a variable" "1 0 0 0 150.0 1.0 random h100" "$(ask all.db "SELECT run_id, point, param_set, repetition, n, gpus, router, gpu FROM v_param LIMIT 1")"
is "v_set has a row a set" "150.0 2.0 random h100 3" "$(ask all.db "SELECT s.n, gpus, router, gpu, v.n FROM v_point v JOIN v_set s USING (param_set) WHERE param_set = 2 AND name = 'duration'")"
is "the point alone is that of the sweep" "$(ask point.db "SELECT fingerprint FROM run")" "$(ask all.db "SELECT fingerprint FROM run WHERE point = 10")"
is "a preset that is varied has its row" "gpu.preset b200" "$(ask all.db "SELECT key, value_text FROM run_param WHERE run_id = 18 AND key = 'gpu.preset' AND is_iter")"
# Mean, deviation and Student's interval, by another way: two-sided 95 % of t with 2 degrees of freedom is 4.3026527.
other=$(ask all.db "SELECT value FROM metric JOIN run r ON r.id = run_id WHERE param_set = 4 AND name = 'mean_ttft_ms' AND class IS NULL" |
    awk '{ x[NR] = $1; s += $1 } END { m = s / NR; for (i = 1; i <= NR; i++) q += (x[i] - m) ^ 2; sd = sqrt(q / (NR - 1))
        h = 4.30265272974946 * sd / sqrt(NR); printf "%d %.6f %.6f %.6f %.6f", NR, m, sd, m - h, m + h }')
is "v_point has means and intervals" "$other" "$(ask all.db "SELECT printf('%d %.6f %.6f %.6f %.6f', n, mean, sd, ci95_low, ci95_high) FROM v_point WHERE param_set = 4 AND name = 'mean_ttft_ms' AND class IS NULL")"
is "metrics of classes are told apart" "chat summarise" "$(ask all.db "SELECT DISTINCT class FROM metric WHERE class IS NOT NULL ORDER BY 1" | xargs)"
is "each column is explained" "" "$(ask all.db "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND NOT EXISTS (SELECT 1 FROM doc WHERE table_name = t.name AND column_name = c.name)")"
check "report prints its sets" 0 "^n=300 gpus=2 router=least_requests gpu=b200 *3 " "$TIERSIM" report all.db
check "report --json has intervals" 0 '"ci95_high": [0-9]' "$TIERSIM" report all.db --json
check "what wants one run refuses a study file" 74 "is a study file" "$TIERSIM" export all.db --trace -o x.jsonl
check "a sweep that is complete is not run again" 0 "is complete already" sweep study.ini -o all.db
check "another study does not replace the file" 2 "all.db: exists; --force replaces it" sweep study.ini -o all.db -s sweep.repeat=2

# Everything but how it is called: tables of the study file, by name.
dump() { sqlite3 "$1" .dump | grep -v '^PRAGMA\|^INSERT INTO study '; }
mkdir one
cp ./*.ini one
(cd one && sweep study.ini -o all.db -j 1 -q)
is "one process at a time gives the same file" "$(dump all.db | sha256sum)" "$(dump one/all.db | sha256sum)"

# ---- cut short, and gone on with ----
mkdir cut
cp ./*.ini cut
(
    cd cut || exit 1
    kills=0
    for wait in 0.3 0.6 0.2; do
        "$TIERSIM" sweep study.ini -o all.db -j 2 -q 2> /dev/null &
        pid=$!
        sleep $wait
        kill -9 $pid 2> /dev/null && kills=$((kills + 1))
        wait $pid 2> /dev/null
        find all.d -name 'p*.db' 2> /dev/null | wc -l >> counts
    done
    echo "$kills" > kills
    sweep study.ini -o all.db -j 2 -q
) 2> /dev/null
is "kill -9 left no file under the study's name, and some were in time" yes "$([ "$(cat cut/kills)" -ge 2 ] && [ "$(head -1 cut/counts)" -lt 18 ] && echo yes)"
is "after kill -9, the same command gives the same file" "$(dump all.db | sha256sum)" "$(dump cut/all.db | sha256sum)"
rm -r cut/all.d cut/all.db
(
    cd cut || exit 1
    "$TIERSIM" sweep study.ini -o all.db -j 1 2> err &
    pid=$!
    for ((k = 0; k < 200; k++)); do
        compgen -G 'all.d/p*.db' > /dev/null && break
        sleep 0.05
    done
    kill -TERM $pid
    wait $pid
    echo $? > code
)
is "a signal ends it" "143 yes" "$(cat cut/code) $(grep -q 'interrupted: [0-9]* of 18 points are there; the same command goes on' cut/err && echo yes)"
check "and the same command goes on" 0 "" sh -c "cd cut && timeout 100 '$TIERSIM' sweep study.ini -o all.db -j 2 -q"
is "to the same file" "$(dump all.db | sha256sum)" "$(dump cut/all.db | sha256sum)"
is "and nothing else is left" "all.d all.db" "$(cd cut && ls -d all.* | xargs)"

# Points that would take hours: their processes end with the sweep, in order or killed.
mkdir long
sed 's/^requests = .*/requests = 1000000000/' base.inc.ini > long/base.inc.ini
sed 's/^count = .*/count = ${gpus=1, 2}/; /^constraint/d' study.ini > long/study.ini
pids() { grep -als "$scratch/[l]ong/study.ini" /proc/[0-9]*/cmdline | cut -d/ -f3; }
processes() { pids | wc -l; }
for signal in TERM KILL; do
    "$TIERSIM" sweep "$scratch/long/study.ini" -o long/all.db -j 2 -q 2> /dev/null &
    pid=$!
    for _ in $(seq 200); do
        [ "$(processes)" -ge 3 ] && [ -s long/all.d/p000001.db.part ] && break
        sleep 0.05
    done
    started=$(processes)
    sleep 0.2
    kill -$signal $pid
    for _ in $(seq 200); do
        [ "$(processes)" -eq 0 ] && break
        sleep 0.05
    done
    is "its points end with it ($signal)" "3 0" "$started $(processes)"
    for left in $(pids); do
        kill -KILL "$left"
    done
    wait $pid
done 2> /dev/null

# ---- what is missing, wrong, or somebody else's ----
mv all.d/p000007.db kept.db
check "merge refuses while a point is missing" 4 "17 of 18 points are there; point 7 (n=150 gpus=2 router=random gpu=h100) is missing" "$TIERSIM" merge study.ini -o all.db --force
cp all.d/p000008.db all.d/p000007.db
check "merge refuses a shard of another point" 4 "point 7 (n=150 gpus=2 router=random gpu=h100) has the shard of another configuration" "$TIERSIM" merge study.ini -o all.db --force
check "sweep does not replace it by itself" 2 "all.d: holds 1 file of another configuration" sh -c "rm all.db && timeout 60 '$TIERSIM' sweep study.ini -o all.db"
head -c 20000 kept.db > all.d/p000007.db
check "merge refuses a damaged shard" 4 "or a damaged one" "$TIERSIM" merge study.ini -o all.db
check "sweep --force runs that point again" 0 "" sweep study.ini -o all.db --force -q
is "and has the same file again" "$(dump one/all.db | sha256sum)" "$(dump all.db | sha256sum)"
check "two sweeps do not share a folder" 74 "another sweep is at work in it" flock -s all.d timeout 60 "$TIERSIM" sweep study.ini -o all.db --force
cat > traces.ini << 'E'
extends base.inc.ini
[workload]
requests = 2
trace = ${t=none.csv, "here.csv"}
E
printf 'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,20,5\n2023-11-16 18:17:04.9799600,30,6\n' > here.csv
check "points that fail are told" 4 "point 0 (t=none.csv): exit code 74: cannot read the trace none.csv" sweep traces.ini -o t.db \
    -s workload.arrivals=trace -s 'class chat.input=trace' -s 'class chat.output=trace' -s 'class summarise.input=trace' -s 'class summarise.output=trace'
check "--filter takes some" 0 "4 of 18 points" sweep study.ini -o some.db --filter 'gpus == 2 and repetition == 1'
check "--filter is checked" 2 '\-\-filter: there is no variable "gpuz"; did you mean "gpus"' sweep study.ini -o some2.db --filter 'gpuz == 2'
check "--filter must leave something" 2 '\-\-filter: no point is left of 18' sweep study.ini -o some2.db --filter 'gpus == 3'
check "mistakes of points are told before any is run" 2 '-s: \[replica\] tp: "x" is not a whole number (want e.g. 1) \[point 3 (n=' sweep study.ini -o bad.db -s 'replica.tp=${tp=1, x}'
check "they run nothing" 1 "" test -e bad.d
exit $failed
