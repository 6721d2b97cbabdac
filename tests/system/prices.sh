#!/usr/bin/env bash
# prices.sh - prices of data/, the bill of each GPU, the demand of a run against its file and the cost of its metrics, how long
# keeping pays, and the curve of a prefix cache against runs of it. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
suite=prices
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

says() { # NAME CODE PATTERN COMMAND...
    local name=$1 code=$2 pattern=$3 got
    shift 3
    "$@" > out 2> err
    got=$?
    is "$name" "$code 1" "$got $(cat out err | grep -c -m 1 -- "$pattern")"
}
ask() { # JSON-FILE EXPRESSION: of the JSON, as j
    sqlite3 :memory: "SELECT $2 FROM (SELECT CAST(readfile('$1') AS TEXT) AS j)"
}

# ---- prices of data/ ----

cat > one.ini <<'X'
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
[replica]
dtype = bf16
[workload]
arrivals = poisson
rate = 1/s
requests = 1
[class a]
input = constant
input_tokens = 10
output = constant
output_tokens = 10
X
# Every price of a GPU: the bill is that price where all is in it, and its parts sum to it.
priced=0 wrong=
for preset in 2026q1 2026q4; do
    data=$srcdir/data/prices-$preset.ini
    for gpu in $(sed -n 's/^\[gpu_price \(.*\)\]$/\1/p' "$data"); do
        for basis in rent own tco; do
            "$TIERSIM" describe bill one.ini --json -s gpu.preset="$gpu" -s prices.preset=$preset -s prices.basis=$basis > b.json 2> err ||
                { grep -qE "has no (rent|tco)_usd_per_h|has no system_usd" err || wrong+=" $preset/$gpu/$basis"; continue; }
            want=$(sed -n "/^\[gpu_price $gpu\]/,/^\[/s/^${basis}_usd_per_h = //p" "$data")
            same=$(ask b.json "abs((SELECT sum(value ->> 'usd_per_h') FROM json_each(j -> 'parts')) - (j ->> 'usd_per_h')) < 1e-9
                AND abs((j ->> 'usd_per_gpu_h') - ${want:-(j ->> 'usd_per_gpu_h')}) < 1e-9
                AND (SELECT min(value ->> 'usd_per_h') FROM json_each(j -> 'parts')) >= 0")
            [ "$same" = 1 ] || wrong+=" $preset/$gpu/$basis"
            priced=$((priced + 1))
        done
    done
done
is "bills of all GPUs with a price" "" "$wrong"
is "at least forty of them" 1 $((priced >= 40))
of() { "$TIERSIM" describe bill one.ini --json -s prices.preset=2026q4 -s prices.basis=own "$@" > b.json; }
# What the head of the preset says of basis own, steps all the time.
for pair in "h100 1.74" "b200 1.85" "gb200 1.84" "gb300 1.95"; do
    of -s gpu.preset="${pair% *}"
    is "own, $pair US\$/h" "${pair#* }" "$(ask b.json "round((j ->> 'usd_per_gpu_h') + (j ->> 'busy_usd_per_h') / (j ->> 'gpus'), 2)")"
    is "which the preset says" 1 "$(grep -c -m 1 -- "${pair#* }" "$srcdir/data/prices-2026q4.ini")"
done
# A rack of 72 with SOCAMM and drives bought beside it: Morgan Stanley's 7.80 million.
of -s gpu.preset=vr200 -s memory.preset=vr200-nvl72 -s replica.count=72
is "a VR NVL72 rack" 1 "$(ask b.json "abs((j ->> 'capex_usd') / 7.8e6 - 1) < 0.001")"
is "of it SOCAMM2, 55,296 GB at 13/(1 - 0.6)" 1 \
    "$(ask b.json "(SELECT round(value ->> 'capex_usd') FROM json_each(j -> 'parts') WHERE value ->> 'name' = 'lpddr') = 1797120")"
of -s gpu.preset=vr200 -s memory.preset=vr200-nvl72 -s replica.count=72 -s "memory_price socamm.usd_per_gb=8"
is "at 8 US\$/GB" 1 "$(ask b.json "abs((j ->> 'capex_usd') - (7797326 - 55296 * 5 / 0.4)) < 100")"
# The article's "ten times the capacity for a dollar": component to component 1.2 to 2 times, selling price to selling price 5.9 to 9.6.
ratios() { ask b.json "(SELECT printf('%.2f %.2f %.2f', value ->> 'hbm_over_maker', value ->> 'hbm_over_buyer', value ->> 'hbm_with_gpu_over_buyer')
    FROM json_each(j -> 'usd_per_gb') WHERE value ->> 'memory' = 'lpddr')"; }
is "HBM over SOCAMM2 at 8 US\$/GB" "1.95 0.78 9.55" "$(ratios)"
of -s gpu.preset=vr200 -s memory.preset=vr200-nvl72
is "and at 13" "1.20 0.48 5.88" "$(ratios)"
says "no prices" 2 "prices.* is missing" "$TIERSIM" describe bill one.ini
is "nothing of prices without them" 0 "$("$TIERSIM" check --resolved one.ini | grep -c price)"
says "the presets are listed" 0 "known: 2026q1, 2026q4" "$TIERSIM" explain prices
says "and the cards" 0 "kimi-k2.5" "$TIERSIM" explain price_card
for card in "$srcdir"/data/cards/*.ini; do
    "$TIERSIM" check one.ini -s prices.preset=2026q4 -s price_card.preset="$(basename "$card" .ini)" > out 2>&1 || wrong+=" $card"
done
is "every card loads" "" "$wrong"

# ---- demand ----

cat > run.ini <<'X'
include one.ini
[run]
log = step
warmup = 20s
[gpu]
preset = vr200
memory = 22GB
[node]
gpus = 4
[memory]
preset = vr200-nvl72
[tier lpddr]
module_capacity = 32GB
[tier nvme]
module_capacity = 40GB
[replica]
count = 4
dtype = fp8
kv_dtype = fp8
[router]
policy = session_affinity
[workload]
rate = 3/s
requests = 600
[class a]
input_tokens = 8000
turns = 5
append = constant
append_tokens = 300
turn_gap = 20s
output_tokens = 100
[prices]
preset = 2026q1
basis = own
utilisation = 0.8
X
"$TIERSIM" run run.ini -o run.db > out 2> err || cat err
"$TIERSIM" demand run.db --json > d.json
run() { sqlite3 run.db "$1"; }
is "what the bill says of the run is its cost" 1 "$(run "SELECT abs(value / $(ask d.json "j ->> 'run_usd'") - 1) < 1e-9 FROM metric WHERE name = 'cost_usd'")"
metric() { run "SELECT value FROM metric WHERE class IS NULL AND name = '$1'"; }
is "a million tokens cost what the report says" 1 "$(ask d.json "abs((j ->> 'usd_per_m_tokens') / $(metric usd_per_m_total) - 1) < 1e-9")"
is "and tokens of a day what the fleet does" 1 "$(ask d.json "abs((j ->> 'usd_per_m_tokens') * (j ->> 'tokens_per_day') / 1e6
    / ($(metric cost_usd_per_h) * 24 * 0.8) - 1) < 1e-9")"
is "as the view has it" "$(run "SELECT printf('%.9g', tokens_per_day) FROM v_demand WHERE tier = 0")" "$(ask d.json "printf('%.9g', j ->> 'tokens_per_day')")"
is "all that is counted, but for the ends of the run" 1 "$(ask d.json "abs((j ->> 'tokens_per_day') / ($(metric total_input_tokens) + $(metric total_output_tokens))
    * $(metric duration) / 86400 / 0.8 - 1) BETWEEN 1e-6 AND 0.02")"
# The view says the same, HBM's activations apart.
ask d.json "(SELECT group_concat(printf('%s %.4f %.4f %.4f %.6f %.4f %.3f', value ->> 'memory', value ->> 'have_gb', value ->> 'held_mean_gb',
    value ->> 'held_peak_gb', value ->> 'moved_mean_gbps', value ->> 'moved_peak_gbps', value ->> 'usd'), char(10)) FROM json_each(j -> 'fleet') WHERE value ->> 'memory' <> 'hbm')" > a
run "SELECT printf('%s %.4f %.4f %.4f %.6f %.4f %.3f', name, have_gb, held_mean_gb, held_peak_gb, moved_mean_gbps, moved_peak_gbps, usd) FROM v_demand WHERE tier > 0" > b
is "tiers as in v_demand" "$(cat b)" "$(cat a)"
is "two of them" 2 "$(wc -l < b)"
is "what they have is what the scenario says" "lpddr 512 10240|nvme 160 58.4" \
    "$(run "SELECT group_concat(printf('%s %g %g', name, have_gb, usd), '|') FROM v_demand WHERE tier > 0")"
# v_tier has each unit for itself: means add up, and the peak of all is no more than the sum of peaks.
is "means as in v_tier" 1 "$(run "SELECT min(abs(d.held_mean_gb / v.mean - 1) < 1e-6 AND d.held_peak_gb <= v.peak + 1e-6 AND d.held_peak_gb >= d.held_mean_gb)
    FROM v_demand d JOIN (SELECT tier, sum(weights_bytes + running_bytes + cached_bytes + expert_bytes + table_bytes) / 1e9 AS mean,
                                 sum(weights_bytes + peak_bytes) / 1e9 AS peak FROM v_tier GROUP BY tier) v USING (tier)")"
is "HBM moved as its ports were busy" 1 "$(run "SELECT abs(d.moved_mean_gbps / (SELECT sum(utilisation) * 22000 FROM v_tier WHERE tier = 0) - 1) < 1e-3
    FROM v_demand d WHERE d.tier = 0")"
# Of 8 modules of 32 GB a unit, the fewest that hold what the fullest unit held.
is "fewest modules" 1 "$(run "SELECT abs($(ask d.json "(SELECT value ->> 'fewest_gb' FROM json_each(j -> 'modules'))")
    - 2 * 32 * ceil((SELECT max(peak_bytes) FROM v_tier WHERE name = 'lpddr') / 32e9)) < 1e-6")"
is "and not all of them" 1 "$(ask d.json "(SELECT (value ->> 'fewest_gb') < (value ->> 'gb') FROM json_each(j -> 'modules'))")"
# A thousand times as much is a thousand times the memory, at the same price a token.
"$TIERSIM" demand run.db --json --tokens-per-day 1e12 -s "memory_price socamm.elasticity=0.5" -s "supplier first.available=0" > s.json
is "a system" 1 "$(ask s.json "abs((j ->> 'fleets') * (j ->> 'tokens_per_day') / 1e12 - 1) < 1e-12
    AND abs((SELECT value ->> 'gb' FROM json_each(j -> 'system') WHERE value ->> 'memory' = 'lpddr') / (512 * (j ->> 'fleets')) - 1) < 1e-12")"
# Half of the supply lost: those left have 0.3 and 0.2 of 0.5; the price rises by 0.5^(-1/0.5) = 4; or half can be built.
is "suppliers that are left" "second 0.6 192|third 0.4 256" \
    "$(ask s.json "(SELECT group_concat(printf('%s %g %g', value ->> 'supplier', value ->> 'share', value ->> 'module_gb'), '|') FROM json_each(j -> 'suppliers'))")"
is "their modules hold it" 1 "$(ask s.json "(SELECT abs(sum((value ->> 'modules') * (value ->> 'module_gb')) / (512 * (j ->> 'fleets')) - 1) < 1e-9
    AND abs(sum(value ->> 'gbps') / sum((value ->> 'modules') * 150) - 1) < 1e-9 FROM json_each(j -> 'suppliers'))")"
is "the supply" "0.5 4 80 500000000000" \
    "$(ask s.json "(SELECT printf('%g %g %g %s', value ->> 'supply', value ->> 'price_factor', value ->> 'usd_per_gb', value ->> 'tokens_per_day') FROM json_each(j -> 'supply'))")"
"$TIERSIM" demand run.db --json --tokens-per-day 1e12 -s "memory_price socamm.usd_per_gb=32" > x.json
is "at that price as at such a price" "$(ask x.json "printf('%.9g', j ->> 'usd_per_m_tokens')")" \
    "$(ask s.json "(SELECT printf('%.9g', value ->> 'usd_per_m_tokens') FROM json_each(j -> 'supply'))")"
is "the path of the year" "20 25 32.5" "$(ask s.json "(SELECT group_concat(value ->> 'usd_per_gb', ' ') FROM json_each(j -> 'path'))" | sed 's/\.0//g')"
is "and prices are put back" 1 "$(ask s.json "(SELECT abs((value ->> 'usd') / (value ->> 'gb') - 20) < 1e-9 FROM json_each(j -> 'modules'))")"
# Another preset takes the place of all the run's prices. Rented, memory costs what it does.
"$TIERSIM" demand run.db --json -s prices.preset=2026q4 > x.json
hours=$(run "SELECT value / 3600 FROM metric WHERE name = 'duration'")
is "another preset" "2026 Q4 18071.2 34.00" "$(ask x.json "printf('%s %.1f %.2f', j ->> 'prices',
    (SELECT sum(value ->> 'usd') FROM json_each(j -> 'fleet')),
    (j ->> 'run_usd') / $hours - (512 * 32.5 + 160 * 0.365) * (0.08 / (1 - pow(1.08, -5)) + 0.03) / 8760)")"
"$TIERSIM" run one.ini -o bare.db > out 2>&1 || cat out
says "a run without prices" 2 "the run had no .prices." "$TIERSIM" demand bare.db
"$TIERSIM" demand bare.db -s prices.preset=2026q4 --json > x.json
is "is priced afterwards" 1 "$(ask x.json "abs((j ->> 'run_usd') / (1.3 / 3600 * $(sqlite3 bare.db "SELECT value FROM metric WHERE name = 'duration'")) - 1) < 1e-9")"

# ---- retention ----

# Four steps of 10 ms for 4000 tokens on two GPUs; KV of llama-3.1-8b in bf16 is 131072 bytes a token.
"$TIERSIM" describe retention one.ini --json -s prices.preset=2026q4 -s replica.tp=2 -s replica.count=3 -s replica.cost=fixed -s replica.step_time=10ms \
    -s scheduler.max_num_batched_tokens=1000 -s scheduler.max_num_seqs=8 -s memory.preset=h100-ddr5-nvme -s "tier nvme.write_amplification=2" > r.json
keep() { ask r.json "(SELECT $2 FROM json_each(j) WHERE value ->> 'tokens' = 4000 AND value ->> 'memory' = '$1')"; }
is "again" "0.04" "$(keep hbm "value ->> 'recompute_s'")"
# Bundled and bought memory are no part of a GPU's price.
gpu_h=$("$TIERSIM" describe bill one.ini --json -s prices.preset=2026q4 -s replica.tp=2 -s replica.count=3 -s memory.preset=h100-ddr5-nvme > b.json
    ask b.json "(SELECT sum(value ->> 'usd_per_h') FROM json_each(j -> 'parts') WHERE value ->> 'kind' IN ('gpu', 'hbm', 'power')) / 3")
is "US\$ of it" 1 "$(keep hbm "abs((value ->> 'recompute_usd') / (0.04 / 3600 * $gpu_h) - 1) < 1e-9")"
is "its KV" 1 "$(keep ddr5 "abs((value ->> 'kv_gb') - 4000 * 131072 / 1e9) < 1e-9")"
is "US\$ of room" 1 "$(keep ddr5 "abs((value ->> 'usd_per_gb_h') / $(ask b.json "(SELECT (value ->> 'usd_per_h') / (value ->> 'bytes') * 1e9 FROM json_each(j -> 'parts')
    WHERE value ->> 'name' = 'ddr5')") - 1) < 1e-9")"
is "it pays as long as room costs no more" 1 "$(keep ddr5 "abs((value ->> 'break_even_s') / ((value ->> 'recompute_usd') / (value ->> 'usd_per_h') * 3600) - 1) < 1e-9")"
is "drives wear by a write" 1 "$(keep nvme "abs((value ->> 'wear_usd') / (2 * 4000 * 131072 / 1e9 * 0.365 / (365 * 5)) - 1) < 1e-9
    AND abs((value ->> 'break_even_s') / (((value ->> 'recompute_usd') - (value ->> 'wear_usd')) / (value ->> 'usd_per_h') * 3600) - 1) < 1e-9")"
# MLA's latent lies on each of 8 GPUs, once in a tier, there in half of the bytes.
"$TIERSIM" describe retention one.ini --json -s prices.preset=2026q4 -s model.preset=deepseek-v3 -s gpu.preset=h200 -s replica.dtype=fp8_block -s replica.tp=8 \
    -s replica.kv_dtype=bf16 -s memory.preset=h100-ddr5-nvme -s "tier nvme.kv_dtype=fp8" > mla.json
is "KV that tp replicates, and KV in another format" "8.00 0.50" "$(ask mla.json "(SELECT printf('%.2f %.2f',
    max(CASE WHEN value ->> 'memory' = 'hbm' THEN value ->> 'kv_gb' END) / max(CASE WHEN value ->> 'memory' = 'ddr5' THEN value ->> 'kv_gb' END),
    max(CASE WHEN value ->> 'memory' = 'nvme' THEN value ->> 'kv_gb' END) / max(CASE WHEN value ->> 'memory' = 'ddr5' THEN value ->> 'kv_gb' END)) FROM json_each(j))")"
is "HBM at the price of its GPU is dearer" 1 "$(ask r.json "(SELECT max(CASE WHEN value ->> 'memory' = 'hbm' THEN value ->> 'break_even_s' END)
    > 10 * max(CASE WHEN value ->> 'memory' = 'hbm+gpu' THEN value ->> 'break_even_s' END) FROM json_each(j))")"

# ---- the curve of a prefix cache ----

# 60 contexts that grow by three blocks each time they come back, at random; content after a shared start.
awk 'BEGIN { srand(7); for (i = 0; i < 600; i++) { c = int(60 * rand() * rand()); n[c] += 3; ids = "1, 2"
    for (k = 0; k < n[c] && k < 40; k++) ids = ids ", " (1000 * (c + 1) + k)
    b = 2 + (k < 40 ? k : 40)
    printf "{\"timestamp\": %d, \"input_length\": %d, \"output_length\": 1, \"hash_ids\": [%s]}\n", 1000 * i, 16 * b, ids } }' > t.jsonl
"$TIERSIM" describe trace t.jsonl --mrc --json --block-tokens 16 --model llama-3.1-8b --kv-dtype bf16 > m.json
cat > cache.ini <<'X'
include one.ini
[run]
log = summary
[replica]
cost = fixed
step_time = 1us
[cache]
evict = lru
evict_tokens = 0
[workload]
arrivals = trace
trace = t.jsonl
trace_block_tokens = 16
trace_order = closed
concurrency = 1
[class a]
input = trace
output = trace
X
sed -i '/^rate = \|^requests = \|_tokens = 10$/d' one.ini
for blocks in 64 256 1024; do
    "$TIERSIM" run cache.ini -o cache.db --force -s cache.blocks=$blocks > out 2>&1 || cat out
    is "as a run of $blocks blocks has it" "$(sqlite3 cache.db "SELECT printf('%.9f', value) FROM metric WHERE name = 'prefix_block_hit_rate'")" \
        "$(ask m.json "(SELECT printf('%.9f', 1.0 * (value ->> 'hit_blocks') / (j ->> 'blocks')) FROM json_each(j -> 'curve') WHERE value ->> 'blocks' = $blocks)")"
done
is "and its KV" 1 "$(ask m.json "(SELECT abs((value ->> 'gb') - 64 * 16 * 131072 / 1e9) < 1e-9 FROM json_each(j -> 'curve') WHERE value ->> 'blocks' = 64)")"
printf 'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n' > azure.csv
says "a trace that names no blocks" 1 "names no blocks" "$TIERSIM" describe trace azure.csv --mrc
exit $failed
