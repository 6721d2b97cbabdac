#!/usr/bin/env bash
# kv.sh - the KV cache at work. Hits of prefix caches of several sizes against a twin that goes block by block (kv_twin.awk), request by
# request; under load, what is missing of them is still being computed. Then times by hand: a prompt computed while its prefix arrives,
# restore or recompute, swaps, one copy whatever tp replicates, a step that shares HBM's port. Needs TIERSIM and srcdir.
# ALL=1: all of the conversation trace with each evictor at each of five sizes, some two minutes more.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
suite=kv
run() { # SCENARIO OPTION...: into k.db
    local scenario=$srcdir/$1
    shift
    "$TIERSIM" run "$scenario" -q --force -o k.db "$@" 2> err || {
        echo "not ok - kv: $scenario $*: $(head -2 err)"
        exit 1
    }
}
q() { sqlite3 -separator ' ' k.db "$1"; }

# ---- hits: the twin ----

# A walk in a tree: prompts of up to 12 blocks of 64 tokens, equal ids after equal ids; some prompts are shorter than a KV
# block, some answers are one token, last blocks are partial.
awk 'function draw(n) { x = (x * 16807) % 2147483647; return int(x / 2147483647 * n) }
BEGIN {
    x = 4711
    for (i = 0; i < 900; i++) {
        n = 1 + draw(12)
        path = ""
        ids = ""
        for (j = 0; j < n; j++) {
            path = path "." (j < 4 ? draw(3) : draw(2)) (j == n - 1 && draw(2) ? "end" : "")
            if (!(path in id)) { id[path] = ++last; tokens[path] = path ~ /end/ ? 64 * j + 1 + draw(64) : 64 * (j + 1) }
            ids = ids (j ? ", " : "") id[path]
        }
        printf "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, \"hash_ids\": [%s]}\n", i * 30, tokens[path], 1 + draw(3) * draw(40), ids
    }
}' > tree.jsonl

want() { # TRACE BLOCK-TOKENS BLOCKS EVICTOR
    awk -v blocks="$3" -v evict="$4" -v block="$2" -v kv_block=16 -f "$srcdir/tests/system/kv_twin.awk" "$1" "$1"
}
twin() { # NAME TRACE BLOCK-TOKENS BLOCKS EVICTOR
    run scenarios/prefix-unlimited.ini -s workload.trace="$2" -s workload.trace_block_tokens="$3" -s cache.unlimited=no \
        -s cache.blocks="$4" -s cache.evict="$5" -s cache.evict_tokens=0 -s gpu.memory=100TB
    q "SELECT hit_blocks FROM request ORDER BY id" > got
    want "$2" "$3" "$4" "$5" > wanted
    is "$1, $4 blocks, $5: hits of $(wc -l < got) requests, $(awk '{ s += $1 } END { print s }' wanted) blocks" 0 "$(diff got wanted | grep -c '^[<>]')"
}
for evict in lru lfu belady; do
    for blocks in 30 100 400; do
        twin "a tree" "$scratch/tree.jsonl" 64 $blocks $evict
    done
done
trace=$srcdir/../shared/data/traces/mooncake_conversation_0-45min.jsonl
if [ -r "$trace" ]; then
    head -1500 "$trace" > conversation.jsonl
    for evict in lru-3000 lfu-6000 belady-1000; do
        twin "the conversation trace's start" "$scratch/conversation.jsonl" 512 "${evict#*-}" "${evict%-*}"
    done
    for evict in lru lfu belady; do
        for blocks in 1000 10000 30000 50000 100000; do
            [ "${ALL:-0}" = 1 ] && twin "the conversation trace" "$trace" 512 $blocks $evict
        done
    done
else
    echo "# skipped in part: no $trace (Mooncake's conversation trace)"
fi

# ---- hits under load ----

# Without a limit no hit is above that of one at a time, and where one is below, nobody whose prompt has the first block that
# is missing had computed it when the request was admitted: these requests are the gap.
under_load() { # NAME TRACE BLOCK-TOKENS OPTION...
    local name=$1 file=$2 block=$3
    shift 3
    want "$file" "$block" 0 lru > alone
    run scenarios/prefix-unlimited.ini -s workload.trace="$file" -s workload.trace_block_tokens="$block"
    is "$name, one at a time, no limit: hits of $(wc -l < alone) requests, $(awk '{ s += $1 } END { print s }' alone) blocks" 0 \
        "$(q "SELECT hit_blocks FROM request ORDER BY id" | diff - alone | grep -c '^[<>]')"
    run scenarios/prefix-unlimited.ini -s workload.trace="$file" -s workload.trace_block_tokens="$block" -s workload.trace_order=time "$@"
    q "SELECT hit_blocks, t_admit_ns, t_first_ns FROM request ORDER BY id" > load
    is "$name, under load: hits above those of one at a time; gaps, of which without a reason" "0 yes 0" "$(awk '
        FILENAME == "alone" { most[FNR] = $1; next }
        FILENAME == "load" { hit[FNR] = $1; admit[FNR] = $2; first[FNR] = $3; next }
        {
            gsub(/.*"hash_ids"[^\[]*\[|\].*/, "")
            n = split($0, b, /[ ,]+/)
            for (i = 1; i <= n; i++) if (!(b[i] in known) || first[FNR] < known[b[i]]) known[b[i]] = first[FNR]
            next_block[FNR] = b[hit[FNR] + 1]
        }
        END {
            for (i in hit) {
                above += hit[i] > most[i]
                gaps += hit[i] < most[i]
                odd += hit[i] < most[i] && known[next_block[i]] <= admit[i]
            }
            print above + 0, (gaps > 0 ? "yes" : "no"), odd + 0
        }' alone load "$file")"
}
under_load "a tree" "$scratch/tree.jsonl" 64 -s workload.trace_speed=1000
# Steps of 30 s that take all who have come: calls of one conversation, and those with equal beginnings, meet in one.
together=(-s replica.cost=fixed -s replica.step_time=30s -s scheduler.max_num_batched_tokens=1000000 -s scheduler.max_num_seqs=3000
    -s gpu.memory=1TB)
if [ "${ALL:-0}" = 1 ]; then
    [ -r "$trace" ] && under_load "the conversation trace" "$trace" 512 "${together[@]}"
else
    [ -r "$trace" ] && under_load "the conversation trace's start" "$scratch/conversation.jsonl" 512 "${together[@]}"
fi

# ---- overlap, on memory.ini's round figures (memory.sh has the sums) ----

cat > memory.jsonl << 'Y'
{"timestamp": 0, "input_length": 2048, "output_length": 2, "hash_ids": [0, 1, 2, 3]}
{"timestamp": 1000, "input_length": 2048, "output_length": 2, "hash_ids": [10, 11, 12, 13]}
{"timestamp": 2000, "input_length": 2048, "output_length": 2, "hash_ids": [20, 21, 22, 23]}
{"timestamp": 3000, "input_length": 2560, "output_length": 2, "hash_ids": [0, 1, 2, 3, 4]}
{"timestamp": 4000, "input_length": 2560, "output_length": 2, "hash_ids": [20, 21, 22, 23, 24]}
Y
ttft="SELECT group_concat(t_first_ns - t_arrive_ns, ' ') FROM (SELECT * FROM request WHERE id >= 3 ORDER BY id)"
run tests/system/memory.ini -s workload.trace="$scratch/memory.jsonl"
is "a prompt after its prefix has arrived: both times, one after the other" "77209864 16713887" "$(q "$ttft")"
run tests/system/memory.ini -s workload.trace="$scratch/memory.jsonl" -s cache.overlap=yes
is "a prompt while its prefix arrives: the longer of both times" "67209864 10000000" "$(q "$ttft")"
is "its restore is of the step's own time" "67209864" "$(q "SELECT t_end_ns - t_start_ns FROM transfer WHERE request = 3 AND up")"

# ---- restore or recompute ----

# Alone on the machine the estimate is the time itself, so the shorter of both is taken; compute is the model's.
differ=0 restored=0 computed=0
for GBps in 1 5 8 10 12 15 20 40 80; do
    for how in always never estimate; do
        run tests/system/memory.ini -s workload.trace="$scratch/memory.jsonl" -s replica.cost=roofline -s gpu.kernels=h100 \
            -s "link pcie.to_gpu=${GBps}GB/s" -s "tier cold.read_bandwidth=1TB/s" -s cache.restore=$how
        declare "t_$how=$(q "SELECT t_first_ns - t_arrive_ns FROM request WHERE id = 3")"
    done
    # shellcheck disable=SC2154 # t_* are declared above
    [ "$t_estimate" = $((t_always < t_never ? t_always : t_never)) ] || differ=$((differ + 1))
    restored=$((restored + (t_estimate == t_always))) computed=$((computed + (t_estimate == t_never)))
done
is "restore or recompute: the shorter at each of 9 speeds, and both are chosen" "0 yes" \
    "$differ $([ $restored -gt 0 ] && [ $computed -gt 0 ] && echo yes)"

# ---- swaps ----

# Four prompts of 63 blocks of 16 tokens in a room of 271 grow by 25 each: when each has 1072 tokens in 67 blocks, the latest must
# go. It comes back when all of it and its next token fit, which is when the others have ended, after 400 steps.
for i in 1 2 3 4; do
    echo "{\"timestamp\": 0, \"input_length\": 1000, \"output_length\": 400, \"hash_ids\": [${i}0, ${i}1]}"
done > swap.jsonl
left="SELECT group_concat(request || ' ' || t_ns || ' ' || computed) FROM preempt"
again="SELECT tokens, computed FROM prefill WHERE request = 3 AND t_start_ns > 0"
swap=(-s workload.trace="$scratch/swap.jsonl" -s cache.prefix=no)
token=131072 # bytes
run tests/system/memory.ini "${swap[@]}"
is "recompute: all of the preempted is computed again" "3 730000000 1072
1073 0" "$(q "$left" && q "$again")"
run tests/system/memory.ini "${swap[@]}" -s cache.preempt=swap
is "swap: its next token alone is computed" "3 730000000 1072
1 1072" "$(q "$left" && q "$again")"
# The link: 5 GB/s and 3 us out, 10 GB/s and 3 us back.
is "swap: out when it is preempted, back when there is room" "0 $((1072 * token)) 730000000 758104837
1 $((1072 * token)) 4000000000 4014053919" "$(q "SELECT up, bytes, t_start_ns, t_end_ns FROM transfer ORDER BY up")"

# ---- one copy ----

# DeepSeek-V3's latent is on each of 8 GPUs; what is written to the tier is one: 61 layers x 576 bytes in fp8.
run tests/system/memory.ini -s workload.trace="$scratch/memory.jsonl" -s model.preset=deepseek-v3 -s gpu.preset=h200 -s replica.tp=8 \
    -s replica.dtype=fp8 -s replica.kv_dtype=fp8 -s replica.kv_scales=no -s replica.memory_fraction=0.9 \
    -s "link pcie.gpus=8" -s "tier warm.gpus=8" -s "tier cold.gpus=8"
is "one copy below HBM, of 8 in it" "$((2048 * 61 * 576))" "$(q "SELECT bytes FROM transfer WHERE request = 0 AND NOT up")"

# ---- a step beside a transfer ----

# A long prompt is written through while its answer decodes. A transfer at f of HBM's bandwidth leaves the step's memory-bound
# part 1 - f: it takes 1 / (1 - f) as long, the rest of the step as before. So what a step loses goes as f / (1 - f).
echo '{"timestamp": 0, "input_length": 40960, "output_length": 12, "hash_ids": ['"$(seq -s ', ' 0 79)"']}' > long.jsonl
decode() { # WRITE GB-PER-S: the second decode step, ns
    run tests/system/memory.ini -s workload.trace="$scratch/long.jsonl" -s replica.cost=roofline -s gpu.kernels=h100 \
        -s gpu.memory_bandwidth=3350GB/s -s replica.memory_fraction=0.9 -s "tier warm.capacity=100GB" -s "tier warm.write=$1" \
        -s "tier warm.read_bandwidth=9TB/s" -s "link pcie.to_gpu=$2GB/s" -s "link pcie.from_gpu=$2GB/s" -s memory.tiers=warm \
        -s scheduler.max_num_batched_tokens=50000
    q "SELECT t_end_ns - t_start_ns FROM step WHERE n_decode = 1 ORDER BY t_start_ns LIMIT 1 OFFSET 1"
}
alone=$(decode completion 50) slow=$(decode through 50) fast=$(decode through 200)
is "a step beside a transfer: it loses as f / (1 - f), and no more than its time would" "1 1" "$(awk -v a="$alone" -v s="$slow" -v f="$fast" 'BEGIN {
    want = (200 / 3150) / (50 / 3300)
    got = (f - a) / (s - a)
    print (got / want > 0.999 && got / want < 1.001), (s > a && (s - a) * 3300 / 50 <= a + 100) }')"
exit $failed
