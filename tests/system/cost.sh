#!/usr/bin/env bash
# cost.sh - the roofline of dense models against DESIGN.md: every step of runs on several layouts, recomputed by SQL to the ns (cost.sql).
# Needs TIERSIM and srcdir from the environment.
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

cat > "$scratch/cost.ini" << 'END'
[run]
seed = 3

[gpu]
preset = h100

[model]
preset = llama-3.1-8b

[engine]
preset = vllm

[node]
gpus = 16

[replica]
count = 2

[workload]
arrivals = poisson
rate = 10/s
requests = 80

[class all]
input = uniform
input_low = 1
input_high = 9000
output = uniform
output_low = 1
output_high = 300
END

layout() { # NAME ARGUMENT...
    local name=$1 out off
    shift
    "$TIERSIM" run "$scratch/cost.ini" -q --force -o "$scratch/cost.db" "$@"
    out=$(sqlite3 -batch -separator ' ' "$scratch/cost.db" < "$srcdir/tests/system/cost.sql")
    read -r _ steps _ off _ mixed _ cut _ _ blocks <<< "$out"
    if [ "$steps" -gt 300 ] && [ "$off" -eq 0 ] && [ "$mixed" -gt 10 ] && [ "$cut" -gt 0 ] && [ "$blocks" -eq 0 ]; then
        echo "ok - $name: each step takes what DESIGN.md says ($out)"
    else
        echo "not ok - $name: each step takes what DESIGN.md says ($out)"
        failed=1
    fi
}
layout "8B, bf16, preempted" -s replica.memory_fraction=0.3 -s scheduler.max_num_batched_tokens=512
layout "70B, fp8 weights, tp 4" -s model.preset=llama-3.1-70b -s replica.tp=4 -s replica.dtype=fp8 -s engine.kernel_dispatch=60us
layout "70B on H200, fp8 KV, tp 8" -s gpu.preset=h200 -s model.preset=llama-3.1-70b -s replica.tp=8 -s replica.kv_dtype=fp8
layout "Qwen3 on B200, all fp8, tp 2, blocks of 32" -s gpu.preset=b200 -s model.preset=qwen3-32b -s replica.tp=2 \
    -s replica.dtype=fp8 -s replica.kv_dtype=fp8 -s replica.kv_block_tokens=32
layout "8B, tp 16: KV heads replicated, tied embeddings" -s gpu.preset=b200 -s replica.tp=16 -s model.tie_embeddings=yes
layout "8B, every figure of the engine given" -s engine.prefill_overhead=1ms -s engine.kernel_dispatch=60us \
    -s engine.gemm_scale=1.1 -s engine.gemm_flops_scale=1.2 -s engine.attention_scale=1.3 -s engine.prefill_scale=1.4 \
    -s engine.comm_scale=1.5 -s engine.launch_scale=0.8 -s replica.tp=2 -s scheduler.max_num_batched_tokens=512
layout "8B, a batch of hundreds" -s workload.rate=1000/s -s workload.requests=1500 -s scheduler.max_num_seqs=1024 \
    -s scheduler.max_num_batched_tokens=16384 -s replica.count=1

# One request alone: the equations of one prompt and of each decode, to the end.
"$TIERSIM" run "$scratch/cost.ini" -q --force -o "$scratch/cost.db" -s workload.requests=1 -s replica.count=1 \
    -s engine.request_latency=0s -s engine.request_service=0s -s engine.token_service=0s -s engine.stream_interval=1
got=$(sqlite3 -batch -separator ' ' "$scratch/cost.db" "SELECT count(*), sum(ok) = count(*) FROM (
    SELECT r.t_first_ns - r.t_arrive_ns = s.first AND r.t_end_ns - r.t_first_ns = s.rest AND r.t_admit_ns = r.t_arrive_ns
           AND s.n = r.output_tokens AS ok
    FROM request r, (SELECT count(*) AS n, sum(CASE WHEN n_prefill THEN t_end_ns - t_start_ns END) AS first,
                            sum(CASE WHEN n_decode THEN t_end_ns - t_start_ns END) AS rest FROM step) s)")
if [ "$got" = "1 1" ]; then
    echo "ok - one request alone: TTFT is its prompt's step, the rest its decodes"
else
    echo "not ok - one request alone: TTFT is its prompt's step, the rest its decodes ($got)"
    failed=1
fi
exit $failed
