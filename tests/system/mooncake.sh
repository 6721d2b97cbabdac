#!/usr/bin/env bash
# scenarios/prefix-unlimited.ini: every line of the trace becomes a request, every request and token is accounted for, one
# at a time or as they came. On a trace made here, and on the real one where it lies beside the project.
# Needs TIERSIM and srcdir from the environment.
set -uo pipefail
. "$(dirname "$0")/../lib.sh"
scenario=$srcdir/scenarios/prefix-unlimited.ini
real=$srcdir/../shared/data/traces/mooncake_conversation_0-45min.jsonl
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

suite=mooncake
sql() { sqlite3 "$scratch/m.db" "$1"; }

# An independent count: lines, prompt tokens, answer tokens, last time in ns.
count() {
    awk -F'[:,]' '{
        for (i = 1; i < NF; i++) {
            if ($i ~ /"timestamp"/) t = $(i + 1)
            if ($i ~ /"input_length"/) input += $(i + 1)
            if ($i ~ /"output_length"/) output += $(i + 1)
        }
    } END { printf "%d|%d|%d|%.0f", NR, input, output, t * 1e6 }' "$1"
}

serve() { # NAME TRACE
    local want=$(count "$2")
    "$TIERSIM" run "$scenario" -q --force -o "$scratch/m.db" -s "workload.trace=$2" || exit 1
    is "$1, one at a time: requests and tokens of the file" "${want%|*}" \
        "$(sql "SELECT count(*), sum(input_tokens), sum(output_tokens) FROM request WHERE status = 'completed'")"
    is "$1, one at a time: each comes when the one before ended" 0 \
        "$(sql "SELECT count(*) FROM request a JOIN request b ON b.id = a.id + 1 WHERE b.t_arrive_ns <> a.t_end_ns")"
    is "$1, one at a time: conservation" 0 "$(sql "SELECT count(*) FROM v_conservation WHERE NOT ok")"
    "$TIERSIM" run "$scenario" -q --force -o "$scratch/m.db" -s "workload.trace=$2" -s workload.trace_order=time || exit 1
    is "$1, as they came: requests, tokens and last arrival" "$want" \
        "$(sql "SELECT count(*), sum(input_tokens), sum(output_tokens), max(t_arrive_ns) FROM request")"
}

cat > "$scratch/made.jsonl" << 'X'
{"timestamp": 0, "input_length": 1300, "output_length": 20, "hash_ids": [0, 1, 2]}
{"timestamp": 0, "input_length": 2048, "output_length": 5, "hash_ids": [0, 1, 3, 4]}
{"timestamp": 40, "input_length": 1, "output_length": 1, "hash_ids": [5]}
{"timestamp": 9000, "input_length": 2100, "output_length": 300, "hash_ids": [0, 1, 3, 4, 6]}
X
serve "a small trace" "$scratch/made.jsonl"
if [ -r "$real" ]; then
    serve "the conversation trace" "$real"
else
    echo "# skipped in part: no $real (Mooncake's conversation trace)"
fi

# A bad line is told and ends the run.
sed '3s/\[5\]/[5, 6]/' "$scratch/made.jsonl" > "$scratch/bad.jsonl"
"$TIERSIM" run "$scenario" -q --force -o "$scratch/m.db" -s "workload.trace=$scratch/bad.jsonl" 2> "$scratch/err"
is "a bad line: exit code" 1 $?
is "a bad line: where and what" 1 "$(grep -c "bad.jsonl:3: hash_ids has 2 ids, but 1 tokens are 1 blocks of 512" "$scratch/err")"
exit $failed
