#!/bin/bash
# traces.sh - trace files of every format, plain and compressed, through files and pipes: what describe trace counts, what a
# run meets, what bad ones are told. Small files: tests/fuzz/corpus (rows invented; counts and sums below by hand). Real
# ones: ../shared/data/traces, where that is.
set -uo pipefail
LC_ALL=C
export LC_ALL
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
corpus=$srcdir/tests/fuzz/corpus
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
suite="traces"
failed=0

# figures FILE [ARGUMENT...]: format, rows, failed, prompt and answer tokens, span of a trace.
figures() {
    "$TIERSIM" describe trace "$@" --json >"$tmp/json" 2>"$tmp/err" || { cat "$tmp/err"; return; }
    sqlite3 :memory: "SELECT x ->> 'format', x ->> 'rows', x ->> 'failed', x ->> '\$.prompts.tokens', x ->> '\$.answers.tokens',
        ifnull(round(x ->> 'span_s', 9), '-') FROM (SELECT readfile('$tmp/json') x)"
}

# ---- what each format's file holds ----
is "Azure 2023" "azure|3|0|1649|208|4.541877" "$(figures "$corpus/azure-2023.csv")"
is "Azure 2024: microseconds, none, another zone" "azure|3|0|4637|26|1.49007" "$(figures "$corpus/azure-2024.csv")"
is "BurstGPT 1: a failed row is left out and counted" "burstgpt|2|1|889|294|113.0" "$(figures "$corpus/burstgpt-1.csv")"
is "BurstGPT 2" "burstgpt|3|1|1092|68|8.5" "$(figures "$corpus/burstgpt-2.csv")"
is "BurstGPT 2: sessions" "1|2" "$(sqlite3 :memory: "SELECT x ->> 'sessions', x ->> 'session_rows' FROM (SELECT readfile('$tmp/json') x)")"
is "Vidur" "vidur|3|0|1649|208|1.020458129" "$(figures "$corpus/vidur.csv")"
is "Vidur without times" "vidur|2|0|1612|312|-" "$(figures "$corpus/vidur-lengths.csv")"
is "Mooncake" "mooncake|3|0|121|85|3.052" "$(figures "$corpus/mooncake.jsonl" --block-tokens 16)"
is "Mooncake: shared blocks and tokens" "9|4|5|65" \
    "$(sqlite3 :memory: "SELECT x ->> 'blocks', x ->> 'blocks_distinct', x ->> 'blocks_shared', x ->> 'tokens_shared' FROM (SELECT readfile('$tmp/json') x)")"
{
    cat "$corpus/mooncake.jsonl"
    echo '{"timestamp": 4000, "input_length": 48, "output_length": 1, "hash_ids": [46, 99, 48]}'
} >"$tmp/hole.jsonl"
figures "$tmp/hole.jsonl" --block-tokens 16 >/dev/null
is "Mooncake: a block seen before, but not all before it, is not shared" "12|6|81" \
    "$(sqlite3 :memory: "SELECT x ->> 'blocks', x ->> 'blocks_shared', x ->> 'tokens_shared' FROM (SELECT readfile('$tmp/json') x)")"
# A task whose third call waits for the second's tools and a sub-agent, and a call for itself.
is "our own, JSON lines" "tiersim|5|0|755|90|3.0" "$(figures "$corpus/own.jsonl")"
is "... waits" "3|2|1.3|5.0e-09|1|4|17" "$(sqlite3 :memory: "SELECT x ->> 'calls_waiting', x ->> 'calls_after_tools', x ->> 'tools_s', x ->> 'gaps_s',
    x ->> 'sessions', x ->> 'session_rows', x ->> 'blocks' FROM (SELECT readfile('$tmp/json') x)")"
sed 's/"tiersim"/"tiersim_csv"/; s/own.jsonl/own.csv/' "$tmp/json" >"$tmp/want"
is "our own, CSV" "tiersim_csv|5|0|755|90|3.0" "$(figures "$corpus/own.csv")"
is "... says the same" "$(cat "$tmp/want")" "$(cat "$tmp/json")"
is "our own, CSV of few columns in another order" "tiersim_csv|3|0|441|81|5.0e-09" "$(figures "$corpus/own-few.csv")"
is "... by name" "tiersim_csv|3|0|441|81|5.0e-09" "$(figures "$corpus/own-few.csv" --format tiersim_csv)"
for file in azure-2023.csv.gz own.csv.gz mooncake.jsonl.zst burstgpt-2.csv.zst vidur.csv.gz; do
    is "$file: as plain" "$(figures "$corpus/${file%.*}" --block-tokens 16)" "$(figures "$corpus/$file" --block-tokens 16)"
done
is "two gzip members are one text" "$(figures "$corpus/burstgpt-2.csv")" "$(figures "$corpus/two-members.gz")"
cp "$corpus/mooncake.jsonl.zst" "$tmp/misnamed.csv"
is "what it holds counts, not its name" "mooncake|3|0|121|85|3.052" "$(figures "$tmp/misnamed.csv" --block-tokens 16)"
is "a pipe" "azure|3|0|1649|208|4.541877" "$(figures /dev/stdin < <(cat "$corpus/azure-2023.csv.gz"))"

# ---- gaps and windows by hand ----
{
    echo arrived_at,num_prefill_tokens,num_decode_tokens
    printf '%s,10,1\n' 0 0.2 0.4 1.5 4.25
} >"$tmp/gaps.csv"
"$TIERSIM" describe trace "$tmp/gaps.csv" --json >"$tmp/json"
# Gaps 0.2, 0.2, 1.1, 2.75: mean 1.0625, variance 1.445625. Whole windows of 1 s: 3, 1, 0, 0: mean 1, variance 2.
is "rate, CV, dispersion" "0.941176|1.131615|2||" "$(sqlite3 :memory: "SELECT round(x ->> 'rate_per_s', 6), round(x ->> 'gap_cv', 6),
    x ->> 'dispersion_1s', x ->> 'dispersion_10s', x ->> 'dispersion_60s' FROM (SELECT readfile('$tmp/json') x)")"

# ---- runs ----
cat >"$tmp/run.ini" <<'X'
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
[workload]
arrivals = trace
trace_block_tokens = 16
[class all]
input = trace
output = trace
X
fingerprint() { # ARGUMENT...
    "$TIERSIM" run "$tmp/run.ini" -q --force -o "$tmp/run.db" "$@" 2>"$tmp/err" || { cat "$tmp/err"; return; }
    sqlite3 "$tmp/run.db" 'SELECT fingerprint FROM run'
}
for name in azure-2023.csv vidur.csv burstgpt-2.csv mooncake.jsonl; do
    want=$(fingerprint -s "workload.trace=$corpus/$name")
    gzip -nc "$corpus/$name" >"$tmp/a.gz"
    is "$name: .gz gives the same fingerprint" "$want" "$(fingerprint -s "workload.trace=$tmp/a.gz")"
    is "$name: a pipe gives the same fingerprint" "$want" "$(fingerprint -s workload.trace=/dev/stdin < <(cat "$corpus/$name"))"
    case $name in
    burstgpt-2.csv | mooncake.jsonl)
        is "$name: .zst gives the same fingerprint" "$want" "$(fingerprint -s "workload.trace=$corpus/$name.zst")"
        ;;
    esac
    [ "$name" = burstgpt-2.csv ] &&
        is "$name: the requests of the run" "472|18 100|20 520|30" \
            "$(sqlite3 "$tmp/run.db" 'SELECT input_tokens, output_tokens FROM request ORDER BY t_arrive_ns' | paste -sd' ')"
done
is "lengths without times: drawn arrivals" "588|12 1024|300" "$(
    fingerprint -s workload.arrivals=poisson -s workload.rate=1/s -s "workload.trace=$corpus/vidur-lengths.csv" >/dev/null
    sqlite3 "$tmp/run.db" 'SELECT input_tokens, output_tokens FROM request ORDER BY t_arrive_ns' | paste -sd' '
)"
"$TIERSIM" run "$tmp/run.ini" -q --force -o "$tmp/run.db" -s "workload.trace=$corpus/vidur-lengths.csv" 2>"$tmp/err"
is "lengths without times: no replay by time" 1 "$(grep -c 'its rows have no times (want workload.arrivals = poisson' "$tmp/err")"
"$TIERSIM" check "$tmp/run.ini" -s workload.arrivals=poisson -s workload.rate=1/s -s workload.trace=x.csv -s workload.trace_speed=2 2>"$tmp/err"
is "drawn arrivals have no speed" 1 "$(grep -c 'trace_speed: has no effect with arrivals = poisson' "$tmp/err")"

# ---- suggestions ----
for file in azure-2023.csv burstgpt-2.csv vidur-lengths.csv mooncake.jsonl; do
    {
        sed '/^\[workload\]/,$d' "$tmp/run.ini"
        "$TIERSIM" describe trace "$corpus/$file" --block-tokens 16 | sed -n '/^; What draws/,$p'
    } >"$tmp/suggested.ini"
    is "$file: check accepts what is suggested" "$tmp/suggested.ini: ok" "$("$TIERSIM" check "$tmp/suggested.ini" 2>&1 | head -n 1)"
done

# ---- bad files ----
told() { # NAME MESSAGE TEXT: what is said of a file of that text, after its path
    printf '%b' "$3" >"$tmp/t"
    "$TIERSIM" describe trace "$tmp/t" >/dev/null 2>"$tmp/err"
    is "$1: exit 1" 1 $?
    is "$1" "$2" "$(sed "s|^tiersim: $tmp/t||" "$tmp/err")"
}
burst='Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,GPT-4,4,1,5,API log\n'
vidur='arrived_at,num_prefill_tokens,num_decode_tokens\n1.5,4,1\n'
told "no format" ":1: the first line \"a,b,c\" is that of no trace format known here (want Azure's LLM inference traces or Mooncake's \
traces or BurstGPT's traces or Vidur's traces or tiersim's own JSON lines or tiersim's own CSV)" 'a,b,c\n1,2,3\n'
told "an empty file" ":1: the file is empty (want a trace)" ''
"$TIERSIM" describe trace "$srcdir/tests/fuzz/servegen" 2>"$tmp/err"
is "a folder: exit 74, and where ServeGen's go" "74 1" "$? $(grep -c 'Is a directory (want a file; .* arrivals = servegen, servegen = FOLDER' "$tmp/err")"
told "no rows" ": it has no row" 'TIMESTAMP,ContextTokens,GeneratedTokens\n'
told "BurstGPT: a time" ':3: Timestamp "x" is no time (want seconds from 0 on)' "${burst}x,GPT-4,4,1,5,API log\n"
told "BurstGPT: a time that falls" ':3: Timestamp "4.999" is before that of the last line (want rows in order of time)' \
    "${burst}4.999,GPT-4,4,1,5,API log\n"
told "BurstGPT: tokens" ':3: Response tokens "-1" is not a number of tokens (want a whole number from 0 to 2147483647)' \
    "${burst}6,GPT-4,4,-1,5,API log\n"
told "BurstGPT: fields" ':3: 5 fields, but the header has 6 (want Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type)' \
    "${burst}6,GPT-4,4,1,5\n"
told "Vidur: a time" ':3: arrived_at "-1" is no time (want seconds from 0 on)' "${vidur}-1,4,1\n"
told "Vidur: a time beyond the clock" ':3: arrived_at "1e10" is no time (want seconds from 0 on)' "${vidur}1e10,4,1\n"
told "Vidur: tokens" ':3: num_decode_tokens "0" is not a number of tokens (want a whole number from 1 to 2147483647)' "${vidur}2,4,0.0\n"
told "a column twice" ':1: the header has arrived_at twice (want arrived_at,num_prefill_tokens,num_decode_tokens)' \
    'arrived_at,num_prefill_tokens,num_decode_tokens,arrived_at\n1,4,1,1\n'
for file in cut.gz cut.zst; do
    "$TIERSIM" describe trace "$corpus/$file" >/dev/null 2>"$tmp/err"
    is "$file: exit 1" 1 $?
    is "$file: told" 1 "$(grep -c "$file: .* data: .* (want a whole file" "$tmp/err")"
done
is "another format by name" "tiersim: $corpus/vidur.csv:1: the header has no \"Timestamp\", so it is not that of a BurstGPT trace \
(want Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type)" "$(figures "$corpus/vidur.csv" --format burstgpt)"

# ---- memory: ROWS rows within 50 MiB of address space, more than is resident ----
rows=${ROWS:-1000000}
many() {
    echo TIMESTAMP,ContextTokens,GeneratedTokens
    yes '2023-11-16 18:15:46.6805900,374,44' | head -n "$rows"
}
if (ulimit -v 51200; "$TIERSIM" --version) >/dev/null 2>&1; then
    many | (ulimit -v 51200; "$TIERSIM" describe trace /dev/stdin --json) >"$tmp/json"
    is "$rows rows within 50 MiB" "$rows" "$(sqlite3 :memory: "SELECT x ->> 'rows' FROM (SELECT readfile('$tmp/json') x)")"
else
    echo "# the program does not start within 50 MiB here (a sanitizer?): memory is not tested"
fi

# ---- the real ones ----
real=$srcdir/../shared/data/traces
if [ -r "$real/AzureLLMInferenceTrace_conv.csv" ]; then
    azure="azure|19366|0|22361870|4088665|3501.721937"
    is "Azure's conversation trace" "$azure" "$(figures "$real/AzureLLMInferenceTrace_conv.csv")"
    gzip -c "$real/AzureLLMInferenceTrace_conv.csv" >"$tmp/a.gz"
    is "Azure's conversation trace, gzipped" "$azure" "$(figures "$tmp/a.gz")"
    is "Mooncake's conversation trace" "mooncake|8940|0|109285356|3102839|2699.999" "$(figures "$real/mooncake_conversation_0-45min.jsonl")"
    is "Mooncake's shared blocks" "217677|76993" \
        "$(sqlite3 :memory: "SELECT x ->> 'blocks', x ->> 'blocks_shared' FROM (SELECT readfile('$tmp/json') x)")"
else
    echo "# skipped in part: no $real"
fi
exit $failed
