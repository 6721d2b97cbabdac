#!/bin/bash
# run.sh - the fuzzer's corpus, each file whole and cut at every byte, through all trace readers in the ordinary build.
#   The same of ServeGen's files (tests/fuzz/servegen), and of studies (tests/fuzz/iter).
#   run.sh fuzz SECONDS: libFuzzer on copies of all (make fuzz builds it), so long each; what it finds new is left in
#   fuzz.corpus, fuzz.servegen and fuzz.iter.
set -euo pipefail
srcdir=${srcdir:-.}
here=$srcdir/tests/fuzz
if [ "${1:-}" = fuzz ]; then
    mkdir -p fuzz.corpus fuzz.servegen fuzz.iter
    cp "$here"/corpus/* fuzz.corpus/
    cp "$here"/servegen/* fuzz.servegen/
    cp "$here"/iter/* fuzz.iter/
    nice tests/fuzz/fuzz_traces fuzz.corpus -dict="$here/traces.dict" -max_len=1500 -max_total_time="$2" \
        -artifact_prefix=fuzz-found-
    nice tests/fuzz/fuzz_servegen fuzz.servegen -max_len=1500 -max_total_time="$2" -artifact_prefix=fuzz-found-
    exec nice tests/fuzz/fuzz_iter fuzz.iter -max_len=600 -max_total_time="$2" -timeout=20 -artifact_prefix=fuzz-found-
fi
replay=$(dirname "${TIERSIM:?the path of the tiersim program}")/tests/fuzz/fuzz_replay
bad=0
through() { # WHAT PROGRAM FILE...
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "ok - $what, whole and cut: $said"
    else
        echo "not ok - $what, whole and cut: $said"
        bad=1
    fi
}
through "the corpus" "$replay" "$here"/corpus/*
through "ServeGen's files" "${replay}_servegen" "$here"/servegen/*
through "studies" "${replay}_iter" "$here"/iter/*
exit $bad
