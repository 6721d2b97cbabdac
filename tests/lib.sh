# shellcheck shell=bash
# lib.sh - sourced by the test scripts that ask the sqlite3 shell: what they need, or a plain word and exit code 77 (skipped); and
# what they say of an answer.
: "${TIERSIM:?the path of the tiersim program}"
command -v sqlite3 > /dev/null || {
    echo "# skipped: the sqlite3 shell is not installed (Debian: apt-get install sqlite3)"
    exit 77
}

# Of what a script checks, which sets `suite` to its name: sets `failed`.
is() { # NAME WANT GOT
    # shellcheck disable=SC2034,SC2154 # both are the caller's
    if [ "$2" = "$3" ]; then
        echo "ok - $suite: $1"
    else
        echo "not ok - $suite: $1"
        diff <(echo "$2") <(echo "$3") | head -20 | sed 's/^/#   /'
        failed=1
    fi
}

# The same of a condition; sets `bad`.
result() { # NAME CONDITION(0|1) DETAIL
    if [ "$2" = 1 ]; then
        echo "ok - $1"
    else
        echo "not ok - $1"
        printf '%s\n' "$3" | head -20 | sed 's/^/#   /'
        # shellcheck disable=SC2034
        bad=1
    fi
}
