#!/usr/bin/env bash
# Golden results: each scenario's fingerprint, counters and metrics against NAME.txt. With --update: shows the
# difference and takes it. Needs TIERSIM (the program) and srcdir (the top of the source tree) from the environment.
set -euo pipefail

golden=${srcdir:?the top of the source tree}/tests/golden
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

summary() { # of a results file, on standard output
    sqlite3 "$1" "SELECT 'fingerprint ' || fingerprint FROM run;
        SELECT 'counter ' || name || ' ' || value FROM counter ORDER BY name;
        SELECT printf('metric %s %s %.6g', coalesce((SELECT c.name FROM class c WHERE c.id = m.class), 'all'), name, value)
        FROM metric m WHERE value IS NOT NULL ORDER BY class, name;"
}

for ini in "$golden"/[a-z]*.ini "$srcdir"/scenarios/quickstart.ini; do
    name=$(basename "$ini" .ini)
    [ "$name" != common.inc ] || continue
    "$TIERSIM" run "$ini" --quiet --force -o "$scratch/$name.db"
    summary "$scratch/$name.db" > "$scratch/$name.txt"
    if [ "${1:-}" = --update ]; then
        diff -u "$golden/$name.txt" "$scratch/$name.txt" || true
        cp "$scratch/$name.txt" "$golden/$name.txt"
        continue
    fi
    if diff -u "$golden/$name.txt" "$scratch/$name.txt" > "$scratch/diff"; then
        echo "ok - golden $name"
    else
        echo "not ok - golden $name (a change that moves results: make golden-update, and say MODEL: in ChangeLog)"
        head -20 "$scratch/diff" | sed 's/^/# /'
        failed=1
    fi
    expected=$(sed -n 's/^fingerprint //p' "$golden/$name.txt")
    for level in request step summary; do
        if "$TIERSIM" run "$ini" --quiet --force -o "$scratch/$name.db" -s "run.log=$level" \
            --expect-fingerprint "$expected" 2> "$scratch/err"; then
            echo "ok - golden $name: same fingerprint at log level $level"
        else
            echo "not ok - golden $name: same fingerprint at log level $level"
            sed 's/^/# /' "$scratch/err"
            failed=1
        fi
    done
done
exit $failed
