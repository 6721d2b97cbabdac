#!/usr/bin/env bash
# scaling.sh - golden results of [autoscale]: a table of what each policy does in a few scenarios (scale/), kept in
# scaling.txt, in which each wins somewhere and loses somewhere. With --update: shows the difference and takes it.
# Needs TIERSIM (the program) and srcdir (the top of the source tree) from the environment.
set -euo pipefail
srcdir=$(cd "${srcdir:?the top of the source tree}" && pwd)
# shellcheck source=tests/golden/claims.sh
. "$srcdir/tests/golden/claims.sh"

# load RATE PEAK INPUT OUTPUT: a trace of so many requests a second, of PEAK from 100 s to 300 s, and again to 400 s.
load() {
    awk -v low="$1" -v high="$2" -v input="$3" -v output="$4" 'BEGIN {
        print "TIMESTAMP,ContextTokens,GeneratedTokens"
        for (us = 0; us < 400000000; us += int(1000000 / (us < 100000000 || us >= 300000000 ? low : high)))
            printf "2024-01-01 00:%02d:%02d.%06d0,%d,%d\n", us / 60000000, us / 1000000 % 60, us % 1000000, input, output
    }' > "$scratch/load.csv"
}

# rows SCENARIO POLICY...: a line for each policy and metric.
rows() {
    local scenario=$1 policy keys
    shift
    for policy; do
        keys=(-s "autoscale.policy=$policy")
        [ "$policy" != queue ] || keys+=(-s autoscale.target=4)
        "$TIERSIM" run "$golden/scale/$scenario.ini" -q --force -o "$scratch/run.db" -s run.log=request \
            -s "workload.trace=$scratch/load.csv" "${keys[@]}"
        sqlite3 -batch "$scratch/run.db" "
            SELECT printf('$scenario %-12s %-16s %.5g', '$policy', name, value) FROM metric
            WHERE class IS NULL AND name IN ('mean_ttft_ms', 'p99_ttft_ms', 'mean_e2el_ms', 'slo_attainment', 'replica_seconds',
                'scale_outs', 'scale_ins')
            ORDER BY name"
    done
}

scaling=(utilisation queue slo)
{
    load 2 14 16 100
    rows steps none "${scaling[@]}"
    load 2 6 16 100
    rows patient none "${scaling[@]}"
    load 0.5 8 10000 20
    rows prompts "${scaling[@]}"
    load 1 5 16 2000
    rows answers "${scaling[@]}"
} > "$scratch/table"

compare scaling "${1:-}"

claim none wins slo_attainment steps
claim none loses replica_seconds steps
claim utilisation wins replica_seconds steps
claim utilisation loses slo_attainment prompts
claim queue wins slo_attainment prompts
claim queue loses replica_seconds answers
claim slo wins replica_seconds patient
claim slo loses mean_ttft_ms patient
covered autoscale.policy
exit $failed
