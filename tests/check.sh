# shellcheck shell=bash
# check.sh - sourced by the test scripts that call the program as its user does. Sets `failed`; needs a folder `scratch`.
failed=0

# NAME CODE PATTERN COMMAND...: exit code, and a pattern in what the command says on either stream ("" for none).
# The pattern is grep's; with extended=-E it is an extended one.
check() {
    local name=$1 code=$2 pattern=$3 got
    shift 3
    "$@" > "$scratch/out" 2> "$scratch/err"
    got=$?
    # shellcheck disable=SC2154 # scratch is the caller's
    if [ $got -eq "$code" ] &&
        { [ -z "$pattern" ] || cat "$scratch/out" "$scratch/err" | grep -q ${extended:-} -- "$pattern"; }; then
        echo "ok - $name"
    else
        echo "not ok - $name: exit $got, want $code and \"$pattern\""
        cat "$scratch/out" "$scratch/err" | sed 's/^/#   /' | head -20
        failed=1
    fi
}
