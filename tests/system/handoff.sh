#!/usr/bin/env bash
# handoff.sh - KV from a pool that computes prompts to one that decodes, by hand: steps of 10 ms, 1 us of the link for each token's KV.
# When it leaves and comes, who shares a link, who waits for room, what does not go at all, what becomes of it when a client gives up
# or the run is cut; and pools as scenarios: order, normal form, `check`. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

# 8192 bytes of KV a token, 131072 a block; weights of 1.2 MB.
cat > hand.ini << 'END'
[run]
seed = 1

[gpu]
preset = h100
network_bandwidth = 8.192GB/s
memory = 1GB

[model]
layers = 2
hidden = 64
vocab = 256
max_context = 100000
q_heads = 8
kv_heads = 8
head_dim = 128
dense_inter = 64

[engine]
step_overhead = 0s
seq_overhead = 0s

[replica]
cost = fixed
step_time = 10ms
memory_fraction = 1
activation_bytes = 1B

[memory]
sample = 0s

[handoff]
overlap = no

[pool decode]
role = decode

[router decode]
policy = least_requests

[scheduler decode]
max_num_seqs = 256

[pool prefill]
role = prefill

[replica prefill]
count = 1

[replica decode]
count = 1

[gpu prefill]
memory = 1GB

[gpu decode]
memory = 1GB

[workload]
arrivals = trace
trace = one.csv

[class all]
input = trace
output = trace
END
csv() { # "MS INPUT OUTPUT"...
    local row
    echo TIMESTAMP,ContextTokens,GeneratedTokens
    for row; do
        set -- $row
        printf '2023-11-16 18:00:00.%03d0000,%d,%d\n' "$1" "$2" "$3"
    done
}
csv "0 1000 5" > one.csv
csv "0 1000 5" "0 1000 5" > two.csv
csv "0 1000 5" "1 1000 5" "2 1000 5" > three.csv
csv "0 1000 200" "5 1000 200" > grow.csv
csv "0 1000 200" > long.csv
csv "0 1000 1" > short.csv
call='{"timestamp": %d, "input_length": 1024, "output_length": 5, "hash_ids": [%s]}\n'
printf "$call" 0 1,2 200 1,2 > same.jsonl
printf "$call" 0 1,2 1 3,4 > other.jsonl
full="gpu decode.memory=10.5MB" # 71 blocks: one prompt of 1000 tokens and its answer

ask() { sqlite3 -batch -separator ' ' a.db "$1"; }
expect() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then
        echo "ok - handoff: $1"
    else
        echo "not ok - handoff: $1 (want $2, got $3)"
        failed=1
    fi
}
# Of each request: replica that computed its prompt, replica that answered, first token, last (ms). All laws hold, no block is left.
hand() { # NAME WANT OPTION...
    rm -f a.db
    "$TIERSIM" run hand.ini -q -o a.db "${@:3}" || failed=1
    expect "$1" "$2 1 0" "$(ask "SELECT group_concat(coalesce(prefill_replica, '-') || ' ' || replica || ' ' || (t_first_ns / 1e6) || ' '
        || (t_end_ns / 1e6), ', '), (SELECT min(ok) FROM v_conservation), (SELECT value FROM counter WHERE name = 'kv_blocks_held')
        FROM (SELECT * FROM request ORDER BY id)")"
}

# ---- when it leaves ----
hand "prompt, transfer, answer" "0 1 11.0 51.0"
expect "its KV, once" "1000 10.0 11.0" "$(ask "SELECT bytes / 8192, t_start_ns / 1e6, t_end_ns / 1e6 FROM transfer")"
expect "and its share of TTFT" "1 1.0 1.0 0.09" "$(ask "SELECT handed, mean_handoff_ms, (SELECT value FROM metric WHERE name = 'mean_handoff_ms'),
    round(handoff_share, 2) FROM v_pool_balance WHERE pool = 'decode'")"
hand "with overlap it comes before the step ends" "0 1 10.0 50.0" -s handoff.overlap=yes
hand "with overlap, slower than the step" "0 1 100.0 140.0" -s handoff.overlap=yes -s gpu.network_bandwidth=81.92MB/s
hand "latency" "0 1 14.0 54.0" -s handoff.latency=3ms
hand "efficiency" "0 1 12.0 52.0" -s handoff.efficiency=0.5
hand "the slower end's link" "0 1 12.0 52.0" -s "gpu decode.network_bandwidth=4.096GB/s"
hand "an answer of one token needs no transfer" "- 0 10.0 10.0" -s workload.trace=short.csv

# ---- who shares a link ----
hand "two prefills to one decode: half of its link each" "0 2 12.0 52.0, 1 2 12.0 52.0" -s workload.trace=two.csv -s "replica prefill.count=2"
hand "one to each" "0 2 11.0 51.0, 1 3 11.0 51.0" -s workload.trace=two.csv -s "replica prefill.count=2" -s "replica decode.count=2"
hand "one prefill to two: half of its own link each" "0 1 12.0 52.0, 0 2 12.0 52.0" -s workload.trace=two.csv -s "replica decode.count=2"

# ---- who waits ----
hand "a full decode pool: in order, when the one before has ended" "0 1 11.0 51.0, 0 1 52.0 92.0, 0 1 93.0 133.0" \
    -s workload.trace=three.csv -s "$full"
hand "a full decode pool, overlap: room was free for the first" "0 1 10.0 50.0, 0 1 51.0 91.0, 0 1 92.0 132.0" \
    -s workload.trace=three.csv -s "$full" -s handoff.overlap=yes
hand "a full decode pool, a central queue" "0 1 11.0 51.0, 0 1 52.0 92.0, 0 1 93.0 133.0" -s workload.trace=three.csv -s "$full" \
    -s "router decode.policy=central_queue" -s "scheduler decode.max_num_seqs=1"
hand "a full prefill pool computes the next prompt when the KV has left" "0 1 11.0 51.0, 0 1 52.0 92.0, 0 1 93.0 133.0" \
    -s workload.trace=three.csv -s "$full" -s "gpu prefill.memory=10.5MB"
expect "admitted there" "0.0 11.0 52.0" "$(ask "SELECT group_concat(t_admit_ns / 1e6, ' ') FROM request")"
hand "the same where the prefix cache holds it" "0 1 26.384 66.384, 0 1 56.384 96.384" -s workload.trace=other.jsonl \
    -s "gpu prefill.memory=10.5MB" -s gpu.network_bandwidth=512MB/s
hand "without a prefix cache nothing of it stays" "0 1 11.024 51.024, 0 1 211.024 251.024" -s workload.trace=same.jsonl -s "$full" -s cache.prefix=no
hand "preempt = none: room for prompts is enough where no answers are given" "0 1 11.0 2001.0" -s workload.trace=long.csv \
    -s "gpu prefill.memory=9.6MB" -s cache.preempt=none
# 130 blocks: at 411 ms the one has 1040 tokens and needs its 66th block, the other has 1038 in 65. Recomputed in one step of its own
# when the other has ended at 2001.
hand "preempted where it decodes" "0 1 11.0 2001.0, 0 1 31.0 3611.0" -s workload.trace=grow.csv -s "gpu decode.memory=18.3MB"
expect "and computed again there" "1 1 411.0 1038 1 2001.0 1039" "$(ask "SELECT p.request, p.replica, p.t_ns / 1e6, p.computed, f.replica,
    f.t_start_ns / 1e6, f.tokens FROM preempt p, prefill f WHERE f.tokens = 1039")"

# ---- what does not go ----
hand "what the decode pool has of a prompt" "0 1 11.024 51.024, 0 1 210.0 250.0" -s workload.trace=same.jsonl
expect "is not sent" "1024 0" "$(ask "SELECT group_concat(bytes / 8192, ' ') FROM transfer")"
hand "and with overlap, but for its last block" "0 1 10.0 50.0, 0 1 210.0 250.0" -s workload.trace=same.jsonl -s handoff.overlap=yes
expect "is not sent with overlap" "1024 16" "$(ask "SELECT group_concat(bytes / 8192, ' ') FROM transfer")"
hand "a prompt of local_tokens is computed where it decodes" "- 1 10.0 50.0" -s handoff.local_tokens=1000
hand "one more is not" "0 1 11.0 51.0" -s handoff.local_tokens=999
hand "nor what is left of it where the rest is cached" "0 1 11.024 51.024, - 1 210.0 250.0" -s workload.trace=same.jsonl -s handoff.local_tokens=16

# ---- cut, given up ----
cut() { # NAME WANT OPTION...: statuses, laws
    rm -f a.db
    "$TIERSIM" run hand.ini -q -o a.db -s workload.trace=three.csv -s "$full" "${@:3}" || failed=1
    expect "$1" "$2 1" "$(ask "SELECT group_concat(status, ' '), (SELECT min(ok) FROM v_conservation) FROM (SELECT * FROM request ORDER BY id)")"
}
for overlap in no yes; do
    o=(-s handoff.overlap=$overlap)
    cut "cut in the prompt's step, overlap $overlap" "running waiting waiting" -s run.horizon=5ms "${o[@]}"
    cut "cut in a step, the next prompts' beside it, overlap $overlap" "running running running" -s run.horizon=15ms "${o[@]}"
    cut "cut while one decodes and two wait for room, overlap $overlap" "running waiting waiting" -s run.horizon=30ms "${o[@]}"
    cut "cut in the second's transfer, overlap $overlap" "completed waiting waiting" \
        -s run.horizon="$([ $overlap = yes ] && echo 50.5ms || echo 51.5ms)" "${o[@]}"
done
cut "cut in the first transfer" "waiting running running" -s run.horizon=10.5ms
expect "it counts as loading" 1 "$(ask "SELECT value FROM counter WHERE name = 'requests_loading'")"
# A link of 62.5 tokens a ms: each transfer takes 16 ms.
slow=(-s gpu.network_bandwidth=512MB/s)
given() { # NAME WANT OPTION...: statuses, blocks left, laws, and bytes of handoffs that were cut
    rm -f a.db
    "$TIERSIM" run hand.ini -q -o a.db -s workload.trace=three.csv -s "$full" "${slow[@]}" "${@:3}" || failed=1
    expect "$1" "$2" "$(ask "SELECT group_concat(status, ' '), (SELECT value FROM counter WHERE name = 'kv_blocks_held'),
        (SELECT min(ok) FROM v_conservation), (SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'moves_handoff_bytes_cancelled')
        FROM (SELECT * FROM request ORDER BY id)")"
}
given "given up in the step that its KV leaves in" "timed_out timed_out timed_out 0 1 3072000" -s "class all.timeout_ttft=5ms" -s handoff.overlap=yes
expect "the first when that step ends" "10.0 6.0 7.0" "$(ask "SELECT group_concat(t_end_ns / 1e6, ' ') FROM (SELECT * FROM request ORDER BY id)")"
given "given up in the step, nothing sent" "timed_out timed_out timed_out 0 1 0" -s "class all.timeout_ttft=5ms"
expect "it goes nowhere" "0 0 0" "$(ask "SELECT group_concat(replica, ' ') FROM route")"
given "given up in the transfer" "timed_out timed_out timed_out 0 1 7936000" -s "class all.timeout_ttft=10.5ms"
given "given up while it waits for room" "completed timed_out timed_out 0 1 0" -s "class all.timeout_ttft=40ms"
given "given up in the central queue" "completed timed_out timed_out 0 1 0" -s "class all.timeout_ttft=40ms" \
    -s "router decode.policy=central_queue" -s "scheduler decode.max_num_seqs=1"
given "given up in a later transfer" "completed timed_out timed_out 0 1 13312000" -s "class all.timeout_ttft=60ms" -s handoff.overlap=yes

# ---- the same whatever is logged ----
want=
for log in all step request summary; do
    rm -f a.db
    "$TIERSIM" run hand.ini -q -o a.db -s workload.trace=three.csv -s run.log=$log
    want+=" $(ask "SELECT fingerprint FROM run")"
done
expect "the same at each log level" 1 "$(echo $want | tr ' ' '\n' | sort -u | wc -l)"

# ---- pools as scenarios ----
# The decode pool stands first in the file; GPUs of two presets, of which one has an FP4 figure.
normal() { "$TIERSIM" check "$@" --resolved 2>&1 | sed 's/  ;.*//'; }
sed 's/^preset = h100/preset = b200/; /^memory = 1GB/d; /^network/d; s/^cost = fixed/cost = roofline/; /^step_time/d' hand.ini > two.ini
sed -i 's/^\[gpu decode\]/[gpu decode]\npreset = h200/; s/^\[router decode\]/[router]\npolicy = power_of_two\n\n[router decode]/' two.ini
normal two.ini > first.ini
normal first.ini > second.ini
expect "the normal form is its own" "1 0" "$(grep -c '^\[gpu decode\]' first.ini) $(diff first.ini second.ini | wc -l)"
expect "a key that one pool's GPU does not have is no common one" "0 1" \
    "$(awk '/^\[/ { s = $0 } s == "[gpu]" && /^fp4_flops/ { common++ } s == "[gpu prefill]" && /^fp4_flops/ { own++ }
        END { print common + 0, own + 0 }' first.ini)"
for file in two first; do
    "$TIERSIM" run $file.ini -q --force -o a.db
    want="$(ask "SELECT fingerprint FROM run") $(ask "SELECT config_hash FROM run")"
    [ $file = first ] || before=$want
done
expect "it runs the same" "$before" "$want"
expect "check: each pool" "pool prefill: prompts|pool decode: answers" "$("$TIERSIM" check two.ini | grep ^pool | paste -sd '|')"
"$TIERSIM" run hand.ini -o a.db --force -s workload.trace=three.csv > text
expect "the report: each pool" "28.17 % 84.51 % 1.50" "$("$TIERSIM" report a.db | awk -F: '/of pool|decode batch, decode/ { gsub(/^ +/, "", $2); printf "%s%s", s, $2; s = " " }')"
sqlite3 a.db "DELETE FROM metric"
expect "and again from the rows" "$(grep -E 'of pool|decode batch,|handoff' text)" "$("$TIERSIM" report a.db | grep -E 'of pool|decode batch,|handoff')"

# Via a tier that both reach: 2 us a token down, 1 us up. Written out when the prompt is done, or while it is computed.
cat hand.ini - > via.ini << 'END'
[link bus]
gpus = 1
to_gpu = 8.192GB/s
from_gpu = 4.096GB/s
[tier warm]
gpus = 0
capacity = 1GB
read_bandwidth = 819.2GB/s
links = bus
END
via() { # NAME WANT SQL OPTION...
    local name=$1 want=$2 sql=$3
    shift 3
    "$TIERSIM" run via.ini -q -o a.db --force -s handoff.via=warm "$@" > err 2>&1 || { expect "$name: runs" "" "$(head -1 err)"; return; }
    expect "$name" "$want" "$(ask "$sql")"
    expect "$name: all laws hold" "" "$(ask "SELECT name FROM v_conservation WHERE NOT ok")"
}
firsts="SELECT group_concat(t_first_ns / 1000000) FROM (SELECT * FROM request ORDER BY id)"
prompts="SELECT group_concat(t_start_ns / 1000000) FROM (SELECT * FROM prefill WHERE replica = 0 ORDER BY t_start_ns)"
via "via a tier: written out, then read" 13 "$firsts"
via "via a tier: written out as it is computed" 11 "$firsts" -s handoff.overlap=yes
via "via a tier: down, then up, all of it" "0 8192000,1 8192000" "SELECT group_concat(up || ' ' || bytes) FROM (SELECT * FROM transfer ORDER BY t_start_ns)"
small=(-s "$full" -s "gpu prefill.memory=10.5MB" -s workload.trace=three.csv)
via "via a tier: the computing pool's HBM is free as soon as it is written" "0,12,24" "$prompts" "${small[@]}"
via "from HBM to HBM it is when the other has room" "0,11,52" "$prompts" "${small[@]}" -s handoff.via=hbm
via "via a tier without room: from HBM to HBM" 11 "$firsts" -s "tier warm.capacity=4MB"
expect "explain: a pool's section" 2 "$({ "$TIERSIM" explain "replica prefill" | grep -c '^\[replica\]'; "$TIERSIM" explain "replica prefill.tp" | grep -c '^\[replica\] tp'; } | awk '{ n += $1 } END { print n }')"
exit $failed
