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
    n=$(ask "SELECT count(*) - sum(status IN ('completed', 'failed', 'rejected') AND t_end_ns IS NOT NULL) FROM request")
    ok "$name: each request is completed, failed or rejected" "$([ "$n" = 0 ] && echo 1)" "$n are not"
    n=$(ask "SELECT name FROM v_conservation WHERE NOT ok
        UNION ALL SELECT 'rerouted' WHERE (SELECT total(rerouted) FROM fault) <> (SELECT total(rerouted) FROM request)
        UNION ALL SELECT 'cut off' WHERE (SELECT total(transfers) FROM fault) <>
                                         (SELECT count(*) FROM transfer WHERE delivered < bytes)")
    ok "$name: its records agree with each other" "$([ -z "$n" ] && echo 1)" "$n"
}

cp "$srcdir/scenarios/faults.ini" base.ini
run "a host, drives, a link" base.ini
ok "a host, drives, a link: who was on the host is routed anew" "$(ask "SELECT sum(rerouted) > 0 FROM request")" "$(ask "SELECT sum(rerouted) FROM request")"
ok "a host, drives, a link: nobody is served by the host while it is down" \
    "$(ask "SELECT count(*) = 0 FROM step WHERE replica IN (0, 1) AND t_start_ns >= 60e9 AND t_start_ns < 90e9")" ""
ok "a host, drives, a link: the host serves again" "$(ask "SELECT count(*) > 0 FROM step WHERE replica IN (0, 1) AND t_start_ns >= 90e9")" ""
ok "a host, drives, a link: every begin and end has a record" "$(ask "SELECT sum(begins) = 3 AND count(*) = 5 FROM fault")" "$(ask "SELECT count(*) FROM fault")"
ok "a host, drives, a link: two modules of 96 GB are gone for good" \
    "$(ask "SELECT group_concat(DISTINCT capacity_bytes) = '208000000000,16000000000' FROM room_sample WHERE tier = 1 AND unit = 0")" \
    "$(ask "SELECT group_concat(DISTINCT capacity_bytes) FROM room_sample WHERE tier = 1 AND unit = 0")"
ok "a host, drives, a link: what the drives held is lost" \
    "$(ask "SELECT blocks > 0 FROM fault WHERE fault = 1")" "$(ask "SELECT transfers, blocks FROM fault WHERE fault = 1")"
ok "a host, drives, a link: nothing is moved to or from the lost drives any more" \
    "$(ask "SELECT count(*) = 0 FROM transfer WHERE tier = 2 AND unit = 1 AND t_start_ns >= 100e9")" ""
slowdown() { # WHERE: the least of transfers between the replica with the slow link and its LPDDR
    ask "SELECT count(*) > 5, round(min(1.0 * (t_end_ns - t_start_ns) / solo_ns)) FROM transfer
        WHERE replica = 2 AND tier = 1 AND bytes > 1e8 AND $1"
}
ok "a host, drives, a link: transfers take ten times as long meanwhile" \
    "$([ "$(slowdown 't_start_ns > 120e9 AND t_end_ns < 180e9')" = "1|10.0" ] && echo 1)" "$(slowdown 't_start_ns > 120e9 AND t_end_ns < 180e9')"
ok "a host, drives, a link: ... and no longer once it is back" \
    "$([ "$(slowdown 't_start_ns > 180e9')" = "1|1.0" ] && echo 1)" "$(slowdown 't_start_ns > 180e9')"
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
variant "requests fail where their GPU does" '[fault gpu]\nwhat = gpu\nunit = 2\nat = 100s\nduration = 10s\nrequests = fail\n'
ok "requests fail where their GPU does: some do, and are told" "$(ask "SELECT sum(status = 'failed') > 0 FROM request")" ""
ok "requests fail where their GPU does: its cache is lost" "$(ask "SELECT sum(blocks) > 0 FROM fault WHERE begins")" ""
variant "a memory module takes its GPUs down" '[fault module]\nwhat = module\ntarget = lpddr\nunit = 0\nmodules = 1\nat = 80s\nduration = 15s\n'
variant "at random" '[fault host]\nwhat = host\nmtbf = 90s\nmttr = 8s\n[fault ssd]\nwhat = tier\ntarget = nvme\nmtbf = 60s\nmttr = 20s\n[fault link]\nwhat = link\ntarget = c2c\nmtbf = 50s\nmttr = 10s\nspeed = 0.1\n'
for seed in 2 3 4 5 6; do
    run "at random, seed $seed" v.ini -s run.seed=$seed
done
variant "a fault that comes after the end" '[fault host]\nwhat = host\nat = 1h\n'
ask "SELECT * FROM request" > late
variant "without faults" ''
ok "a fault that comes after the end changes nothing" "$(ask "SELECT * FROM request" | cmp -s late && echo 1)" ""
variant "all down for good" '[fault all]\nwhat = host\nunit = 0\nat = 50s\n[fault other]\nwhat = host\nunit = 1\nat = 60s\n'
ok "all down for good: whoever is there or comes later fails" \
    "$(ask "SELECT count(*) > 0 AND min(status = 'failed') = 1 FROM request WHERE t_end_ns >= 60e9")" ""
run "all down for good: a closed loop comes to its end" v.ini -s workload.arrivals=closed_loop -s workload.concurrency=9 \
    -s workload.requests=700

# Little HBM and a slow link: much of the KV is on its way to or from the tier when that fails, some of it swapped out, some in
# steps that compute while it arrives.
cat > pressed.ini << 'E'
[run]
log = all
[gpu]
preset = vr200
[memory]
preset = vr200-nvl72
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
[node]
gpus = 4
[replica]
count = 2
tp = 2
dtype = fp8
kv_dtype = fp8
memory_fraction = 0.025
[link c2c]
to_gpu = 3GB/s
[router]
policy = power_of_two
[workload]
arrivals = poisson
rate = 2/s
requests = 150
[class chat]
input = uniform
input_low = 6000
input_high = 12000
turns = 6
append = constant
append_tokens = 500
turn_gap = 4s
output = constant
output_tokens = 300
[fault l]
what = link
target = c2c
mtbf = 3s
mttr = 200ms
E
hit() { # NAME PATTERN OPTION...: requests hit, of them rerouted and failed, as the pattern says
    local name=$1 pattern=$2 got
    shift 2
    run "$name" pressed.ini "$@"
    got=$(ask "SELECT sum(requests) || ' ' || sum(rerouted) || ' ' || sum(failed) FROM fault")
    ok "$name: what became of the requests hit" "$(echo "$got" | grep -qxE "$pattern" && echo 1)" "$got"
}
some='[1-9][0-9]*'
for overlap in yes no; do
    for preempt in swap recompute; do
        with=(-s cache.overlap=$overlap -s cache.preempt=$preempt)
        hit "link, overlap $overlap, $preempt" "$some 0 0" "${with[@]}"
        hit "link, overlap $overlap, $preempt, routed anew" "($some) \1 0" "${with[@]}" -s "fault l.requests=reroute"
        hit "link, overlap $overlap, $preempt, given up" "($some) 0 \1" "${with[@]}" -s "fault l.requests=fail"
    done
    hit "tier, overlap $overlap" "$some 0 0" -s cache.overlap=$overlap -s cache.preempt=swap -s "fault l.what=tier" \
        -s "fault l.target=lpddr"
    hit "GPU, overlap $overlap: they wait for it" "$some 0 0" -s cache.overlap=$overlap -s cache.preempt=swap \
        -s "fault l.what=gpu" -s "fault l.target=none" -s "fault l.requests=recompute"
done
run "written through" pressed.ini -s "tier lpddr.write=through"
ok "written through: nothing sets out over a link that is down" "$(ask "
    SELECT count(*) = 0 FROM transfer s, fault b WHERE b.begins AND b.unit = s.replica AND s.t_start_ns > b.t_ns AND s.t_start_ns <
        (SELECT coalesce(min(e.t_ns), 9e18) FROM fault e WHERE NOT e.begins AND e.unit = b.unit AND e.t_ns > b.t_ns)")" ""
hit "prefetched on arrival, routed anew" "($some) \1 0" -s cache.prefetch=arrival -s "fault l.requests=reroute"
for router in round_robin random least_requests least_tokens central_queue; do
    run "router $router" pressed.ini -s router.policy=$router -s "fault l.what=host" -s "fault l.target=none" -s node.gpus=2 \
        -s "tier nvme.gpus=2" -s "fault l.mttr=5s"
    ok "router $router: nobody runs where it is down, or is sent there" "$(ask "
        SELECT count(*) = 0 FROM (SELECT replica, t_start_ns AS t FROM step UNION ALL SELECT replica, t_ns FROM route) s, fault b
        WHERE b.begins AND b.unit = s.replica AND s.t >= b.t_ns AND s.t <
            (SELECT coalesce(min(e.t_ns), 9e18) FROM fault e WHERE NOT e.begins AND e.unit = b.unit AND e.t_ns > b.t_ns)")" ""
done
run "no memories but HBM" pressed.ini -s memory.tiers=none -s "fault l.what=gpu" -s "fault l.target=none" -s "fault l.mttr=2s"
sed 's/^what = link/what = drive\nmodules = 5/; s/^target = c2c/target = lpddr/' pressed.ini > drives.ini
for data in lost kept; do
    run "five of eight modules for a while, $data" drives.ini -s cache.preempt=swap -s "fault l.data=$data"
    ok "five of eight modules for a while, $data: swapped-out KV is lost with them, cached KV as told" \
        "$(ask "SELECT sum(requests) > 0 AND (sum(blocks) > 0) = ('$data' = 'lost') FROM fault")" \
        "$(ask "SELECT sum(requests), sum(blocks) FROM fault")"
done
sed -i 's/^mtbf = 3s/at = 10.5s\nunit = 0/; s/^mttr = 200ms/duration = 10s/' drives.ini
run "five of eight modules, told when" drives.ini
ok "five of eight modules, told when: their room is back with them" "$(ask "
    SELECT count(DISTINCT capacity_bytes) = 2 AND sum(capacity_bytes <>
        CASE WHEN t_ns > 10.5e9 AND t_ns < 20.5e9 THEN 576000000000 ELSE 1536000000000 END) = 0
    FROM room_sample WHERE tier = 1 AND unit = 0")" "$(ask "
    SELECT capacity_bytes, min(t_ns), max(t_ns), count(*) FROM room_sample WHERE tier = 1 AND unit = 0 GROUP BY 1")"
run "replicas go down with the link to their experts" pressed.ini -s model.preset=qwen3-30b-a3b -s replica.memory_fraction=0.1 \
    -s experts.hot_share=0.7 -s "link c2c.to_gpu=900GB/s" -s "fault l.mtbf=20s" -s "fault l.mttr=1s"
ok "replicas go down with the link to their experts" "$(ask "SELECT sum(rerouted) > 0 FROM fault")" \
    "$(ask "SELECT sum(rerouted), count(*) FROM fault")"
exit $failed
