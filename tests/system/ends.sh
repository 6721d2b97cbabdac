#!/usr/bin/env bash
# How runs end when they do not end well: kill -9, Ctrl-C, a full disk, a missing trace, a broken trace line. Each must
# leave a clear message and, where a file was begun, a readable one that says what it is.
# Needs TIERSIM and srcdir from the environment.
set -uo pipefail

scratch=$(mktemp -d)
mounted=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
    [ -z "$mounted" ] || umount "$mounted"
    rm -rf "$scratch"
}
trap cleanup EXIT
failed=0
bench=$srcdir/scenarios/bench-100k.ini
long=(-s workload.requests=50000000)

ok() { # NAME COMMAND...: the command must succeed
    local name=$1
    shift
    if "$@"; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        failed=1
    fi
}
sql() { sqlite3 "$1" "$2"; }
is() { # WANT GOT
    [ "$1" = "$2" ] || { echo "# want: $1"; echo "# got:  $2"; return 1; }
}
says() { # FILE PATTERN
    grep -q -- "$2" "$1" || { echo "# wanted \"$2\" in:"; sed 's/^/#   /' "$1"; return 1; }
}

# A prefix is consistent when nothing refers to what is not there and each stage has been reached through the one before.
consistent() {
    is ok "$(sql "$1" 'PRAGMA integrity_check')" &&
        is "" "$(sql "$1" 'PRAGMA foreign_key_check')" &&
        is 1 "$(sql "$1" "SELECT count(*) > 1000 FROM step")" &&
        is 0 "$(sql "$1" "SELECT (SELECT count(*) FROM arrive) - (SELECT count(*) FROM request)")" &&
        is 0 "$(sql "$1" "SELECT (SELECT count(*) FROM finish) - (SELECT count(*) FROM request WHERE status IN ('completed', 'rejected'))")" &&
        is 0 "$(sql "$1" "SELECT (SELECT count(*) FROM route) - (SELECT count(*) FROM request WHERE replica IS NOT NULL)")" &&
        is 0 "$(sql "$1" "SELECT count(*) FROM admit a LEFT JOIN route r USING (request) WHERE r.request IS NULL")" &&
        is 0 "$(sql "$1" "SELECT (SELECT sum(tokens_out) FROM step) - (SELECT sum(n_decode) FROM step) - (SELECT count(*) FROM first_token) - (SELECT count(*) FROM resume)")" &&
        is 0 "$(sql "$1" "SELECT (SELECT max(t_ns) FROM arrive) > (SELECT max(t_end_ns) FROM step) + 1000000000")"
}

reports() { "$TIERSIM" report "$1" > "$scratch/out"; }

wait_for_rows() { # FILE.part: until something is committed
    for _ in $(seq 100); do
        sleep 0.1
        [ "$(stat -c %s "$1" 2> /dev/null || echo 0)" -gt 1000000 ] && return
    done
}

# ---- an existing result is untouched until the rename ----
"$TIERSIM" run "$bench" -q -o "$scratch/r.db" -s workload.requests=100
before=$(sha256sum < "$scratch/r.db")
"$TIERSIM" run "$bench" -q -o "$scratch/r.db" 2> "$scratch/err"
ok "without --force an existing file is refused (exit 2 or 74)" test $? -ne 0
ok "... and the message names it" says "$scratch/err" "r.db"

# ---- a horizon that cuts what has been in flight for many commits ----
"$TIERSIM" run "$srcdir/scenarios/quickstart.ini" -q -o "$scratch/h.db" -s run.horizon=60s -s workload.rate=300/s \
    -s workload.requests=20000
ok "horizon: every conservation law holds in the file" is 0 "$(sql "$scratch/h.db" 'SELECT count(*) FROM v_conservation WHERE NOT ok')"
ok "horizon: who waits, runs or has preempted is told as at its end" is 1 "$(sql "$scratch/h.db" "SELECT
    (SELECT count(*) FROM request WHERE status = 'waiting') = (SELECT value FROM counter WHERE name = 'requests_waiting')
    AND (SELECT sum(preemptions) > 0 FROM request WHERE status <> 'completed')")"

# ---- mistakes of the command line, and files that are no text ----
cp "$srcdir/scenarios/quickstart.ini" "$scratch/mine.ini"
"$TIERSIM" run "$scratch/mine.ini" -q --force -o "$scratch/mine.ini" 2> "$scratch/err"
ok "a scenario given as -o is refused (exit 2)" is 2 $?
ok "... and kept" cmp -s "$srcdir/scenarios/quickstart.ini" "$scratch/mine.ini"
"$TIERSIM" run "$bench" -q -o "" 2> /dev/null
ok "-o without a name is refused (exit 2)" is 2 $?
"$TIERSIM" run "$bench" -q -o "$scratch/x.db" --expect-fingerprint=af6f 2> /dev/null
ok "a fingerprint of other than 16 digits is refused (exit 2)" is 2 $?
"$TIERSIM" check "$scratch/r.db" > /dev/null 2> "$scratch/err"
ok "a results file as scenario is refused (exit 2)" is 2 $?
ok "... as one mistake" is 2 "$(wc -l < "$scratch/err")"

# ---- kill -9 ----
"$TIERSIM" run "$bench" -q --force -o "$scratch/r.db" "${long[@]}" &
pid=$!
wait_for_rows "$scratch/r.db.part"
kill -9 $pid
wait $pid 2> /dev/null
ok "kill -9: the earlier result is untouched" is "$before" "$(sha256sum < "$scratch/r.db")"
ok "kill -9: report opens FILE.db.part" reports "$scratch/r.db.part"
ok "kill -9: the report says the run was cut" grep -qiE "running|cut|killed" "$scratch/out"
ok "kill -9: status is running" is running "$(sql "$scratch/r.db.part" 'SELECT status FROM run')"
ok "kill -9: what is there is a consistent prefix" consistent "$scratch/r.db.part"
ok "kill -9: no conservation law is broken" is 0 "$(sql "$scratch/r.db.part" 'SELECT count(*) FROM v_conservation WHERE NOT ok')"
ok "kill -9: rows of requests agree with their events" is 1 "$(sql "$scratch/r.db.part" "SELECT
    (SELECT count(*) FROM first_token) = (SELECT count(t_first_ns) FROM request)
    AND (SELECT count(DISTINCT request) FROM admit) = (SELECT count(t_admit_ns) FROM request)
    AND (SELECT count(*) FROM v_conservation) >= 5")"
ok "kill -9: the same name can be run again" "$TIERSIM" run "$bench" -q --force -o "$scratch/r.db" -s workload.requests=100
ok "kill -9: ... and leaves no .part" test ! -e "$scratch/r.db.part"

# ---- Ctrl-C ----
for sig in INT:130 TERM:143; do
    name=SIG${sig%:*}
    (trap - INT; exec "$TIERSIM" run "$bench" -q --force -o "$scratch/i.db" "${long[@]}") 2> "$scratch/err" &
    pid=$!
    wait_for_rows "$scratch/i.db.part"
    kill -"${sig%:*}" $pid
    wait $pid
    ok "$name: exit ${sig#*:}" is "${sig#*:}" $?
    ok "$name: the message says where the results are" says "$scratch/err" "i.db.part"
    ok "$name: status is interrupted" is interrupted "$(sql "$scratch/i.db.part" 'SELECT status FROM run')"
    ok "$name: consistent" consistent "$scratch/i.db.part"
    ok "$name: every conservation law holds in the file" is 0 "$(sql "$scratch/i.db.part" 'SELECT count(*) FROM v_conservation WHERE NOT ok')"
    ok "$name: report reads it" reports "$scratch/i.db.part"
    ok "$name: ... and says so" says "$scratch/out" interrupted
    rm -f "$scratch"/i.db*
done

# ---- a full disk ----
mkdir "$scratch/small"
if mount -t tmpfs -o size=8m tmpfs "$scratch/small" 2> /dev/null; then
    mounted=$scratch/small
    "$TIERSIM" run "$bench" -q -o "$scratch/small/f.db" 2> "$scratch/err"
    code=$?
else
    echo "# cannot mount a tmpfs here: the limit on file size stands for the full disk"
    (ulimit -f 8192; exec "$TIERSIM" run "$bench" -q -o "$scratch/small/f.db") 2> "$scratch/err"
    code=$?
fi
ok "full disk: exit 74" is 74 $code
ok "full disk: the message says so" says "$scratch/err" "full\|too large\|space"
ok "full disk: no complete file" test ! -e "$scratch/small/f.db"
cp "$scratch/small/f.db.part" "$scratch/f.db.part"
ok "full disk: status is failed" is failed "$(sql "$scratch/f.db.part" 'SELECT status FROM run')"
ok "full disk: the committed prefix is kept" consistent "$scratch/f.db.part"
ok "full disk: report reads it" reports "$scratch/f.db.part"

# With log = request the values of percentiles take more room than the results.
(ulimit -f 4200; exec "$TIERSIM" run "$bench" -q -o "$scratch/v.db" -s run.log=request -s run.metrics_memory=0B -s workload.requests=30000) 2> "$scratch/err"
ok "no room for the percentiles' values: exit 74" is 74 $?
ok "no room for the percentiles' values: the message says so" says "$scratch/err" "metrics_memory: File too large"
ok "no room for the percentiles' values: no complete file" test ! -e "$scratch/v.db"
ok "no room for the percentiles' values: status is failed" is "failed|1" "$(sql "$scratch/v.db.part" "SELECT status, message GLOB '*metrics_memory*' FROM run")"
ok "no room for the percentiles' values: report reads it" reports "$scratch/v.db.part"

# ---- traces ----
azure=$srcdir/scenarios/azure-conv-2023.ini
"$TIERSIM" run "$azure" -q -o "$scratch/t.db" -s "workload.trace=$scratch/none.csv" 2> "$scratch/err"
ok "missing trace: exit 74" is 74 $?
ok "missing trace: the message names it" says "$scratch/err" "none.csv"
ok "missing trace: no file was begun" test ! -e "$scratch/t.db" -a ! -e "$scratch/t.db.part"

{
    echo "TIMESTAMP,ContextTokens,GeneratedTokens"
    for i in $(seq 10 59); do echo "2023-11-16 18:15:$i.6805900,374,44"; done
    printf '2023-11-16 18:16:01.68'
} > "$scratch/cut.csv"
"$TIERSIM" run "$azure" -q -o "$scratch/t.db" -s "workload.trace=$scratch/cut.csv" 2> "$scratch/err"
ok "truncated trace line: exit 1" is 1 $?
ok "truncated trace line: the message has file:line" says "$scratch/err" "cut.csv:52:"
ok "truncated trace line: status is failed" is failed "$(sql "$scratch/t.db.part" 'SELECT status FROM run')"
ok "truncated trace line: its message is in the file" is 1 "$(sql "$scratch/t.db.part" "SELECT count(*) FROM run WHERE message LIKE '%cut.csv:52:%'")"
ok "truncated trace line: report reads it" reports "$scratch/t.db.part"

# ---- runs that the clock cannot hold ----
sed -e 's/^requests.*/concurrency = 3/' -e '/^rate/d' -e 's/^arrivals.*/arrivals = closed_loop/' \
    -e 's/^input_tokens.*/input_tokens = 500000/' "$bench" > "$scratch/closed.ini"
timeout 60 "$TIERSIM" run "$scratch/closed.ini" -q -o "$scratch/c.db" -s run.horizon=10s -s run.log=summary 2> "$scratch/err"
ok "a closed loop that stands still: exit 1" is 1 $?
ok "... and the message says so" says "$scratch/err" "in a row were rejected at 0.000000000 s"
{
    echo "TIMESTAMP,ContextTokens,GeneratedTokens"
    echo "2023-11-16 18:15:46.0000000,10,10"
    echo "2023-11-16 23:15:46.0000000,10,10"
} > "$scratch/slow.csv"
"$TIERSIM" run "$azure" -q -o "$scratch/t.db" --force -s "workload.trace=$scratch/slow.csv" -s workload.trace_speed=0.000001 2> "$scratch/err"
ok "a trace row beyond the clock: exit 1" is 1 $?
ok "... and the message says so" says "$scratch/err" "the row of 18000.0000000 s comes after the clock ends"
"$TIERSIM" run "$bench" -q -o "$scratch/c.db" --force -s gpu.memory_bandwidth=1B/s 2> "$scratch/err"
ok "a step longer than the clock: exit 1" is 1 $?
ok "... and the message says so" says "$scratch/err" "ends after the clock does"
ok "... and the file" is failed "$(sql "$scratch/c.db.part" 'SELECT status FROM run')"
exit $failed
