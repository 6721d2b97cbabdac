#!/bin/bash
# run.sh - queueing theory: what a simulated queue does against what it must do, through `tiersim run`.
#
# Each scenario runs with 24 fixed seeds of its own (streams are named by the seed, so scenarios that shared seeds would
# share arrivals and err together). The mean over the seeds must lie within 3.5 standard errors, from the spread of the
# seeds, of the exact value: Student's t with 23 degrees of freedom is beyond that once in 500 times. And the
# standard error must be below 3% of the value, so that passing means something. With STATISTICS=no (under sanitizers) 2
# seeds run, and the means are not judged. Service takes whole steps, so the moments are those of the rounded law:
#
#   N = max(1, min(top, floor(X + 1/2))) tokens, S = N * step          (workload.h, length.h)
#
#   M/G/1, and M/M/1 as its case of exponential X   E[W] = lambda E[S^2] / (2 (1 - rho))
#     (Pollaczek 1930, Khinchine 1932; e.g. Kleinrock, Queueing Systems 1, 1975, eq. 5.70)
#   M/M/c   E[W] = C(c, a) E[S] / (c - a), a = lambda E[S], C Erlang's delay formula
#     (Erlang 1917; Kleinrock 1, eq. 3.40); rounding to 1 ms of a 40 ms service moves E[W] by less than 0.1%
#   Little's law, on every run: the integral of the number in the system over the run is the sum of the times spent in
#     it, both cut at the end of the run (Little 1961; Stidham 1974 for the cut form).
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
here=$srcdir/tests/theory
LC_ALL=C
export LC_ALL
replications=24
[ "${STATISTICS:-yes}" = yes ] || replications=2
next_seed=1

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

result() { # NAME CONDITION(0|1) DETAIL
    if [ "$2" = 1 ]; then
        echo "ok - $1 ($3)"
    else
        echo "not ok - $1 ($3)"
        bad=1
    fi
}

simulate() { # DB SCENARIO ARGUMENT...
    local db=$1 scenario=$2
    shift 2
    "$TIERSIM" run "$here/$scenario.ini" -o "$db" --force "$@" >"$tmp/out" 2>&1 || {
        cat "$tmp/out"
        echo "not ok - $scenario: tiersim run failed"
        exit 1
    }
}

query() { # DB SQL
    sqlite3 -separator ' ' "$1" "$2"
}

# moments LAW A B TOP: mean and mean square of N.
#   exponential MEAN 0 TOP | uniform LOW HIGH TOP | lognormal MEDIAN SIGMA TOP
moments() {
    awk -v law="$1" -v a="$2" -v b="$3" -v top="$4" '
        # Normal distribution function by the series of erf (Abramowitz and Stegun 7.1.6): all terms positive.
        function phi(z,   x, term, sum, n) {
            if (z < -8) return 0
            if (z > 8) return 1
            x = (z < 0 ? -z : z) / sqrt(2)
            term = x; sum = x
            for (n = 1; term > 1e-18 * sum; n++) { term *= 2 * x * x / (2 * n + 1); sum += term }
            sum *= exp(-x * x) / sqrt(atan2(0, -1))
            return z < 0 ? 0.5 - sum : 0.5 + sum
        }
        # P(N <= k) for k below top
        function below(k) {
            if (law == "exponential") return 1 - exp(-(k + 0.5) / a)
            if (law == "lognormal") return phi(log((k + 0.5) / a) / b)
            return k < a ? 0 : k >= b ? 1 : (k - a + 1) / (b - a + 1)
        }
        BEGIN {
            for (k = 1; k <= top; k++) {
                p = k == top ? 1 : below(k)
                m1 += k * (p - last); m2 += k * k * (p - last)
                last = p
                if (p > 1 - 1e-15) break
            }
            printf "%.12g %.12g\n", m1, m2
        }'
}

# compare NAME WANTED: the values on stdin, one a seed, against the exact one.
compare() {
    local line
    [ "${STATISTICS:-yes}" = yes ] || return 0
    line=$(awk -v want="$2" -v replications=$replications '
        { n++; sum += $1; square += $1 * $1 }
        END {
            mean = sum / n
            se = sqrt((square / n - mean * mean) / (n - 1))
            off = (mean - want) / se
            good = (n == replications && off < 3.5 && off > -3.5 && se < 0.03 * want)
            printf "%d mean %.5g, want %.5g, standard error %.2g, off by %.2f of them\n", good, mean, want, se, off
        }')
    result "$1" "${line%% *}" "${line#* }"
}

# queue SCENARIO REQUESTS SERVERS RATE LAW A B TOP: waiting time and sojourn time, and Little's law, over the seeds.
queue() {
    local scenario=$1 requests=$2 servers=$3 rate=$4 m1 m2 wait service seed values w t area sojourn little=1
    shift 4
    read -r m1 m2 < <(moments "$@")
    service=$m1
    wait=$(awk -v l="$rate" -v c="$servers" -v m1="$m1" -v m2="$m2" 'BEGIN {
        l /= 1000 # per ms
        a = l * m1
        if (c == 1) { print l * m2 / (2 * (1 - a)); exit }
        b = 1 # Erlang B by its recursion
        for (k = 1; k <= c; k++) b = a * b / (k + a * b)
        print c * b / (c - a * (1 - b)) * m1 / (c - a)
    }')

    : >"$tmp/means"
    for ((seed = next_seed; seed < next_seed + replications; seed++)); do
        simulate "$tmp/run.db" "$scenario" -s run.seed="$seed" -s workload.requests="$requests"
        # The first token comes one step (1 ms) after admission.
        values=$(query "$tmp/run.db" "SELECT (SELECT value - 1 FROM metric WHERE name = 'mean_ttft_ms' AND class IS NULL),
            (SELECT value FROM metric WHERE name = 'mean_e2el_ms' AND class IS NULL),
            (SELECT value FROM counter WHERE name = 'little_area_ns'),
            (SELECT value FROM counter WHERE name = 'little_sojourn_ns')")
        read -r w t area sojourn <<<"$values"
        echo "$w $t" >>"$tmp/means"
        [ -n "$area" ] && [ "${area:-0}" -gt 0 ] && [ "$area" = "$sojourn" ] || little=0
    done
    next_seed=$((next_seed + replications))
    compare "$scenario: mean wait in ms" "$wait" < <(cut -d" " -f1 "$tmp/means")
    compare "$scenario: mean sojourn in ms" "$(awk -v w="$wait" -v s="$service" 'BEGIN { print w + s }')" < <(cut -d" " -f2 "$tmp/means")
    result "$scenario: Little's law over the whole run, each seed" $little "last: $area ns, $sojourn ns"
}

# little NAME ARGUMENT...: the model's two counts against the records of the file, in which both are computed anew.
little() {
    local name=$1 values
    shift
    simulate "$tmp/run.db" mmc -s run.log=all -s run.warmup=0s -s workload.requests=4000 "$@"
    values=$(query "$tmp/run.db" "
        WITH one(t, d) AS (SELECT t_ns, 1 FROM arrive UNION ALL SELECT t_ns, -1 FROM finish),
             change(t, d) AS (SELECT t, sum(d) FROM one GROUP BY t),
             level(t, n) AS (SELECT t, sum(d) OVER (ORDER BY t ROWS UNBOUNDED PRECEDING) FROM change),
             span(n, dt) AS (SELECT n, coalesce(lead(t) OVER (ORDER BY t), (SELECT t_end_ns FROM run)) - t FROM level)
        SELECT (SELECT value FROM counter WHERE name = 'little_area_ns'),
               (SELECT value FROM counter WHERE name = 'little_sojourn_ns'),
               (SELECT sum(n * dt) FROM span),
               (SELECT sum(coalesce(t_end_ns, (SELECT t_end_ns FROM run)) - t_arrive_ns) FROM request),
               (SELECT count(*) FROM request WHERE t_end_ns IS NULL)")
    read -r -a v <<<"$values"
    result "Little's law from the records, $name" \
        "$([ ${#v[@]} -eq 5 ] && [ "${v[0]}" -gt 0 ] && [ "${v[0]}" = "${v[1]}" ] && [ "${v[0]}" = "${v[2]}" ] &&
            [ "${v[0]}" = "${v[3]}" ] && echo 1 || echo 0)" \
        "counted ${v[0]:-} and ${v[1]:-}, from arrive and finish ${v[2]:-}, from request ${v[3]:-} ns; ${v[4]:-} cut"
    cut=${v[4]:-0}
}

queue mm1 10000 1 17.5 exponential 40 0 20000
queue mmc 14000 4 80 exponential 40 0 20000
queue mg1-uniform 8000 1 17.5 uniform 10 70 1000000
queue mg1-lognormal 14000 1 17.5 lognormal 27 0.9 5000

little "drained"
result "a drained run leaves nothing in the system" "$([ "$cut" -eq 0 ] && echo 1 || echo 0)" "$cut requests left"
# Overloaded and cut: half of the requests are still there.
little "cut at a horizon" -s run.horizon=20s -s workload.rate=200/s
result "a cut run leaves requests in the system" "$([ "$cut" -gt 100 ] && echo 1 || echo 0)" "$cut requests left"
exit $bad
