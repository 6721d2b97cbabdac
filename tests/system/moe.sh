#!/usr/bin/env bash
# moe.sh - experts below HBM (scenarios/moe-offload.ini): distinct experts of a step against the closed form of drawing top-k sets, bytes
# over C2C against the experts that were absent, TPOT against the share in HBM, and fetches ahead. Needs TIERSIM and srcdir.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
ok() { # NAME CONDITION-AS-0-OR-1 DETAIL
    if [ "$2" = 1 ]; then
        echo "ok - moe: $1"
    else
        echo "not ok - moe: $1 ($3)"
        failed=1
    fi
}
run() { # FILE OPTION...
    local file=$1
    shift
    "$TIERSIM" run "$srcdir/scenarios/moe-offload.ini" -o "$file" --force "$@" > /dev/null 2> err || {
        echo "not ok - moe: $* runs: $(head -1 err)"
        exit 1
    }
}

# Sum over 256 experts of 1 - (1 - q)^32, q as policy/experts.h has it: proportional to rank^-0.5, sum 8, none above 1.
closed=$(awk 'BEGIN { for (i = 1; i <= 256; i++) s += q[i] = i ^ -0.5
    for (i = 1; i <= 256; i++) { p = 8 * q[i] / s; if (p > 1) exit 1; d += 1 - (1 - p) ^ 32 }
    printf "%.9f", d }')
run half.db -s experts.hot_share=0.5 -s run.log=all -s experts.layers=0
# Each of the 58 layers is a draw of its own; the error of the mean of a run from the spread of its steps.
read -r n mean error < <(sqlite3 -separator ' ' half.db "SELECT count(*), avg(x), sqrt((avg(x * x) - avg(x) * avg(x)) / count(*))
    FROM (SELECT distinct_experts / 58.0 x FROM experts WHERE tokens = 32)")
ok "distinct experts of 32 tokens: $mean drawn, $closed in closed form, $n steps" \
    "$(awk -v m="$mean" -v c="$closed" -v e="$error" -v n="$n" 'BEGIN { print (n > 100 && (m - c) ^ 2 <= (3.5 * e) ^ 2) }')" "error $error"
ok "each distinct expert was in HBM, guessed or waited for" \
    "$(sqlite3 half.db "SELECT count(*) = 0 FROM experts WHERE distinct_experts <> hits + guessed + absent")" ""
# 3 x 7168 x 2048 weights of one byte; the scales, one each 128 x 128, are not counted.
ok "bytes over C2C are those of the experts" \
    "$(sqlite3 half.db "SELECT abs(sum(bytes) - (SELECT sum(bytes) FROM transfer WHERE kind = (SELECT id FROM move_kind WHERE name = 'expert')))
        <= 2 * count(*) AND abs(1.0 * sum(bytes) / sum(absent + guessed + wrong) - 3 * 7168 * 2048) < 1e-3 FROM experts")" \
    "$(sqlite3 half.db "SELECT sum(bytes), sum(absent) FROM experts")"
ok "a step that waits ends no earlier than its fetch" \
    "$(sqlite3 half.db "SELECT count(*) = 0 FROM transfer t JOIN step s ON s.replica = t.replica AND t.t_start_ns BETWEEN s.t_start_ns AND s.t_end_ns - 1
        WHERE t.kind = (SELECT id FROM move_kind WHERE name = 'expert') AND t.t_end_ns > s.t_end_ns")" ""

# What fills each memory: half of 58 x 256 experts in HBM, half in LPDDR, the tables; weights and experts of HBM are what check says.
ok "room: half of the experts in each" \
    "$(sqlite3 half.db "SELECT count(*) > 10 AND max(abs(expert_bytes - 58 * 128 * 3.0 * 7168 * 2048)) < 2 FROM room_sample")" \
    "$(sqlite3 half.db "SELECT tier, expert_bytes FROM room_sample LIMIT 2")"
weights=$("$TIERSIM" check "$srcdir/scenarios/moe-offload.ini" -s experts.hot_share=0.5 | sed -n 's/.*weights \([0-9.]*\), .*/\1/p')
ok "room: other weights in HBM alone" "$(sqlite3 half.db "SELECT max(abs((weights_bytes + expert_bytes) / 8e9 - $weights) < 0.006) AND
        min(weights_bytes) > 0 FROM room_sample WHERE tier = 0")" "$weights GB a GPU"
ok "... and no tables" "$(sqlite3 half.db "SELECT sum(table_bytes) + sum(CASE WHEN tier > 0 THEN weights_bytes END) = 0 FROM room_sample")" ""
run t.db -s model.engram_layers=2 -s model.engram_rows=24 -s model.engram_row_bytes=256 -s memory.tables=lpddr -s memory.tables_size=100GB \
    -s workload.requests=40 -s experts.hot_share=0.5
ok "room: tables in their tier" "$(sqlite3 t.db "SELECT sum(table_bytes <> CASE tier WHEN 0 THEN 0 ELSE 100e9 END) = 0 AND count(*) > 2 FROM room_sample")" \
    "$(sqlite3 t.db "SELECT tier, table_bytes FROM room_sample LIMIT 2")"
run l.db -s run.log=all -s experts.hot_share=1 -s workload.requests=20 -s model.engram_layers=2 -s model.engram_rows=24 \
    -s model.engram_row_bytes=256 -s memory.tables=lpddr -s memory.tables_size=100GB
# Each token of each step looks 24 rows up in each of 2 layers: 12 KiB, as published for Engram.
ok "tables: every token's rows cross C2C" "$(sqlite3 l.db "SELECT (SELECT sum(bytes) FROM transfer x JOIN move_kind k ON k.id = x.kind WHERE k.name = 'table')
        = sum(n_decode + prefill_tokens) * 2 * 24 * 256 AND count(*) > 100 FROM step")" \
    "$(sqlite3 l.db "SELECT (SELECT sum(bytes) FROM transfer), sum(n_decode + prefill_tokens) FROM step")"
ok "... which has that much less for KV" "$(sqlite3 t.db "ATTACH 'half.db' AS h; SELECT (SELECT max(capacity_bytes) FROM h.room_sample WHERE tier = 1)
        - max(capacity_bytes) = 100000000000 FROM room_sample WHERE tier = 1")" ""
# KV of running sequences that HBM has no room for is told of the tier that has it.
"$TIERSIM" run "$srcdir/scenarios/tiers-contended.ini" -o over.db -s run.log=step > /dev/null 2> err || failed=1
ok "room: HBM full, the rest of the running KV in LPDDR" "$(sqlite3 over.db "SELECT max(CASE tier WHEN 0 THEN running_bytes + cached_bytes - capacity_bytes END) <= 0
        AND max(CASE tier WHEN 0 THEN 1.0 * (running_bytes + cached_bytes) / capacity_bytes END) > 0.99
        AND max(CASE tier WHEN 1 THEN running_bytes END) > 50e9 FROM room_sample")" ""

last=0
for share in 1 0.9 0.75 0.5 0.25 0.1; do
    run s.db -s experts.hot_share=$share -s run.log=summary
    tpot=$(sqlite3 s.db "SELECT value FROM metric WHERE name = 'mean_tpot_ms' AND class IS NULL")
    ok "TPOT with $share of the experts in HBM: $tpot ms" "$(awk -v a="$last" -v b="$tpot" 'BEGIN { print (b > a) }')" "not above $last"
    last=$tpot
done
tpot() {
    run s.db -s run.log=summary "$@"
    sqlite3 s.db "SELECT value FROM metric WHERE name = 'mean_tpot_ms' AND class IS NULL"
}
demand=$(tpot -s experts.place=lfu)
ahead=$(tpot -s experts.place=predict -s experts.accuracy=0.95)
place=$(tpot -s experts.access=in_place)
ok "fetching ahead hides a part: $ahead ms against $demand ms" "$(awk -v a="$ahead" -v b="$demand" 'BEGIN { print (a < b) }')" ""
ok "reading in place spares HBM: $place ms against $(tpot) ms" "$(awk -v a="$place" -v b="$(tpot)" 'BEGIN { print (a < b) }')" ""
exit $failed
