#!/usr/bin/env bash
# admission.sh - golden results of admission policies: a table of what each does in a few scenarios (admit/), kept in
# admission.txt, in which each wins somewhere and loses somewhere. With --update: shows the difference and takes it.
# Needs TIERSIM (the program) and srcdir (the top of the source tree) from the environment.
set -euo pipefail
# shellcheck source=tests/golden/claims.sh
. "${srcdir:?the top of the source tree}/tests/golden/claims.sh"

# rows SCENARIO: a line for each policy and metric; hurry: attainment of the class in a hurry.
rows() {
    local policy set
    for policy in none queue_limit token_bucket shed_wait shed_load; do
        set=(-s "admission.policy=$policy")
        [ "${policy%_*}" != shed ] || set=(-s admission.policy=shed -s "admission.by=${policy#shed_}")
        "$TIERSIM" run "$golden/admit/$1.ini" -q --force -o "$scratch/run.db" -s run.log=request "${set[@]}"
        sqlite3 -batch "$scratch/run.db" "
            SELECT printf('$1 %-12s %-16s %.5g', '$policy', name, value) FROM
               (SELECT name, value FROM metric WHERE class IS NULL AND name IN ('completed', 'failed', 'mean_ttft_ms', 'p99_ttft_ms',
                    'output_throughput', 'request_goodput', 'slo_attainment', 'retried', 'verdict')
                UNION ALL SELECT 'hurry', value FROM metric JOIN class c ON c.id = class
                    WHERE c.name = 'hurry' AND metric.name = 'slo_attainment')
            ORDER BY name"
    done
}

{
    rows overload
    rows burst
    rows again
    rows equal
    rows patient
    rows jobs
} > "$scratch/table"

compare admission "${1:-}"

claim none wins completed overload
claim none loses slo_attainment overload
claim queue_limit wins slo_attainment equal
claim queue_limit loses completed patient
claim token_bucket wins mean_ttft_ms burst
claim token_bucket loses completed burst
claim shed_wait wins output_throughput overload
claim shed_wait loses hurry again
claim shed_load wins hurry overload
claim shed_load loses completed jobs
covered admission.policy
exit $failed
