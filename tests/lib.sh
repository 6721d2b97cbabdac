# shellcheck shell=bash
# lib.sh - sourced by the test scripts that ask the sqlite3 shell: what they need, or a plain word and exit code 77 (skipped).
: "${TIERSIM:?the path of the tiersim program}"
command -v sqlite3 > /dev/null || {
    echo "# skipped: the sqlite3 shell is not installed (Debian: apt-get install sqlite3)"
    exit 77
}
