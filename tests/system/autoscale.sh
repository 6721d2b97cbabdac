#!/usr/bin/env bash
# autoscale.sh - replicas follow a load that steps up and down: when they come, how long their weights take, that who drains
# serves to the end, and what it costs. Needs TIERSIM and srcdir from the environment.
set -euo pipefail
srcdir=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
db=$scratch/run.db
failed=0

# 2 a second, from 100 s to 400 s 14 a second, then 2 again, to 700 s; each of 16 and 100 tokens.
awk 'BEGIN {
    print "TIMESTAMP,ContextTokens,GeneratedTokens"
    for (us = 0; us < 700000000; us += us < 100000000 || us >= 400000000 ? 500000 : 71429)
        printf "2024-01-01 00:%02d:%02d.%06d0,16,100\n", us / 60000000, us / 1000000 % 60, us % 1000000
}' > step.csv

run() { # ARGUMENT...: of autoscale.ini
    "$TIERSIM" run "$srcdir/tests/system/autoscale.ini" -q --force -o "$db" -s workload.trace=step.csv "$@"
}
ask() { # SQL
    sqlite3 -batch -separator ' ' "$db" "$1"
}
check() { # NAME AWK-CONDITION DETAIL
    if awk "BEGIN { exit !($2) }"; then
        echo "ok - $1 ($3)"
    else
        echo "not ok - $1 ($3)"
        failed=1
    fi
}
ready() { # T: replicas that are ready then
    ask "SELECT ready FROM scale WHERE t_ns <= $1 * 1e9 ORDER BY rowid DESC LIMIT 1"
}
sound() { # NAME
    check "$1: all are served, and nothing is lost" "$(ask "SELECT count(*) FROM request WHERE status <> 'completed'") == 0 &&
        $(ask "SELECT count(*) FROM v_conservation WHERE NOT ok") == 0" "$(ask "SELECT count(*) FROM request") requests"
}
# Requests sent to a replica when it was not ready; steps of one that was off.
stray() {
    ask "WITH w AS (SELECT replica, what, t_ns AS since, lead(t_ns, 1, 9e18) OVER (PARTITION BY replica ORDER BY rowid) AS upto FROM scale)
        SELECT (SELECT count(*) FROM route r WHERE NOT EXISTS (SELECT 1 FROM w WHERE w.replica = r.replica AND what = 1
                AND r.t_ns BETWEEN since AND upto))
            + (SELECT count(*) FROM step s WHERE NOT EXISTS (SELECT 1 FROM w WHERE w.replica = s.replica AND what IN (1, 2)
                AND s.t_start_ns >= since AND s.t_start_ns < 9e18))
            + (SELECT count(*) FROM w JOIN step s ON s.replica = w.replica AND what IN (0, 3) AND s.t_start_ns > since AND s.t_end_ns < upto)"
}

# ---- policies ----

for policy in "queue autoscale.target=4" "utilisation autoscale.target=0.7" "slo autoscale.target=0.9"; do
    name=${policy%% *}
    run -s autoscale.policy="$name" -s "${policy#* }"
    peak=$(ask "SELECT max(ready) FROM scale")
    check "$name: more come with the load, and go with it" \
        "$(ready 95) <= 2 && $peak >= 4 && $(ready 399) >= 4 && $(ready 690) <= 3" \
        "$(ready 95), $peak, then $(ready 690)"
    sound "$name"
    check "$name: only who is ready is sent requests, who is off does nothing" "$(stray) == 0" "$(ask "SELECT count(*) FROM scale") changes"
    check "$name: never fewer than min, nor more than there are" "$(ask "SELECT min(ready) FROM scale WHERE t_ns > 0") >= 1 &&
        $(ask "SELECT max(ready + starting) FROM scale") <= 6" ""
    seconds=$(ask "SELECT value FROM metric WHERE name = 'replica_seconds'")
    by_hand=$(ask "SELECT sum((coalesce((SELECT min(e.t_ns) FROM scale e WHERE e.replica = s.replica AND e.what = 3 AND e.t_ns >= s.t_ns),
        (SELECT t_end_ns FROM run)) - s.t_ns) / 1e9) FROM scale s WHERE what = 0")
    check "$name: replica seconds are those from each start to its end" "$seconds > 0.999999 * $by_hand && $seconds < 1.000001 * $by_hand" "$seconds s"
    check "$name: cheaper than six from the start" "$seconds < 0.8 * 6 * 700" "$seconds of 4200 s"
done

# ---- start, drain, cooldown ----

run
check "without tiers a start takes start_time" "$(ask "SELECT max(abs(took_s - 10)) FROM v_scale WHERE event = 'ready' AND t_s > 0") < 1e-9" "10 s"
run -s autoscale.load_time=7s
check "or with load_time so much more" "$(ask "SELECT max(abs(took_s - 17)) FROM v_scale WHERE event = 'ready' AND t_s > 0") < 1e-9" "17 s"
one=(-s autoscale.policy=slo -s autoscale.target=0.9) # replica more at a time
run "${one[@]}" -s autoscale.out_cooldown=40s
check "out_cooldown: starts come that far apart" \
    "$(ask "SELECT min(d) FROM (SELECT t_s - lag(t_s) OVER (ORDER BY t_s) AS d FROM (SELECT DISTINCT t_s FROM v_scale WHERE event = 'starts' AND t_s > 0))") >= 40" ""
run -s autoscale.in_cooldown=60s
check "in_cooldown: nobody drains so soon after a change" \
    "$(ask "SELECT min(d) FROM (SELECT what, t_ns / 1e9 - lag(t_ns / 1e9) OVER (ORDER BY rowid) AS d FROM scale WHERE what IN (0, 2)) WHERE what = 2") >= 60" ""
run -s autoscale.min=2 -s autoscale.start=3
check "min and start" "$(ask "SELECT count(*) FROM scale WHERE t_ns = 0 AND what = 1") == 3 && $(ask "SELECT min(ready) FROM scale WHERE t_ns > 0") == 2" ""
run -s class\ all.output=constant -s class\ all.output_tokens=1500 -s scheduler.max_num_seqs=64 -s autoscale.target=60
check "who drains serves its requests to the end" "$(ask "SELECT max(took_s) FROM v_scale WHERE event = 'ended'") > 5 && $(stray) == 0" \
    "$(ask "SELECT max(took_s) FROM v_scale WHERE event = 'ended'") s"
sound "long answers"

scales="SELECT count(*), sum(what = 1), sum(ready) FROM scale"
run -s run.horizon=200s
all=$(ask "$scales")
run -s run.horizon=200s -s run.log=request
check "log = request has them too" "$([ "$(ask "$scales")" = "$all" ] && echo 1 || echo 0) && $(ask "SELECT count(*) FROM v_scale") > 3" "$(ask "$scales"), not $all"

# ---- weights from the coldest tier ----

cat > tier.ini <<END
include $srcdir/tests/system/autoscale.ini
[link pcie]
gpus = 1
to_gpu = 40GB/s
[tier dram]
gpus = 1
capacity = 100GB
read_bandwidth = 30GB/s
links = pcie
[tier store]
kind = nand
gpus = 0
capacity = 10TB
read_bandwidth = 8GB/s
latency = 2ms
links = pcie
END
tier() { # ARGUMENT...
    "$TIERSIM" run tier.ini -q --force -o "$db" -s workload.trace=step.csv "$@"
}
bytes="SELECT max(bytes) FROM transfer t JOIN move_kind k ON k.id = t.kind WHERE k.name = 'weights'"
tier "${one[@]}" -s autoscale.out_cooldown=60s
check "weights of 8.03 billion parameters in bf16" "$(ask "$bytes") > 16.0e9 && $(ask "$bytes") < 16.1e9" "$(ask "$bytes") bytes"
check "alone they come at the store's 8 GB/s: start_time + 2 ms + bytes / bandwidth" \
    "$(ask "SELECT max(abs(took_s - 10.002 - ($bytes) / 8e9)) FROM v_scale WHERE event = 'ready' AND t_s > 0") < 1e-6" \
    "$(ask "SELECT max(took_s) FROM v_scale WHERE event = 'ready'") s"
tier -s autoscale.policy=queue -s autoscale.target=1
check "five at once share them" "$(ask "SELECT max(abs(took_s - 10.002 - n * ($bytes) / 8e9)) FROM v_scale v
    JOIN (SELECT t_start_ns, count(*) AS n FROM transfer GROUP BY t_start_ns) x ON abs(x.t_start_ns / 1e9 - (v.t_s - v.took_s + 10)) < 1e-6
    WHERE event = 'ready' AND n > 1") < 1e-3" "$(ask "SELECT max(n) FROM (SELECT count(*) AS n FROM transfer GROUP BY t_start_ns)") at once"
sound "weights from a tier"

# A tier that fails while they load: the start comes to nothing, and is tried again.
tier -s autoscale.out_cooldown=20s -s run.horizon=300s > /dev/null
at=$(ask "SELECT min(t_start_ns) / 1e9 + 0.5 FROM transfer")
{ cat tier.ini; printf '[fault store]\nwhat = tier\ntarget = store\nunit = 0\nat = %ss\nduration = 3s\n' "$at"; } > fault.ini
"$TIERSIM" run fault.ini -q --force -o "$db" -s workload.trace=step.csv
check "a start whose tier fails is tried again" "$(ask "SELECT count(*) FROM v_scale WHERE event = 'failed'") >= 1 && $(ready 390) >= 4 && $(stray) == 0" \
    "$(ask "SELECT count(*) FROM v_scale WHERE event = 'failed'") failed"
sound "a failed start"
exit $failed
