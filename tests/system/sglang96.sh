#!/usr/bin/env bash
# sglang96.sh - DeepSeek-V3 served by SGLang on 96 H100: the published prefill and decode throughput a node within 10%
# (scenarios/validate-sglang-96h100.ini). Needs TIERSIM and srcdir.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
near() { # NAME GOT PUBLISHED PERCENT
    if awk -v g="$2" -v p="$3" -v e="$4" 'BEGIN { e /= 100; exit !(g > (1 - e) * p && g < (1 + e) * p) }'; then
        echo "ok - sglang96: $1: $2 tokens/s a node, $3 published"
    else
        echo "not ok - sglang96: $1: $2 tokens/s a node, $3 published"
        failed=1
    fi
}
run() { # OPTION...
    "$TIERSIM" run "$srcdir/scenarios/validate-sglang-96h100.ini" -o r.db --force "$@" > /dev/null
}
while read -r prompt published percent; do
    run -s "class all.input_tokens=$prompt" -s workload.requests=$((12582912 / prompt))
    near "prefill, prompts of $prompt" "$(sqlite3 r.db "SELECT sum(prefill_tokens) / (max(t_end_ns) / 1e9) / 4 FROM step")" "$published" "$percent"
done << 'END'
1024 57674 10
2048 54543 10
4096 50302 10
END
run -s "class all.input_tokens=1950" -s "class all.output_tokens=100" -s workload.concurrency=30000 \
    -s workload.requests=50000 -s "replica prefill.count=20"
near "decode" "$(sqlite3 r.db "SELECT sum(n_decode) / (sum(t_end_ns - t_start_ns) / 1e9) / 9 FROM step WHERE n_decode = 18432")" 22282 10
exit $failed
