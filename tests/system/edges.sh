#!/usr/bin/env bash
# edges.sh - small scenarios at the edges of what is allowed, whose results are known without a simulator: every step takes
# 10 ms. Each also keeps every conservation law.
# Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
db=$scratch/e.db

scenario() { # WORKLOAD CLASS: lines with commas between them
    cat << 'END'
[gpu]
preset = h100

[model]
preset = llama-3.1-8b

; No front end, no overheads: what arrives is queued at once.
[engine]
step_overhead = 0s
seq_overhead = 0s

[replica]
cost = fixed
step_time = 10ms

[workload]
END
    printf '%s\n[class all]\n%s\n' "${1//,/$'\n'}" "${2//,/$'\n'}"
}
lengths() { echo "input=constant,input_tokens=$1,output=constant,output_tokens=$2"; }

# edge NAME WORKLOAD CLASS WANT SQL ARGUMENT...
edge() {
    local name=$1 want=$4 sql=$5 got
    scenario "$2" "$3" > "$scratch/e.ini"
    shift 5
    got=$("$TIERSIM" run "$scratch/e.ini" -q --force -o "$db" "$@" 2>&1) &&
        got=$(sqlite3 -batch -separator ' ' "$db" "$sql; SELECT 'broken law: ' || name FROM v_conservation WHERE NOT ok")
    if [ "$got" = "$want" ]; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        printf '# want: %s\n# got:  %s\n' "$want" "$got"
        failed=1
    fi
}

ended="SELECT (SELECT count(*) FROM request WHERE status = 'completed'), (SELECT count(*) FROM request WHERE status = 'rejected')"
one="arrivals=deterministic,rate=1/s,requests=1"
at_once() { echo "arrivals=closed_loop,concurrency=$1,requests=$1"; }

# ---- what can never fit ----
edge "a request as long as the context is served" "$one" "$(lengths 131062 10)" "1 0" "$ended"
edge "one token more is rejected" "$one" "$(lengths 131063 10)" "0 1" "$ended"
small=(-s replica.memory_fraction=0.3 -s replica.kv_block_tokens=16)
edge "a small cache" "$one" "$(lengths 1 1)" "1 0" "$ended" "${small[@]}"
room=$(sqlite3 "$db" "SELECT kv_blocks * 16 FROM replica")
edge "a request that fills the cache is served: its last token has no KV" "$one" "$(lengths $((room - 9)) 10)" "1 0" "$ended" "${small[@]}"
edge "... also when the class says that it never has less" "$one" "$(lengths 1 10),input_min=$((room - 9)),output_min=10" "1 0" \
    "$ended" "${small[@]}"
edge "one token more is rejected there too" "$one" "$(lengths $((room - 8)) 10)" "0 1" "$ended" "${small[@]}"
edge "... and it counts as failed" "$one" "$(lengths $((room - 8)) 10)" "1.0 0.0" \
    "SELECT (SELECT value FROM metric WHERE name = 'failed' AND class IS NULL), (SELECT value FROM metric WHERE name = 'completed' AND class IS NULL)" "${small[@]}"

# ---- one instant ----
edge "a request that arrives as a step ends is in the next one" "arrivals=deterministic,rate=100/s,requests=5" "$(lengths 1 2)" \
    "5 10 20" "SELECT count(*), max(t_first_ns - t_arrive_ns) / 1000000, max(t_end_ns - t_arrive_ns) / 1000000 FROM request"
edge "a step ends before the request that arrives with it is routed" "arrivals=deterministic,rate=100/s,requests=5" \
    "$(lengths 1 1)" "5 0" "SELECT count(*), max(replica) FROM request" -s replica.count=2 -s router.policy=least_requests
edge "requests of one instant share a step" "$(at_once 50)" "$(lengths 10 3)" "50 30 50" \
    "SELECT count(*), max(t_end_ns) / 1000000, (SELECT max(n_decode) FROM step) FROM request"
edge "a nanosecond between arrivals" "arrivals=deterministic,rate=1000000000/s,requests=500" "$(lengths 10 3)" "500 0" \
    "SELECT count(*), sum(t_arrive_ns <> id + 1) FROM request"

# ---- budget and slots ----
edge "a budget of one token: a step for each token of the prompt" "$one" "$(lengths 100 5)" "1000 1040" \
    "SELECT (t_first_ns - t_arrive_ns) / 1000000, (t_end_ns - t_arrive_ns) / 1000000 FROM request" \
    -s scheduler.max_num_seqs=1 -s scheduler.max_num_batched_tokens=1
edge "a prompt is cut to the budget" "$one" "$(lengths 100 1)" "4 30 10" \
    "SELECT count(*), max(tokens), min(tokens) FROM prefill" -s scheduler.max_num_seqs=1 -s scheduler.max_num_batched_tokens=30
edge "whole prompts: one that does not fit into what is left waits" "$(at_once 3)" "$(lengths 40 1),input_max=40,output_max=1" "0 0 10" \
    "SELECT group_concat(t_admit_ns / 1000000, ' ') FROM (SELECT * FROM request ORDER BY id)" \
    -s scheduler.chunked_prefill=no -s scheduler.max_num_seqs=8 -s scheduler.max_num_batched_tokens=100
{
    echo "TIMESTAMP,ContextTokens,GeneratedTokens"
    for _ in $(seq 30); do echo "2023-11-16 18:15:46.0000000,1,20"; done
    echo "2023-11-16 18:15:46.0000000,40,20"
} > "$scratch/t.csv"
edge "... also when decodes have taken what it lacks, not a prompt" "arrivals=trace,trace=$scratch/t.csv" \
    "input=trace,output=trace,input_max=40,output_max=20" "0 200" \
    "SELECT max(t_admit_ns) FILTER (WHERE id < 30), max(t_admit_ns) FILTER (WHERE id = 30) / 1000000 FROM request" \
    -s scheduler.chunked_prefill=no -s scheduler.max_num_seqs=40 -s scheduler.max_num_batched_tokens=60
edge "one slot: one after the other" "$(at_once 4)" "$(lengths 7 5)" "0 50 100 150" \
    "SELECT group_concat(t_admit_ns / 1000000, ' ') FROM (SELECT * FROM request ORDER BY id)" -s scheduler.max_num_seqs=1
edge "blocks of one token" "$one" "$(lengths 33 5)" "37 37" \
    "SELECT max(kv_blocks), (SELECT value FROM counter WHERE name = 'kv_blocks_freed') FROM step" -s replica.kv_block_tokens=1
edge "an answer of one token: no TPOT, end at the first token" "$one" "$(lengths 33 1)" "1 1 0" \
    "SELECT count(*), sum(t_end_ns = t_first_ns), (SELECT count(value) FROM metric WHERE name = 'mean_tpot_ms') FROM request"

# ---- static batches ----
edge "static: the next batch begins when all of this one have ended" "$(at_once 12)" \
    "input=constant,input_tokens=5,output=uniform,output_low=1,output_high=9" "12 1 1" \
    "SELECT count(*), max(t_admit_ns) FILTER (WHERE id BETWEEN 4 AND 7) = max(t_end_ns) FILTER (WHERE id < 4) AND
            min(t_admit_ns) FILTER (WHERE id BETWEEN 4 AND 7) = max(t_end_ns) FILTER (WHERE id < 4),
            min(t_admit_ns) FILTER (WHERE id > 7) = max(t_end_ns) FILTER (WHERE id < 8) FROM request" \
    -s scheduler.policy=static -s scheduler.max_num_seqs=4
edge "static: only whole prompts that fit are taken" "$(at_once 4)" "$(lengths $((room * 38 / 100)) 10)" "4 2 0" \
    "SELECT count(*), sum(t_admit_ns = 0), sum(preemptions) FROM request" "${small[@]}" -s scheduler.policy=static

edge "static, whole prompts: as many as fit into one step" "$(at_once 5)" "$(lengths 40 3),input_max=40,output_max=3" "0 0 30 30 60" \
    "SELECT group_concat(t_admit_ns / 1000000, ' ') FROM (SELECT * FROM request ORDER BY id)" \
    -s scheduler.policy=static -s scheduler.chunked_prefill=no -s scheduler.max_num_seqs=8 -s scheduler.max_num_batched_tokens=100

# ---- closed loops ----
edge "closed loop: each user thinks, then asks again" "arrivals=closed_loop,concurrency=2,requests=6,think=30ms" "$(lengths 9 3)" \
    "0 0 60 60 120 120" "SELECT group_concat(t_arrive_ns / 1000000, ' ') FROM (SELECT * FROM request ORDER BY id)"
edge "closed loop: fewer requests than users" "arrivals=closed_loop,concurrency=1000,requests=10" "$(lengths 9 3)" "10 0 10.0" \
    "SELECT count(*), max(t_arrive_ns), (SELECT value FROM metric WHERE name = 'max_concurrent_requests') FROM request"
edge "closed loop: a rejected user asks again" "arrivals=closed_loop,concurrency=2,requests=9" "$(lengths 200000 3)" "0 9" "$ended"

# ---- ends ----
edge "a horizon before the first arrival" "arrivals=deterministic,rate=0.001/s" "$(lengths 9 3)" "0 1000 complete" \
    "SELECT (SELECT count(*) FROM request), t_end_ns, status FROM run" -s run.horizon=1us
edge "a horizon in mid-step: the step is not there, the request is" "arrivals=deterministic,rate=100/s" "$(lengths 9 3)" \
    "running 0 25000000 0" "SELECT status, generated_tokens, (SELECT t_end_ns FROM run), (SELECT count(*) FROM step) FROM request LIMIT 1" \
    -s run.horizon=25ms -s replica.step_time=20ms
edge "a warm-up beyond the end counts nothing" "arrivals=deterministic,rate=100/s,requests=5" "$(lengths 9 3)" "5 0.0 0.0" \
    "SELECT count(*), (SELECT value FROM metric WHERE name = 'completed' AND class IS NULL), (SELECT value FROM metric WHERE name = 'duration') FROM request" \
    -s run.warmup=1000s
edge "after N requests the run drains" "arrivals=deterministic,rate=1000/s,requests=5" "$(lengths 9 30)" "5 311000000" \
    "SELECT (SELECT count(*) FROM request WHERE status = 'completed'), t_end_ns FROM run"

# ---- routers ----
edge "10,000 replicas in turn" "arrivals=deterministic,rate=100000/s,requests=20000" "$(lengths 9 3)" "10000 2 2" \
    "SELECT count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM request GROUP BY replica)" -s replica.count=10000
edge "central queue: first come, first served" "arrivals=deterministic,rate=100/s,requests=60" \
    "input=constant,input_tokens=5,output=uniform,output_low=1,output_high=40" "60 0 3" \
    "SELECT count(*), sum(t_admit_ns < before), count(DISTINCT replica)
     FROM (SELECT *, lag(t_admit_ns) OVER (ORDER BY id) AS before FROM request)" \
    -s router.policy=central_queue -s replica.count=3 -s scheduler.max_num_seqs=1
cat > "$scratch/t.csv" << 'END'
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.0000000,10,1000
2023-11-16 18:15:46.0000001,20,1
2023-11-16 18:15:46.0000002,5,5
2023-11-16 18:15:46.0000003,1,1
2023-11-16 18:15:47.0000000,9,1
END
edge "least_tokens: prompts and what was generated, not what will be" "arrivals=trace,trace=$scratch/t.csv" "input=trace,output=trace" \
    "0 1 0 0 1" "SELECT group_concat(replica, ' ') FROM (SELECT * FROM request ORDER BY id)" \
    -s router.policy=least_tokens -s replica.count=2
edge "classes of weight 0 never come, the others by weight" \
    "arrivals=deterministic,rate=1000/s,requests=8000,[class none],weight=0,$(lengths 2 1),[class twice],weight=2,$(lengths 3 1),[class five],weight=5,$(lengths 4 1)" \
    "$(lengths 1 1)" "0 1 1 1" \
    "SELECT sum(input_tokens = 2), abs(sum(input_tokens = 1) - 1000) < 120, abs(sum(input_tokens = 3) - 2000) < 160,
            abs(sum(input_tokens = 4) - 5000) < 180 FROM request" -s scheduler.max_num_seqs=1000
exit $failed
