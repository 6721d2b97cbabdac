#!/usr/bin/env bash
# calibrate.sh - tiersim calibrate --from: a load curve simulated with another engine, told as vLLM, AIPerf or a table would, is
# found again: errors shrink, figures move the right way, the preset can be used. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/check.sh"
extended=-E
holds() { # NAME AWK-CONDITION NAME=VALUE...
    local name=$1 condition=$2 v=()
    shift 2
    for a in "$@"; do v+=(-v "$a"); done
    if awk "${v[@]}" "BEGIN { exit !($condition) }"; then
        echo "ok - $name"
    else
        echo "not ok - $name: $*"
        failed=1
    fi
}
cd "$scratch" || exit 1

# Where the fits start: figures of this test, whatever data/engines holds.
printf '[engine]\nname = start\nstep_overhead = 1.75ms\nseq_overhead = 10us\n' > start.ini
from_start=(-s "engine.preset=$scratch/start.ini")

# What a server with a slower step and a slower way in would measure.
other=("${from_start[@]}" -s engine.step_overhead=6ms -s engine.request_latency=80ms)
measured() { # CONCURRENCY: "TTFT TPOT"
    cat > one.csv << X
id,engine,model,system,precision,isl,osl,concurrency,tp
c$1,vllm,llama-3.1-8b,h100_sxm,bf16,1000,100,$1,1
X
    "$TIERSIM" validate one.csv --json "${other[@]}" | awk -F'[:,]' '/"ttft_ms"/ && !t { t = $2 } /"tpot_ms"/ && !p { p = $2 } END { print t, p }'
}
echo "id,engine,model,system,precision,isl,osl,concurrency,tp,ttft_ms,tpot_ms" > own.csv
for c in 1 8 32; do
    read -r ttft tpot < <(measured $c)
    echo "c$c,vllm,llama-3.1-8b,h100_sxm,bf16,1000,100,$c,1,$ttft,$tpot" >> own.csv
    cat > vllm-$c.json << X
{"date": "20260101-000000", "backend": "vllm", "model_id": "meta-llama/Meta-Llama-3.1-8B-Instruct", "num_prompts": $((10 * c)),
 "request_rate": "inf", "burstiness": 1.0, "max_concurrency": $c, "duration": 10.0, "completed": $((10 * c)),
 "total_input_tokens": $((10000 * c)), "total_output_tokens": $((1000 * c)), "mean_ttft_ms": $ttft, "mean_tpot_ms": $tpot}
X
    cat > aiperf-$c.csv << X
Metric,avg,min,max,p99,p50,std
Time to First Token (ms),$ttft,1,2,3,4,5
Inter Token Latency (ms),$tpot,1,2,3,4,5
Output Sequence Length (tokens),100.00,100.00,100.00,100.00,100.00,0.00
Input Sequence Length (tokens),"1,000.00","1,000.00","1,000.00","1,000.00","1,000.00",0.00

Metric,Value
Request Count,$((10 * c)).00
Request Throughput (requests/sec),1.00
X
done

median() { # FILE: "TPOT before, after, TTFT before, after"
    awk '/^median size/ { print $3, $4, $5, $6 }' "$1"
}
found() { # NAME: what the report in the file out and the preset mine.ini must say
    local b a tb ta step
    read -r b a tb ta < <(median out)
    holds "$1: errors shrink (TPOT $b% to $a%, TTFT $tb% to $ta%)" "b > 5 && a < b / 2 && ta < tb / 2" "b=$b" "a=$a" "tb=$tb" "ta=$ta"
    step=$(awk '$1 == "step_overhead" && NF >= 4 { x = $3; u = x; sub(/[0-9.]+/, "", u); sub(/[a-z]+/, "", x); print x * (u == "us" ? 1e-3 : u == "ms" ? 1 : 1e9); exit }' out)
    holds "$1: step_overhead rises towards 6 ms ($step)" "s > 3 && s < 9" "s=$step"
}
check "a table" 0 "written: mine.ini" "$TIERSIM" calibrate "${from_start[@]}" --from own.csv -o mine.ini
found table
cat > own.ini << 'X'
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = ./mine.ini
[workload]
arrivals = closed_loop
concurrency = 4
requests = 40
[replica]
dtype = bf16
memory_fraction = 0.9
[class all]
input = constant
input_tokens = 1000
output = constant
output_tokens = 100
X
check "the preset can be used" 0 "" "$TIERSIM" check own.ini
check "... and is the one in use" 0 "own measurements" sh -c '"$0" check own.ini --resolved' "$TIERSIM"
check "a preset is not replaced" 2 "exists" "$TIERSIM" calibrate "${from_start[@]}" --from own.csv -o mine.ini
check "... but with --force" 0 "written" "$TIERSIM" calibrate "${from_start[@]}" --from own.csv -o mine.ini --force
cp mine.ini table.ini
check "as many workers as one likes" 0 "" sh -c '"$0" calibrate "$@" --from own.csv -o mine.ini --force -j 1 && cmp mine.ini table.ini' "$TIERSIM" "${from_start[@]}"

check "vLLM's JSON, a file each" 0 "vllm-mine.ini" "$TIERSIM" calibrate "${from_start[@]}" --from vllm-1.json --from vllm-8.json --from vllm-32.json --gpu h100
found "vLLM's JSON"
check "the default name" 0 "" test -s vllm-mine.ini
cat vllm-*.json > all.jsonl
check "several objects in a file" 0 "3 runs" "$TIERSIM" calibrate "${from_start[@]}" --from all.jsonl --gpu H100 -f
check "AIPerf's CSV" 0 "written" "$TIERSIM" calibrate "${from_start[@]}" --from aiperf-1.csv --from aiperf-8.csv --from aiperf-32.csv --gpu h100 \
    --model llama-3.1-8b --engine vllm --concurrency 1,8,32 -f
found "AIPerf's CSV"
check "one row: the prior holds" 0 "[234] of 4 figures are mostly the prior" "$TIERSIM" calibrate "${from_start[@]}" --from vllm-8.json --gpu h100 -f

sed 's/"request_rate": "inf"/"request_rate": 0.5/; s/"max_concurrency": [0-9]*/"max_concurrency": null/' vllm-8.json > rate.json
check "a rate without a limit" 0 "1 runs" "$TIERSIM" calibrate "${from_start[@]}" --from rate.json --gpu h100 -f
check "which GPU?" 2 "does not tell the GPU .*h100" "$TIERSIM" calibrate "${from_start[@]}" --from vllm-8.json
check "no such GPU" 2 'GPU "h900" is not in data/gpus' "$TIERSIM" calibrate "${from_start[@]}" --from vllm-8.json --gpu h900
sed 's/Meta-Llama-3.1-8B/Walrus-9B/' vllm-8.json > walrus.json
check "no such model" 2 'model "meta-llama/Walrus-9B-Instruct" is not in data/models' "$TIERSIM" calibrate "${from_start[@]}" --from walrus.json --gpu h100
check "... but it may be named" 0 "written" "$TIERSIM" calibrate "${from_start[@]}" --from walrus.json --gpu h100 --model llama-3.1-8b -f
sed 's/"backend": "vllm"/"backend": "openai-chat"/' vllm-8.json > openai.json
check "which engine?" 2 "does not tell the engine" "$TIERSIM" calibrate "${from_start[@]}" --from openai.json --gpu h100
sed 's/"burstiness": 1.0/"burstiness": 0.5/' rate.json > bursty.json
check "bursts" 2 "burstiness is 0.5" "$TIERSIM" calibrate "${from_start[@]}" --from bursty.json --gpu h100
sed 's/"mean_t[^,}]*//g; s/, *\([,}]\)/\1/g; s/, *}/}/' vllm-8.json > blind.json
check "nothing measured" 2 "neither a mean TTFT nor a mean TPOT" "$TIERSIM" calibrate "${from_start[@]}" --from blind.json --gpu h100
echo '{"a": ' > cut.json
check "half a file" 2 "cut.json" "$TIERSIM" calibrate "${from_start[@]}" --from cut.json --gpu h100
check "no file" 2 "none.json" "$TIERSIM" calibrate "${from_start[@]}" --from none.json --gpu h100
check "a table says it itself" 2 "a table tells its runs itself" "$TIERSIM" calibrate "${from_start[@]}" --from own.csv --gpu h100
check "two engines" 2 "one fit is of one" sh -c 'sed "s/c8,vllm/c8,sglang/" own.csv > two.csv; "$0" calibrate "$@" --from two.csv -f' "$TIERSIM" "${from_start[@]}"
check "calibrate what?" 2 "calibrate what" "$TIERSIM" calibrate
# Invented rows: that a fit of two models goes to its end, and what it writes is a preset.
echo "id,proto,engine,model,system,precision,isl,osl,isl_mean,osl_mean,concurrency,gpus,tp,ttft_ms,tpot_ms" > two.csv
for c in 1 4 16; do
    for isl in 256 2048; do
        echo "a$isl-$c,ix10c,vllm,llama-3.1-8b,h100_sxm,bf16,$isl,64,$isl,64,$c,1,1,$((20 + c * isl / 64)),$((7 + c / 4))"
        echo "b$isl-$c,ix10c,vllm,llama-3.1-70b,h100_sxm,bf16,$isl,64,$isl,64,$c,4,4,$((40 + c * isl / 32)),$((12 + c / 4))"
    done
done >> two.csv
mkdir fitted
check "engine: two models" 0 "all headline rows, n 12: .*left out in turn TPOT [0-9.]+%" "$TIERSIM" calibrate engine two.csv -o fitted
check "engine: its preset is one" 0 "fitted/vllm-hopper.ini" "$TIERSIM" check "$srcdir/scenarios/quickstart.ini" -s "engine.preset=$scratch/fitted/vllm-hopper.ini" --resolved
check "engine: no table" 1 "none.csv" "$TIERSIM" calibrate engine none.csv -o .
exit $failed
