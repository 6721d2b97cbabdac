#!/usr/bin/env bash
# chunked.sh - chunked prefill against prompts first, on ten minutes of Azure's conversation trace (scenarios/azure-conv-2023.ini) at rising
# load: the stalls of decodes (p99 of ITL) that small chunks take away, and the TTFT that they cost. The bounds are the table's in
# DESIGN.md, with room. Needs TIERSIM and srcdir from the environment, and the trace beside the project.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
trace=$srcdir/../shared/data/traces/AzureLLMInferenceTrace_conv.csv
[ -e "$trace" ] || {
    echo "# skipped: no $trace (AzurePublicDataset, AzureLLMInferenceTrace_conv.csv)"
    exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

# NAME SPEED POLICY BUDGET: p99 of ITL, medians and p99 of TTFT (ms), in variables NAME_...
run() {
    local x
    "$TIERSIM" run "$srcdir/scenarios/azure-conv-2023.ini" -q --force -o a.db -s run.log=step -s "workload.trace=$trace" \
        -s workload.trace_from=20min -s workload.trace_to=30min -s "workload.trace_speed=$2" -s "scheduler.policy=$3" \
        -s "scheduler.max_num_batched_tokens=$4" || failed=1
    for x in p99_itl_ms median_ttft_ms p99_ttft_ms p99_tpot_ms mean_itl_ms; do
        printf -v "$1_$x" %.1f "$(sqlite3 a.db "SELECT value FROM metric WHERE name = '$x' AND class IS NULL")"
    done
}
ok() { # NAME CONDITION
    if awk "BEGIN { exit !($2) }"; then
        echo "ok - chunked: $1"
    else
        echo "not ok - chunked: $1 ($2)"
        failed=1
    fi
}
stalls=0
for speed in 1 2 4; do
    run first $speed prefill_first 8192
    run small $speed continuous 512
    ok "load x$speed: p99 of ITL is $first_p99_itl_ms ms with prompts first, $small_p99_itl_ms with chunks of 512" \
        "$small_p99_itl_ms < 50 && $first_p99_itl_ms > $stalls && $small_p99_itl_ms < $first_p99_itl_ms"
    ok "load x$speed: median TTFT $first_median_ttft_ms and $small_median_ttft_ms ms, p99 $first_p99_ttft_ms and $small_p99_ttft_ms" \
        "1.15 * $first_median_ttft_ms < $small_median_ttft_ms && $small_median_ttft_ms < 1.7 * $first_median_ttft_ms &&
         1.25 * $first_p99_ttft_ms < $small_p99_ttft_ms && $small_p99_ttft_ms < 1.8 * $first_p99_ttft_ms"
    stalls=$(awk "BEGIN { print 1.8 * $first_p99_itl_ms }")
done
ok "load x4: small chunks take more than four fifths of the stalls away" "$small_p99_itl_ms < 0.2 * $first_p99_itl_ms"
# A budget that holds whole prompts mixes them with decodes: shorter gaps in the mean, TTFT as with prompts first, the same longest stalls.
run large 4 continuous 8192
ok "load x4: a budget of 8192 has the TTFT of prompts first ($large_p99_ttft_ms ms) and its stalls ($large_p99_itl_ms)" \
    "$large_p99_ttft_ms < 1.1 * $first_p99_ttft_ms && $large_p99_itl_ms > 0.8 * $first_p99_itl_ms"
ok "load x4: its mean gap is shorter ($large_mean_itl_ms ms, $first_mean_itl_ms)" "$large_mean_itl_ms < 0.97 * $first_mean_itl_ms"
exit $failed
