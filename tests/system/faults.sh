#!/usr/bin/env bash
# faults.sh - things fail and come back (scenarios/faults.ini, and what it does not have): each request has its end, the laws of
# conservation hold (a run that breaks one aborts), and a run without faults is as it was. Needs TIERSIM and srcdir.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
ok() { # NAME 0-OR-1 DETAIL
    if [ "$2" = 1 ]; then
        echo "ok - faults: $1"
    else
        echo "not ok - faults: $1 ($3)"
        failed=1
    fi
}
ask() { sqlite3 f.db "$1"; }
# run NAME SCENARIO OPTION...: into f.db; every request that arrived has its end
run() {
    local name=$1 file=$2 n
    shift 2
    timeout 60 "$TIERSIM" run "$file" -o f.db --force "$@" > out 2> err || {
        ok "$name: it comes to its end" 0 "$(head -2 err | tr '\n' ' ')"
        return 1
    }
    n=$(ask "SELECT count(*) - sum(status IN ('completed', 'failed', 'rejected')) FROM request")
    ok "$name: each request is completed, failed or rejected" "$([ "$n" = 0 ] && echo 1)" "$n are not"
}

cp "$srcdir/scenarios/faults.ini" base.ini
run "a host, drives, a link" base.ini
ok "a host, drives, a link: who was on the host is routed anew" "$(ask "SELECT sum(rerouted) > 0 FROM request")" "$(ask "SELECT sum(rerouted) FROM request")"
ok "a host, drives, a link: nobody is served by the host while it is down" \
    "$(ask "SELECT count(*) = 0 FROM step WHERE replica IN (0, 1) AND t_start_ns >= 60e9 AND t_start_ns < 90e9")" ""
ok "a host, drives, a link: the host serves again" "$(ask "SELECT count(*) > 0 FROM step WHERE replica IN (0, 1) AND t_start_ns >= 90e9")" ""
ok "a host, drives, a link: every begin and end has a record" "$(ask "SELECT sum(begins) = 3 AND count(*) = 5 FROM fault")" "$(ask "SELECT count(*) FROM fault")"
first=$(grep Fingerprint out)
run "again" base.ini
ok "the same twice" "$([ "$first" = "$(grep Fingerprint out)" ] && echo 1)" ""

variant() { # NAME LINES: faults.ini with other faults
    sed '/^; The first host/,$d' base.ini > v.ini
    printf '%b' "$2" >> v.ini
    run "$1" v.ini
}
variant "all hosts down and back" '[fault all]\nwhat = host\nunit = 0\nat = 50s\nduration = 20s\n[fault other]\nwhat = host\nunit = 1\nat = 55s\nduration = 20s\n'
variant "a host gone at the start, for good" '[fault host]\nwhat = host\nunit = 0\nat = 0s\n'
variant "requests fail where their GPU does" '[fault gpu]\nwhat = gpu\nunit = 2\nat = 70s\nduration = 10s\nrequests = fail\n'
ok "requests fail where their GPU does: some do, and are told" "$(ask "SELECT sum(status = 'failed') > 0 FROM request")" ""
variant "a memory module takes its GPUs down" '[fault module]\nwhat = module\ntarget = lpddr\nunit = 0\nmodules = 1\nat = 80s\nduration = 15s\n'
variant "at random" '[fault host]\nwhat = host\nmtbf = 90s\nmttr = 8s\n[fault ssd]\nwhat = tier\ntarget = nvme\nmtbf = 60s\nmttr = 20s\n[fault link]\nwhat = link\ntarget = c2c\nmtbf = 50s\nmttr = 10s\nspeed = 0.1\n'
for seed in 2 3 4 5 6; do
    run "at random, seed $seed" v.ini -s run.seed=$seed
done
exit $failed
