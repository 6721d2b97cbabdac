#!/usr/bin/env bash
# validate.sh - tiersim validate: what is simulated, what is named, that no prediction reads a measurement, and that the
# scenario of a row, run by hand, gives the same figures. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/check.sh"
predictions() { # FILE.csv [OPTION...]: ids and predictions alone, one a line
    "$TIERSIM" validate --json "$@" | grep -E '^ *"(id|ttft_ms|tpot_ms|reason)":'
}

cd "$scratch" || exit 1
# The measured figures are made up.
cat > t.csv << 'X'
id,proto,engine,model,system,precision,isl,osl,isl_mean,osl_mean,concurrency,tp,gpus,p_workers,ttft_ms,tpot_ms,flag
r1,ix10c,vllm,llama-3.1-8b,h100_sxm,bf16,1024,128,921.6,115.2,8,1,1,,60,7,
r2,ix10c,vllm,llama-3.1-8b,h200_sxm,bf16,1024,128,,,4,1,1,,,,
r3,nv,vllm,llama-3.1-8b,h100_sxm,bf16,256,64,256,64,2,2,2,,30,5,
r4,ix10c,vllm,llama-3.1-70b,b200_sxm,fp8,1024,128,921.6,115.2,40,1,2,,200,20,queue_saturated
r5,ix10c,vllm,llama-3.1-8b,h100_sxm,bf16,1024,128,,,,1,1,,60,7,
r6,ix10c,vllm,gpt-9,h100_sxm,bf16,1024,128,,,8,1,1,,60,7,
r7,ix10c,vllm,llama-3.1-8b,h100_sxm,bf16,1024,128,,,8,,,2,60,7,
r8,ix10c,vllm,llama-3.1-8b,h100_sxm,bf16,1024,128,,,8,3,3,,60,7,
X
check "all rows are told of" 0 "^8 rows: 4 simulated, 4 not$" "$TIERSIM" validate t.csv
for reason in "no concurrency" 'model "gpt-9" is not in data/models' "no p_tp" "tp: 3"; do
    check "named: $reason" 0 "^ *1  .*$reason" "$TIERSIM" validate t.csv
done
check "headline" 0 "^headline: 2 rows" "$TIERSIM" validate t.csv
check "saturated apart" 0 "^saturated: 1 rows" "$TIERSIM" validate t.csv
check "secondary apart" 0 "^secondary: 1 rows" "$TIERSIM" validate t.csv
check "--only" 0 "^1 rows: 1 simulated" "$TIERSIM" validate t.csv --only saturated
check "--only of no set" 2 "none of headline" "$TIERSIM" validate t.csv --only heads
check "--filter" 0 "^2 rows: 1 simulated" "$TIERSIM" validate t.csv --filter model=llama-3.1-8b --filter tp=1 --filter system=h100_sxm
check "--filter by a column that is none" 2 'no column "modell"' "$TIERSIM" validate t.csv --filter modell=x
check "-s reaches every row" 0 "^8 rows: 0 simulated" "$TIERSIM" validate t.csv -s run.no_such_key=1
check "a table that is not there" 2 "none.csv" "$TIERSIM" validate none.csv
check "a table without columns" 2 'no column "model"' sh -c 'echo id > e.csv; "$0" validate e.csv' "$TIERSIM"
check "a table without rows" 0 "^0 rows" sh -c 'head -1 t.csv > h.csv; "$0" validate h.csv' "$TIERSIM"
check "no table" 2 "which table" "$TIERSIM" validate

predictions t.csv -j 1 > one
awk -F, -v OFS=, 'NR > 1 { $15 = $16 = $17 = "" } 1' t.csv > blank.csv
awk -F, -v OFS=, 'NR > 1 { $15 = NR * 1000; $16 = "oops"; $17 = "queue_saturated" } 1' t.csv > garbled.csv
cut -d, -f1-14 t.csv > without.csv
for other in blank garbled without; do
    predictions $other.csv > other
    check "the same predictions with the measured columns $other" 0 "" cmp one other
done
"$TIERSIM" validate t.csv --json -j 1 > j1
"$TIERSIM" validate t.csv --json -j 3 > j3
check "as many workers as one likes" 0 "" cmp j1 j3
check "JSON: predictions" 0 '"measured_ttft_ms": 60' cat j1
check "JSON: what was not built" 0 '"no concurrency": 1' cat j1

"$TIERSIM" validate t.csv --scenario r1 > r1.ini
check "the scenario of a row is one" 0 "ok" "$TIERSIM" check r1.ini
"$TIERSIM" run r1.ini --json -o r1.db > run.json
for key in ttft tpot; do
    ran=$(sed -n "s/^ *\"mean_${key}_ms\": \([0-9.e+-]*\),*$/\1/p" run.json | head -1)
    said=$(grep -A 8 '"id": "r1"' j1 | sed -n "s/^ *\"${key}_ms\": \([0-9.e+-]*\),*$/\1/p")
    if awk -v a="$ran" -v b="$said" 'BEGIN { exit !(a > 0 && (a - b)^2 <= (1e-9 * a)^2) }'; then
        echo "ok - the scenario of a row, run, gives the predicted mean $key"
    else
        echo "not ok - the scenario of a row, run, gives the predicted mean $key: $ran, predicted $said"
        failed=1
    fi
done
check "the scenario of no row" 2 'no row with the id "r99"' "$TIERSIM" validate t.csv --scenario r99
check "the scenario of a row without one" 2 "no concurrency" "$TIERSIM" validate t.csv --scenario r5

check "--html" 0 "" "$TIERSIM" validate t.csv --html page.html
check "the page has a dot a measured row and kind" 0 "^2$" sh -c 'grep -c "<title>r1: " page.html'
check "the page needs nothing else" 1 "" grep -E 'https?://|src=|@import|url\([^#]' page.html
check "the page is not replaced" 2 "exists" "$TIERSIM" validate t.csv --html page.html
check "... but with --force" 0 "" "$TIERSIM" validate t.csv --html page.html --force
check "a page that cannot be written" 74 "cannot be written" "$TIERSIM" validate t.csv --html no/page.html

measured=$srcdir/../shared/data/silicon/agg.csv
if [ -r "$measured" ]; then
    awk 'NR == 1 || /ix10c,vllm,.*,llama-3.1-70b,h100_sxm,/' "$measured" > real.csv
    check "measured rows" 0 "^headline: .* rows" "$TIERSIM" validate real.csv
    check "measured rows: none is left out in silence" 0 "^$(($(wc -l < real.csv) - 1)) rows: " "$TIERSIM" validate real.csv
    pools=$srcdir/../shared/data/silicon/disagg.csv
    awk -F, 'NR == 1 || ($5 != "" && $6 == "kimi-k2.5" && $15 < 100 && $15 > 0)' "$pools" > pools.csv
    check "measured pools: some are simulated" 0 "^ *mode *disagg" "$TIERSIM" validate pools.csv
    check "measured pools: none is left out in silence" 0 "^$(($(wc -l < pools.csv) - 1)) rows: " "$TIERSIM" validate pools.csv
    awk -F, '$1 == "id" || $18 == 4 && $19 == 1 && $20 == 1' "$pools" | head -3 > small.csv
    check "measured pools: a worker that cannot hold the model is named" 0 "cannot hold its share" "$TIERSIM" validate small.csv
else
    echo "# skipped: measured rows (../shared/data/silicon/agg.csv is not there)"
fi
exit $failed
