#!/usr/bin/env bash
# commands.sh - the program as its user meets it: commands, exit codes, where messages go, and which file a run writes.
# Needs TIERSIM and srcdir from the environment.
set -uo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
srcdir=$(cd "$srcdir" && pwd)
bench=$srcdir/scenarios/bench-100k.ini
few=(-s workload.requests=20)
. "$srcdir/tests/check.sh"
quiet_stdout() { # NAME: the command before said nothing on standard output
    if [ -s "$scratch/out" ]; then
        echo "not ok - $1: nothing on standard output"
        failed=1
    else
        echo "ok - $1: nothing on standard output"
    fi
}

cd "$scratch" || exit 1
check "no command" 2 "^Usage: tiersim COMMAND" "$TIERSIM"
quiet_stdout "no command"
check "--help" 0 "^Usage: tiersim COMMAND" "$TIERSIM" --help
check "--version" 0 "^tiersim [0-9]" "$TIERSIM" --version
check "a command that is none" 2 "did you mean run?" "$TIERSIM" rum
for command in run check explain report; do
    check "$command --help" 0 "^Usage: tiersim $command" "$TIERSIM" $command --help
    check "$command with an option that is none" 2 "tiersim $command" "$TIERSIM" $command --no-such-option
    [ $command = explain ] || check "$command without a file" 2 "which" "$TIERSIM" $command
    check "$command with too many" 2 "too many" "$TIERSIM" $command a b
done
check "explain lists the sections" 0 "workload" "$TIERSIM" explain
check "explain a key" 0 "^\[workload\] rate" "$TIERSIM" explain workload.rate
check "explain: numbers of calls are no tokens" 0 "agent_calls_low: the fewest" sh -c '"$0" explain agent |
    sed -n "s/ *calls_low */agent_calls_low: /p"' "$TIERSIM"
check "explain: no trace says what an agent does" 0 "^2 0 0$" sh -c 'for s in class agent tool; do "$0" explain $s | grep -c "^    trace "; done | paste -sd" "' "$TIERSIM"
check "explain what is none" 2 "did you mean \"rate\"" "$TIERSIM" explain ratee
check "check says what it comes to" 0 "bench-100k.ini: ok" "$TIERSIM" check "$bench"
check "check --resolved" 0 "^rate = 7/s  ; -s$" "$TIERSIM" check --resolved "$bench" -s workload.rate=7/s
check "a scenario that is not there" 2 "none.ini" "$TIERSIM" run none.ini
quiet_stdout "a scenario that is not there"
check "the results file is the scenario's name, here" 0 "Successful requests: *20" "$TIERSIM" run "$bench" "${few[@]}"
check "... and is there" 0 "" test -f bench-100k.db
check "--json" 0 '"completed": 20' "$TIERSIM" run "$bench" "${few[@]}" --json -o j.db
check "report --json" 0 '"completed": 20' "$TIERSIM" report j.db --json
check "-o without a name" 2 "needs the name" "$TIERSIM" run "$bench" "${few[@]}" -o ""
check "-o in a folder that is not there" 74 "no/r.db.part: cannot be written: No such file" "$TIERSIM" run "$bench" -o no/r.db
check "-o that is a folder" 2 "not a regular file" "$TIERSIM" run "$bench" -f -o .
check "-o that is a device" 2 "not a regular file" "$TIERSIM" run "$bench" -f -o /dev/null
ln -s nowhere/r.db link.db
check "-o that is a link to nowhere" 2 "link.db: exists" "$TIERSIM" run "$bench" "${few[@]}" -o link.db
check "... replaced by --force" 0 "" "$TIERSIM" run "$bench" -q "${few[@]}" -f -o link.db
check "a fingerprint that is another" 1 "fingerprint" "$TIERSIM" run "$bench" -q "${few[@]}" -f -o e.db \
    --expect-fingerprint 0123456789abcdef
if [ -w /dev/full ]; then
    check "standard output that is full" 74 "standard output" sh -c '"$0" report j.db > /dev/full' "$TIERSIM"
fi
check "a scenario through a pipe" 0 "" sh -c 'cat "$1" | "$0" run /dev/stdin -q -s workload.requests=20 -o p.db' "$TIERSIM" "$bench"
check "... is kept whole" 0 "^1$" sqlite3 p.db "SELECT scenario_text LIKE '; bench-100k.ini - %output_tokens = 512%' FROM run"
check "a scenario without end" 2 "too large" timeout 60 "$TIERSIM" check /dev/zero

# Two at once: one writes, the other is told so and leaves it alone.
"$TIERSIM" run "$bench" -q -o two.db -s workload.requests=50000000 2> /dev/null &
pid=$!
for _ in $(seq 100); do
    [ "$(stat -c %s two.db.part 2> /dev/null || echo 0)" -gt 1000000 ] && break
    sleep 0.1
done
check "a second run on the same file" 74 "another run is writing it" "$TIERSIM" run "$bench" -q "${few[@]}" -o two.db
check "a second run on the same file, with --force" 74 "another run is writing it" "$TIERSIM" run "$bench" -q "${few[@]}" -f -o two.db
check "a report of a file that is being written" 74 "a run is writing it" "$TIERSIM" report two.db.part
kill -TERM $pid
wait $pid
check "the first run was not disturbed" 0 "^ok$" sqlite3 two.db.part "PRAGMA integrity_check"
check "its leftover is not replaced without --force" 2 "an unfinished run left" "$TIERSIM" run "$bench" -q "${few[@]}" -o two.db
exit $failed
