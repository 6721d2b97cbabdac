#!/usr/bin/env bash
# marginal.sh - marginal costs (tiersim marginal) beside attributed ones: the command's figures from its three runs by hand; where the batch stays as it is (a closed loop), both are near; where machines
# have room, the next token is cheap. And calibration's uncertainty in the interval of a cost ([engine] calibration = drawn). Needs TIERSIM and srcdir.
set -euo pipefail
srcdir=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
failed=0
result() { # NAME 0|1 DETAIL
    if [ "$2" = 1 ]; then echo "ok - $1"; else
        echo "not ok - $1"
        printf '%s\n' "$3" | head -12 | sed 's/^/#   /'
        failed=1
    fi
}
within() { awk -v x="$1" -v a="$2" -v b="$3" 'BEGIN { print (x != "" && x >= a && x <= b) ? 1 : 0 }'; }

cat > chat.ini << 'END'
[run]
seed = 3
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm-hopper
[scheduler]
max_num_seqs = 64
[workload]
arrivals = closed_loop
concurrency = 32
requests = 500
[class chat]
input = lognormal
input_median = 700
input_sigma = 1
output = lognormal
output_median = 150
output_sigma = 1
[prices]
preset = 2026q4
END

# The first replication by hand; the command's interval of two has its mean with the second.
"$TIERSIM" marginal chat.ini --replications 2 --more 2% --json > got.json
for r in 0 1; do
    for what in base input output; do
        more=()
        [ $what = base ] || more=(-s "workload.${what}_scale=1.02")
        "$TIERSIM" run chat.ini -q -f -o x.db -s run.log=summary -s run.replication=$r "${more[@]}"
        sqlite3 -separator ' ' x.db "SELECT $r, '$what', c.value * (1 - i.value), i.value, a.value, o.value FROM metric c, metric i, metric a, metric o WHERE c.name = 'cost_usd' AND i.name = 'cost_idle_share'
            AND a.name = 'total_input_tokens' AND a.class IS NULL AND o.name = 'total_output_tokens' AND o.class IS NULL"
    done
done > runs
want=$(awk '{ u[$1, $2] = $3; idle[$1, $2] = $4; i[$1, $2] = $5; o[$1, $2] = $6 }
    END { for (r = 0; r < 2; r++) {
        a = i[r, "input"] - i[r, "base"]; b = o[r, "input"] - o[r, "base"]; c = i[r, "output"] - i[r, "base"]; d = o[r, "output"] - o[r, "base"]
        x = u[r, "input"] - u[r, "base"]; y = u[r, "output"] - u[r, "base"]; s = 1e6 / (1 - idle[r, "base"]) / (a * d - b * c)
        p += s * (x * d - b * y) / 2; q += s * (a * y - x * c) / 2 }
    printf "%.9g %.9g", p, q }' runs)
got=$(sqlite3 -separator ' ' :memory: "SELECT json_extract(j, '$.input.marginal_usd_per_m.mean'), json_extract(j, '$.output.marginal_usd_per_m.mean') FROM (SELECT readfile('got.json') AS j)")
result "marginal costs are those of three runs ($got)" "$(awk -v g="$got" -v w="$want" 'BEGIN { split(g, a, " "); split(w, b, " "); d = a[1] / b[1] - 1; e = a[2] / b[2] - 1
    print (a[1] > 0 && a[2] > a[1] && d * d < 1e-12 && e * e < 1e-12) ? 1 : 0 }')" "got $got, want $want; $(cat got.json)"

# At a constant batch: output near what it is attributed, input above it (longer prompts make later steps longer, which the answers pay).
"$TIERSIM" marginal chat.ini --replications 3 > closed.txt
in=$(awk '/^input/ { print $(NF - 3) }' closed.txt) out=$(awk '/^output/ { print $(NF - 3) }' closed.txt)
result "a constant batch: marginal over attributed $in and $out" $(($(within "$out" 0.9 1.25) && $(within "$in" 1 1.8))) "$(cat closed.txt)"

# Half idle batches: one token more hardly costs time.
sed -e 's/closed_loop/poisson/' -e 's/concurrency = 32/rate = 5\/s/' chat.ini > open.ini
"$TIERSIM" marginal open.ini --replications 3 > open.txt
out=$(awk '/^output/ { print $(NF - 3) }' open.txt)
result "machines with room: marginal over attributed of output is $out" "$(within "$out" 0 0.7)" "$(cat open.txt)"

grep -v -e prices -e 2026q4 chat.ini > free.ini
if "$TIERSIM" marginal free.ini --replications 2 2> err; then code=0; else code=$?; fi
result "without [prices]: refused, and says so" "$([ $code = 2 ] && grep -q 'nothing in it has a price' err && echo 1 || echo 0)" "exit $code: $(cat err)"

# What calibration does not know is in the interval.
for c in best drawn; do
    "$TIERSIM" run chat.ini -q -f -o $c.db --replications 12 -s engine.calibration=$c -s run.log=summary > /dev/null 2>&1
done
sd=$(for c in best drawn; do sqlite3 $c.db "SELECT (ci95_high - ci95_low) / mean FROM v_point WHERE name = 'usd_per_m_output' AND class IS NULL"; done | tr '\n' ' ')
result "drawn calibration widens the interval of a cost (widths $sd)" "$(awk -v s="$sd" 'BEGIN { split(s, a, " "); print (a[1] > 0 && a[2] > 1.5 * a[1]) ? 1 : 0 }')" "$sd"
exit $failed
