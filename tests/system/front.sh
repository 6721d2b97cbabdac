#!/usr/bin/env bash
# front.sh - the front end against its recurrence (world.h), recomputed by SQL to the ns; data-parallel ranks share a step;
# prefill_first computes prompts apart from decodes; when a server looks at the requests that came, by hand and by a twin in SQL.
# Needs TIERSIM and srcdir from the environment.
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

# Steps of 1 us: a request is admitted within one of them after it came to the queue.
cat > "$scratch/front.ini" << 'END'
[run]
seed = 5

[gpu]
preset = h100

[model]
preset = llama-3.1-8b

[engine]
preset = vllm
request_latency = 3ms
request_service = 1ms
token_service = 2us

[replica]
count = 3
cost = fixed
step_time = 1us

[scheduler]
max_num_seqs = 64

[workload]
arrivals = poisson
rate = 700/s
requests = 3000

[class all]
input = uniform
input_low = 1
input_high = 1000
output = constant
output_tokens = 40
END

run() { # ARGUMENT...
    "$TIERSIM" run "$scratch/front.ini" -q --force -o "$scratch/front.db" "$@"
}
ask() { # SQL: one row of 1s when all is well
    sqlite3 -batch -separator ' ' "$scratch/front.db" "$1"
}
expect() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then
        echo "ok - $1"
    else
        echo "not ok - $1 (want $2, got $3)"
        failed=1
    fi
}

# With S the sum of services so far, the end of service i is S_i + max over j <= i of (routed_j - S_(j-1)).
recurrence="WITH k(latency, service, token) AS (SELECT
        max(CASE key WHEN 'engine.request_latency' THEN value_num END) * 1e9,
        max(CASE key WHEN 'engine.request_service' THEN value_num END) * 1e9,
        max(CASE key WHEN 'engine.token_service' THEN value_num END) * 1e9 FROM run_param),
    a AS (SELECT t.replica, q.t_admit_ns, t.t_ns, q.id,
        CAST(round(service + token * q.input_tokens) AS INTEGER) AS own, CAST(round(latency) AS INTEGER) AS latency
        FROM k, route t JOIN request q ON q.id = t.request),
    s AS (SELECT *, sum(own) OVER (PARTITION BY replica ORDER BY t_ns, id) AS total FROM a),
    f AS (SELECT t_admit_ns, t_ns, own, latency, total + max(t_ns - (total - own)) OVER (PARTITION BY replica ORDER BY t_ns, id)
        AS served FROM s)
    SELECT count(*), total(t_admit_ns - served - latency BETWEEN 0 AND 1000) = count(*), total(served > t_ns + own) > 100
    FROM f"
laws="SELECT count(*) > 10, min(ok) FROM v_conservation"

run
expect "front end: one after the other, then side by side" "3000 1 1" "$(ask "$recurrence")"
expect "front end: conservation" "1 1" "$(ask "$laws")"
run -s router.policy=central_queue -s scheduler.max_num_seqs=2
expect "front end: after the hold in a central queue" "3000 1 1" "$(ask "${recurrence/> 100/>= 0}")"
expect "front end: some requests were held" 1 "$(ask "SELECT count(*) > 100 FROM route t JOIN request q ON q.id = t.request
    WHERE t.t_ns > q.t_arrive_ns")"
expect "front end, central queue: conservation" "1 1" "$(ask "$laws")"
run -s run.horizon=2s -s engine.request_service=10ms
expect "front end: cut at the horizon, its requests count as waiting" "1 1 1" \
    "$(ask "SELECT count(*) > 100, (SELECT min(ok) FROM v_conservation), (SELECT count(*) > 0 FROM route) FROM request
        WHERE status = 'waiting'")"
if run -s engine.token_service=1s -s "class all.input_low=100000" -s "class all.input_high=100000" -s replica.count=1 \
    -s workload.requests=100000 -s run.log=summary 2> "$scratch/err"; then
    expect "front end: beyond the clock's end the run fails" failed passed
else
    expect "front end: beyond the clock's end the run fails" 1 "$(grep -c 'front end of replica' "$scratch/err")"
fi
zero=(-s engine.request_latency=0s -s engine.request_service=0s -s engine.token_service=0s)

# Steps of 1 ms and nobody preempted: the first token is seen with the 10th, 9 steps after the prompt's, or with the last; other
# times and the work are as without. Prompts under way and paused decodes put the 10th token off.
for policy in continuous prefill_first; do
    fixed=("${zero[@]}" -s replica.cost=fixed -s replica.step_time=1ms -s workload.rate=400/s -s "scheduler.policy=$policy"
        -s "class all.output=uniform" -s "class all.output_low=1" -s "class all.output_high=40" -s replica.count=1)
    run "${fixed[@]}"
    cp "$scratch/front.db" "$scratch/each.db"
    run "${fixed[@]}" -s engine.stream_interval=10
    expect "stream interval, $policy: first tokens are held, ends are not" "3000 1 1 1 1" "$(ask "ATTACH '$scratch/each.db' AS e;
        SELECT count(*), sum(r.t_end_ns = q.t_end_ns) = count(*),
        sum(r.output_tokens > 10 OR r.t_first_ns = r.t_end_ns) = count(*),
        sum(r.output_tokens <= 10 OR r.t_first_ns = (SELECT t_end_ns FROM step WHERE n_decode > 0 AND t_start_ns >= q.t_first_ns
            ORDER BY t_start_ns LIMIT 1 OFFSET 8)) = count(*), (SELECT count(*) FROM first_token) = count(*)
        FROM request r JOIN e.request q ON q.id = r.id")"
    expect "stream interval, $policy: conservation" "1 1" "$(ask "$laws")"
done

# Who is preempted before its first token was seen is seen later, once, and no later than with its 30th token.
run "${zero[@]}" -s replica.count=1 -s replica.cost=fixed -s replica.step_time=1ms -s engine.stream_interval=30 \
    -s replica.memory_fraction=0.21 -s workload.requests=300
expect "stream interval: preempted" "1 1 1" "$(ask "SELECT (SELECT count(*) > 5 FROM preempt p JOIN request r ON r.id = p.request
        WHERE p.t_ns < r.t_first_ns), (SELECT count(DISTINCT request) = 300 AND count(*) = 300 FROM first_token),
    sum(t_first_ns >= t_admit_ns + 30000000 AND t_end_ns >= t_first_ns + 10000000) = 300 FROM request")"

run "${zero[@]}" -s replica.count=1 -s replica.dp=2 -s scheduler.max_num_seqs=4 -s workload.rate=200000/s
expect "dp 2: the limits of two ranks" 8 "$(ask "SELECT max(n_running) FROM step")"

# Prompts alone; the mean gap of a step's decodes makes the total of all gaps that of the requests.
run "${zero[@]}" -s scheduler.policy=prefill_first -s replica.cost=fixed -s replica.step_time=1ms -s workload.rate=500/s
expect "prefill_first: no step has both prompts and decodes" 0 \
    "$(ask "SELECT count(*) FROM step WHERE n_decode > 0 AND n_prefill > 0")"
expect "prefill_first: gaps add up to the time between first and last tokens" "1 1" \
    "$(ask "SELECT (SELECT sum(n_decode * gap_ns) FROM step WHERE n_decode > 0) - sum(t_end_ns - t_first_ns)
        BETWEEN 0 AND (SELECT sum(n_decode) FROM step), (SELECT sum(n_decode) FROM step) = sum(output_tokens - 1) FROM request")"
expect "prefill_first: conservation" "1 1" "$(ask "$laws")"

# Who is seen when, by hand: steps of 1 ms, seven requests, the first of 60 tokens, the last alone; admissions in 0.1 ms.
# Every 10 steps: looks at 0 (nothing ran), 1 (after a prompt), 11, 12, 13, 14, 24, 25, 35, ...
# For 2 ranks or after 10 steps: at 12 and 15 there are 2, and one has waited from 31 to 40.
cat > "$scratch/seven.csv" << 'END'
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:00:00.0000000,5,60
2023-11-16 18:00:00.0035000,5,5
2023-11-16 18:00:00.0115000,5,5
2023-11-16 18:00:00.0125000,5,5
2023-11-16 18:00:00.0145000,5,5
2023-11-16 18:00:00.0305000,5,5
2023-11-16 18:00:00.5002000,5,5
END
millisecond=("${zero[@]}" -s replica.count=1 -s replica.cost=fixed -s replica.step_time=1ms)
seven() { # NAME WANT ARGUMENT...
    run "${millisecond[@]}" -s workload.arrivals=trace -s "workload.trace=$scratch/seven.csv" -s "class all.input=trace" \
        -s "class all.output=trace" "${@:3}"
    expect "$1, by hand" "$2 1" "$(ask "SELECT group_concat(t_admit_ns / 100000, ' '), sum(t_first_ns = t_admit_ns + 1000000) = 7
        FROM (SELECT * FROM request ORDER BY id)")"
}
at_once="0 40 120 130 150 310 5002"
seven "receive interval 1" "$at_once"
seven "receive interval 10" "0 110 120 130 240 350 5002" -s engine.receive_interval=10
seven "balance timeout 10" "0 120 120 150 150 400 5002" -s replica.dp=2 -s engine.balance_timeout=10
seven "balance timeout 0" "$at_once" -s replica.dp=2 -s engine.balance_timeout=0
seven "balance timeout of one rank" "$at_once" -s engine.balance_timeout=10
seven "balance timeout of one rank, receive interval 10" "0 110 120 130 240 350 5002" -s engine.balance_timeout=10 \
    -s engine.receive_interval=10
# More of them, or 10 steps: the first waits at 4 to 13. With a share of 11 tokens two prompts are enough, beside a decode or three.
seven "batch wait 10" "0 140 140 140 250 410 5002" -s engine.batch_wait_timeout=10
seven "batch wait 10, a share of 11 tokens" "0 120 120 150 150 410 5002" -s engine.batch_wait_timeout=10 \
    -s scheduler.max_num_seqs=100 -s scheduler.max_num_batched_tokens=1000 -s engine.batch_wait_share=0.0115
seven "batch wait of two ranks" "$at_once" -s replica.dp=2 -s engine.batch_wait_timeout=10

# The same rules over whole runs: a request is admitted in the first step at or after its arrival that looks. How often each rule
# made one look, and how many requests waited for longer than a step.
steps="CREATE TEMP TABLE s AS SELECT t_start_ns AS t, lag(n_prefill, 1, 0) OVER w > 0 AS prompts, row_number() OVER w AS i,
        NOT EXISTS (SELECT 1 FROM request WHERE t_admit_ns < t_start_ns AND t_end_ns > t_start_ns) AS idle
        FROM step WINDOW w AS (ORDER BY t_start_ns);
    CREATE INDEX temp.by_i ON s(i); CREATE INDEX temp.by_t ON s(t);
    CREATE TEMP TABLE a AS SELECT t_arrive_ns AS t FROM request; CREATE INDEX temp.arrived ON a(t);"
interval() { # STEPS: l(t, why)
    echo "$steps CREATE TEMP TABLE l AS WITH RECURSIVE c(i, n, t, why) AS (SELECT 0, 0, -1, NULL UNION ALL
        SELECT s.i, CASE WHEN s.idle OR s.prompts OR n + 1 >= $1 THEN 0 ELSE n + 1 END, s.t,
            CASE WHEN s.idle THEN 'idle' WHEN s.prompts THEN 'early' WHEN n + 1 >= $1 THEN 'late' END
        FROM c JOIN s ON s.i = c.i + 1) SELECT t, why FROM c WHERE why IS NOT NULL;"
}
timeout() { # STEPS, of two ranks: l(t, why)
    local seen="iif(c.why IS NULL, c.seen, c.t)" # when it looked last
    echo "$steps CREATE TEMP TABLE l AS WITH RECURSIVE c(i, seen, t, why) AS (SELECT 0, -1, -1, NULL UNION ALL
        SELECT s.i, $seen, s.t,
            CASE WHEN s.idle THEN 'idle' WHEN (SELECT count(*) FROM a WHERE a.t > $seen AND a.t <= s.t) >= 2 THEN 'early'
                WHEN (SELECT count(*) FROM s x WHERE x.t <= s.t AND x.t >= (SELECT min(a.t) FROM a WHERE a.t > $seen)) >= $1
                THEN 'late' END
        FROM c JOIN s ON s.i = c.i + 1) SELECT t, why FROM c WHERE why IS NOT NULL;"
}
seen="CREATE INDEX temp.looks ON l(t); SELECT sum(t_admit_ns = (SELECT min(t) FROM l WHERE t >= t_arrive_ns)) = count(*),
    sum(t_admit_ns - t_arrive_ns > 1000000) > 100, (SELECT sum(why = 'idle') > 5 AND sum(why = 'early') > 5 AND sum(why = 'late') > 5
    FROM l), (SELECT min(ok) FROM v_conservation) FROM request"
four=("${millisecond[@]}" -s workload.requests=600 -s "class all.output=uniform" -s "class all.output_low=1" -s "class all.output_high=40")
loop=(-s workload.arrivals=closed_loop -s workload.concurrency=4 -s workload.think=40ms -s workload.think_dist=exponential)
for policy in continuous prefill_first; do
    run "${four[@]}" "${loop[@]}" -s "scheduler.policy=$policy" -s engine.receive_interval=10
    expect "receive interval, $policy: a closed loop's twin" "1 1 1 1" "$(ask "$(interval 10) $seen")"
    run "${four[@]}" "${loop[@]}" -s "scheduler.policy=$policy" -s engine.balance_timeout=7 -s replica.dp=2
    expect "balance timeout, $policy: a closed loop's twin" "1 1 1 1" "$(ask "$(timeout 7) $seen")"
done
run "${four[@]}" -s workload.rate=70/s -s engine.receive_interval=30
expect "receive interval: a Poisson process's twin" "1 1 1 1" "$(ask "$(interval 30) $seen")"

# The preempted are not hidden: where all come at once, neither rule changes anything.
all=("${zero[@]}" -s replica.count=1 -s replica.cost=fixed -s replica.step_time=1ms -s replica.memory_fraction=0.21 -s replica.dp=2
    -s workload.arrivals=closed_loop -s workload.concurrency=300 -s workload.requests=300)
run "${all[@]}"
expect "preempted: there are some" 1 "$(ask "SELECT count(*) > 5 FROM preempt")"
want=$(ask "SELECT fingerprint FROM run")
run "${all[@]}" -s engine.receive_interval=1000000
expect "preempted: seen, whatever the receive interval" "$want" "$(ask "SELECT fingerprint FROM run")"
run "${all[@]}" -s engine.balance_timeout=1000000
expect "preempted: seen, whatever the balance timeout" "$want" "$(ask "SELECT fingerprint FROM run")"
run "${all[@]}" -s replica.dp=1
expect "preempted: there are some of one rank" 1 "$(ask "SELECT count(*) > 5 FROM preempt")"
want=$(ask "SELECT fingerprint FROM run")
run "${all[@]}" -s replica.dp=1 -s engine.batch_wait_timeout=1000000
expect "preempted: seen, whatever the batch wait" "$want" "$(ask "SELECT fingerprint FROM run")"
exit $failed
