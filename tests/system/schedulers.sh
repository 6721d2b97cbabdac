#!/usr/bin/env bash
# schedulers.sh - orders of the waiting and ways to fill a step: each does what it is for, against first come, first
# served on the same requests, and its order is checked against the records by SQL.
# Needs TIERSIM and srcdir from the environment.
set -euo pipefail
srcdir=${srcdir:-.}
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
db=$scratch/run.db
failed=0

run() { # ARGUMENT...: of schedulers.ini
    "$TIERSIM" run "$srcdir/tests/system/schedulers.ini" -q --force -o "$db" "$@"
}
ask() { # SQL
    sqlite3 -batch -separator ' ' "$db" "$1"
}
metric() { # NAME [CLASS]
    ask "SELECT value FROM metric m WHERE name = '$1' AND class IS (SELECT id FROM class WHERE name = '${2:-}')"
}
check() { # NAME AWK-CONDITION DETAIL
    if awk "BEGIN { exit !($2) }"; then
        echo "ok - $1 ($3)"
    else
        echo "not ok - $1 ($3)"
        failed=1
    fi
}

# ---- the order itself ----

# Whether nobody was admitted while one with a lesser key waited that had come before; KEY: an expression of q's columns.
overtaken() { # KEY
    ask "WITH q AS (SELECT request.*, $1 AS key FROM request JOIN class ON class.id = request.class)
        SELECT count(*) FROM q a JOIN q b
        WHERE a.t_admit_ns > b.t_arrive_ns AND a.t_admit_ns < b.t_admit_ns
            AND (b.key < a.key OR (b.key = a.key AND b.id < a.id))"
}
both=(-s "class low.weight=1" -s run.log=request -s workload.requests=800 -s workload.rate=4/s)
for order in "fcfs 0" "priority class.name='low'" "sjf input_tokens+output_tokens" "srpt input_tokens+output_tokens" \
    "edf t_arrive_ns+iif(class.name='low',60,1)*1000000000"; do
    run "${both[@]}" -s scheduler.order="${order%% *}"
    n=$(overtaken "${order#* }") fcfs=$(overtaken 0)
    check "${order%% *}: nobody is admitted before one that its key puts first" "$n == 0" "$n"
    [ "${order%% *}" = fcfs ] || check "${order%% *}: that is not the order of arrival" "$fcfs > 100" "$fcfs overtaken"
done

# Two replicas of two slots: one central queue has an order, two queues of their own have two.
two=(-s replica.count=2 -s scheduler.max_num_seqs=2)
for order in "priority class.name='low'" "srpt input_tokens+output_tokens" "edf t_arrive_ns+iif(class.name='low',60,1)*1000000000"; do
    run "${both[@]}" "${two[@]}" -s scheduler.order="${order%% *}" -s router.policy=central_queue
    n=$(overtaken "${order#* }") fcfs=$(overtaken 0)
    run "${both[@]}" "${two[@]}" -s scheduler.order="${order%% *}" -s router.policy=least_requests
    own=$(overtaken "${order#* }")
    check "${order%% *}: the central queue keeps it" "$n == 0 && $fcfs > 100 && $own > 100" "$n, $own with queues of their own"
done
run "${both[@]}" "${two[@]}" -s router.policy=central_queue -s "class low.timeout_ttft=3s" -s scheduler.order=priority
check "who gives up leaves it" "$(ask "SELECT count(*) FROM request WHERE status = 'timed_out'") > 50 && $(ask \
    "SELECT count(*) FROM v_conservation WHERE NOT ok") == 0" "$(ask "SELECT count(*) FROM request WHERE status = 'timed_out'")"

# Prompts of up to 10 steps, which count a hundredfold: the budget is 64 tokens, a step takes 10 ms.
needs=(-s "class low.input=uniform" -s "class low.input_low=1" -s "class low.input_high=640" -s "class low.ttft=5s"
    -s scheduler.max_num_batched_tokens=64 -s scheduler.order=slack -s scheduler.time_scale=100)
run "${both[@]}" "${needs[@]}"
due="t_arrive_ns+iif(class.name='low',5,1)*1000000000"
n=$(overtaken "$due-(input_tokens+63)/64*1000000000") edf=$(overtaken "$due")
check "slack: nobody is admitted before one that its key puts first" "$n == 0 && $edf > 100" "$n, $edf by deadline"
run "${both[@]}" "${needs[@]}" -s scheduler.time_scale=0
n=$(overtaken "$due")
check "without the time that is needed it goes by deadline" "$n == 0" "$n"

# Handed over with its prompt computed, each needs one token, short prompt or long: slack is again the order of deadlines.
{ cat "$srcdir/tests/system/schedulers.ini"; printf '[pool %s]\nrole = %s\n' first prefill then decode; } > "$scratch/pools.ini"
ends=()
for order in fcfs edf slack; do
    "$TIERSIM" run "$scratch/pools.ini" -q --force -o "$db" "${both[@]}" "${needs[@]}" -s scheduler.time_scale=1000 -s handoff.overlap=no \
        -s "scheduler first.order=fcfs" -s "scheduler then.order=$order"
    ends+=("$(ask "SELECT fingerprint FROM run")")
done
check "slack, of what was handed over: by deadline" "\"${ends[2]}\" == \"${ends[1]}\" && \"${ends[0]}\" != \"${ends[1]}\"" "${ends[2]}"

# A replica that goes down has not looked at those who came during its step: they have their place when it is back.
cp "$srcdir/tests/system/schedulers.ini" "$scratch/down.ini"
printf '[fault host]\nwhat = host\nunit = 0\nat = 50.9s\nduration = 2s\nrequests = recompute\n' >> "$scratch/down.ini"
"$TIERSIM" run "$scratch/down.ini" -q --force -o "$db" -s scheduler.order=priority -s "class low.weight=1" -s run.log=request \
    -s replica.step_time=1s -s workload.rate=8/s -s workload.requests=800 -s "class low.output=constant" \
    -s "class low.output_tokens=2" -s "class high.output=constant" -s "class high.output_tokens=2"
n=$(overtaken "class.name='low'")
check "nor after a fault, of those that it caught unseen" "$n == 0" "$n"

# ---- shortest first ----

for seed in 1 2 3; do
    run -s run.seed=$seed
    fcfs=$(metric mean_e2el_ms)
    run -s run.seed=$seed -s scheduler.order=srpt
    srpt=$(metric mean_e2el_ms)
    check "srpt that knows the lengths beats fcfs in mean latency at 80 % load, seed $seed" "$srpt < 0.9 * $fcfs" \
        "$srpt against $fcfs ms"
done
last=0
for error in 0 0.5 2; do
    run -s scheduler.order=sjf -s scheduler.predictor_error=$error -s workload.rate=3.5/s -s workload.requests=6000
    mean=$(metric mean_e2el_ms)
    check "sjf is the worse the more its predictor errs, sigma $error" "$mean > 1.02 * $last" "$mean ms"
    last=$mean
done

# ---- deadlines, shares, priorities ----

mixed=(-s "class high.weight=0.3" -s "class low.weight=0.7" -s workload.rate=3.3/s)
for seed in 1 2 3; do
    run "${mixed[@]}" -s run.seed=$seed
    fcfs=$(metric slo_attainment)
    run "${mixed[@]}" -s run.seed=$seed -s scheduler.order=edf
    edf=$(metric slo_attainment)
    check "edf beats fcfs in attainment of mixed SLOs, seed $seed" "$edf > $fcfs + 0.03" "$edf against $fcfs"
done

# Two tenants with rights to 1 and 2 parts, the first with ten times the requests, the second with longer ones.
tenants=(-s "class high.weight=10" -s "class low.weight=1" -s workload.rate=20/s -s run.horizon=200s
    -s workload.requests=1000000 -s "class high.output=constant" -s "class high.output_tokens=20"
    -s "class low.output=constant" -s "class low.output_tokens=200" -s run.log=request)
service="SELECT total(iif(class = 1, s, 0)) / total(iif(class = 0, s, 0)) FROM
    (SELECT class, input_tokens * (t_admit_ns IS NOT NULL) + 2 * generated_tokens AS s FROM request)"
run "${tenants[@]}"
fcfs=$(ask "$service")
run "${tenants[@]}" -s scheduler.order=fair
fair=$(ask "$service")
check "fair share 1:2 under overload gives service 1:2" "$fair > 1.9 && $fair < 2.1" "1:$fair"
check "fcfs does not" "$fcfs < 1.5 || $fcfs > 3" "1:$fcfs"
run "${tenants[@]}" -s scheduler.order=fair -s "class high.tenant=one" -s "class low.tenant=one" -s "class high.share=2"
one=$(ask "$service")
check "two classes of one tenant share its queue as they come" "$one < 1.5 || $one > 3" "1:$one"

overload=(-s run.horizon=300s -s workload.requests=1000000)
run "${overload[@]}" -s workload.rate=1/s -s scheduler.order=priority
alone=$(metric mean_e2el_ms high)
overload+=(-s workload.rate=10/s -s "class low.weight=9" -s run.log=all)
run "${overload[@]}"
fcfs=$(metric mean_e2el_ms high)
run "${overload[@]}" -s scheduler.order=priority -s scheduler.preempt_for=priority
first=$(metric mean_e2el_ms high)
n=$(ask "SELECT count(*) FROM preempt p JOIN request q ON q.id = p.request WHERE q.class = 1")
of_high=$(ask "SELECT count(*) FROM preempt p JOIN request q ON q.id = p.request WHERE q.class = 0")
check "an overload of the low class does not slow the high one" "$first < 1.1 * $alone" "$first ms, alone $alone"
check "with fcfs it does" "$fcfs > 10 * $alone" "$fcfs ms"
check "the low ones give way, and no high one does" "$n > 100 && $of_high == 0" "$n and $of_high preempted"

# ---- time of a step ----

cat > "$scratch/target.ini" << 'END'
[run]
seed = 3
log = all
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
[workload]
arrivals = poisson
rate = 3/s
requests = 200
[class all]
input = uniform
input_low = 1000
input_high = 8000
output = constant
output_tokens = 200
END
steps() { # ARGUMENT...: prints the 99th percentile of the time of steps that decode, in ms, and the most that decode
    "$TIERSIM" run "$scratch/target.ini" -q --force -o "$db" "$@"
    ask "WITH s AS (SELECT (t_end_ns - t_start_ns) / 1e6 AS ms, n_decode,
            row_number() OVER (ORDER BY t_end_ns - t_start_ns) AS place, count(*) OVER () AS n
            FROM step WHERE n_decode > 0)
        SELECT (SELECT ms FROM s WHERE place = (n * 99 + 99) / 100), max(n_decode) FROM s"
}
read -r p99 _ < <(steps -s scheduler.policy=chunked)
read -r kept _ < <(steps -s scheduler.step_target=30ms)
check "step_target keeps the steps that decode to 30 ms" "$kept <= 30 && $p99 > 60" "p99 $kept ms, without it $p99 ms"
tiny=(-s "class all.input_low=10" -s "class all.input_high=20" -s workload.rate=100/s -s workload.requests=800)
read -r p99 most < <(steps "${tiny[@]}")
read -r kept fewer < <(steps "${tiny[@]}" -s scheduler.step_target=9ms)
check "it bounds the batch too; only contexts that grow take steps beyond it" \
    "$kept < 9 * 1.2 && $p99 > 9 * 1.5 && $fewer < 0.7 * $most" "p99 $kept ms with $fewer, without it $p99 ms with $most"

# ---- preemption ----

preempt() { # ARGUMENT...: preemptions, completed, most that run
    "$TIERSIM" run "$srcdir/tests/golden/preempt.ini" -q --force -o "$db" "$@"
    ask "SELECT (SELECT value FROM counter WHERE name = 'preemptions'),
        (SELECT value FROM counter WHERE name = 'requests_completed'), (SELECT max(n_running) FROM step)"
}
read -r n _ < <(preempt)
check "a small cache preempts" "$n > 100" "$n"
for policy in continuous prefill_first static; do
    for order in fcfs fair srpt; do
        read -r n done_ most < <(preempt -s cache.preempt=none -s scheduler.policy=$policy -s scheduler.order=$order)
        check "preempt = none never does: $policy, $order" "$n == 0 && $done_ == 400" "$n, $done_ completed"
    done
done
read -r _ _ most < <(preempt -s cache.preempt=none)
read -r n done_ fewer < <(preempt -s cache.preempt=none -s "class chat.max_tokens=2000")
check "announcing more than is given costs room" "$n == 0 && $done_ == 400 && $fewer < $most" \
    "at most $fewer run, else $most"

# With the order of the test, the last of the running are preempted first: by srpt those with the most left to do.
read -r n _ < <(preempt -s scheduler.order=srpt)
more=$(ask "WITH cut AS (SELECT p.request, p.t_ns, p.replica, q.output_tokens AS out, q.input_tokens
            FROM preempt p JOIN request q ON q.id = p.request)
        SELECT avg(out) / (SELECT avg(output_tokens) FROM request) FROM cut")
check "srpt preempts those with long answers" "$more > 1.5 && $n > 100" "$n, answers of $more times the mean"
exit $failed
