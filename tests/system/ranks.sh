#!/usr/bin/env bash
# ranks.sh - attention ranks and micro-batches with batches of their own ([replica] ranks, micro_batches = apart). By hand, and against
# runs of one request alone: the slowest rank sets the step; KV is a rank's own; bubbles of stages; micro-batches that differ, by the
# recurrence of a flow shop written anew here; lockstep of experts against one batch. Then laws: all routers, tokens, v_gpu_slots against
# the records by another way, what reports say of replicas. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

suite=ranks
run() { # FILE SCENARIO OPTION...
    local file=$1 scenario=$2
    shift 2
    "$TIERSIM" run "$scenario" -q -o "$file" --force "$@" 2> err || {
        echo "not ok - ranks: $scenario $* runs: $(head -1 err)"
        exit 1
    }
}
q() { sqlite3 -batch -separator ' ' -nullvalue - "$1" "$2"; } # FILE SQL
laws() { # FILE: laws broken, shares of v_gpu_slots that do not add up or are negative, metrics that SQL has otherwise
    q "$1" "SELECT 'law ' || name FROM v_conservation WHERE NOT ok;
        SELECT 'slot ' || replica FROM v_gpu_slots WHERE bubble < -1e-12 OR idle < -1e-12 OR abs(1 - (prefill + decode + mixed + bubble + idle + absent
            + starting + down + coalesce(waiting_kv, 0) + coalesce(waiting_experts, 0) + coalesce(waiting_other, 0) + coalesce(unsplit, 0))) > 1e-9;"
    sqlite3 -batch "$1" < "$srcdir/tests/system/metrics.sql" | grep -v '^compared'
}

# ---- a request a rank: each with its own prompt, on a trace ----

cat > pair.ini << 'X1'
[run]
seed = 1
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
request_latency = 0s
request_service = 0s
token_service = 0s
[workload]
arrivals = trace
trace = load.csv
[class all]
input = trace
output = trace
X1
trace() { # TOKENS-IN:TOKENS-OUT..., all at once
    echo "TIMESTAMP,ContextTokens,GeneratedTokens"
    for r; do echo "2024-05-10 00:00:00.0000000,${r%:*},${r#*:}"; done
}
lengths=(7000:20 100:12 2500:30)
for i in 0 1 2; do
    trace "${lengths[i]}" > load.csv
    run alone$i.db pair.ini
    q alone$i.db "SELECT t_end_ns - t_start_ns FROM step ORDER BY rowid" > alone$i
done
trace "${lengths[@]}" > load.csv
run lock.db pair.ini -s replica.dp=3 -s replica.ranks=apart
# Step k takes the longest that any request's own step k takes alone, as long as that one is there.
paste alone0 alone1 alone2 | awk -F'\t' '{ m = 0; for (i = 1; i <= 3; i++) if ($i > m) m = $i; at += m
    for (i = 1; i <= 3; i++) if ($i != "") print i - 1, at, $i }' | sort -n > want
is "the slowest rank sets the step: starts, ends and own work of three ranks" "$(cat want)" \
    "$(q lock.db "SELECT replica, t_end_ns, own_ns FROM member_step ORDER BY replica, t_end_ns")"
is "steps follow each other, and those of all ranks end together" "30 0" \
    "$(q lock.db "SELECT count(DISTINCT t_end_ns), sum(t_start_ns NOT IN (SELECT t_end_ns FROM step UNION SELECT 0)) FROM step")"
is "bubble of each rank: what it does not work of all steps" \
    "$(awk '{ own[$1] += $3; if ($2 > end) end = $2 } END { for (i = 0; i < 3; i++) printf "%d %.9f\n", i, 1 - own[i] / end }' want)" \
    "$(q lock.db "SELECT replica, printf('%.9f', bubble + idle) FROM v_gpu_slots")"
is "GPUs are counted once: rows, GPUs, replicas, what was paid for" "3 3 1 1.0" \
    "$(q lock.db "SELECT count(*), sum(gpus), count(DISTINCT first_member) FROM replica") $(q lock.db "SELECT round(m.value / (u.t_end_ns / 1e9), 9)
        FROM metric m, run u WHERE name = 'replica_seconds'")"
is "report: one replica of three GPUs" "1 3" "$("$TIERSIM" report --json lock.db | grep -oE '"(replicas|gpus)": *[0-9]+' | grep -oE '[0-9]+$' | sort -n | xargs)"
is "laws and metrics of a lockstep" "" "$(laws lock.db)"

# ---- KV of a rank's own: 10 blocks of 16 tokens each, steps of 10 ms ----

cat > own.ini << 'X2'
[run]
seed = 1
[gpu]
preset = h100
memory = 2586000B
[model]
layers = 2
hidden = 64
vocab = 256
max_context = 1000
q_heads = 8
kv_heads = 8
head_dim = 128
dense_inter = 64
[engine]
step_overhead = 0s
seq_overhead = 0s
[replica]
dp = 2
cost = fixed
step_time = 10ms
memory_fraction = 1
activation_bytes = 1B
[cache]
preempt = none
[workload]
arrivals = trace
trace = load.csv
[class all]
input = trace
output = trace
X2
# The third goes to rank 0, where the first has 10 blocks until it ends at 500 ms; rank 1 is empty from 50 ms on.
trace 100:50 10:5 100:5 > load.csv
run own.db own.ini -s replica.ranks=apart
run one.db own.ini
is "ten blocks a rank" "0 10 1 10 20" "$(q own.db "SELECT id, kv_blocks FROM replica" | xargs) $(q one.db "SELECT kv_blocks FROM replica")"
is "who waits for its rank's KV, though another rank has room" "0 0 0, 1 1 0, 2 0 500000000" \
    "$(q own.db "SELECT id, replica, t_admit_ns FROM request ORDER BY id" | sed 's/$/,/' | xargs | sed 's/,$//')"
is "where ranks are one batch it does not" "0 0 0" "$(q one.db "SELECT t_admit_ns FROM request ORDER BY id" | xargs)"
# By the router it need not: the emptiest rank, or the one with a slot.
trace 100:50 10:5 > load.csv
echo "2024-05-10 00:00:00.1000000,100,5" >> load.csv
for router in least_requests least_tokens central_queue kv_utilisation; do
    run own.db own.ini -s replica.ranks=apart -s router.policy=$router
    is "$router sees ranks" "0 0, 1 0, 1 100000000" "$(q own.db "SELECT replica, t_admit_ns FROM request ORDER BY id" | sed 's/$/,/' | xargs | sed 's/,$//')"
done
# A central queue does not give all that it holds to the rank whose step is counted as ended first.
trace 10:5 10:5 10:5 10:5 10:5 10:5 10:5 10:5 10:5 10:5 10:5 10:5 > load.csv
run own.db own.ini -s replica.ranks=apart -s replica.dp=4 -s router.policy=central_queue -s scheduler.max_num_seqs=2
is "a central queue feeds all ranks" "0 3 1 3 2 3 3 3" "$(q own.db "SELECT replica, count(*) FROM request GROUP BY replica" | xargs)"
# [admission]'s limit for each replica is the scenario's, not each rank's.
trace 10:5 10:5 10:5 10:5 10:5 > load.csv
run own.db own.ini -s replica.ranks=apart -s replica.dp=4 -s admission.policy=queue_limit -s admission.limit=3
is "a queue limit is a replica's, not a rank's" "completed 3 rejected 2" "$(q own.db "SELECT status, count(*) FROM request GROUP BY status" | xargs)"
# A request that comes while others step waits for the end of their step, though its rank is idle.
{ trace 10:5; echo "2024-05-10 00:00:00.0120000,10,5"; } > load.csv
run own.db own.ini -s replica.ranks=apart
is "an idle rank begins with the others" "0 20000000" "$(q own.db "SELECT t_admit_ns FROM request ORDER BY id" | xargs)"

# ---- stages: four, a step of 40 ms alone ----

cat > stages.ini << 'X3'
[run]
seed = 1
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
step_overhead = 0s
seq_overhead = 0s
[replica]
pp = 4
cost = fixed
step_time = 40ms
micro_batches = apart
[router]
policy = least_requests
[workload]
arrivals = closed_loop
concurrency = 1
requests = 1
[class all]
input = constant
input_tokens = 10
output = constant
output_tokens = 11
X3
bubble="SELECT printf('%.6f %.6f %.6f', avg(prefill + decode + mixed), avg(bubble), avg(idle)) FROM v_gpu_slots"
run s1.db stages.ini
is "one request: a token each four stage times, three of four stages idle" "40.0 0.250000 0.750000 0.000000" \
    "$(q s1.db "SELECT value FROM metric WHERE name = 'mean_tpot_ms' AND class IS NULL; $bubble" | xargs)"
run s2.db stages.ini -s workload.concurrency=2 -s workload.requests=2
is "two: both as fast; half of the stages idle, but for 10 ms at each end" "40.0 $(awk 'BEGIN { w = 2 * 440 / 450 / 4; printf "%.6f %.6f 0.000000", w, 1 - w }')" \
    "$(q s2.db "SELECT value FROM metric WHERE name = 'mean_tpot_ms' AND class IS NULL; $bubble" | xargs)"
for n in 4 8; do
    run s$n.db stages.ini -s workload.concurrency=$n -s workload.requests=$n
    is "$n: all stages busy but while the pipe fills and drains" "40.0 $(awk 'BEGIN { w = 440 / 470; printf "%.6f %.6f 0.000000", w, 1 - w }')" \
        "$(q s$n.db "SELECT value FROM metric WHERE name = 'mean_tpot_ms' AND class IS NULL; $bubble" | xargs)"
done
is "in between no micro-batch waits for a stage" "4 0" \
    "$(q s4.db "SELECT count(*), (SELECT count(*) FROM member_step WHERE t_start_ns > 0 AND own_ns < t_end_ns - t_start_ns) FROM member_step WHERE t_start_ns = 0")"
is "a micro-batch has a quarter of the KV" "1 1" "$(q s4.db "SELECT count(DISTINCT kv_blocks) FROM replica") $(
    run t.db stages.ini -s replica.micro_batches=together
    q t.db "ATTACH 's4.db' AS s; SELECT (SELECT max(kv_blocks) FROM s.replica) = kv_blocks / 4 FROM replica")"
run five.db stages.ini -s workload.concurrency=5 -s workload.requests=5 -s scheduler.max_num_seqs=1
is "a request stays with its micro-batch: the fifth waits for the first to end" "440" \
    "$(q five.db "SELECT t_admit_ns / 1000000 FROM request WHERE id = 4")"
is "laws and metrics of stages" "" "$(laws s1.db; laws s8.db; laws five.db)"

# ---- micro-batches that differ: each request's steps alone, then all three through four stages ----

run_pipe() { run "$1" pair.ini -s replica.pp=4 -s replica.micro_batches=apart; }
for i in 0 1 2; do
    trace "${lengths[i]}" > load.csv
    run_pipe alone$i.db
    q alone$i.db "SELECT own_ns FROM member_step ORDER BY rowid" > alone$i
done
trace "${lengths[@]}" > load.csv
run_pipe pipe.db
# A flow shop: stage s takes a job when the job has left s - 1 and the one before has left s. Whoever is out first goes in again.
awk 'FNR == 1 { n++ } { own[n - 1, FNR - 1] = $1; steps[n - 1]++ }
    END {
        while (1) {
            m = -1
            for (i = 0; i < n; i++) if (at[i] + 0 < steps[i] && (m < 0 || out[i] + 0 < out[m] + 0)) m = i
            if (m < 0) break
            t = out[m] + 0
            for (s = 0; s < 4; s++) { t = (t > left[s] ? t : left[s]) + own[m, at[m] + 0] / 4; left[s] = t }
            printf "%d %d %d\n", m, out[m], t
            out[m] = t
            at[m]++
        }
    }' alone0 alone1 alone2 | sort -k1,1n -k3,3n > want
is "unequal micro-batches: all $(wc -l < want) steps by the recurrence" "$(cat want)" \
    "$(q pipe.db "SELECT replica, t_start_ns, t_end_ns FROM member_step ORDER BY replica, t_end_ns")"
is "they do wait for each other" 1 "$(q pipe.db "SELECT count(*) > 5 FROM member_step WHERE own_ns < t_end_ns - t_start_ns")"

# ---- experts, all routers, both ways ----

cat > experts.ini << 'X4'
[run]
seed = 3
warmup = 1s
[gpu]
preset = h200
[model]
preset = qwen3-30b-a3b
[engine]
preset = vllm
[replica]
count = 2
dp = 4
[scheduler]
max_num_seqs = 16
[workload]
arrivals = poisson
rate = 60/s
requests = 300
[class chat]
weight = 3
input = lognormal
input_median = 800
input_sigma = 1
input_max = 8000
output = lognormal
output_median = 60
output_sigma = 0.7
output_max = 400
[class batch]
input = uniform
input_low = 100
input_high = 3000
output = uniform
output_low = 1
output_high = 100
X4
# Bubble by the records: of the time that any interval of a replica's steps covers, what members do not work.
by_records() { # FILE WARMUP-NS MEMBERS
    q "$1" "SELECT r.first_member, m.t_start_ns, m.t_end_ns, m.own_ns FROM member_step m JOIN replica r ON r.id = m.replica" |
        sort -k1,1n -k2,2n -k3,3n | awk -v w="$2" -v members="$3" -v end="$(q "$1" "SELECT t_end_ns FROM run")" '
            !($1 in until) { until[$1] = w }
            $3 > w { own[$1] += ($2 < w ? ($3 - w) / ($3 - $2) : 1) * $4 }
            $3 > until[$1] { covered[$1] += $3 - ($2 > until[$1] ? $2 : until[$1]); until[$1] = $3 }
            END { for (g in until) printf "%d %.9f\n", g, (covered[g] - own[g] / members) / (end - w) }' | sort -n
}
cat > sessions.ini << 'X5'
include experts.ini
[class chat]
turns = 3
turn_gap = 300ms
append = constant
append_tokens = 50
X5
for kind in ranks micro_batches; do
    layout=(-s "replica.$kind=apart")
    one=(-s "replica.$kind=together")
    # One batch has the slots and the budget of all micro-batches: those of ranks are each rank's in any case.
    [ $kind = ranks ] || { layout+=(-s replica.dp=1 -s replica.pp=4) one+=(-s replica.dp=1 -s replica.pp=4 -s scheduler.max_num_seqs=64 -s scheduler.max_num_batched_tokens=32768); }
    bad=
    for router in round_robin random least_requests least_tokens power_of_two central_queue session_affinity prefix_aware kv_utilisation slo_aware; do
        run a.db sessions.ini "${layout[@]}" -s router.policy=$router
        bad+=$(q a.db "SELECT name FROM v_conservation WHERE NOT ok")
        [ "$(q a.db "SELECT count(DISTINCT replica) FROM request")" = 8 ] || bad+=" $router leaves some out"
    done
    is "$kind apart, ten routers: laws, all members used" "" "$bad"
    run b.db sessions.ini "${layout[@]}" -s router.policy=slo_aware -s run.log=summary
    is "$kind apart: the same again, laws and metrics" "$(q a.db "SELECT fingerprint FROM run")" "$(q b.db "SELECT fingerprint FROM run")$(laws a.db)"
    is "$kind apart: bubble of v_gpu_slots is that of the records" "$(by_records a.db 1000000000 4)" \
        "$(q a.db "SELECT e.first_member, printf('%.9f', avg(bubble)) FROM v_gpu_slots s JOIN replica e ON e.id = s.replica GROUP BY e.first_member")"
    # One replica, as many users as slots: the same tokens, and in one batch, which is always even, they are sooner done.
    busy=(-s replica.count=1 -s workload.arrivals=closed_loop -s workload.concurrency=64)
    run one.db experts.ini "${one[@]}" "${busy[@]}"
    for router in round_robin least_requests; do
        run apart.db experts.ini "${layout[@]}" "${busy[@]}" -s router.policy=$router
        is "$kind apart, $router: the tokens of one batch, later done" "0 0 0 1" \
            "$(q apart.db "ATTACH 'one.db' AS o; SELECT a.value - b.value FROM counter a JOIN o.counter b USING (name) WHERE name IN
                ('tokens_out_done', 'prefill_tokens_computed', 'decode_tokens_computed');
                SELECT (SELECT t_end_ns FROM run) > 1.02 * (SELECT t_end_ns FROM o.run)" | xargs)"
    done
done

# ---- pools: prompts by ranks of their own, answers by others ----

cat > pools.ini << 'X6'
include experts.ini
[pool prompts]
role = prefill
[pool answers]
role = decode
[replica prompts]
count = 1
dp = 2
ranks = apart
[replica answers]
count = 1
ranks = apart
[run]
warmup = 0s
X6
sed -i '/^warmup/d' experts.ini
run pools.db pools.ini
is "v_pool_balance counts replicas, and is busy as its ranks are" "answers 1 4 0 prompts 1 2 0" "$(q pools.db "SELECT b.pool, b.replicas, b.gpus,
    abs(utilisation - (SELECT value FROM metric WHERE name = 'utilisation/' || b.pool)) > 1e-9 FROM v_pool_balance b ORDER BY 1" | xargs)"
is "pools of ranks: all handed over, laws and metrics" "300" "$(q pools.db "SELECT sum(prefill_replica IN (0, 1) AND replica BETWEEN 2 AND 5)
    FROM request WHERE output_tokens > 1 OR prefill_replica IS NULL")$(laws pools.db)"
is "a rank has its own GPU's part of the network" "1 1" "$(q pools.db "SELECT max(x) <= 1.001, max(x) > 0.99 FROM (SELECT bytes * 1e9 / solo_ns /
    (SELECT value_num FROM run_param WHERE key = 'gpu prompts.network_bandwidth' OR key = 'gpu.network_bandwidth') AS x FROM transfer)")"
exit $failed
