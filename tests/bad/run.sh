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

ok() {
    echo "ok - bad: $1"
    passed=$((passed + 1))
}
not_ok() {
    echo "not ok - bad: $1: $2"
    failed=$((failed + 1))
}

if "$tiersim" check base.ini >"$out/stdout" 2>"$out/stderr" && [ "$(head -n 1 "$out/stdout")" = "base.ini: ok" ]; then
    ok base
else
    not_ok base "it is not ok:"
    cat "$out/stdout" "$out/stderr"
fi
for ini in [0-9]*.ini; do
    name=${ini%.ini}
    args=$(sed -n '1s/^; args: //p' "$ini")
    eval "\"\$tiersim\" check \"\$ini\" $args" >"$out/stdout" 2>"$out/stderr"
    code=$?
    if [ "$1" = --update ]; then
        cp "$out/stderr" "$name.txt"
    fi
    if [ $code -ne 2 ]; then
        not_ok "$name" "exit code $code, not 2"
    elif [ -s "$out/stdout" ]; then
        not_ok "$name" "something on stdout"
    elif ! diff -u "$name.txt" "$out/stderr"; then
        not_ok "$name" "the messages differ"
    else
        ok "$name"
    fi
done
[ $failed -eq 0 ] && [ $passed -gt 60 ]
