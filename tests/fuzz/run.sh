#!/bin/bash
# run.sh - the fuzzer's corpus, each file whole and cut at every byte, through all trace readers in the ordinary build.
#   run.sh fuzz SECONDS: libFuzzer on a copy of the corpus (make fuzz builds it); what it finds new is left in fuzz.corpus.
set -euo pipefail
srcdir=${srcdir:-.}
here=$srcdir/tests/fuzz
if [ "${1:-}" = fuzz ]; then
    mkdir -p fuzz.corpus
    cp "$here"/corpus/* fuzz.corpus/
    exec nice tests/fuzz/fuzz_traces fuzz.corpus -dict="$here/traces.dict" -max_len=1500 -max_total_time="$2" \
        -artifact_prefix=fuzz-found-
fi
replay=$(dirname "${TIERSIM:?the path of the tiersim program}")/tests/fuzz/fuzz_replay
if said=$("$replay" "$here"/corpus/* 2>&1); then
    echo "ok - the corpus, whole and cut: $said"
else
    echo "not ok - the corpus, whole and cut: $said"
    exit 1
fi
