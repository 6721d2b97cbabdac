#!/bin/bash
# fingerprint.sh - a run's fingerprint depends on the scenario and the seed, and on nothing else: not on the compiler,
# its optimisation, the CPU's features, the log level, or where the file goes.
#
#   fingerprint.sh [NAME=PROGRAM...]     programs to compare with $TIERSIM; tools/test gives it other builds
#
# glibc.cpu.hwcaps switches off the variants of libm that glibc picks by CPU: had a run used log or exp of
# libm, its bits would differ between machines, and here between the two settings.
# With STATISTICS=no (under sanitizers) it is skipped: other tests run the same code there.
set -euo pipefail
srcdir=${srcdir:-.}
if [ "${STATISTICS:-yes}" != yes ]; then
    echo "skipped: fingerprints, with STATISTICS=no"
    exit 77
fi
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

check() { # NAME GOT WANTED
    if [ -n "$2" ] && [ "$2" = "$3" ]; then
        echo "ok - $1"
    else
        echo "not ok - $1: fingerprint \"$2\", want \"$3\""
        bad=1
    fi
}

fingerprint() { # PROGRAM ARGUMENT...: runs a scenario, prints what the file says
    local program=$1
    shift
    "$program" run "$@" -o "$tmp/run.db" --force >"$tmp/out" 2>&1 || {
        cat "$tmp/out" >&2
        return 0
    }
    sqlite3 "$tmp/run.db" "SELECT fingerprint FROM run WHERE status = 'complete'"
}

# Every length law at once, under each open arrival process without a folder; drafts, agents; then what users run.
cases=(
    "samplers-poisson $srcdir/tests/system/samplers.ini"
    "samplers-gamma $srcdir/tests/system/samplers.ini -s workload.arrivals=gamma -s workload.burstiness=0.4"
    "samplers-weibull $srcdir/tests/system/samplers.ini -s workload.arrivals=weibull -s workload.shape=0.7"
    "samplers-mmpp $srcdir/tests/system/samplers.ini -s workload.arrivals=mmpp -s workload.rates=10/s,80/s -s workload.sojourns=5s,1s"
    "spikes $srcdir/scenarios/diurnal.ini -s run.horizon=30s -s workload.spike_every=10s"
    "speculation $srcdir/scenarios/speculation.ini -s workload.requests=60"
    "agents $srcdir/scenarios/agents-coding.ini -s workload.requests=4 -s run.horizon=5min"
    "samplers-random-router $srcdir/tests/system/samplers.ini -s router.policy=random"
    "quickstart $srcdir/scenarios/quickstart.ini"
    "bench $srcdir/scenarios/bench-100k.ini -s workload.requests=2000"
)
trace=$srcdir/../shared/data/traces/AzureLLMInferenceTrace_conv.csv
if [ -e "$trace" ]; then
    cases+=("azure $srcdir/scenarios/azure-conv-2023.ini -s workload.trace_to=5min")
else
    echo "# the Azure trace is not here: the run azure-conv-2023.ini is left out"
fi

seen=
for line in "${cases[@]}"; do
    read -ra words <<<"$line"
    name=${words[0]}
    args=("${words[@]:1}")

    want=$(fingerprint "$TIERSIM" "${args[@]}" -s run.log=all)
    check "$name: gives a fingerprint" "$want" "$want"
    case " $seen " in
    *" $want "*) check "$name: differs from other scenarios" "$want" "a fingerprint not seen before" ;;
    esac
    seen="$seen $want"

    for level in step request summary; do
        check "$name: log level $level" "$(fingerprint "$TIERSIM" "${args[@]}" -s run.log=$level)" "$want"
    done
    check "$name: without AVX2 and FMA" \
        "$(GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA fingerprint "$TIERSIM" "${args[@]}" -s run.log=summary)" "$want"
    for build in "$@"; do
        check "$name: ${build%%=*}" "$(fingerprint "${build#*=}" "${args[@]}" -s run.log=summary)" "$want"
        check "$name: ${build%%=*} without AVX2 and FMA" \
            "$(GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA fingerprint "${build#*=}" "${args[@]}" -s run.log=summary)" "$want"
    done
    other=$(fingerprint "$TIERSIM" "${args[@]}" -s run.log=summary -s run.seed=2)
    case $name in
    azure) ;; # nothing in it is drawn
    *)
        if [ -n "$other" ] && [ "$other" != "$want" ]; then
            echo "ok - $name: another seed, another fingerprint"
        else
            echo "not ok - $name: seed 2 gave fingerprint \"$other\", seed 1 \"$want\""
            bad=1
        fi
        ;;
    esac
done
exit $bad
