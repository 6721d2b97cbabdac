#!/usr/bin/env bash
# routers.sh - golden results of routers: a table of what each does in a few scenarios (route/), kept in routers.txt, in
# which each wins somewhere and loses somewhere. With --update: shows the difference and takes it.
# Needs TIERSIM (the program) and srcdir (the top of the source tree) from the environment.
set -euo pipefail
# shellcheck source=tests/golden/claims.sh
. "${srcdir:?the top of the source tree}/tests/golden/claims.sh"

# rows SCENARIO ROUTER...: a line for each router and metric. hit_share: prompt tokens found in the cache.
rows() {
    local scenario=$1 router
    shift
    for router; do
        "$TIERSIM" run "$golden/route/$scenario.ini" -q --force -o "$scratch/run.db" -s run.log=request \
            -s "router.policy=$router"
        sqlite3 -batch "$scratch/run.db" "
            SELECT printf('$scenario %-16s %-14s %.5g', '$router', name, value) FROM
               (SELECT name, value FROM metric WHERE class IS NULL AND name IN ('mean_ttft_ms', 'p99_ttft_ms', 'mean_tpot_ms',
                    'mean_e2el_ms', 'slo_attainment', 'preemptions')
                UNION ALL SELECT 'hit_share', 1.0 * sum(hit_tokens) / sum(input_tokens) FROM request)
            ORDER BY name"
    done
}

blind=(round_robin random)
by_load=(least_requests least_tokens power_of_two central_queue kv_utilisation slo_aware)
by_cache=(session_affinity prefix_aware)
{
    rows equal "${blind[@]}" "${by_load[@]}" "${by_cache[@]}"
    rows mixed "${blind[@]}" "${by_load[@]}"
    rows herd random power_of_two least_tokens
    rows turns "${blind[@]}"
    rows slots "${by_load[@]}"
    rows memory "${by_load[@]}"
    rows shared "${by_load[@]}" "${by_cache[@]}"
    rows sessions "${blind[@]}" "${by_load[@]}" "${by_cache[@]}"
    rows prompts "${blind[@]}" "${by_load[@]}" "${by_cache[@]}"
    rows hurry "${by_load[@]}" "${by_cache[@]}"
} > "$scratch/table"

compare routers "${1:-}"

claim round_robin wins mean_ttft_ms equal
claim round_robin loses hit_share turns
claim random wins hit_share turns
claim random loses mean_e2el_ms mixed
claim least_requests wins mean_tpot_ms mixed
claim least_requests loses slo_attainment hurry
claim least_tokens wins mean_ttft_ms memory
claim least_tokens loses mean_ttft_ms equal
claim power_of_two wins p99_ttft_ms herd
claim power_of_two loses mean_ttft_ms slots
claim central_queue wins mean_ttft_ms slots
claim central_queue loses hit_share sessions
claim session_affinity wins hit_share sessions
claim session_affinity loses slo_attainment hurry
claim prefix_aware wins hit_share prompts
claim prefix_aware loses mean_ttft_ms equal
claim kv_utilisation wins mean_ttft_ms shared
claim kv_utilisation loses mean_tpot_ms prompts
claim slo_aware wins slo_attainment hurry
claim slo_aware loses mean_ttft_ms hurry
covered router.policy
exit $failed
