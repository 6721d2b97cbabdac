#!/bin/bash
# lists.sh - every source, header and preset is named in Makefile.am: one that is not would be missing from a release.
set -euo pipefail
cd "${srcdir:-.}"
bad=0
for kind in "src/*/*.[ch]" "src/*.[ch]" "data/*/*.ini" "data/*.ini" "tests/*/*.[ch]" "tests/system/*" "scenarios/*.ini" "scenarios/*/*" "tools/*"; do
    missing= n=0
    for file in $kind; do
        n=$((n + 1))
        [ "$file" != src/store/views_sql.c ] || continue # made
        case $file in *.log | *.trs | *.o) continue ;; esac
        grep -qE "(^|[[:space:]])${file//./\\.}([[:space:]]|\$)" Makefile.am || missing+=" $file"
    done
    if [ -z "$missing" ] && [ $n -gt 1 ]; then
        echo "ok - Makefile.am names all of $kind"
    else
        echo "not ok - Makefile.am names all of $kind ($n files): missing$missing"
        bad=1
    fi
done
exit $bad
