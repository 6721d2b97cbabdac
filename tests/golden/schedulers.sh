#!/usr/bin/env bash
# schedulers.sh - golden results of schedulers and orders: a table of what each does in a few scenarios (sched/), kept in
# schedulers.txt, in which each wins somewhere and loses somewhere. With --update: shows the difference and takes it.
# Needs TIERSIM (the program) and srcdir (the top of the source tree) from the environment.
set -euo pipefail
# shellcheck source=tests/golden/claims.sh
. "${srcdir:?the top of the source tree}/tests/golden/claims.sh"

# rows SCENARIO KEY POLICY...: a line for each policy and metric. fairness: Jain's index of the service of the classes
# (prompt tokens of the admitted + 2 x tokens given) over their shares. least_attainment: of the class that has least.
rows() {
    local scenario=$1 key=$2 policy
    shift 2
    for policy; do
        "$TIERSIM" run "$golden/sched/$scenario.ini" -q --force -o "$scratch/run.db" -s run.log=step -s "$key=$policy"
        sqlite3 -batch "$scratch/run.db" "
            WITH service(x) AS (SELECT total((t_admit_ns IS NOT NULL) * input_tokens + 2 * generated_tokens) /
                    coalesce((SELECT value_num FROM run_param WHERE key = 'class ' || c.name || '.share'), 1)
                FROM request r JOIN class c ON c.id = r.class GROUP BY class)
            SELECT printf('$scenario %-14s %-16s %.5g', '$policy', name, value) FROM
               (SELECT name, value FROM metric WHERE class IS NULL AND name IN ('mean_ttft_ms', 'p99_ttft_ms', 'mean_tpot_ms',
                    'p99_itl_ms', 'mean_e2el_ms', 'p99_e2el_ms', 'output_throughput', 'slo_attainment', 'preemptions')
                UNION ALL SELECT 'important_e2el', value FROM metric JOIN class c ON c.id = class
                    WHERE c.name = 'important' AND metric.name = 'mean_e2el_ms'
                UNION ALL SELECT 'least_attainment', min(value) FROM metric WHERE class IS NOT NULL AND name = 'slo_attainment'
                UNION ALL SELECT 'fairness', sum(x) * sum(x) / (count(*) * sum(x * x)) FROM service)
            ORDER BY name"
    done
}

orders=(fcfs priority edf slack sjf srpt fair)
{
    rows prompts scheduler.policy continuous chunked prefill_first static
    rows batch scheduler.policy continuous chunked prefill_first static
    rows queue scheduler.order "${orders[@]}"
    rows overload scheduler.order "${orders[@]}"
    rows drained scheduler.order "${orders[@]}"
    rows full scheduler.order "${orders[@]}"
    rows long scheduler.order "${orders[@]}"
} > "$scratch/table"

compare schedulers "${1:-}"

claim continuous wins mean_e2el_ms prompts
claim continuous loses mean_tpot_ms batch
claim chunked wins mean_e2el_ms prompts
claim chunked loses mean_tpot_ms batch
claim prefill_first wins p99_ttft_ms prompts
claim prefill_first loses p99_itl_ms batch
claim static wins mean_tpot_ms batch
claim static loses slo_attainment prompts
claim fcfs wins p99_e2el_ms queue
claim fcfs loses important_e2el overload
claim priority wins important_e2el overload
claim priority loses slo_attainment queue
claim edf wins slo_attainment queue
claim edf loses mean_tpot_ms full
claim slack wins least_attainment long
claim slack loses mean_ttft_ms long
claim sjf wins mean_e2el_ms queue
claim sjf loses p99_ttft_ms drained
claim srpt wins mean_e2el_ms full
claim srpt loses p99_ttft_ms drained
claim fair wins fairness overload
claim fair loses mean_e2el_ms queue
covered scheduler.policy
covered scheduler.order
exit $failed
