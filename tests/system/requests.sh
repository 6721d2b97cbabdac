#!/usr/bin/env bash
# requests.sh - tiersim validate --requests: a run of its own, replayed, gives its own times back; a slower one is told by how much;
# tables and servers that cannot be are named; the measured runs stay near. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/check.sh"
figures() { # FILE: p50 and p99 error and Wasserstein distance in per cent, of TTFT and then TPOT, on one line
    awk -F'[:,]' '/"(ttft|tpot)_ms"/ { on = 1 } /"e2el_ms"/ { on = 0 } /"percent"/ { p = $2 + 0 }
        on && /"error_percent"/ && (p == 50 || p == 99) { printf "%.3f ", $2 } on && /"wasserstein_percent"/ { printf "%.3f ", $2 }' "$1"
}
near() { # NAME FILE LIMIT...: each figure within its limit
    local name=$1 got
    got=$(figures "$2")
    shift 2
    if awk -v got="$got" -v limits="$*" 'BEGIN { n = split(got, g, " "); m = split(limits, l, " "); bad = n != m
            for (i = 1; i <= m; i++) bad = bad || g[i] * g[i] > l[i] * l[i]; exit bad }'; then
        echo "ok - $name ($got)"
    else
        echo "not ok - $name: TTFT p50, p99, W1; TPOT p50, p99, W1: $got; limits $*"
        failed=1
    fi
}
cd "$scratch" || exit 1
engine=(-s "engine.preset=$scratch/engine.ini") # whatever data/engines holds
printf '[engine]\nname = own\nstep_overhead = 1.75ms\nseq_overhead = 10us\n' > engine.ini

# Arrivals out of order, two at one instant, one request that never ended; times are filled in below.
{
    echo "req,input_tokens,output_tokens,arrival_s,first_token_s,last_token_s"
    awk 'BEGIN { for (i = 0; i < 60; i++) printf "%d,%d,%d,%.6f,,\n", i, 200 + i * 37 % 1500, 1 + i * 13 % 90, 100 + (i * 7 % 60) * 0.05 }'
    echo "60,500,50,100.5,,"
} > own.requests.csv
cat > own.meta.json << 'X'
{"model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "H100", "engine": "vllm", "engine_version": "0.11.0",
 "engine_kwargs": {"tensor_parallel_size": 1, "max_num_seqs": 16, "max_num_batched_tokens": 1024, "dtype": "bfloat16",
  "kv_cache_dtype": "auto", "max_model_len": null}}
X
check "nothing measured: simulated all the same" 0 "61 completed" "$TIERSIM" validate "${engine[@]}" --requests own.requests.csv

# The same run by hand gives the measurement.
"$TIERSIM" validate "${engine[@]}" --requests own.requests.csv --json > blank.json
{
    echo "TIMESTAMP,ContextTokens,GeneratedTokens"
    tail -n +2 own.requests.csv | sort -t, -s -k4,4n | awk -F, '{ printf "2024-01-01 00:00:%010.7f,%d,%d\n", $4 - 100, $2, $3 }'
} > own.trace
cat > own.ini << 'X'
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = ./engine.ini
[replica]
dtype = bf16
memory_fraction = 0.9
[scheduler]
max_num_seqs = 16
max_num_batched_tokens = 1024
[workload]
arrivals = trace
trace = own.trace
[class all]
input = trace
output = trace
X
if command -v sqlite3 > /dev/null; then
    measure() { # OUT OPTION...: the run's own times as a table
        local out=$1
        shift
        rm -f own.db
        "$TIERSIM" run own.ini -o own.db "$@" > /dev/null
        { echo "req,input_tokens,output_tokens,arrival_s,first_token_s,last_token_s"
          sqlite3 -csv own.db "select id, input_tokens, output_tokens, printf('%.9f', t_arrive_ns/1e9), printf('%.9f', t_first_ns/1e9), printf('%.9f', t_end_ns/1e9) from request order by t_arrive_ns desc, id"; } > "$out"
    }
    measure own.requests.csv
    check "a run against itself" 0 "output tokens/s .*+0.0%" "$TIERSIM" validate "${engine[@]}" --requests own.requests.csv
    "$TIERSIM" validate "${engine[@]}" --requests own.requests.csv --json > self.json
    near "... is the same in every quantile" self.json 0.01 0.01 0.01 0.01 0.01 0.01
    mkdir slow && cp own.meta.json slow/
    measure slow/own.requests.csv -s engine.step_overhead=20ms
    "$TIERSIM" validate "${engine[@]}" --requests slow/own.requests.csv --json > slow.json
    check "a slower run is not" 0 "" awk -F'[:,]' '/"tpot_ms"/ { on = 1 } on && /"wasserstein_percent"/ { exit !($2 > 20) }' slow.json
    "$TIERSIM" validate "${engine[@]}" --requests slow/own.requests.csv --json -s engine.step_overhead=20ms > same.json
    near "-s reaches the scenario" same.json 0.01 0.01 0.01 0.01 0.01 0.01
    grep -v 'measured\|error\|wasserstein' slow.json | sed 1,2d > a; grep -v 'measured\|error\|wasserstein' self.json | sed 1,2d > b
    check "no prediction reads a measured time" 0 "" cmp a b
else
    echo "# skipped: a run against itself (the sqlite3 shell is not installed)"
fi
check "--html" 0 "" "$TIERSIM" validate "${engine[@]}" --requests own.requests.csv --html page.html
check "the page needs nothing else" 1 "" grep -E 'https?://|src=|@import|url\([^#]' page.html
check "the page is not replaced" 2 "exists" "$TIERSIM" validate "${engine[@]}" --requests own.requests.csv --html page.html

cp own.requests.csv alone.csv
check "no server" 2 "which server" "$TIERSIM" validate "${engine[@]}" --requests alone.csv
check "--meta" 0 "61 completed" "$TIERSIM" validate "${engine[@]}" --requests alone.csv --meta own.meta.json
check "no such model" 2 'model "x/Walrus" is not in data/models' sh -c 'sed "s|meta-llama/Llama-3.1-8B-Instruct|x/Walrus|" own.meta.json > w.json; "$0" validate --requests alone.csv --meta w.json' "$TIERSIM"
check "no GPU" 2 'no "gpu"' sh -c 'sed "s|\"gpu\": \"H100\",||" own.meta.json > g.json; "$0" validate --requests alone.csv --meta g.json' "$TIERSIM"
check "half a JSON" 2 "cut.json" sh -c 'head -1 own.meta.json > cut.json; "$0" validate --requests alone.csv --meta cut.json' "$TIERSIM"
check "a missing column" 2 'no column "arrival_s"' sh -c 'sed s/arrival_s/arrived/ alone.csv > c.csv; "$0" validate --requests c.csv --meta own.meta.json' "$TIERSIM"
check "a token before its request" 2 "want arrival_s <= first_token_s" sh -c 'head -1 alone.csv > o.csv; echo 0,10,10,5,4,6 >> o.csv; "$0" validate --requests o.csv --meta own.meta.json' "$TIERSIM"
check "no requests" 2 "no requests" sh -c 'head -1 alone.csv > h.csv; "$0" validate --requests h.csv --meta own.meta.json' "$TIERSIM"
check "two tables" 2 "a table of its own" "$TIERSIM" validate t.csv --requests own.requests.csv

real=$srcdir/../shared/data/requests
if [ -r "$real/rtxpro6000_llama-3.1-8b.requests.csv" ]; then
    "$TIERSIM" validate --requests "$real/rtxpro6000_llama-3.1-8b.requests.csv" --json > llama.json
    near "measured: Llama-3.1-8B, fitted on" llama.json 5 5 3 5 5 3
    # No collective was measured on this GPU over PCIe: the figures of H100's all-to-all.
    "$TIERSIM" validate --requests "$real/rtxpro6000_qwen3-30b-a3b-instruct-2507.requests.csv" --json \
        -s kernels.alltoall_memory_efficiency=0.481 -s kernels.alltoall_launch=8.86us > qwen.json
    near "measured: Qwen3-30B-A3B on two GPUs, held out" qwen.json 60 70 75 20 20 20
else
    echo "# skipped: measured requests (../shared/data/requests is not there)"
fi
exit $failed
