#!/usr/bin/env bash
# disagg.sh - scenarios/disagg-*.ini: four replicas of two H200 that compute prompts and answer, against the same GPUs in two pools. At
# one set of objectives, long prompts want pools (prompts no longer slow answers down), short ones do not (most prefill GPUs idle,
# and the decode pool is full). Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

# NAME SCENARIO RATE OPTION...: attainment, p99 of TTFT and TPOT (ms), hand-over's share of TTFT; in variables NAME_...
run() {
    local name=$1 x
    "$TIERSIM" run "$srcdir/scenarios/disagg-$2.ini" -q --force -o a.db -s "workload.rate=$3/s" "${@:4}" || failed=1
    for x in slo_attainment p99_ttft_ms p99_tpot_ms p99_itl_ms handoff_share; do
        printf -v "${name}_$x" %s "$(sqlite3 a.db "SELECT coalesce(round(value, 4), 0) FROM metric WHERE name = '$x' AND class IS NULL")"
    done
    [ "$(sqlite3 a.db "SELECT min(ok) FROM v_conservation")" = 1 ] || { echo "not ok - disagg: laws of $name"; failed=1; }
}
ok() { # NAME CONDITION
    if awk "BEGIN { exit !($2) }"; then
        echo "ok - disagg: $1"
    else
        echo "not ok - disagg: $1 ($2)"
        failed=1
    fi
}
two=(-s "replica prefill.count=2" -s "replica decode.count=2")

# Far from saturation both serve all in time. The price of pools is in TTFT, what they buy in TPOT.
run light_pools long 2
run light_both long-together 2
ok "2 long/s: both in time" "$light_pools_slo_attainment > 0.99 && $light_both_slo_attainment > 0.99"
ok "2 long/s: p99 of TPOT, $light_pools_p99_tpot_ms ms with pools, $light_both_p99_tpot_ms without" "$light_pools_p99_tpot_ms < 0.8 * $light_both_p99_tpot_ms"
ok "2 long/s: the hand-over is $light_pools_handoff_share of TTFT" "0.005 < $light_pools_handoff_share && $light_pools_handoff_share < 0.04"

# Long prompts: 3 + 1 win, whatever the budget of a step; a wrong split loses to both.
run pools long 6
run both long-together 6
run chunked long-together 6 -s scheduler.max_num_batched_tokens=2048
run split long 6 "${two[@]}"
ok "6 long/s: in time, $pools_slo_attainment of requests with pools, $both_slo_attainment without" "$pools_slo_attainment > 0.95 && $both_slo_attainment < 0.5"
ok "6 long/s: nor with smaller chunks ($chunked_slo_attainment): gaps of $chunked_p99_itl_ms ms instead of $both_p99_itl_ms, not fewer" \
    "$chunked_slo_attainment < 0.5 && $chunked_p99_itl_ms < 0.5 * $both_p99_itl_ms"
ok "6 long/s: two prefill replicas are too few ($split_slo_attainment)" "$split_slo_attainment < 0.1"

# Short prompts: nobody's TPOT suffers from them, and all four replicas can answer.
run pools short 55
run both short-together 55
run split short 55 "${two[@]}"
ok "55 short/s: in time, $both_slo_attainment of requests without pools, $pools_slo_attainment with" "$both_slo_attainment > 0.95 && $pools_slo_attainment < 0.2"
ok "55 short/s: nor with the other split ($split_slo_attainment)" "$split_slo_attainment < 0.2"
ok "55 short/s: TTFT there is the wait for the decode pool ($split_handoff_share of it)" "$split_handoff_share > 0.8"
run light short 20 "${two[@]}"
ok "20 short/s: the hand-over is $light_handoff_share of TTFT: more than of long prompts'" "$light_handoff_share > 0.08 && $light_handoff_share > 3 * $light_pools_handoff_share"
exit $failed
