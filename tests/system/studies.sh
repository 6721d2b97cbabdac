#!/usr/bin/env bash
# studies.sh - do the studies of scenarios/ still work? A point of each scenario, the SQL over it, and what is committed of them.
# Needs TIERSIM and srcdir.
set -u
srcdir=$(cd "$srcdir" && pwd)
TIERSIM=$(realpath "$TIERSIM")
export TIERSIM
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
suite=studies
failed=0
for folder in "$srcdir"/scenarios/study-*; do
    name=$(basename "$folder")
    said=$(OUT=$scratch "$srcdir/tools/study" --check "$name" 2>&1)
    is "$name: a point of each scenario, and its SQL" "$name: N s" "$(echo "$said" | sed 's/: [0-9]* s$/: N s/')"
    is "$name: README has figures between its markers" "yes" "$(awk '
        /^<!-- figures -->$/ { inside = 1 }
        /^<!-- end of figures -->$/ { inside = 0; end = 1 }
        inside && /^\|/ { rows++ }
        END { print (rows > 4 && end ? "yes" : "no") }' "$folder/README.md")"
    is "$name: its picture shows something" "yes" "$(grep -q '<circle\|<rect fill' "$folder/picture.svg" && echo yes)"
done
exit $failed
