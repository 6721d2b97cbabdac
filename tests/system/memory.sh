#!/usr/bin/env bash
# memory.sh - what users see of the memories: on a scenario small enough for pencil and paper, every hit, transfer, eviction,
# loss and view against worked-out values; on larger loads, laws between tables and views (memory.sql); a cut file's metrics
# from its rows; files made to deceive; scenarios without tiers. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$srcdir/tests/check.sh"
cd "$scratch" || exit 1

suite=memory
run() { # FILE SCENARIO OPTION...
    local file=$1 scenario=$2
    shift 2
    "$TIERSIM" run "$srcdir/tests/system/$scenario.ini" -o "$file" --force "$@" > report 2> err || {
        echo "not ok - memory: $scenario $* runs: $(head -1 err)"
        exit 1
    }
}
laws() { # NAME FILE BYTES-OF-A-BLOCK
    is "$1: laws between tables and views" "" \
        "$(sqlite3 "$2" "CREATE TEMP TABLE block_bytes AS SELECT $3 AS n" ".read $srcdir/tests/system/memory.sql" 2>&1)"
}

# Three prompts of four blocks: HBM and the warm tier hold eight each, so the third pushes the first out of both. It comes
# again with a fifth block (from the cold tier); so does the third prompt (three blocks in HBM still, one in the warm tier).
# Then two at once.
cat > memory.jsonl << 'X'
{"timestamp": 0, "input_length": 2048, "output_length": 2, "hash_ids": [0, 1, 2, 3]}
{"timestamp": 1000, "input_length": 2048, "output_length": 2, "hash_ids": [10, 11, 12, 13]}
{"timestamp": 2000, "input_length": 2048, "output_length": 2, "hash_ids": [20, 21, 22, 23]}
{"timestamp": 3000, "input_length": 2560, "output_length": 2, "hash_ids": [0, 1, 2, 3, 4]}
{"timestamp": 4000, "input_length": 2560, "output_length": 2, "hash_ids": [20, 21, 22, 23, 24]}
{"timestamp": 5000, "input_length": 1024, "output_length": 2, "hash_ids": [30, 31]}
{"timestamp": 5000, "input_length": 1024, "output_length": 2, "hash_ids": [40, 41]}
X
run m.db memory -s "workload.trace=$scratch/memory.jsonl"
q() { sqlite3 -separator ' ' m.db "$1"; }
b=67108864 # a block: 512 tokens x 32 layers x 2 x 8 heads x 128 x 2 B

is "tables: tiers" "0 hbm hbm 1 1 1
1 warm dram 1 1 1 40000000000 40000000000 2000
2 cold nand 1 1 1 4000000000 2000000000 100000" \
    "$(q "SELECT id, name, kind, units, gpus, caches FROM tier WHERE id = 0"
    q "SELECT id, name, kind, units, gpus, caches, CAST(read_Bps AS INTEGER), CAST(write_Bps AS INTEGER), latency_ns FROM tier WHERE id > 0")"
is "tables: ports" "0 hbm hbm - 0
1 pcie link up -
2 pcie link down -
3 warm tier - 1
4 cold tier - 2" "$(q "SELECT id, name, kind, ifnull(direction, '-'), ifnull(tier, '-') FROM port")"
is "tables: kinds of transfers" "step restore prefetch write" "$(q "SELECT group_concat(name, ' ') FROM (SELECT name FROM move_kind WHERE id < 4 ORDER BY id)")"
is "hits: request, tier, blocks, tokens, bytes, used" "3 cold 4 2048 $((4 * b)) 2048
4 hbm 3 1536 $((3 * b)) 1536
4 warm 1 512 $b 512" "$(q "SELECT request, name, blocks, tokens, bytes, restored FROM hit JOIN tier ON tier.id = tier")"

# To the warm tier: the link's 5 GB/s and 1 + 2 us. Warm to cold: 2 GB/s and 2 + 100 us. From cold: 4 GB/s and 101 us;
# from warm: the link's 10 GB/s and 3 us. ms of a block: 13.4217728, 33.554432, 16.777216, 6.7108864. The last two prompts
# share the link; what they push out, three transfers of 1, 1 and 2 blocks, shares the cold tier: a third each until
# the short ones end, which is 3 x 33.554432 ms, then the rest alone.
is "transfers: kind, request, tier, bytes, start, duration, alone" "write 0 warm $((4 * b)) 10000000 53690092 53690092
write 1 warm $((4 * b)) 1010000000 53690092 53690092
write 2 warm $((4 * b)) 2010000000 53690092 53690092
write - cold $((4 * b)) 2063690092 134319728 134319728
restore 3 cold $((4 * b)) 3000000000 67209864 67209864
write 3 warm $b 3077209864 13424773 13424773
write - cold $b 3090634637 33656432 33656432
restore 4 warm $b 4000000000 6713887 6713887
write 4 warm $b 4016713887 13424773 13424773
write - cold $b 4030138660 33656432 33656432
write 5 warm $((2 * b)) 5010000000 53690092 26846546
write 6 warm $((2 * b)) 5010000000 53690092 26846546
write - cold $b 5063690092 100765296 33656432
write - cold $b 5063690092 100765296 33656432
write - cold $((2 * b)) 5063690092 134319728 67210864" \
    "$(q "SELECT k.name, ifnull(request, '-'), t.name, bytes, t_start_ns, t_end_ns - t_start_ns, solo_ns
          FROM transfer x JOIN move_kind k ON k.id = x.kind JOIN tier t ON t.id = x.tier ORDER BY x.rowid")"
is "contention: kind, port, by, times, ns" "write cold write 3 $((3 * b))
write pcie.down write 2 53687092" "$(q "SELECT kind, port, by_kind, times, lost_ns FROM v_contention ORDER BY port")"
is "contention of requests" "5 write pcie.down write 26843546
6 write pcie.down write 26843546" "$(q "SELECT request, kind, port, by_kind, lost_ns FROM v_request_contention")"
is "v_tier: in, out, left, blocks evicted, peak" "hbm $((5 * b)) $((18 * b)) 15 $((8 * b))
warm $((18 * b)) $((11 * b)) 10 $((8 * b))
cold $((10 * b)) $((4 * b)) 0 $((10 * b))" "$(q "SELECT name, bytes_in, bytes_out, evicted_blocks, peak_bytes FROM v_tier ORDER BY tier")"
# 10 blocks written at 2 GB/s and 4 read at 4 GB/s, over the time that samples cover.
is "v_tier: use of the cold tier's port" "402.7" "$(q "SELECT round(utilisation * (SELECT max(t_ns) FROM port_sample) / 1e6, 1) FROM v_tier WHERE tier = 2")"
# 20 blocks programmed, of 4 GB.
is "v_tier: wear" "$((20 * b)) 1" "$(q "SELECT CAST(programmed_bytes AS INTEGER), abs(drive_writes_per_day - 20.0 * $b / 4e9 * 86400e9 / (SELECT t_end_ns FROM run))
    < 1e-6 AND abs(life_years * drive_writes_per_day - 5) < 1e-9 FROM v_tier WHERE tier = 2")"
# Of 26 blocks and 13,312 tokens.
is "v_hit_rate" "hbm 3 1536 0.1154
warm 1 512 0.0385
cold 4 2048 0.1538
all 8 4096 0.3077" "$(q "SELECT name, blocks, tokens, round(token_share, 4) FROM v_hit_rate ORDER BY tier IS NULL, tier")"
is "v_kv_breakdown: restore and prefill" "2 0.0 10.0
3 67.209864 10.0
4 6.713887 10.0" "$(q "SELECT request, restore_ms, prefill_ms FROM v_kv_breakdown WHERE request IN (2, 3, 4)")"
is "v_transfer" "restore 3 cold up 67.209864 0.0 67.209864 1.0 3.994" "$(q "SELECT kind, request, tier, direction, duration_ms, queueing_ms,
    service_ms, slowdown, round(GBps, 3) FROM v_transfer WHERE id = 5")"
laws "by hand" m.db $b
is "the report" "Prompt tokens from the cache: 30.77 %
  found in hbm: 11.54 %, 201.33 MB
  found in warm: 3.85 %, 67.11 MB
  found in cold: 15.38 %, 268.44 MB
Moved, restore: 335.54 MB
Evicted from warm (blocks): 10
  write at cold, by write (s): 0.201
  write at pcie.down, by write (s): 0.054" "$(sed -n '/-Memory-/,/-tiersim-/p' report | sed 's/: */: /' | grep -E 'Prompt|found|restore:|from warm|write at')"

# In order: one at a time at the tier's port. 2 prompts a time: the second waits for the first.
run f.db memory -s "workload.trace=$scratch/memory.jsonl" -s "link pcie.rule=fifo"
is "fifo: waited at the link, then served" "26843546 26846546
26843546 26846546" "$(sqlite3 -separator ' ' f.db "SELECT max(waited_ns) OVER (), solo_ns FROM transfer WHERE request IN (5, 6)")"
is "fifo: queueing + service" 1 "$(sqlite3 f.db "SELECT abs(queueing_ms - 26.843546) < 1e-5 AND abs(service_ms - 26.846546) < 1e-5 FROM v_transfer WHERE request IN (5, 6)
    ORDER BY queueing_ms DESC LIMIT 1")"

# A few GB of warm memory under many sessions: blocks of 16 tokens.
run l.db memory_load
laws "sessions" l.db 2097152
run c.db memory_load -s run.horizon=60s -s run.warmup=20s
laws "sessions, warm-up and horizon" c.db 2097152
run o.db memory_load -s cache.overlap=yes
laws "sessions, restores that overlap" o.db 2097152
run s.db memory_load -s cache.preempt=swap -s replica.memory_fraction=0.236 -s workload.rate=8/s -s cache.block_tokens=16
laws "sessions, swaps" s.db 2097152
run p.db memory_load -s replica.memory_fraction=0.236 -s workload.rate=8/s
laws "sessions, preemptions" p.db 2097152
is "sessions, preemptions: there are some before a first token or after" 1 "$(sqlite3 p.db "SELECT count(*) > 0 FROM preempt")"

# What a run that was cut off leaves, through `report`: the same as the run itself would have said.
sqlite3 l.db "SELECT name || ' ' || printf('%.6g', value) FROM metric WHERE name GLOB '*/*' OR name GLOB 'prefix*' OR name = 'steps_slowed_share' ORDER BY name" | grep -v '^drive' > want
cut() { # SQL: into cut.db.part
    cp l.db cut.db.part
    sqlite3 cut.db.part "DELETE FROM metric; DELETE FROM counter; UPDATE run SET status = 'running', t_end_ns = NULL; $1"
}
cut ""
"$TIERSIM" report cut.db.part --json > cut.json
is "a file that was cut off: the same from its rows" "$(cat want)" \
    "$(sqlite3 :memory: "SELECT key || ' ' || printf('%.6g', value) FROM json_each(CAST(readfile('cut.json') AS TEXT))
       WHERE type IN ('real', 'integer') AND (key GLOB '*/*' OR key GLOB 'prefix*' OR key = 'steps_slowed_share') ORDER BY key" | grep -v '^drive')"
cut "UPDATE transfer SET bytes = 20000000000, delivered = bytes WHERE rowid = 7; UPDATE request SET restore_ns = 20000000000 WHERE id = 7"
check "a file that was cut off: a transfer of 20 GB, a wait of 20 s" 0 "found in ddr5" "$TIERSIM" report cut.db.part
for sql in "UPDATE transfer SET tier = 3 WHERE rowid = 7" "UPDATE transfer SET unit = 2 WHERE rowid = 7" "UPDATE contention SET port = 1000" \
    "UPDATE contention SET by_kind = -1 WHERE rowid = 1" "UPDATE hit SET tier = 64" "UPDATE evict SET tier = 9"; do
    cut "$sql"
    check "deceived: $sql" 74 "damaged: row [0-9]* of table" "$TIERSIM" report cut.db.part
done
for sql in "UPDATE tier SET id = 7 WHERE id = 2" "UPDATE tier SET units = -1" "DELETE FROM port WHERE id = 3" "UPDATE port SET name = 'x' WHERE unit = 1" \
    "UPDATE port SET unit = id" "INSERT INTO move_kind SELECT id + 100, name, help FROM move_kind; INSERT INTO move_kind SELECT id + 200, name, help FROM move_kind"; do
    cut "$sql"
    check "deceived: $sql" 74 "damaged: the tables of its memories" "$TIERSIM" report cut.db.part
done

# Nothing below HBM, and not even a prefix cache.
run h.db memory_load -s memory.tiers=none
is "no tiers: HBM alone, no ports" "hbm 1 0" "$(sqlite3 -separator ' ' h.db "SELECT name, caches, (SELECT count(*) FROM port) FROM tier")"
is "no tiers: its hits" 1 "$(sqlite3 h.db "SELECT count(*) = 2 AND min(blocks) > 0 FROM v_hit_rate")"
is "no tiers: the report has hits and no transfers" "1 0" "$(grep -c 'found in hbm' report) $(grep -c 'Moved' report)"
run n.db memory_load -s memory.tiers=none -s cache.prefix=no
is "no cache: HBM alone" "hbm 0 0" "$(sqlite3 -separator ' ' n.db "SELECT name, caches, (SELECT count(*) FROM port) FROM tier")"
is "no cache: views are empty or zero" "0 0 0 0 0" "$(sqlite3 -separator ' ' n.db "SELECT (SELECT count(*) FROM v_transfer), (SELECT count(*) FROM v_contention),
    (SELECT count(*) FROM v_request_contention), (SELECT total(blocks) FROM v_hit_rate) + 0 = 1, (SELECT count(*) FROM v_tier WHERE tier > 0)")"
is "no cache: TTFT is queue, prefill, rest, and again after preemptions" "" "$(sqlite3 n.db "SELECT request FROM v_kv_breakdown JOIN request r ON r.id = request
    WHERE restore_ms <> 0 OR (recompute_ms <> 0) > preemptions OR abs(ttft_ms - recompute_ms - queue_ms - prefill_ms - rest_ms) > 1e-6 LIMIT 3")"
is "no cache: no part of the report" 0 "$(grep -c -e '-Memory-' report)"
is "no cache: no metrics of it" 0 "$(sqlite3 n.db "SELECT count(*) FROM metric WHERE name GLOB '*/*' OR name GLOB 'prefix*'")"
exit $failed
