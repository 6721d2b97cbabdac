#!/usr/bin/env bash
# describe.sh - tiersim describe: the article's table, published ratios, the parameters of every model of the catalogue, and what is
# said of names that are none. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

ok() { # NAME CONDITION-OUTPUT WANT
    if [ "$2" = "$3" ]; then
        echo "ok - $1"
    else
        echo "not ok - $1: got \"$2\", want \"$3\""
        failed=1
    fi
}
says() { # NAME CODE PATTERN COMMAND...: exit code, and a pattern in what the command says on either stream
    local name=$1 code=$2 pattern=$3 got
    shift 3
    "$@" > out 2> err
    got=$?
    if [ $got -eq "$code" ] && cat out err | grep -q -- "$pattern"; then
        echo "ok - $name"
    else
        echo "not ok - $name: exit $got, want $code and \"$pattern\""
        cat out err | sed 's/^/#   /' | head -10
        failed=1
    fi
}
sql() { sqlite3 :memory: "$1"; }
# of MODEL [OPTION...]: describes it into MODEL.json
of() {
    "$TIERSIM" describe model "$1" --json "${@:2}" > "$1.json" || failed=1
}

# Every preset: valid JSON, its own name, parameters as published or as its configuration has them (billions: all, used by a token).
catalogue=0
while read -r model all active; do
    of "$model"
    ok "$model: $all billion parameters, $active used" "$(sql "SELECT json_valid(j) AND json_extract(j, '\$.name') = '$model'
        AND abs(json_extract(j, '\$.params') / 1e9 / $all - 1) < 0.005
        AND abs(json_extract(j, '\$.active_params') / 1e9 / $active - 1) < 0.005 FROM (SELECT CAST(readfile('$model.json') AS TEXT) j)")" 1
    catalogue=$((catalogue + 1))
done <<'X'
deepseek-r1 671.03 36.62
deepseek-v3 671.03 36.62
deepseek-v3.2 671.88 37.48
deepseek-v4-flash 284.30 13.23
deepseek-v4-pro 1572.91 48.77
glm-5 743.91 40.83
glm-5.1 743.91 40.83
glm-5.2 743.38 40.30
gpt-oss-120b 116.79 5.13
gpt-oss-20b 20.91 3.61
kimi-k2 1026.41 31.69
kimi-k2.5 1026.41 31.69
llama-2-70b 68.98 68.71
llama-3.1-405b 405.85 403.75
llama-3.1-70b 70.55 69.50
llama-3.1-8b 8.03 7.50
minimax-m2.5 228.69 10.42
mixtral-8x22b 140.62 38.95
mixtral-8x7b 46.70 12.75
qwen3-235b-a22b 235.09 21.57
qwen3-30b-a3b 30.53 3.04
qwen3-32b 32.76 31.98
qwen3-8b 8.19 7.57
qwen3-coder-480b-a35b 480.15 34.54
qwen3.5-397b-a17b 396.34 16.33
X
ok "no preset of data/models was left out" "$(find "$srcdir/data/models" -name '*.ini' | wc -l | tr -d ' ')" "$catalogue"

# The article: GiB at 1e6 tokens, 1-byte KV, 2-byte index keys, no scales.
while read -r model gib; do
    ok "$model: $gib GiB at 1e6 tokens, 8 bit" \
        "$(sql "SELECT abs(json_extract(readfile('$model.json'), '\$.kv_gib_1e6_8bit') / $gib - 1) < 0.01")" 1
done <<'X'
deepseek-v4-pro 5.48
deepseek-v4-flash 3.832
glm-5 60.44
glm-5.2 46.849
qwen3-235b-a22b 89.65
deepseek-v3 32.723
deepseek-v3.2 47.266
kimi-k2.5 32.723
llama-3.1-70b 152.588
X
says "... and the text says it with its convention" 0 "5.48 GiB at 8 bit (1 byte an element, 2 bytes of index keys, no scales)" \
    "$TIERSIM" describe model deepseek-v4-pro

# DeepSeek-V4-Pro against V3.2 at 1M tokens: 27% of the FLOPs, 10% of the KV cache.
at_1m() { # MODEL MEMBER
    echo "(SELECT json_extract(value, '\$.$2') FROM json_each(readfile('$1.json'), '\$.table')
        WHERE json_extract(value, '\$.context') = 1048576)"
}
ratio() { echo "1.0 * $(at_1m deepseek-v4-pro "$1") / $(at_1m deepseek-v3.2 "$1")"; }
ok "V4-Pro/V3.2 at 1M: 27% of the FLOPs" "$(sql "SELECT abs($(ratio total_flops) - 0.27) < 0.01")" 1
ok "V4-Pro/V3.2 at 1M: 10% of the KV" "$(sql "SELECT abs($(ratio stored_bytes) - 0.10) < 0.006")" 1
ok "DSA reads 17% of what it stores at 1M" \
    "$(sql "SELECT abs(1.0 * $(at_1m deepseek-v3.2 read_bytes) / $(at_1m deepseek-v3.2 stored_bytes) - 0.1691) < 0.0001")" 1

# Bytes a token under each convention: DSA's 704, 832 and 788 bytes in 61 layers.
for row in "plain fp8 42944" "article fp8 50752" "production fp8 48068" "plain bf16 85888"; do
    read -r convention dtype bytes <<< "$row"
    of deepseek-v3.2 --convention "$convention" --kv-dtype "$dtype"
    ok "deepseek-v3.2: $bytes bytes a token, $convention, $dtype" \
        "$(sql "SELECT json_extract(readfile('deepseek-v3.2.json'), '\$.bytes_per_token') = $bytes
            AND json_extract(readfile('deepseek-v3.2.json'), '\$.convention') = '$convention'")" 1
done
of llama-3.1-70b
ok "the table goes from 1K to 1M and says what is beyond the model" "$(sql "SELECT count(*) || ' ' || min(json_extract(value, '\$.context'))
    || ' ' || max(json_extract(value, '\$.context')) || ' ' || sum(json_extract(value, '\$.beyond_max_context'))
    FROM json_each(readfile('llama-3.1-70b.json'), '\$.table')")" "8 1024 1048576 3"

says "a path" 0 "^llama-3.1-8b$" "$TIERSIM" describe model "$srcdir/data/models/llama-3.1-8b.ini"
says "a model that is none" 2 'did you mean "deepseek-v3"' "$TIERSIM" describe model deepsek-v3
ok "... and nothing on standard output" "$(cat out)" ""
ok "... nor a word of -s or of runs" "$(grep -c -e '-s:' -e 'nothing was run' err)" 0
says "a path that is none" 2 "none.ini" "$TIERSIM" describe model ./none.ini
printf '[model]\nname = odd\nlayers = 2\nhidden = 64\nvocab = 100\nmax_context = 128\nq_heads = 4\nhead_dim = 16\nwindow_layers = 3\n' > odd.ini
says "a model whose parts do not fit" 2 "sliding_window: is missing or wrong for attention window" "$TIERSIM" describe model ./odd.ini
says "... every mistake of it" 2 "layers: 2 are fewer" "$TIERSIM" describe model ./odd.ini
says "no name" 2 "which model" "$TIERSIM" describe model
says "nothing" 2 "which model" "$TIERSIM" describe
says "something else" 2 "describe a model or a gpu" "$TIERSIM" describe rack x
says "too many" 2 "too many" "$TIERSIM" describe model a b
says "a convention that is none" 2 "no \"exact\"" "$TIERSIM" describe model glm-5 --convention exact
says "a type that is none" 2 "no \"fp16\"" "$TIERSIM" describe model glm-5 --kv-dtype fp16
says "--help" 0 "^Usage: tiersim describe" "$TIERSIM" describe --help

for gpu in h100 h200 b200; do
    says "describe gpu $gpu" 0 "memory bandwidth" "$TIERSIM" describe gpu $gpu
    "$TIERSIM" describe gpu $gpu --json > gpu.json
    ok "... as JSON" "$(sql "SELECT json_valid(j) AND json_extract(j, '\$.memory_Bps') > 1e12 AND json_extract(j, '\$.bf16_flops') > 1e14
        FROM (SELECT CAST(readfile('gpu.json') AS TEXT) j)")" 1
done
says "a gpu that is none" 2 'did you mean "h100"' "$TIERSIM" describe gpu h10
exit $failed
