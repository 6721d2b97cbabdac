#!/usr/bin/env bash
# front.sh - the front end against its recurrence (world.h), recomputed by SQL to the ns; data-parallel ranks share a step;
# prefill_first computes prompts apart from decodes. Needs TIERSIM and srcdir from the environment.
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
exit $failed
