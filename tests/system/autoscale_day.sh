#!/usr/bin/env bash
# autoscale_day.sh - scenarios/autoscale.ini: what following the day saves in GPU-hours and costs in attainment against fixed fleets,
# what a slow start costs, and the way of the weights. With STATISTICS=no (under sanitizers) the last alone. Needs TIERSIM and
# srcdir from the environment.
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
db=$scratch/run.db
failed=0

run() { # ARGUMENT...
    "$TIERSIM" run "$srcdir/scenarios/autoscale.ini" -q --force -o "$db" "$@"
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
day() { # ARGUMENT...: GPU-hours and attainment
    run -s run.log=summary "$@"
    ask "SELECT (SELECT value * 2 / 3600 FROM metric WHERE name = 'replica_seconds'),
        (SELECT value FROM metric WHERE name = 'slo_attainment' AND class IS NULL)"
}

if [ "${STATISTICS:-yes}" = yes ]; then
    read -r hours met < <(day)
    read -r hours7 met7 < <(day -s autoscale.policy=none -s replica.count=7)
    read -r hours9 met9 < <(day -s autoscale.policy=none -s replica.count=9)
    read -r slow slow_met < <(day -s autoscale.start_time=10min)
    check "a fleet that follows the day takes a quarter less than nine replicas, and serves as many in time" \
        "$hours < 0.8 * $hours9 && $met > $met9 - 0.002" "$hours GPU-hours, $met; nine $hours9, $met9"
    check "seven replicas cost as much and are too few at noon" "$hours7 > 0.97 * $hours && $met7 < $met - 0.1" "$hours7, $met7"
    check "a start of ten minutes serves fewer in time and costs more" "$slow_met < $met - 0.02 && $slow > 1.1 * $hours" "$slow, $slow_met"
fi

run -s run.log=all -s run.horizon=40min
bytes=$(ask "SELECT max(bytes) FROM transfer t JOIN move_kind k ON k.id = t.kind WHERE k.name = 'weights'")
check "the weights of two GPUs" "$bytes > 70e9 && $bytes < 75e9" "$bytes bytes"
check "alone, a start takes 60 s, 5 ms of the server, 6 us of the memory and the card's 3.125 GB/s" \
    "$(ask "SELECT count(*) FROM v_scale WHERE event = 'ready' AND t_s > 0 AND abs(took_s - 60.005006 - $bytes / 3.125e9) < 1e-6") > 3" \
    "$(ask "SELECT max(took_s) FROM v_scale WHERE event = 'ready'") s"
check "who drains answers to the end" "$(ask "SELECT min(took_s) FROM v_scale WHERE event = 'ended'") > 1 && $(ask \
    "SELECT count(*) FROM request WHERE status NOT IN ('completed', 'running', 'waiting')") == 0" \
    "$(ask "SELECT max(took_s) FROM v_scale WHERE event = 'ended'") s"
check "all laws hold" "$(ask "SELECT count(*) FROM v_conservation WHERE NOT ok") == 0" "$(ask "SELECT count(*) FROM request") requests"
exit $failed
