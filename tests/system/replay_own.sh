#!/usr/bin/env bash
# replay_own.sh - record and replay: the calls of a run, exported as a trace, replayed by the same policy are the same run to
# the ns, by another the same work; chats, agents, drawn arrivals and traces; what is no such trace; JSON
# lines and CSV alike.
# Needs TIERSIM (the program) and srcdir (the top of the source tree) from the environment.
set -euo pipefail
srcdir=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
suite="own traces"
failed=0

common() {
    sed -n '/^\[run\]/,/^\[cache\]/p' "$srcdir/tests/system/agents.ini" | sed '/^step_time\|^cost = /d; s/^count = 1/count = 3/'
    printf 'prefix = yes\n[router]\npolicy = session_affinity\n'
}

{
    common
    sed -n '/^\[tool shell\]/,/^\[class/p' "$srcdir/tests/system/agents.ini" | sed '$d'
    cat << 'EOF'
[workload]
arrivals = poisson
rate = 2/s
requests = 120
[class lead]
agent = lead
[class chat]
input = lognormal
input_median = 300
input_sigma = 1
output = exponential
output_mean = 40
turns = 4
turns_dist = geometric
append = constant
append_tokens = 50
turn_gap = 3s
turn_gap_dist = exponential
system_tokens = 200
[class plain]
input = lognormal
input_median = 300
input_sigma = 1
output = constant
output_tokens = 50
EOF
} > drawn.ini
{
    common
    printf '[workload]\narrivals = trace\ntrace = drawn.jsonl\n'
    for class in lead chat plain; do
        printf '[class %s]\ninput = trace\noutput = trace\n' $class
    done
} > again.ini
vary=(-s "agent lead.deadline=9s" -s "agent lead.reasoning=exponential" -s "agent lead.reasoning_mean=30" -s "agent lead.sub_share=0.5" -s "agent lead.tasks=constant"
    -s "agent lead.tasks_tokens=2" -s "agent lead.request=constant" -s "agent lead.request_tokens=30" -s "agent lead.think=exponential"
    -s "agent lead.think_mean=2s" -s "agent lead.compact_at=900" -s "agent lead.compact_to=50" -s "tool shell.latency=exponential"
    -s "tool shell.latency_mean=1s" -s "agent helper.steps=exponential" -s "agent helper.steps_mean=3")

rows="SELECT id, class, replica, input_tokens, output_tokens, t_arrive_ns, t_admit_ns, t_first_ns, t_end_ns, blocks, hit_blocks,
    hit_tokens, session, turn, status FROM request ORDER BY id"
work="SELECT class, session, input_tokens, output_tokens, blocks FROM request ORDER BY class, session, input_tokens, output_tokens"
"$TIERSIM" run drawn.ini -q -o drawn.db "${vary[@]}"
"$TIERSIM" export --trace drawn.db -o drawn.jsonl
"$TIERSIM" run again.ini -q -o again.db
is "the same policy: the same run to the ns" "$(sqlite3 drawn.db "$rows")" "$(sqlite3 again.db "$rows")"
is "... with a fingerprint of its own" 2 "$(sqlite3 drawn.db "ATTACH 'again.db' AS a; SELECT count(*) FROM (SELECT fingerprint FROM run UNION SELECT fingerprint FROM a.run)")"
"$TIERSIM" export --trace drawn.db -o drawn.csv
"$TIERSIM" export --trace --csv drawn.db -o - > option.csv
is "CSV by the name or by --csv" "id,t_ns 1" "$(cut -c1-7 drawn.csv | head -1) $(cmp drawn.csv option.csv && echo 1)"
"$TIERSIM" run again.ini -q -o csv.db -s workload.trace=drawn.csv
is "the trace as CSV: the same fingerprint" "$(sqlite3 again.db 'SELECT fingerprint FROM run')" "$(sqlite3 csv.db 'SELECT fingerprint FROM run')"
is "... and the same run" "$(sqlite3 drawn.db "$rows")" "$(sqlite3 csv.db "$rows")"
# The columns of drawn.csv the other way round, but for some.
without() { # PATTERN
    awk -F, -v OFS=, -v out="^($1)\$" 'NR == 1 { for (i = NF; i > 0; i--) if ($i !~ out) keep[++n] = i }
        { for (i = 1; i <= n; i++) printf "%s%s", $keep[i], i < n ? OFS : "\n" }' drawn.csv
}
without x > turned.csv
"$TIERSIM" run again.ini -q -o turned.db -s workload.trace=turned.csv
is "... in whichever order of columns" "$(sqlite3 again.db 'SELECT fingerprint FROM run')" "$(sqlite3 turned.db 'SELECT fingerprint FROM run')"
# Agents' tasks, steps and tool calls are the replay's too, with the times that these have there.
for file in again csv turned; do
    for view in v_agent_task v_agent_step tool_call v_critical_path "metric WHERE name GLOB '*task*'"; do
        is "$file: ${view%% *} is the original's" "1 $(sqlite3 drawn.db "SELECT * FROM $view ORDER BY 1, 2, 3, 4" | md5sum)" \
            "$(sqlite3 $file.db "SELECT count(*) > 10 FROM $view") $(sqlite3 $file.db "SELECT * FROM $view ORDER BY 1, 2, 3, 4" | md5sum)"
    done
done
is "... and so are agents and tools" "$(sqlite3 drawn.db "SELECT name FROM agent WHERE id IN (SELECT agent FROM agent_step) UNION ALL SELECT name FROM tool ORDER BY 1")" \
    "$(sqlite3 again.db "SELECT name FROM agent UNION ALL SELECT name FROM tool ORDER BY 1")"
is "... and every reference" "" "$(sqlite3 again.db "PRAGMA foreign_key_check")"
"$TIERSIM" export --trace again.db -o again.jsonl
is "a replay's trace is that which it replayed" 1 "$(cmp drawn.jsonl again.jsonl && echo 1)"
without 'agent|branch|task' > bare.csv
"$TIERSIM" run again.ini -q -o bare.db -s workload.trace=bare.csv
is "without agent and task: the same run" "$(sqlite3 drawn.db "$rows")" "$(sqlite3 bare.db "$rows")"
is "... and no tasks" "0 0 0" "$(sqlite3 -separator ' ' bare.db "SELECT (SELECT count(*) FROM agent_task), (SELECT count(*) FROM agent_step), count(*) FROM tool_call")"
without 'tool_calls|tool' > few.csv
"$TIERSIM" run again.ini -q -o few.db -s workload.trace=few.csv
is "without tool calls: the same paths" "$(sqlite3 drawn.db "SELECT task, task_ms, tool_ms, alone_ms, slowdown FROM v_agent_task ORDER BY task")" \
    "$(sqlite3 few.db "SELECT task, task_ms, tool_ms, alone_ms, slowdown FROM v_agent_task ORDER BY task")"
waits() { "$TIERSIM" describe trace "$1" | grep '^waits'; }
is "both say as much of waits" "$(waits drawn.jsonl)" "$(waits drawn.csv)"
is "each step after tools names them" "$(sqlite3 drawn.db "SELECT count(*) FROM (SELECT group_concat(t.name, '+') AS g FROM tool_call c
    JOIN tool t ON t.id = c.tool JOIN agent_step s ON (s.task, s.branch, s.step - 1) = (c.task, c.branch, c.step) GROUP BY c.task, c.branch, c.step)")" \
    "$(grep -c '"tool": "shell' drawn.jsonl)"
is "... and no other has a tool_ns" 0 "$(grep '"tool_ns": [1-9]' drawn.jsonl | grep -vc '"tool": ' || true)"
is "... in which there are sub-agents, joins, compactions and hits" "1 1 1 1" \
    "$(sqlite3 -separator ' ' drawn.db "SELECT sum(subs) > 20, (SELECT count(join_branch) > 20 FROM agent_step), sum(compactions) > 5,
        (SELECT sum(hit_tokens) > 1000 FROM request) FROM agent_task")"
is "... and conservation holds" "" "$(sqlite3 again.db "SELECT * FROM v_conservation WHERE NOT ok")"
"$TIERSIM" run again.ini -q -o other.db -s router.policy=random -s replica.count=2
is "another policy: the same work" "$(sqlite3 drawn.db "$work")" "$(sqlite3 other.db "$work")"
tasks="SELECT class_name, agent_name, session, number, answered, steps, calls, tool_calls, subs, compactions, deadline_ms FROM v_agent_task ORDER BY 3, 4"
is "... and the same tasks, conserved" "$(sqlite3 drawn.db "$tasks")" "$(sqlite3 other.db "$tasks"; sqlite3 other.db "SELECT name FROM v_conservation WHERE NOT ok")"
is "... at other times" 0 "$(sqlite3 other.db "SELECT sum(t_end_ns)" "$rows" 2> /dev/null | grep -c "$(sqlite3 drawn.db "$rows" | tail -1)" || true)"

# Calls that are given up leave out those that wait for them, which is told: by the lines that have a failed call above them.
"$TIERSIM" run again.ini -o lost.db -s "class lead.timeout_e2el=700ms" -s "class chat.timeout_e2el=400ms" > lost.txt 2> err
left=$(sqlite3 lost.db "SELECT value FROM counter WHERE name = 'trace_calls_left_out'")
lines=$(($(wc -l < drawn.jsonl) - 1))
is "calls left out: all others came" "1 $lines" "$(sqlite3 -separator ' ' lost.db "SELECT count(*) > 100, count(*) + $left FROM request")"
is "... those of sessions in which one was not answered" 0 "$(sqlite3 lost.db "ATTACH 'drawn.db' AS d; SELECT count(*) FROM d.request a
    WHERE NOT EXISTS (SELECT 1 FROM request b WHERE (b.session, b.turn, b.class) = (a.session, a.turn, a.class))
        AND a.session NOT IN (SELECT session FROM request WHERE status = 'timed_out') AND a.session IS NOT NULL")"
is "... are told" "1 1 1" "$((left > 20)) $(grep -c "tiersim: $left calls of .*drawn.jsonl were left out" err) $(grep -c "^Calls of the trace left out: *$left\$" lost.txt)"
is "... tasks of which a call was given up have failed, and no others" "1 0" "$(sqlite3 -separator ' ' lost.db "SELECT sum(NOT answered) > 10,
    sum(answered <> NOT EXISTS (SELECT 1 FROM agent_step s JOIN request q ON q.id = s.request WHERE s.task = agent_task.id AND q.status = 'timed_out')) FROM agent_task")"
is "... and conserved" "2 " "$(sqlite3 -separator ' ' lost.db "SELECT sum(name GLOB 'trace: *'), group_concat(CASE WHEN NOT ok THEN name END) FROM v_conservation")"
"$TIERSIM" run again.ini -q -o lost2.db -s "class lead.timeout_e2el=1s" -s run.horizon=30s
is "... at a horizon, too" "1 2 " "$(sqlite3 -separator ' ' lost2.db "SELECT (SELECT value > 0 FROM counter WHERE name = 'trace_calls_waiting'),
    sum(name GLOB 'trace: *'), group_concat(CASE WHEN NOT ok THEN name END) FROM v_conservation")"
is "nothing is left out where all are answered" "0 0" "$(sqlite3 again.db "SELECT value FROM counter WHERE name = 'trace_calls_left_out'") $("$TIERSIM" report again.db | grep -c 'left out' || true)"

# More and fewer of the trace: whole sessions, with sessions and content of their own.
"$TIERSIM" run again.ini -q -o half.db -s workload.trace_rate_scale=0.5
"$TIERSIM" run again.ini -q -o more.db -s workload.trace_rate_scale=2.5 -s replica.count=8
# What makes a session: the lengths of its calls, and which came in which order.
shapes="SELECT group_concat(n, ' ') AS shape, count(*) AS calls FROM (SELECT session, turn || ':' || input_tokens || ':' || output_tokens AS n
    FROM request WHERE session IS NOT NULL ORDER BY session, turn, n) GROUP BY session"
is "half: sessions as they were" "1 1 0" "$(sqlite3 -separator ' ' half.db "ATTACH 'again.db' AS a; WITH m AS ($shapes), o AS (${shapes/FROM request/FROM a.request})
    SELECT count(*) > 0.3 * (SELECT count(*) FROM o), count(*) < 0.7 * (SELECT count(*) FROM o), sum(shape NOT IN (SELECT shape FROM o)) FROM m")"
is "... and the rest as well" 1 "$(sqlite3 half.db "ATTACH 'again.db' AS a; SELECT count(*) BETWEEN 0.3 * o AND 0.7 * o FROM request, (SELECT count(*) AS o FROM a.request
    WHERE session IS NULL) WHERE session IS NULL")"
is "2.5 times: each session twice or three times" "0 1 1" "$(sqlite3 -separator ' ' more.db "ATTACH 'again.db' AS a; WITH m AS ($shapes), o AS (${shapes/FROM request/FROM a.request}),
    c AS (SELECT o.shape, (SELECT count(*) FROM o p WHERE p.shape = o.shape) AS one, (SELECT count(*) FROM m WHERE m.shape = o.shape) AS now FROM o)
    SELECT (SELECT sum(shape NOT IN (SELECT shape FROM o)) FROM m) + sum(now NOT BETWEEN 2 * one AND 3 * one), sum(now = 2 * one) > 20, sum(now = 3 * one) > 20 FROM c")"
is "... with blocks of their own" "3 0" "$(sqlite3 -separator ' ' more.db "ATTACH 'again.db' AS a; WITH s AS (SELECT max(session) + 1 AS n FROM a.request),
    c AS (SELECT DISTINCT q.session / s.n AS copy, k.first FROM s, content k JOIN request q ON q.id = k.request WHERE q.session IS NOT NULL)
    SELECT count(DISTINCT copy), count(*) - count(DISTINCT first) FROM c")"
is "... conserved" "" "$(sqlite3 more.db "SELECT name FROM v_conservation WHERE NOT ok"; sqlite3 half.db "SELECT name FROM v_conservation WHERE NOT ok")"

# A closed loop, and a replay of its trace in closed order; the two are alike in work.
"$TIERSIM" run drawn.ini -q -o loop.db "${vary[@]}" -s workload.arrivals=closed_loop -s workload.concurrency=5
"$TIERSIM" export --trace loop.db -o - > loop.jsonl
"$TIERSIM" run again.ini -q -o loop2.db -s workload.trace=loop.jsonl
but_ids="SELECT session, turn, class, replica, input_tokens, t_arrive_ns, t_end_ns, hit_tokens FROM request ORDER BY 1, 2, 3, 5, 6"
is "a closed loop, replayed by its times: the same run, but for the order of arrivals at one instant" \
    "$(sqlite3 loop.db "$but_ids")" "$(sqlite3 loop2.db "$but_ids")"
"$TIERSIM" run again.ini -q -o loop3.db -s workload.trace=loop.jsonl -s workload.trace_order=closed -s workload.concurrency=5
is "... in closed order: the same work" "$(sqlite3 loop.db "$work")" "$(sqlite3 loop3.db "$work")"

# Calls that are given up and tried again; a horizon.
"$TIERSIM" run drawn.ini -q -o late.db "${vary[@]}" -s "class chat.timeout_e2el=350ms" -s "class chat.retries=4" -s run.horizon=60s
"$TIERSIM" export --trace late.db -o late.jsonl 2> err
is "what a horizon cut off is told" 1 "$(grep -c "calls of agents' tasks that had not ended are left out" err)"
is "calls, not attempts" "$(sqlite3 late.db "SELECT count(*) FROM request WHERE attempt = 0 AND class > 0")" \
    "$(grep -c '"class": "\(chat\|plain\)"' late.jsonl)"
is "... the next of a session after the last attempt's end" \
    "$(sqlite3 late.db "SELECT count(*) > 0, sum(q.t_arrive_ns - p.t) FROM request q JOIN (SELECT session, turn, max(t_end_ns) AS t, count(*) AS n
        FROM request GROUP BY 1, 2) p ON p.session = q.session AND p.turn = q.turn - 1 WHERE q.attempt = 0 AND q.class = 1 AND p.n > 1")" \
    "$(sqlite3 late.db "SELECT c.id FROM request c JOIN (SELECT session, turn FROM request WHERE class = 1 GROUP BY 1, 2 HAVING count(*) > 1) p
        ON p.session = c.session AND p.turn = c.turn - 1 WHERE c.attempt = 0" | sed 's/.*/"id": &,/' | grep -F -f - late.jsonl |
        sed 's/.*"gap_ns": \([0-9]*\).*/\1/' | awk '{ s += $1; n++ } END { printf "%d|%d", (n > 0), s }')"
"$TIERSIM" run again.ini -q -o late2.db -s workload.trace=late.jsonl
is "... all of which replay" "$(($(wc -l < late.jsonl) - 1))" "$(sqlite3 late2.db "SELECT count(*) FROM request")"

# refused NAME WANT LINE...: a trace of these lines after the first two.
refused() {
    local name=$1 want=$2
    shift 2
    { head -1 drawn.jsonl; printf '%s\n' "$@"; } > bad.jsonl
    "$TIERSIM" run again.ini -q --force -o bad.db -s workload.trace=bad.jsonl > /dev/null 2> err && echo "# it ran" >> err
    is "refused: $name" 1 "$(grep -c "$want" err)"
}
row='"t_ns": 5, "input_tokens": 10, "output_tokens": 5'
refused "no JSON" 'bad.jsonl:2: bad JSON' 'hello'
refused "tokens missing" 'bad.jsonl:2: output_tokens is missing' '{"id": 0, "t_ns": 1, "input_tokens": 5}'
refused "no parent" 'id 1: a parent is no row of its graph' "{\"id\": 0, $row}" "{\"id\": 1, \"step\": 1, \"parents\": [7], $row}"
refused "a child first" 'bad.jsonl:2: a row with parents comes before' "{\"id\": 1, \"step\": 1, \"parents\": [0], $row}"
refused "time goes back" 'bad.jsonl:3: t_ns is before' "{\"id\": 0, $row}" '{"id": 1, "t_ns": 4, "input_tokens": 10, "output_tokens": 5}'
refused "too many blocks" 'bad.jsonl:2: blocks holds' "{\"id\": 0, $row, \"prompt_blocks\": 1, \"blocks\": [[5, 2]]}"
refused "an unknown class" 'is of a class "nobody"' "{\"id\": 0, $row, \"class\": \"nobody\"}"
refused "a tool of nothing" 'bad.jsonl:2: tool without parents' "{\"id\": 0, $row, \"tool\": \"shell\"}"
refused "a key nearly known" 'bad.jsonl:3: there is no key "gap_n"; did you mean gap_ns?' "{\"id\": 0, $row}" "{\"id\": 1, \"gap_n\": 4, $row}"
refused "a key unknown" 'bad.jsonl:2: there is no key "walrus" (want' "{\"id\": 0, \"walrus\": 4, $row}"
refused "an id twice in a graph" 'bad.jsonl:4: id 1 is there twice since the last row without parents' "{\"id\": 0, $row}" \
    "{\"id\": 1, \"step\": 1, \"parents\": [0], $row}" "{\"id\": 1, \"step\": 1, \"parents\": [0], $row}"
# Ids of a graph of 300 rows, all but one its own; the next graph may have the same.
wide() { # LAST ID
    echo '{"tiersim_trace": 1, "block_tokens": 16}'
    for graph in 1 2; do
        echo "{\"id\": 0, $row}"
        seq -f "{\"id\": %.0f, \"step\": 1, \"parents\": [0], $row}" 7 7 2093
    done
    echo "{\"id\": $1, \"step\": 1, \"parents\": [0], $row}"
}
wide 1 > wide.jsonl
"$TIERSIM" run again.ini -q --force -o bad.db -s workload.trace=wide.jsonl
is "ids of another graph are no matter" 601 "$(sqlite3 bad.db 'SELECT count(*) FROM request')"
wide 7 > wide.jsonl
"$TIERSIM" run again.ini -q --force -o bad.db -s workload.trace=wide.jsonl 2> err || true
is "... of its own, far above, are" 1 "$(grep -c 'wide.jsonl:602: id 7 is there twice' err)"
echo '{"tiersim_trace": 1, "block_token": 16}' > first.jsonl
"$TIERSIM" run again.ini -q --force -o bad.db -s workload.trace=first.jsonl 2> err || true
is "refused: a key of the first line" 1 "$(grep -c 'first.jsonl:1: there is no key "block_token"; did you mean block_tokens?' err)"

a='"agent": "x", "task": 0, "branch":' b='"agent": "x", "task": 1, "branch":'
root="{\"id\": 0, $row, $a 0}"
refused "an agent here and there" 'id 1: either it or the first' "$root" "{\"id\": 1, \"step\": 1, \"parents\": [0], $row}"
refused "a sub-agent of nobody" 'id 0: it waits for no call, but is of a sub' "{\"id\": 0, $row, $a 1}"
refused "two that follow one call" 'id 2: its first parent is not the call before' "$root" "{\"id\": 1, \"step\": 1, \"parents\": [0], $row, $a 0}" \
    "{\"id\": 2, \"step\": 2, \"parents\": [0], $row, $a 0}"
refused "a gap within a task" 'id 1: it has gap_ns' "$root" "{\"id\": 1, \"step\": 1, \"parents\": [0], \"gap_ns\": 5, $row, $a 0}"
refused "a sub-agent that is not waited for" 'id 2: not all sub-agents' "$root" "{\"id\": 1, \"step\": 1, \"parents\": [0], $row, $a 1}" \
    "{\"id\": 2, \"step\": 2, \"parents\": [0], $row, $a 0}"
refused "another's sub-agent" 'id 2: a parent is not the last call of a sub' "$root" "{\"id\": 1, \"step\": 1, \"parents\": [0], $row, $a 1}" \
    "{\"id\": 2, \"step\": 2, \"parents\": [0, 0], $row, $a 0}"
refused "a branch that has ended" 'id 3: its branch had ended' "$root" "{\"id\": 1, \"step\": 1, \"parents\": [0], $row, $a 1}" \
    "{\"id\": 2, \"step\": 2, \"parents\": [0, 1], $row, $a 0}" "{\"id\": 3, \"step\": 3, \"parents\": [1], $row, $a 1}"
refused "a task beside another" 'id 2: the first call of a branch waits for one' "$root" "{\"id\": 1, \"step\": 1, \"parents\": [0], $row, $a 0}" \
    "{\"id\": 2, \"step\": 2, \"parents\": [0], $row, $b 0}"
refused "more calls of tools than names" 'bad.jsonl:3: tool_calls are not as many' "$root" \
    "{\"id\": 1, \"step\": 1, \"parents\": [0], \"tool\": \"t\", \"tool_ns\": 5, \"tool_calls\": [[5, 1, 0, 9], [5, 1, 0, 9]], $row, $a 0}"
refused "a tool that takes longer than all" 'bad.jsonl:3: tool_calls holds something else' "$root" \
    "{\"id\": 1, \"step\": 1, \"parents\": [0], \"tool\": \"t\", \"tool_ns\": 5, \"tool_calls\": [[6, 1, 0, 9]], $row, $a 0}"

# no_csv NAME WANT LINE...: a file of these lines.
no_csv() {
    local name=$1 want=$2
    shift 2
    printf '%s\n' "$@" > bad.csv
    "$TIERSIM" run again.ini -q --force -o bad.db -s workload.trace=bad.csv > /dev/null 2> err && echo "# it ran" >> err
    is "refused, CSV: $name" 1 "$(grep -c "$want" err)"
}
few=id,t_ns,input_tokens,output_tokens
all=$few,step,parents,block_tokens,prompt_blocks,blocks
no_csv "no column" 'bad.csv:1: the first line .* no trace format known' id,t_ns,input_tokens 0,0,1
no_csv "a column nearly known" 'bad.csv:1: there is no column "tool_n"; did you mean tool_ns?' $few,tool_n 0,0,1,1,
no_csv "a column unknown" 'bad.csv:1: there is no column "walrus" (want' $few,walrus 0,0,1,1,
no_csv "an id twice" 'bad.csv:3: id 0 is there twice' $few,step,parents 0,0,9,1,, 0,0,9,1,1,0
no_csv "blocks of no size" 'bad.csv:1: the header has blocks, but no block_tokens' $few,blocks 0,0,1,1,
no_csv "a size of no block" 'bad.csv:2: block_tokens "" is no size' $few,block_tokens 0,0,1,1,
no_csv "two sizes" 'bad.csv:3: block_tokens "8" is not that of the first row' $few,block_tokens 0,0,1,1,16 1,0,1,1,8
no_csv "fields" 'bad.csv:2: 3 fields, but the header has 4' $few 0,0,1
no_csv "an empty number" 'bad.csv:3: output_tokens is missing' $few 0,0,1,1 1,0,1,
no_csv "no number" 'bad.csv:2: t_ns is no whole number from 0' $few 0,1.5,1,1
no_csv "too large" 'bad.csv:2: id is no whole number from 0' $few 18446744073709551617,1,1,1
no_csv "time goes back" 'bad.csv:3: t_ns is before' $few 0,5,1,1 1,4,1,1
no_csv "parents" 'bad.csv:3: parents holds something else' $all 0,0,9,1,,,16,, '1,0,9,1,1,0 x,16,,'
no_csv "a space at their end" 'bad.csv:3: parents holds something else' $all 0,0,9,1,,,16,, '1,0,9,1,1,0 ,16,,'
no_csv "two spaces" 'bad.csv:3: parents holds something else' $all 0,0,9,1,,,16,, '1,0,9,1,1,0  0,16,,'
no_csv "no parent" 'id 1: a parent is no row of its graph' $all 0,0,9,1,,,16,, 1,0,9,1,1,7,16,,
no_csv "runs" 'bad.csv:2: blocks holds something else' $all 0,0,9,1,,,16,1,5
no_csv "too many blocks" 'bad.csv:2: blocks holds' $all '0,0,9,1,,,16,1,5:1 7:1'
no_csv "blocks of what" 'bad.csv:2: prompt_blocks is missing' $all 0,0,9,1,,,16,,5:1
"$TIERSIM" run drawn.ini -q --force -o step.db -s run.log=step -s workload.requests=5
"$TIERSIM" export --trace step.db -o step.jsonl 2> err || true
is "refused: a log that does not tell the content" 1 "$(grep -c 'want run.log = all' err)"
"$TIERSIM" export --trace bare.db -o x.jsonl 2> err || true
is "refused: a replay's own calls" 1 "$(grep -c 'calls of a session overlap' err)"
exit $failed
