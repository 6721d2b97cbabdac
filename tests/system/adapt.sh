#!/usr/bin/env bash
# adapt.sh - HBM's split between experts and KV cache that adapts ([experts] adapt): under a load that first misses room for KV and then
# experts, it goes to the one and back, serves more than a fixed split at either end, and HBM never holds more than it has. Needs TIERSIM
# and srcdir.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
ok() { # NAME 0-OR-1 DETAIL
    if [ "$2" = 1 ]; then
        echo "ok - adapt: $1"
    else
        echo "not ok - adapt: $1 ($3)"
        failed=1
    fi
}

# 120 prompts of 4096 to 6144 tokens in 3 s, some 20 s of work; from 10 s on 600 of 512 tokens, 40 a second.
awk 'function ids(n,   s) { for (s = ""; n > 0; n--) s = s (s == "" ? "" : ", ") last++; return s }
function call(ms, tokens, answer) {
    printf "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, \"hash_ids\": [%s]}\n", ms, tokens, answer, ids(tokens / 512)
}
BEGIN {
    for (i = 0; i < 120; i++) call(25 * i, 4096 + 512 * (i % 5), 100 + 40 * (i % 6))
    for (i = 0; i < 600; i++) call(10000 + 25 * i, 512, 100)
}' > adapt.jsonl
cat > adapt.ini << 'E2'
[run]
seed = 3
log = step
[gpu]
preset = gb200
[memory]
preset = gb200
sample = 100ms
[model]
preset = qwen3-30b-a3b
[engine]
preset = vllm
[replica]
dtype = fp8
kv_dtype = fp8
memory_fraction = 0.168
expert_skew = 1.5
[experts]
hot_share = 0.9
place = lru
layers = 6
[cache]
prefix = no
[scheduler]
max_num_seqs = 64
max_num_batched_tokens = 4096
[workload]
arrivals = trace
trace = adapt.jsonl
trace_format = mooncake
[class trace]
input = trace
output = trace
E2
run() { # NAME OPTION...: into NAME.db
    local name=$1
    shift
    timeout 60 "$TIERSIM" run adapt.ini -q -o "$name.db" --force "$@" 2> err || {
        ok "$name runs" 0 "$(head -2 err)"
        exit 1
    }
}
ask() { sqlite3 -separator ' ' "$1.db" "$2"; }
run many -s experts.hot_share=0.9
run few -s experts.hot_share=0.5
run moves -s experts.adapt=200ms

room="SELECT capacity_bytes FROM room_sample WHERE tier = 0 AND t_ns"
start=$(ask many "$room > 0 LIMIT 1")
ok "a fixed split stays" "$([ "$(ask many "SELECT min(capacity_bytes), max(capacity_bytes) FROM room_sample WHERE tier = 0")" = "$start $start" ] && echo 1)" ""
ok "long prompts: room goes to the KV cache, step by step" \
    "$(ask moves "SELECT max(capacity_bytes) > 1.3 * $start AND min(step) >= 0 FROM
        (SELECT capacity_bytes, capacity_bytes - lag(capacity_bytes) OVER (ORDER BY t_ns) AS step FROM room_sample WHERE tier = 0 AND t_ns < 10e9)")" \
    "$start, $(ask moves "$room = 10e9")"
ok "short ones: it goes back" "$(ask moves "SELECT capacity_bytes = $start FROM room_sample WHERE tier = 0 ORDER BY t_ns DESC LIMIT 1")" ""
ok "HBM never holds more than it has, and little less" "$(ask moves "SELECT max(bytes) <= hbm AND min(bytes) > 0.93 * hbm FROM
    (SELECT weights_bytes + expert_bytes + capacity_bytes AS bytes FROM room_sample WHERE tier = 0),
    (SELECT g.value_num * f.value_num AS hbm FROM run_param g, run_param f WHERE g.key = 'gpu.memory' AND f.key = 'replica.memory_fraction')")" "$(ask moves "
    SELECT min(weights_bytes + expert_bytes + capacity_bytes), max(weights_bytes + expert_bytes + capacity_bytes) FROM room_sample WHERE tier = 0")"
end="SELECT max(t_end_ns) FROM request"
ok "it is done before either fixed split" "$(($(ask moves "$end") < $(ask many "$end") && $(ask moves "$end") < $(ask few "$end")))" \
    "$(ask moves "$end"); $(ask many "$end"), $(ask few "$end")"
ttft="SELECT CAST(avg(t_first_ns - t_arrive_ns) AS INTEGER) FROM request WHERE input_tokens > 512"
ok "long prompts begin sooner than with most experts in HBM" "$(($(ask moves "$ttft") < $(ask many "$ttft")))" "$(ask moves "$ttft"), $(ask many "$ttft")"
tpot="SELECT CAST(avg((t_end_ns - t_first_ns) / (output_tokens - 1)) AS INTEGER) FROM request WHERE input_tokens = 512"
ok "short ones go on faster than with half of them" "$(($(ask moves "$tpot") < $(ask few "$tpot")))" "$(ask moves "$tpot"), $(ask few "$tpot")"
exit $failed
