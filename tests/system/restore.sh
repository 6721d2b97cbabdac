#!/usr/bin/env bash
# restore.sh - what a prefix is worth where it lies: the published curve of one H20 (scenarios/restore-h20.ini) within 15%, and a load
# that gains from a second memory (scenarios/tiers-*.ini). Needs TIERSIM and srcdir.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
ok() { # NAME 0-OR-1
    if [ "$2" = 1 ]; then
        echo "ok - restore: $1"
    else
        echo "not ok - restore: $1"
        failed=1
    fi
}
ttft() { # TOKENS REPLICAS TURN: ms
    "$TIERSIM" run "$srcdir/scenarios/restore-h20.ini" -o r.db --force -s "class prompt.input_tokens=$1" -s replica.count="$2" > /dev/null
    sqlite3 r.db "SELECT avg(t_first_ns - t_arrive_ns) / 1e6 FROM request WHERE turn = $3"
}
while read -r what tokens replicas turn published; do
    got=$(ttft "$tokens" "$replicas" "$turn")
    ok "$tokens tokens in $what: $got ms, $published published" "$(awk -v g="$got" -v p="$published" 'BEGIN { r = g / p; print (r > 0.85 && r < 1.15) }')"
done << 'END'
HBM 1024 1 1 42
HBM 65536 1 1 111
host-memory 1024 2 1 57
host-memory 65536 2 1 272
nowhere 1024 1 0 78
nowhere 65536 1 0 15200
END
of() { # METRIC FILE
    sqlite3 "$2" "SELECT value FROM metric WHERE name = '$1' AND class IS NULL"
}
for t in hbm lpddr; do
    "$TIERSIM" run "$srcdir/scenarios/tiers-$t.ini" -o $t.db --force > /dev/null
done
ok "a second memory finds more: $(of prefix_hit_rate lpddr.db) against $(of prefix_hit_rate hbm.db)" \
    "$(awk -v a="$(of prefix_hit_rate lpddr.db)" -v b="$(of prefix_hit_rate hbm.db)" 'BEGIN { print (a > b) }')"
ok "and answers sooner: $(of mean_ttft_ms lpddr.db) against $(of mean_ttft_ms hbm.db) ms" \
    "$(awk -v a="$(of mean_ttft_ms lpddr.db)" -v b="$(of mean_ttft_ms hbm.db)" 'BEGIN { print (a < b) }')"
exit $failed
