#!/usr/bin/env bash
# scenarios/azure-conv-2023.ini on the real trace: every line becomes a request, every request and token is accounted for.
# Needs TIERSIM and srcdir from the environment, and the trace beside the project.
set -uo pipefail
trace=$srcdir/../shared/data/traces/AzureLLMInferenceTrace_conv.csv
[ -e "$trace" ] || {
    echo "# skipped: no $trace (AzurePublicDataset, AzureLLMInferenceTrace_conv.csv)"
    exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

is() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then
        echo "ok - azure: $1"
    else
        echo "not ok - azure: $1 (want $2, got $3)"
        failed=1
    fi
}
"$TIERSIM" run "$srcdir/scenarios/azure-conv-2023.ini" -q -o "$scratch/a.db" -s "workload.trace=$trace" || exit 1
sql() { sqlite3 "$scratch/a.db" "$1"; }
want=$(awk -F, 'NR > 1 { n++; i += $2; o += $3 } END { printf "%d|%d|%d", n, i, o }' "$trace")
is "requests and tokens of the file" "$want" "$(sql "SELECT count(*), sum(input_tokens), sum(output_tokens) FROM request")"
is "all completed" "completed|19366" "$(sql "SELECT status, count(*) FROM request GROUP BY status")"
is "conservation" 0 "$(sql "SELECT count(*) FROM v_conservation WHERE NOT ok")"
# The first and last line's times: 2023-11-16 18:15:46.6805900 and 19:14:08.4025270.
is "arrival times to 100 ns" "0|3501721937000" "$(sql "SELECT min(t_arrive_ns), max(t_arrive_ns) FROM request")"
exit $failed
