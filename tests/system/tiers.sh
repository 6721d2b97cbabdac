#!/usr/bin/env bash
# tiers.sh - tiersim describe tiers: figures computed by hand, the ratios of the collected facts, every preset of data/memory, overrides,
# and what is said of mistakes. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
. "$srcdir/tests/check.sh"
cd "$scratch" || exit 1

# is NAME PATH WANT: of t.json, within 1e-9 of itself, or the same text
is() {
    local got
    got=$(sqlite3 :memory: "SELECT CASE WHEN typeof(x) IN ('text', 'null') THEN ifnull(x, 'null') = '$3'
        ELSE abs(x - CAST('$3' AS REAL)) <= 1e-9 * abs(x) END || ' ' || ifnull(x, 'null')
        FROM (SELECT json_extract(CAST(readfile('t.json') AS TEXT), '\$.$2') x)")
    if [ "${got%% *}" = 1 ]; then
        echo "ok - $1"
    else
        echo "not ok - $1: $2 is ${got#* }, want $3"
        failed=1
    fi
}
tiers() { # OPTION...: into t.json
    "$TIERSIM" describe tiers "$@" --json > t.json || {
        echo "not ok - describe tiers $*: exit $?"
        failed=1
    }
}

# A machine of round figures. By hand: 1 GB from ddr to one GPU crosses pcie at 50 GB/s (ddr would give 300): 20 ms and 2 + 5 us; with all 4
# GPUs of a socket each has min(50, 300 / 4). nvme: 4 x 10 GB/s, through ddr twice (1 / (1/300 + 1/300) = 150), 25 ms and 100 + 2 + 5 us; all
# 8: 40 / 8 = 5. KV of 1e6 tokens of DeepSeek-V3 in fp8: 61 layers x 576 B x 1e6 = 35.136 GB.
mkdir gpus memory models
cat > gpus/plain.ini <<'E'
[gpu]
name = Plain
memory = 80GB
memory_bandwidth = 4TB/s
bf16_flops = 1000TFLOPS
[node]
gpus = 16
E
cp "$srcdir/data/models/deepseek-v3.ini" "$srcdir/data/models/qwen3-8b.ini" models
cat > memory/plain.ini <<'E'
[memory]
name = Plain machine
gpu = plain
hbm_latency = 1us
hbm_usd_per_gb = 10
[link pcie]
gpus = 1
to_gpu = 50GB/s
latency = 2us
[tier ddr]
gpus = 4
capacity = 1000GB
reserved = 200GB
read_bandwidth = 400GB/s
efficiency = 0.75
latency = 5us
links = pcie
usd_per_gb = 4
[tier nvme]
kind = nand
gpus = 8
modules = 4
module_capacity = 4TB
module_bandwidth = 10GB/s
module_write_bandwidth = 5GB/s
latency = 100us
links = pcie
bounce = ddr
E
cat > memory/far.ini <<'E'
[tier far]
kind = nand
gpus = 0
capacity = 160TB
read_bandwidth = 160GB/s
fragment = 300MB
fragment_time = 1ms
granularity = 200MB
kv_dtype = bf16
convert = 10GB/s
E
own() { TIERSIM_DATA=$scratch tiers "$@"; }
own --preset plain
is "the machine's name" name "Plain machine"
is "hbm: GB" 'tiers[0].capacity_bytes' 80e9
is "hbm: 1 GB at 4 TB/s after 1 us" 'tiers[0].read_1gb_s' 251e-6
is "hbm: US\$/GB" 'tiers[0].usd_per_gb' 10
is "ddr: the unit" 'tiers[1].unit_gpus' 4
is "ddr: a GPU's share, without what is reserved" 'tiers[1].capacity_per_gpu_bytes' 200e9
is "ddr: what is reached" 'tiers[1].read_Bps' 300e9
is "ddr: writes as reads" 'tiers[1].write_Bps' 300e9
is "ddr: one GPU alone has the link" 'tiers[1].gpu_alone_Bps' 50e9
is "ddr: so have all four" 'tiers[1].gpu_all_Bps' 50e9
is "ddr: HBM is 80 times that" 'tiers[1].hbm_over_alone' 80
is "ddr: latency of tier and link" 'tiers[1].latency_s' 7e-6
is "ddr: 1 GB" 'tiers[1].read_1gb_s' 0.020007
is "ddr: KV of DeepSeek-V3 in fp8" 'tiers[1].kv_bytes' 35.136e9
is "ddr: 1M tokens of it" 'tiers[1].read_kv_s' 0.702727
is "nvme: capacity of 4 drives" 'tiers[2].capacity_bytes' 16e12
is "nvme: writes of 4 drives" 'tiers[2].write_Bps' 20e9
is "nvme: one GPU alone has the drives" 'tiers[2].gpu_alone_Bps' 40e9
is "nvme: all eight" 'tiers[2].gpu_all_Bps' 5e9
is "nvme: latency of the bounce, too" 'tiers[2].latency_s' 107e-6
is "nvme: 1 GB" 'tiers[2].read_1gb_s' 0.025107
is "nvme: an unknown price" 'tiers[2].usd_per_gb' null
own --preset plain -s "tier nvme.modules=40" -s "tier ddr.write_bandwidth=20GB/s"
is "through a slow bounce: 1 / (1/15 + 1/300)" 'tiers[2].gpu_alone_Bps' $((100000000000 / 7))
own --preset plain -s "tier ddr.gpus=8"
is "ddr of eight GPUs: 300 / 8 when all read" 'tiers[1].gpu_all_Bps' 37.5e9

# far: 16 GPUs of a node share it. 1 GB in pieces of 300, 300, 300 and 100 MB, each rounded up to 200 MB: 1.4 GB at 160 GB/s, and 4 x 1 ms.
# KV in bf16 has twice the bytes: 70.272 GB, which come at 10 GB/s x 2 of conversion in 235 pieces: 234 of 400 MB, one of 200.
own --preset "plain far"
is "two presets: tiers of both" 'tiers[3].name' far
is "... and the name of the one that has one" name "Plain machine"
is "far: shared by the node" 'tiers[3].unit_gpus' 16
is "far: all read" 'tiers[3].gpu_all_Bps' 10e9
is "far: pieces rounded up" 'tiers[3].read_1gb_s' 0.01275
is "far: KV in its own type" 'tiers[3].kv_bytes' 70.272e9
is "far: conversion and pieces" 'tiers[3].read_kv_s' 4.925
own --preset far
is "a preset without GPU has no row of HBM" 'tiers[0].name' far
is "... and does not know who shares it" 'tiers[0].gpu_all_Bps' null
own --preset plain --model qwen3-8b --kv-dtype bf16
is "another model: 36 layers x 2 x 8 x 128 x 2 B" 'tiers[0].kv_bytes' 147.456e9

# A scenario: its own GPU, model, KV type, tiers in use; the cluster's GPUs share what is the cluster's.
cat > s.ini <<'E'
[gpu]
preset = plain
kernels = plain
nvlink_bandwidth = 400GB/s
[kernels]
gemm_bf16_flops_efficiency = 0.8
gemm_bf16_memory_efficiency = 0.8
[model]
preset = qwen3-8b
[engine]
step_overhead = 1ms
seq_overhead = 1us
[replica]
count = 5
tp = 4
cost = fixed
step_time = 1ms
[memory]
preset = plain far
tiers = far ddr
[workload]
arrivals = poisson
rate = 1/s
requests = 10
[class chat]
input = constant
input_tokens = 10
output = constant
output_tokens = 10
E
mkdir calibration
echo '[kernels]' > calibration/plain.ini
own s.ini
is "of a scenario: the tiers in use, in their order" 'tiers[1].name' far
is "... and the next" 'tiers[2].name' ddr
is "... and no more" 'tiers[3].name' null
is "5 replicas of 4 GPUs on nodes of 16: 32 GPUs" 'tiers[1].unit_gpus' 32
is "its model and KV type" 'tiers[0].kv_bytes' 147.456e9
own s.ini -s cluster.nodes=3 -s memory.tiers=far --kv-dtype fp8
is "of its nodes, if they are given" 'tiers[1].unit_gpus' 48
is "a KV type of the user's" 'tiers[0].kv_bytes' 73.728e9
own s.ini -s memory.tiers=none
is "no tiers in use" 'tiers[1].name' null
own s.ini -s memory.tiers=nvme
is "a tier that is bounced through is no row" 'tiers[2].name' null
is "... but is crossed" 'tiers[1].latency_s' 107e-6
check "text: a row a tier" 0 "^  far  *16  *160000  *10000  *160  *160  *160  *10  *25  *400 " env TIERSIM_DATA="$scratch" "$TIERSIM" \
    describe tiers --preset "plain far"
check "text: what is not known" 0 "^  far  *-  *160000  *- " env TIERSIM_DATA="$scratch" "$TIERSIM" describe tiers --preset far

# The facts of 2026-11: HBM against what a GPU gets of LPDDR, one GPU alone and all of them; modules bring their bandwidth.
while read -r preset alone all; do
    tiers --preset "$preset"
    got=$(sqlite3 :memory: "SELECT round(json_extract(j, '\$.tiers[1].hbm_over_alone')) || ' ' || round(json_extract(j, '\$.tiers[1].hbm_over_all'))
        FROM (SELECT CAST(readfile('t.json') AS TEXT) j)")
    if [ "$got" = "$alone $all" ]; then
        echo "ok - $preset: HBM is $alone times a GPU's LPDDR alone, $all when all read"
    else
        echo "not ok - $preset: HBM is $got times, want $alone $all"
        failed=1
    fi
done <<'E'
gb200 18.0 31.0
gb300 18.0 31.0
vr200-nvl72 24.0 49.0
E
tiers --preset vr200-nvl72
is "Vera: 8 modules of 192 GB" 'tiers[1].capacity_bytes' 1536e9
is "Vera: 1.2 TB/s" 'tiers[1].read_Bps' 1200e9
tiers --preset vr200-nvl72 -s "tier lpddr.modules=6" -s "tier lpddr.module_capacity=256GB"
is "6 modules of 256 GB hold as much" 'tiers[1].capacity_bytes' 1536e9
is "... with a quarter less bandwidth" 'tiers[1].read_Bps' 900e9
tiers --preset gh200
is "GH200: its own C2C, as measured" 'tiers[1].gpu_alone_Bps' 375e9
tiers --preset h20-ddr5
is "H20: PCIe as measured" 'tiers[1].gpu_alone_Bps' 54.4e9

# Every preset is one, names a GPU that is (the pool is a part of others), and runs in a scenario with it.
for file in "$srcdir"/data/memory/*.ini; do
    preset=$(basename "$file" .ini)
    gpu=$(sed -n 's/^gpu = //p' "$file")
    with=$preset
    [ -n "$gpu" ] || { gpu=gb300 with="gb300 $preset"; }
    check "preset $preset" 0 "^  hbm " "$TIERSIM" describe tiers --preset "$with"
    check "preset $preset: checked in a scenario" 0 "quickstart.ini: ok" "$TIERSIM" check "$srcdir/scenarios/quickstart.ini" \
        -s gpu.preset="$gpu" -s memory.preset="$with"
    check "preset $preset: each tier has a price and a latency" 0 "" awk '/^\[/ { bad += tier && (!latency || !price)
        tier = /^\[tier/; latency = price = 0 } /^latency = / { latency = 1 } /^usd_per_gb = / { price = 1 }
        END { exit bad || (tier && (!latency || !price)) }' "$file"
done

check "neither scenario nor preset" 2 "whose tiers?" "$TIERSIM" describe tiers
check "both" 2 "whose tiers?" "$TIERSIM" describe tiers --preset gb300 x.ini
check "a preset that is none" 2 'there is no "gb30".*did you mean' "$TIERSIM" describe tiers --preset gb30
check "a tier that is none" 2 "the scenario has no \[tier lpdr\]; did you mean \[tier lpddr\]" "$TIERSIM" describe tiers --preset gb300 \
    -s "tier lpdr.gpus=1"
check "a mistake that takes two keys" 2 "leaves nothing of the unit" "$TIERSIM" describe tiers --preset gb300 -s "tier lpddr.reserved=1TB"
check "a model that is none" 2 'no "deepseek"' "$TIERSIM" describe tiers --preset gb300 --model deepseek
check "a scenario that is not there" 2 "none.ini" "$TIERSIM" describe tiers none.ini
check "an option of tiers elsewhere" 2 "are of tiers" "$TIERSIM" describe gpu h100 --model llama-3.1-8b
exit $failed
