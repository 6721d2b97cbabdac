#!/usr/bin/env bash
# mooncake_ssd.sh - scenarios/mooncake-ssd.ini: what an SSD below DRAM changed in Mooncake's published runs, within 15%, and that it
# is the drives that do it: a slow one, for which steps wait, makes matters worse. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
ok() { # NAME 0-OR-1
    if [ "$2" = 1 ]; then
        echo "ok - Mooncake SSD: $1"
    else
        echo "not ok - Mooncake SSD: $1"
        failed=1
    fi
}
run() { # FILE OPTION...
    local file=$1
    shift
    "$TIERSIM" run "$srcdir/scenarios/mooncake-ssd.ini" -o "$file.db" --force "$@" > /dev/null || {
        echo "not ok - Mooncake SSD: $* runs"
        exit 1
    }
}
hits() { # FILE ROUND: % of its prompt tokens
    sqlite3 "$1.db" "SELECT round(100.0 * sum(hit_tokens) / sum(input_tokens), 1) FROM request WHERE turn + 1 = $2"
}
ttft() { # FILE: s, mean of round 7
    sqlite3 "$1.db" "SELECT round(avg(t_first_ns - t_arrive_ns) / 1e9, 2) FROM request WHERE turn + 1 = 7"
}
throughput() { # FILE: input tokens/s, of round 7
    sqlite3 "$1.db" "SELECT sum(input_tokens) / ((max(t_end_ns) - min(t_arrive_ns)) / 1e9) FROM request WHERE turn + 1 = 7"
}
near() { # NAME GOT PUBLISHED
    ok "$1: $2, $3 published" "$(awk -v g="$2" -v p="$3" 'BEGIN { r = g / p; print (r > 0.85 && r < 1.15) }')"
}
run without -s memory.tiers=ddr5
run with
run slow -s "tier ssd.modules=1"
near "% of hits in round 6 without" "$(hits without 6)" 83
near "% of hits in round 7 without" "$(hits without 7)" 36
near "% of hits in round 7 with" "$(hits with 7)" 84
near "TTFT in s without" "$(ttft without)" 16
near "TTFT in s with" "$(ttft with)" 9.4
near "input throughput, times that without" "$(awk -v a="$(throughput with)" -v b="$(throughput without)" 'BEGIN { printf "%.2f", a / b }')" 2.4
ok "one drive makes it slower than none: $(ttft slow), $(ttft without) s" "$(awk -v a="$(ttft slow)" -v b="$(ttft without)" 'BEGIN { print (a > b) }')"
for f in with without slow; do
    ok "all 1120 requests are answered: $f" "$(sqlite3 $f.db "SELECT count(*) = 1120 AND min(status = 'completed') FROM request")"
done
exit $failed
