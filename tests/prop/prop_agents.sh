#!/usr/bin/env bash
# prop_agents.sh - random scenarios of agents (agent_scenario.awk): each comes to its end, twice with the same fingerprint; every
# law of conservation holds; paths add up to tasks; joins are the latest of their branches; every metric again by SQL.
# SEEDS=FROM-TO runs others. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
seeds=${SEEDS:-1-24}

# Lines: what is wrong.
wrong() {
    sqlite3 -batch "$1" "
        SELECT 'law: ' || name || ' ' || \"left\" || ' ' || \"right\" FROM v_conservation WHERE NOT ok;
        SELECT 'path of task ' || t.task FROM v_agent_task t
            JOIN (SELECT task, sum(call_ms + tool_ms) AS ms, count(*) AS n FROM v_critical_path GROUP BY task) p ON p.task = t.task
            WHERE abs(p.ms - t.task_ms) > 1e-6 * (1 + t.task_ms) OR p.n <> (SELECT path_calls FROM agent_task WHERE id = t.task);
        SELECT 'join of task ' || s.task || ' branch ' || s.branch FROM agent_step s
            JOIN agent_task t ON t.id = s.task AND t.answered
            WHERE s.t_end_ns <> max(s.t_call_end_ns + s.tool_ns, coalesce((SELECT max(b.t_end_ns) FROM agent_step b
                WHERE b.task = s.task AND b.parent = s.branch AND b.parent_step = s.step), 0));
        SELECT 'gap before task ' || s.task || ' branch ' || s.branch || ' step ' || s.step FROM agent_step s JOIN agent_step p
            ON p.task = s.task AND p.branch = s.branch AND p.step = s.step - 1 WHERE s.t_start_ns <> p.t_end_ns;
        SELECT 'tools of task ' || s.task FROM agent_step s JOIN (SELECT task, branch, step, count(*) AS n, max(t_end_ns) AS t FROM tool_call
            GROUP BY task, branch, step) c ON c.task = s.task AND c.branch = s.branch AND c.step = s.step JOIN agent_task t ON t.id = s.task AND t.answered
            WHERE c.n <> s.tool_calls OR c.t <> s.t_call_end_ns + s.tool_ns;
        SELECT 'request of task ' || task FROM agent_step s JOIN request q ON q.id = s.request
            WHERE s.t_call_end_ns <> q.t_end_ns OR s.t_start_ns <> q.t_call_ns OR s.hit_tokens <> q.hit_tokens OR s.answered <> (q.status = 'completed')"
    sqlite3 -batch "$1" < "$srcdir/tests/system/metrics.sql" | grep -vE '^compared|: metric 0.0, by SQL NULL' # of a run without any request: 0, in SQL NULL
}

bad=0 n=0 tasks=0
for seed in $(seq "${seeds%-*}" "${seeds#*-}"); do
    awk -v seed="$seed" -f "$srcdir/tests/prop/agent_scenario.awk" > "s$seed.ini"
    first=$(timeout 60 "$TIERSIM" run "s$seed.ini" -o a.db --force 2> err | grep Fingerprint)
    again=$(timeout 60 "$TIERSIM" run "s$seed.ini" -o b.db --force -s run.log=summary 2>> err | grep Fingerprint)
    what=$(wrong a.db 2>&1)
    n=$((n + 1))
    tasks=$((tasks + $(sqlite3 a.db "SELECT count(*) FROM agent_task")))
    if [ -z "$first" ] || [ "$first" != "$again" ] || [ -n "$what" ]; then
        echo "# seed $seed: \"$first\", then \"$again\": $(head -2 err | tr '\n' ' ') $(echo "$what" | head -3 | tr '\n' ';')"
        bad=$((bad + 1))
    fi
done
if [ $bad = 0 ]; then
    echo "ok - random agents: $n scenarios, $tasks tasks, add up and come twice the same"
else
    echo "not ok - random agents: $bad of $n scenarios failed"
    exit 1
fi
