#!/bin/sh
# Every NN-name.ini here is wrong in its own way; NN-name.txt holds the whole of what `tiersim check` must say, to
# the letter. A first line "; args: ..." gives arguments. `run.sh --update` rewrites the .txt files: read the difference.
# The scenario base.ini, which most of them include, must be fine.
tiersim=${TIERSIM:-$PWD/tiersim}
cd "$(dirname "$0")" || exit 1
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
TIERSIM_DATA=data
export TIERSIM_DATA
passed=0
failed=0

if "$tiersim" check base.ini >"$out/stdout" 2>"$out/stderr" && [ "$(head -n 1 "$out/stdout")" = "base.ini: ok" ]; then
    passed=1
else
    echo "FAIL base.ini is not ok:"
    cat "$out/stdout" "$out/stderr"
    failed=1
fi
for ini in [0-9]*.ini; do
    want=${ini%.ini}.txt
    args=$(sed -n '1s/^; args: //p' "$ini")
    eval "\"\$tiersim\" check \"\$ini\" $args" >"$out/stdout" 2>"$out/stderr"
    code=$?
    if [ "$1" = --update ]; then
        cp "$out/stderr" "$want"
    fi
    if [ $code -ne 2 ]; then
        echo "FAIL $ini: exit code $code, not 2"
        failed=$((failed + 1))
    elif [ -s "$out/stdout" ]; then
        echo "FAIL $ini: something on stdout"
        failed=$((failed + 1))
    elif ! diff -u "$want" "$out/stderr"; then
        echo "FAIL $ini: the messages differ"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
echo "bad scenarios: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 60 ]
