#!/usr/bin/env bash
# routers.sh - routers in whole runs: what each is for shows in the records, nobody is sent to a replica that is down, and
# power_of_two stays by least_tokens at 80 % of capacity.
# Needs TIERSIM and srcdir from the environment.
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
db=$scratch/run.db
route=$srcdir/tests/golden/route
failed=0

run() { # SCENARIO ARGUMENT...
    "$TIERSIM" run "$1" -q --force -o "$db" -s run.log=request "${@:2}"
}
ask() { # SQL
    sqlite3 -batch -separator ' ' "$db" "$1"
}
metric() { # NAME
    ask "SELECT value FROM metric WHERE class IS NULL AND name = '$1'"
}
hits() { # of the latest run
    ask "SELECT 1.0 * sum(hit_tokens) / sum(input_tokens) FROM request"
}
check() { # NAME AWK-CONDITION DETAIL
    if awk "BEGIN { exit !($2) }"; then
        echo "ok - $1 ($3)"
    else
        echo "not ok - $1 ($3)"
        failed=1
    fi
}

# ---- sessions and prefixes ----

sessions=("$route/sessions.ini" -s workload.requests=800)
run "${sessions[@]}"
in_turn=$(hits)
run "${sessions[@]}" -s router.policy=session_affinity
affine=$(hits)
moved="SELECT count(*) FROM (SELECT session FROM request WHERE session >= 0 GROUP BY session HAVING count(DISTINCT replica) > 1)"
bounded=$(ask "$moved")
run "${sessions[@]}" -s router.policy=session_affinity -s router.load_bound=0
unmoved=$(ask "$moved")
check "session_affinity finds more than twice what round_robin does" "$affine > 2 * $in_turn" "$affine, $in_turn"
check "without a bound, a session stays where it began" "$unmoved == 0" "$unmoved sessions moved"
check "with one, some move on" "$bounded > 0" "$bounded"

prefix=("${sessions[@]}" -s router.policy=prefix_aware)
run "${prefix[@]}"
aware=$(hits)
run "${prefix[@]}" -s router.index_age=10s
stale=$(hits)
run "${prefix[@]}" -s router.index_age=1000s
blind=$(hits)
run "${sessions[@]}" -s router.policy=least_tokens
by_load=$(hits)
check "prefix_aware finds more than twice what round_robin does" "$aware > 2 * $in_turn" "$aware, $in_turn"
check "an index 10 s behind finds less" "$stale < 0.8 * $aware && $stale > $by_load" "$stale"
check "one that is behind the whole run, what least_tokens finds" "$blind == $by_load" "$blind, $by_load"
run "${prefix[@]}" -s router.prefix_weight=0
check "so does one that gives prefixes no weight" "$(hits) == $by_load" "$(hits)"

# ---- replicas that are down ----

cp "$route/sessions.ini" "$scratch/down.ini"
sed -i "s|^include ../|include $(cd "$srcdir" && pwd)/tests/golden/|" "$scratch/down.ini"
printf '[fault host]\nwhat = host\nunit = 0\nat = 4s\nduration = 8s\n[node]\ngpus = 2\n' >> "$scratch/down.ini"
for router in session_affinity prefix_aware kv_utilisation slo_aware; do
    run "$scratch/down.ini" -s workload.requests=700 -s run.log=all -s router.policy=$router
    n=$(ask "SELECT count(*) FROM route WHERE replica < 2 AND t_ns >= 4e9 AND t_ns < 12e9")
    back=$(ask "SELECT count(*) FROM route WHERE replica < 2 AND t_ns > 12e9")
    check "$router: nobody is sent to a replica that is down, and some when it is back" "$n == 0 && $back > 0" "$n, $back"
done
first=$(ask "SELECT fingerprint FROM run")
run "$scratch/down.ini" -s workload.requests=700 -s router.policy=slo_aware
check "the same run again is the same" "$([ "$first" = "$(ask "SELECT fingerprint FROM run")" ] && echo 1 || echo 0)" "$first"


# ---- power_of_two beside least_tokens, at 80 % of what all slots full give; ten replications, intervals of 95 % (t, 9) ----

# ratio CASE LOW HIGH ARGUMENT...: of the mean TTFT; its interval lies between the two.
ratio() {
    local name=$1 low=$2 high=$3 rate i
    shift 3
    "$TIERSIM" run "$@" -q --force -o "$db" -s run.log=summary -s workload.arrivals=closed_loop -s workload.concurrency=1024
    rate=$(awk "BEGIN { print 0.8 * $(metric request_throughput) }")
    for i in 0 1 2 3 4 5 6 7 8 9; do
        for router in least_tokens power_of_two; do
            "$TIERSIM" run "$@" -q --force -o "$db" -s run.log=summary -s "run.replication=$i" -s "workload.rate=$rate/s" \
                -s "router.policy=$router"
            metric mean_ttft_ms
        done
    done | awk 'NR % 2 { tokens = $1; next }
        { r = $1 / tokens; s += r; ss += r * r }
        END { m = s / 10; printf "%.4f %.4f\n", m, 2.262 * sqrt((ss / 10 - m * m) / 9) }' > "$scratch/ratio"
    read -r mean half < "$scratch/ratio"
    check "power_of_two over least_tokens in mean TTFT, $name" "$mean - $half > $low && $mean + $half < $high" "$mean +- $half"
}
ratio "requests alike" 0.9 1.1 "$route/equal.ini" -s replica.count=16
ratio "of all lengths" 0.9 1.1 "$route/mixed.ini" -s replica.count=16
exit $failed
