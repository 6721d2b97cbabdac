#!/usr/bin/env bash
# The queries of README.md give the output that it shows, on the databases of the runs that it shows; so does the report.
# Needs TIERSIM and srcdir from the environment.
set -uo pipefail

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
readme_dir=$(cd "$srcdir" && pwd)
readme=$readme_dir/README.md
failed=0
n=0

check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then
        echo "ok - readme: $1"
    else
        echo "not ok - readme: $1"
        diff <(echo "$2") <(echo "$3") | sed 's/^/# /'
        failed=1
    fi
}

"$TIERSIM" run "$srcdir/scenarios/quickstart.ini" -o "$scratch/quickstart.db" > "$scratch/report" || exit 1
cd "$scratch" || exit 1
check "the report" "$(sed -n '/^    ====.*Benchmark/,/^    =*$/s/^    //p' "$readme")" "$(cat report)"
# The runs of other files that queries name, as README has them: `run SCENARIO -o FILE`.
for db in $(sed -n 's/^    \$ sqlite3 -box \([a-z0-9-]*\.db\) .*/\1/p' "$readme" | sort -u); do
    [ -e "$db" ] && continue
    scenario=$(sed -n "s/^    \$ build\/tiersim run \(scenarios[^ ]*\) -o $db  .*/\1/p" "$readme")
    "$TIERSIM" run "$readme_dir/$scenario" -o "$db" > /dev/null || { echo "not ok - readme: makes $db"; exit 1; }
done
while IFS= read -r line; do
    n=$((n + 1))
    want=$(awk -v q="$line" '$0 == q { on = 1; next } on && /^$/ { exit } on { sub(/^    /, ""); print }' "$readme")
    check "query $n" "$want" "$(bash -c "${line#*\$ }" 2>&1)"
done < <(grep '^    \$ sqlite3' "$readme")
[ "$n" -ge 5 ] || { echo "not ok - readme: at least five queries"; failed=1; }
exit $failed
