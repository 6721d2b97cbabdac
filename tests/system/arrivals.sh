#!/usr/bin/env bash
# arrivals.sh - the scenarios of changing rates, shortened: scenarios/diurnal.ini follows its day and has its spikes, and its replicas
# follow; scenarios/servegen.ini meets what its clients' files say. Laws of arrivals: tests/theory/theory_arrivals.c.
# Needs TIERSIM and srcdir from the environment.
set -euo pipefail
srcdir=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
suite=arrivals
failed=0

run() { # FILE SCENARIO ARGUMENT...
    "$TIERSIM" run "$srcdir/scenarios/$2.ini" -q --force -o "$1" "${@:3}"
}
ask() { # FILE SQL
    sqlite3 -batch -separator ' ' "$1" "$2"
}
laws() { # FILE: those that do not hold
    ask "$1" "SELECT name FROM v_conservation WHERE NOT ok"
}

# From night (9 requests/s) to noon (51/s) in ten minutes, without the spikes and with them.
run calm.db diurnal -s run.horizon=10min -s workload.spike_rate=0.001/s
run day.db diurnal -s run.horizon=10min
# The integral of 30 (1 - 0.7 cos(2 pi t / 20 min)) over each of five parts; gaps of CV 2, so variances of 4 times the mean.
is "diurnal: each part of the morning has its share" "5 5" "$(ask calm.db "WITH i(i) AS (VALUES (0), (1), (2), (3), (4)),
    p AS (SELECT i, 3600 - 21.0 * 600 / pi() * (sin(pi() * (i + 1) / 5) - sin(pi() * i / 5)) AS want FROM i),
    n AS (SELECT want, (SELECT count(*) FROM request WHERE t_arrive_ns >= i * 120e9 AND t_arrive_ns < (i + 1) * 120e9) AS got FROM p)
    SELECT count(*), sum(abs(got - want) < 3.5 * sqrt(4 * want)) FROM n")"
is "diurnal: spikes are 20 s of 60 more a second" 1 "$(ask day.db "WITH n AS (SELECT t_arrive_ns / 20000000000 AS i, count(*) AS n FROM request GROUP BY 1)
    SELECT max(n) BETWEEN 20 * 70 AND 20 * 130 FROM n")"
is "... and without them there are none" 1 "$(ask calm.db "WITH n AS (SELECT t_arrive_ns / 20000000000 AS i, count(*) AS n FROM request GROUP BY 1)
    SELECT max(n) < 20 * 65 FROM n")"
is "diurnal: replicas follow" 1 "$(ask day.db "SELECT value > 0 FROM metric WHERE name = 'scale_outs' AND class IS NULL")"
is "diurnal: all laws hold" "" "$(laws day.db)$(laws calm.db)"

# Three clients of 10 minutes: 2/s, then 1/s; nothing, then 3/s; always 0.5/s in bursts.
client() { # NUMBER RATE RATE SHAPE SCALE PROMPT
    mkdir -p clients
    printf '0,%s,1,Gamma,%s,%s\n300,%s,1,Gamma,%s,%s\n' "$2" "$4" "$5" "$3" "$4" "$5" | sed 's/^\([0-9]*\),0,1,Gamma.*/\1,0,0,,0,0/' > "clients/chunk-$1-trace.csv"
    echo "{\"0\": {\"input_tokens\": \"{$6: 1.0}\", \"output_tokens\": \"{50: 1.0}\"}}" > "clients/chunk-$1-dataset.json"
}
client 1 2 1 1 1 100
client 2 0 3 1 1 200
client 3 0.5 0.5 0.25 4 300
run clients.db servegen -s workload.servegen="$tmp/clients" -s workload.day_start=0s -s workload.rate_scale=1 -s run.horizon=600s
is "servegen: each client's windows have their rates" "100 1 1|200 1 1|300 1 1" "$(ask clients.db "WITH w(tokens, a, b, v) AS (VALUES (100, 600, 300, 1), (200, 0, 900, 1), (300, 150, 150, 16)),
    n AS (SELECT w.*, (SELECT count(*) FROM request WHERE input_tokens = tokens AND t_arrive_ns < 300e9) AS x,
        (SELECT count(*) FROM request WHERE input_tokens = tokens AND t_arrive_ns >= 300e9) AS y FROM w)
    SELECT tokens, abs(x - a) <= 3.5 * sqrt(v * a), abs(y - b) <= 3.5 * sqrt(v * b) FROM n" | paste -sd'|')"
is "servegen: nothing else, and all laws hold" "0" "$(ask clients.db "SELECT count(*) FROM request WHERE input_tokens NOT IN (100, 200, 300) OR output_tokens > 50")$(laws clients.db)"
real=$srcdir/../shared/data/traces/servegen/reason/deepseek-r1
if [ -d "$real" ]; then
    run real.db servegen -s workload.servegen="$real" -s run.horizon=2min
    run few.db servegen -s workload.servegen="$real" -s run.horizon=2min -s workload.clients=2
    is "servegen: the published clients, and fewer of them" "1 1 " "$(ask real.db "ATTACH 'few.db' AS f; SELECT count(*) > 20,
        count(*) > (SELECT count(*) FROM f.request) FROM request") $(laws real.db)$(laws few.db)"
else
    echo "# skipped in part: no $real"
fi
exit $failed
