#!/usr/bin/env bash
# kv_moves.sh - when KV waits, moves, expires or is dropped, each on a trace small enough for pencil and paper: restores without room,
# KV that lands while its request waits, ttl, equal prompts at once, full write buffers, evict_tokens, modules lost with swapped-out KV,
# prefetch; and what sessions count. Needs TIERSIM and srcdir.
#
# memory.ini: a block is 512 tokens, 64 MiB, 32 KV blocks; HBM has 271 KV blocks, a step takes 10 ms, a block 13.42 ms to the warm tier
# and 6.71 ms back, and 3 us each time.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
suite="kv moves"
run() { # SCENARIO OPTION...: into k.db
    local scenario=$1
    shift
    "$TIERSIM" run "$scenario" -q --force -o k.db "$@" 2> err || {
        echo "not ok - kv moves: $scenario $*: $(head -2 err)"
        exit 1
    }
}
q() { sqlite3 -separator ' ' k.db "$1"; }
call() { # TIME-MS TOKENS ANSWER BLOCKS: a line of a trace
    echo "{\"timestamp\": $1, \"input_length\": $2, \"output_length\": $3, \"hash_ids\": [$(echo "$4" | tr ' ' ,)]}"
}
b=67108864
ini=$srcdir/tests/system/memory.ini
# Room that does not depend on the other keys of [scheduler]; one tier with room for all.
small=(-s replica.activation_bytes=937MB)
warm=(-s memory.tiers=warm -s "tier warm.capacity=2GiB")
ups="SELECT k.name, request, bytes / $b, t_start_ns, t_end_ns FROM transfer x JOIN move_kind k ON k.id = x.kind WHERE up ORDER BY t_start_ns"
hits="SELECT request, tier, blocks, restored FROM hit ORDER BY request, tier"
evictions="SELECT t_ns, tier, blocks, ifnull(to_tier, '-') FROM evict ORDER BY t_ns, tier, t_put_ns DESC"

# ---- no room for a restore ----

# The first prompt is pushed out of HBM by the second; the third takes 192 of 271 KV blocks, and 7 more for its answer until 3.02 s. The
# fourth could start with 64 (half of what a step computes) but not with the 128 that it would restore: it waits. So does the last, for
# which there is room, until that restore has begun.
{
    call 0 2048 2 "0 1 2 3"
    call 1000 4096 2 "10 11 12 13 14 15 16 17"
    call 2000 3072 100 "20 21 22 23 24 25"
    call 2500 2560 2 "0 1 2 3 4"
    call 2600 512 2 "30"
} > wait.jsonl
run "$ini" -s workload.trace="$scratch/wait.jsonl" "${small[@]}" "${warm[@]}" -s scheduler.max_num_batched_tokens=1024
is "HBM has 271 KV blocks" 271 "$(q "SELECT kv_blocks FROM replica")"
is "no room: the restore begins when there is some" "restore 3 4 3020000000 3046846546" "$(q "$ups")"
is "no room: nobody overtakes before it has begun" "4 3020000000
3 3046846546" "$(q "SELECT request, t_ns FROM admit WHERE request > 2 ORDER BY t_ns")"
is "no room: the hit is what was found then" "3 1 4 2048" "$(q "$hits")"

# ---- KV that lands while its request waits ----

# The first prompt leaves HBM for the second at 1 s, on a link of 1 GB/s, and lands at 1.268 s. It is asked for at 1.1 s; there is no
# room before the second ends, at 1.5 s.
{
    call 0 2048 2 "0 1 2 3"
    call 1000 4096 50 "10 11 12 13 14 15 16 17"
    call 1100 2560 2 "0 1 2 3 4"
} > land.jsonl
run "$ini" -s workload.trace="$scratch/land.jsonl" "${warm[@]}" -s "tier warm.write=back" -s "link pcie.from_gpu=1GB/s"
is "what lands after the first look is found" "restore 2 4 1500000000 1526846546
2 1 4 2048" "$(q "$ups" && q "$hits")"
is "... and it had not landed then" "1000000000 1268438456" "$(q "SELECT t_start_ns, t_end_ns FROM transfer WHERE NOT up ORDER BY t_start_ns LIMIT 1")"

# ---- ttl ----

# Unused for 500 ms: at 0.4 s the first prompt is there, and used; at 1 s it is not any more, nor its fifth block, put at 0.41 s.
{
    call 0 2048 2 "0 1 2 3"
    call 400 2560 2 "0 1 2 3 4"
    call 1000 512 2 "10"
    call 1400 3072 2 "0 1 2 3 4 5"
    call 20000 512 2 "11"
    call 20400 512 2 "11"
    call 20500 512 2 "10"
} > ttl.jsonl
gone="SELECT t_ns, blocks, ifnull(to_tier, '-') FROM evict WHERE tier = 0 AND t_ns < 2e9 ORDER BY t_put_ns"
ttl=(-s workload.trace="$scratch/ttl.jsonl" -s cache.evict=ttl -s cache.ttl=500ms)
run "$ini" "${ttl[@]}" -s memory.tiers=none
is "ttl: it leaves HBM" "1000000000 4 -
1000000000 1 -" "$(q "$gone")"
is "ttl: hits before it has expired, not after" "1 0 4 2048
5 0 1 496" "$(q "$hits")"
run "$ini" "${ttl[@]}" "${warm[@]}" -s "tier warm.write=back"
is "ttl: it goes to the tier (back)" "1000000000 4 1
1000000000 1 1" "$(q "$gone")"
is "ttl: hits follow (back)" "1 0 4 2048
3 1 5 2560
5 0 1 496
6 1 1 496" "$(q "$hits")"
run "$ini" "${ttl[@]}" "${warm[@]}"
is "ttl: it leaves HBM, the tier has it (through)" "1000000000 4 -
1000000000 1 -" "$(q "$gone")"
is "ttl: hits follow (through)" "1 0 4 2048
3 1 5 2560
5 0 1 496
6 1 1 496" "$(q "$hits")"
run "$ini" "${ttl[@]}" "${warm[@]}" -s "tier warm.evict=ttl" -s "tier warm.ttl=5s"
is "ttl: it leaves the tier, too" "7" "$(q "SELECT sum(blocks) FROM evict WHERE tier = 1 AND t_ns = 20e9 AND to_tier IS NULL")"
is "ttl: hits follow (tier)" "1 0 4 2048
3 1 5 2560
5 0 1 496" "$(q "$hits")"

# ---- equal prompts at once ----

{
    call 0 1024 2 "0 1"
    call 0 1536 2 "0 1 2"
} > twice.jsonl
run "$ini" -s workload.trace="$scratch/twice.jsonl"
is "computed at once, by both ..." "0 10000000 1024
1 10000000 1536" "$(q "SELECT request, t_end_ns, tokens FROM prefill ORDER BY request")"
is "... and written through once" "0 2
1 1" "$(q "SELECT request, bytes / $b FROM transfer ORDER BY request")"

# ---- the write buffer ----

# A block each 20 ms, on a link that takes 67.1 ms for one: with 100 MB under way nothing more is taken.
for i in $(seq 0 19); do call $((20 * i)) 512 2 "$i"; done > slow.jsonl
in_flight="SELECT max(n) FROM (SELECT (SELECT sum(bytes) FROM transfer o JOIN move_kind k ON k.id = o.kind AND k.name = 'write'
    WHERE o.tier = t.tier AND o.unit = t.unit AND o.t_start_ns <= t.t_start_ns AND o.t_end_ns > t.t_start_ns) AS n
    FROM transfer t WHERE t.tier = 1 AND NOT t.up)"
buffer=(-s workload.trace="$scratch/slow.jsonl" "${warm[@]}" -s "tier warm.write_buffer=100MB" -s "link pcie.from_gpu=1GB/s")
run "$ini" "${buffer[@]}"
# Two share the link: 20 ms alone, 94.2 ms together, 67.1 ms in all for each.
is "write buffer, through: what is taken, from when to when" "0 10000000 124220728
1 30000000 158438456
6 130000000 262656184
7 160000000 286873912
13 270000000 401091640
14 290000000 412656184" "$(q "SELECT request, t_start_ns, t_end_ns FROM transfer ORDER BY t_start_ns")"
run "$ini" "${buffer[@]}" -s "tier warm.write=back"
is "write buffer, back: the others are given up" "160000000 1
180000000 1
200000000 -
220000000 -
240000000 -
260000000 -
280000000 1
300000000 -
320000000 1
340000000 -
360000000 -
380000000 -" "$(q "SELECT t_ns, ifnull(to_tier, '-') FROM evict ORDER BY t_ns")"
run "$ini" "${buffer[@]}" -s "tier warm.write_buffer=1GB" -s "tier warm.write=back"
is "write buffer, back, large: none is given up" "12 12" "$(q "SELECT count(*), sum(to_tier) FROM evict")"

for write in back through completion; do
    run "$srcdir/tests/system/memory_load.ini" -s "tier ddr5.write=$write" -s "tier ddr5.write_buffer=400MB" -s "link pcie.from_gpu=2GB/s" -s "link pcie.both=52GB/s"
    is "write buffer, sessions, $write: never more than it and a transfer; most of it is used; something is dropped" "1 1 1" "$(q "
        SELECT n <= 400e6 + (SELECT max(bytes) FROM transfer WHERE tier = 1 AND NOT up), n > 400e6,
               (SELECT count(*) > 0 FROM evict WHERE tier = 0 AND to_tier IS NULL) FROM (SELECT ($in_flight) AS n)")"
    is "write buffer, sessions, $write: conservation" "" "$(q "SELECT name FROM v_conservation WHERE NOT ok")"
done

# ---- evict_tokens ----

# HBM and the warm tier hold eight blocks: the ninth pushes out one, or what evict_tokens says where the context has as much.
{
    call 0 2048 2 "0 1 2 3"
    call 1000 2048 2 "10 11 12 13"
    call 2000 512 2 "20"
} > evict.jsonl
for n in 0-1 1024-2 1535-2 1536-3 4096-4; do
    run "$ini" -s workload.trace="$scratch/evict.jsonl" -s cache.evict_tokens=${n%-*}
    is "evict_tokens = ${n%-*}: of HBM and of the warm tier, ${n#*-} blocks at once" "2000000000 0 ${n#*-} -
2023424773 1 ${n#*-} 2" "$(q "$evictions")"
done

# ---- modules lost with swapped-out KV ----

# kv.sh's swap: the fourth is out from 0.73 s to 4 s. One of two modules goes at 2 s, which no swapped-out KV survives.
for i in 1 2 3 4; do call 0 1000 400 "${i}0 ${i}1"; done > swap.jsonl
sed 's/^capacity = 512MiB/modules = 2\nmodule_capacity = 256MiB/' "$ini" > modules.ini
printf '[fault m]\nwhat = drive\ntarget = warm\nunit = 0\nmodules = 1\nat = 2s\n' >> modules.ini
for data in lost kept; do
    run modules.ini -s workload.trace="$scratch/swap.jsonl" -s cache.preempt=swap -s cache.prefix=no -s "fault m.data=$data"
    is "a module lost with swapped-out KV ($data): one is hit, and computes all again" "1 0 0
1073 4000000000 4010000000" "$(q "SELECT requests, rerouted, failed FROM fault" &&
        q "SELECT tokens, t_start_ns, t_end_ns FROM prefill WHERE request = 3 AND t_start_ns > 0")"
    is "... nothing comes back from there" 0 "$(q "SELECT count(*) FROM transfer WHERE up")"
    is "... whose room is half" "268435456" "$(q "SELECT DISTINCT capacity_bytes FROM room_sample WHERE tier = 1 AND t_ns > 2e9")"
done

# ---- prefetch ----

# One at a time: the last waits from 2.1 s to 2.5 s for the one before, and its KV comes meanwhile or then.
{
    call 0 2048 2 "0 1 2 3"
    call 1000 4096 2 "10 11 12 13 14 15 16 17"
    call 2000 512 50 "20"
    call 2100 2560 2 "0 1 2 3 4"
} > ahead.jsonl
for how in none arrival tool_return; do
    run "$ini" -s workload.trace="$scratch/ahead.jsonl" "${small[@]}" "${warm[@]}" -s scheduler.max_num_seqs=1 -s cache.prefetch=$how
    case $how in
        arrival) want="prefetch 3 4 2100000000 2126846546
410000000" ;;
        *) want="restore 3 4 2500000000 2526846546
436846546" ;; # a first call: no tool has returned
    esac
    is "prefetch = $how: when it comes, time to the first token" "$want" "$(q "$ups" && q "SELECT t_first_ns - t_arrive_ns FROM request WHERE id = 3")"
done
load=$srcdir/tests/system/memory_load.ini
run "$load" -s cache.prefetch=tool_return
is "prefetch = tool_return: of most later calls that find KV below HBM, and of no first call" "1 1" "$(q "SELECT
    min(turn) > 0, count(*) > 0.9 * (SELECT count(*) FROM transfer WHERE up)
    FROM transfer x JOIN move_kind k ON k.id = x.kind JOIN request r ON r.id = x.request WHERE k.name = 'prefetch'")"

# ---- what sessions count ----

run "$load" -s workload.arrivals=deterministic -s workload.rate=10/s -s workload.requests=400
is "sessions: requests counts all calls" "400 1" "$(q "SELECT count(*), max(turn) > 0 FROM request")"
is "sessions: they start at the workload's rate, each 100 ms" "0" \
    "$(q "SELECT count(*) FROM request WHERE turn = 0 AND t_arrive_ns <> (session + 1) * 100000000")"
is "sessions: none is left out" "0" "$(q "SELECT max(session) + 1 - count(*) FROM request WHERE turn = 0")"
exit $failed
