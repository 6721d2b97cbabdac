#!/usr/bin/env bash
# admission.sh - what is let in, what is refused, clients that give up and call again, the verdict: laws asked of the rows
# by SQL. Needs TIERSIM and srcdir from the environment.
set -euo pipefail
srcdir=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/lib.sh
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
db=$scratch/run.db
failed=0

run() { # ARGUMENT...: of admission.ini
    "$TIERSIM" run "$srcdir/tests/system/admission.ini" -q --force -o "$db" "$@"
}
ask() { # SQL
    sqlite3 -batch -separator ' ' "$db" "$1"
}
check() { # NAME AWK-CONDITION DETAIL
    if awk "BEGIN { exit !($2) }"; then
        echo "ok - $1 ($3)"
    else
        echo "not ok - $1 ($3)"
        failed=1
    fi
}
laws() { # NAME
    check "$1: conservation" "$(ask "SELECT count(*) FROM v_conservation WHERE NOT ok") == 0" \
        "$(ask "SELECT count(*) FROM v_conservation") laws"
}

# ---- token bucket ----

# By how much the busiest interval passes burst + rate * t, of the whole or of each class; COST: of a request.
excess() { # COST BURST RATE PARTITION
    ask "WITH a AS (SELECT t_arrive_ns / 1e9 AS t, $1 AS cost, $4 AS part,
            sum($1) OVER (PARTITION BY $4 ORDER BY id) AS upto FROM request WHERE status <> 'rejected')
        SELECT max(j.upto - i.upto + i.cost - $2 - $3 * (j.t - i.t)) FROM a i JOIN a j ON j.part = i.part AND j.t >= i.t"
}
bucket=(-s admission.policy=token_bucket -s admission.rate=2/s -s admission.burst=5)
run "${bucket[@]}"
check "token bucket: no interval takes more than burst + rate x time" "$(excess 1 5 2 0) < 1e-6" "$(excess 1 5 2 0)"
read -r n t < <(ask "SELECT sum(status <> 'rejected'), max(t_arrive_ns) / 1e9 FROM request")
check "token bucket: and under overload all of it is used" "$n > 2 * $t" "$n in $t s"
laws "token bucket"
run "${bucket[@]}" -s admission.per=class
check "token bucket of each class: its own" "$(excess 1 5 2 class) < 1e-6 && $(excess 1 5 2 0) > 1" "$(excess 1 5 2 0) in all"
run "${bucket[@]}" -s admission.of=tokens -s admission.rate=40/s -s admission.burst=100
check "token bucket of prompt tokens" "$(excess input_tokens 100 40 0) < 1e-6 && $(excess input_tokens 100 40 0) > -10" \
    "$(excess input_tokens 100 40 0)"

# ---- queue limit ----

# The most that there are at an arrival that was let in, itself included: to the time given.
most() { # END-COLUMN COST
    ask "SELECT max((SELECT sum($2) FROM request b WHERE b.status <> 'rejected' AND b.t_arrive_ns <= a.t_arrive_ns
            AND b.id <= a.id AND coalesce(b.$1, 9e18) > a.t_arrive_ns)) FROM request a WHERE a.status <> 'rejected'"
}
limit=(-s admission.policy=queue_limit -s admission.limit=7)
run "${limit[@]}"
check "queue limit: so many wait, and no more" "$(most t_first_ns 1) == 7" "$(most t_first_ns 1)"
check "queue limit: nobody is refused below it" "$(ask "SELECT min(waiting) FROM reject WHERE refused") == 7" \
    "$(ask "SELECT count(*) FROM reject") refused"
laws "queue limit"
run "${limit[@]}" -s admission.of=requests
check "queue limit of requests" "$(most t_end_ns 1) == 7" "$(most t_end_ns 1)"
run "${limit[@]}" -s admission.of=tokens -s admission.limit=200
check "queue limit of tokens" "$(most t_end_ns input_tokens) <= 200 && $(most t_end_ns input_tokens) > 180" "$(most t_end_ns input_tokens)"
run "${limit[@]}" -s admission.of=requests -s replica.count=3 -s workload.rate=20/s
check "queue limit: of each replica" "$(most t_end_ns 1) == 21" "$(most t_end_ns 1)"
run "${limit[@]}" -s admission.of=requests -s replica.count=3 -s admission.per=all -s workload.rate=20/s
check "queue limit: of all together" "$(most t_end_ns 1) == 7" "$(most t_end_ns 1)"

# ---- shedding ----

attained() { # CLASS
    ask "SELECT attainment FROM v_goodput WHERE class_name = '$1'"
}
refused() { # CLASS
    ask "SELECT total(r.status = 'rejected') / count(*) FROM request r JOIN class c ON c.id = r.class WHERE c.name = '$1'"
}
high=(-s "class high.weight=0.2" -s "class low.weight=0.8")
run "${high[@]}"
before=$(attained high)
run "${high[@]}" -s admission.policy=shed -s admission.by=load -s admission.load=4 -s admission.load_step=8
check "shed by load: the high class is served in time, without it hardly" "$(attained high) > 0.8 && $before < 0.2" \
    "$(attained high) against $before"
check "shed by load: the low class pays" "$(refused low) > 0.3 && $(refused high) < 0.05" "$(refused low) and $(refused high) refused"
laws "shed by load"
# Requests that were let in have their first token in time, within what 64 first tokens tell of the next.
run -s admission.policy=shed -s admission.slack=0.8
in_time="SELECT avg(t_first_ns - t_arrive_ns <= slo_ttft_ns) FROM request r JOIN class c ON c.id = r.class WHERE r.status <> 'rejected'"
check "shed by wait: who is let in is served in time" "$(ask "$in_time") > 0.95 && $(ask "SELECT count(*) FROM reject") > 100" \
    "$(ask "$in_time") of them"
run "${high[@]}" -s admission.policy=shed -s admission.ahead=priority -s scheduler.order=priority
check "shed by wait, counting those that go first: the high class is let in" "$(refused high) < 0.05 && $(refused low) > 0.2" \
    "$(refused high) and $(refused low) refused"

# ---- clients that give up ----

patience=(-s "class high.timeout_ttft=1s" -s "class low.timeout_e2el=3s")
run "${patience[@]}"
check "time-outs come to the ns" "$(ask "SELECT count(*) FROM timeout t JOIN request r ON r.id = t.request
    WHERE t.t_ns - r.t_arrive_ns <> iif(r.class = 0, 1, 3) * 1000000000") == 0" "$(ask "SELECT count(*) FROM timeout") of them"
check "who is served was in time" "$(ask "SELECT count(*) FROM request WHERE status = 'completed'
    AND ((class = 0 AND t_first_ns - t_arrive_ns > 1e9) OR (class = 1 AND t_end_ns - t_arrive_ns > 3e9))") == 0" \
    "$(ask "SELECT count(*) FROM request WHERE status = 'completed'") served"
check "who waits leaves at once, who runs with the step" "$(ask "SELECT count(*) FROM timeout t JOIN request r ON r.id = t.request
    WHERE r.status <> 'timed_out' OR r.t_end_ns - t.t_ns NOT BETWEEN 0 AND iif(t.running, 10000000, 0)") == 0" \
    "$(ask "SELECT count(*) FROM timeout WHERE running") ran"
check "their KV is free" "$(ask "SELECT value FROM counter WHERE name = 'kv_blocks_held'") == 0" \
    "$(ask "SELECT value FROM counter WHERE name = 'kv_blocks_freed'") blocks"
laws "time-outs"
run -s "class high.timeout_ttft=1s" -s "class high.timeout_e2el=2s"
late="SELECT count(*) FROM request WHERE class = 0"
check "both limits at once" "$(ask "$late AND status = 'completed' AND (t_first_ns - t_arrive_ns > 1e9 OR t_end_ns - t_arrive_ns > 2e9)") == 0 &&
    $(ask "$late AND status = 'timed_out' AND t_first_ns - t_arrive_ns <= 1e9 AND t_end_ns - t_arrive_ns >= 2e9") > 10" \
    "$(ask "$late AND status = 'timed_out'") given up"
for how in "front engine.request_latency=300ms" "held router.policy=central_queue" "static scheduler.policy=static" \
    "overlong engine.stream_interval=20" "swept run.horizon=100s"; do
    run "${patience[@]}" -s "${how#* }"
    laws "time-outs, ${how%% *} ($(ask "SELECT count(*) FROM timeout") of them)"
done

# Whoever waits, loads or runs when its client gives up, in random caches and tiers.
bad=0 n=0
for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
    awk -v seed=$seed -v prefix="s$seed" -f "$srcdir/tests/prop/kv_scenario.awk"
    ! grep -q belady "s$seed.ini" || continue
    class=$(sed -n 's/^\[class \(.*\)\]/\1/p' "s$seed.ini" | head -1)
    timeout 60 "$TIERSIM" run "s$seed.ini" -q --force -o "$db" -s "class $class.timeout_ttft=$((1 + seed * seed))ms" \
        -s "class $class.timeout_e2el=$((20 * seed))ms" -s "class $class.retries=$((seed % 3))" \
        -s "class $class.retry_backoff=10ms" || bad=$((bad + 1))
    bad=$((bad + $(ask "SELECT count(*) FROM v_conservation WHERE NOT ok")))
    n=$((n + $(ask "SELECT count(*) FROM timeout")))
done
check "time-outs in random caches and tiers: conservation" "$bad == 0 && $n > 100" "$n time-outs"

# ---- clients that call again ----

again=(-s "class high.retries=3" -s "class low.retries=1" -s "class high.retry_backoff=1s" -s "class high.retry_backoff_max=3s"
    -s "class high.retry_jitter=0.5" -s "class low.retry_jitter=0")
run "${patience[@]}" "${limit[@]}" "${again[@]}"
check "each attempt follows on one that was not served" "$(ask "WITH a AS (SELECT coalesce(retry_of, id) AS call, * FROM request)
    SELECT count(*) FROM a LEFT JOIN a b ON b.call = a.call AND b.attempt = a.attempt - 1
    WHERE a.attempt > 0 AND (b.retried IS NOT 1 OR b.status = 'completed' OR a.t_call_ns <> (SELECT t_arrive_ns FROM request WHERE id = a.call)
        OR a.input_tokens <> b.input_tokens OR a.output_tokens <> b.output_tokens OR a.class <> b.class)") == 0" \
    "$(ask "SELECT count(*) FROM request WHERE attempt > 0") attempts"
check "as many as were announced, and no more than retries" "$(ask "SELECT sum(retried) - sum(attempt > 0) FROM request") == 0 &&
    $(ask "SELECT max(attempt) FROM request WHERE class = 0") == 3 && $(ask "SELECT max(attempt) FROM request WHERE class = 1") == 1" \
    "$(ask "SELECT group_concat(requests, ', ') FROM v_attempt")"
check "a call that has attempts left is not given up" "$(ask "SELECT count(*) FROM request
    WHERE status <> 'completed' AND NOT retried AND attempt < iif(class = 0, 3, 1)") == 0" ""
read -r least most < <(ask "WITH a AS (SELECT coalesce(retry_of, id) AS call, * FROM request),
    gap AS (SELECT (a.t_arrive_ns - coalesce(t.t_ns, b.t_end_ns)) / 1e9 / min(pow(2, b.attempt), 3) AS g
        FROM a JOIN a b ON b.call = a.call AND b.attempt = a.attempt - 1 LEFT JOIN timeout t ON t.request = b.id WHERE a.class = 0)
    SELECT min(g), max(g) FROM gap")
check "after a backoff that doubles up to its maximum, less its jitter" \
    "$least >= 0.5 && $least < 0.51 && $most <= 1.0000001 && $most > 0.99" "$least to $most of it"
off="SELECT count(*) FROM request a JOIN request b ON b.id = a.retry_of JOIN timeout t ON t.request = b.id
    WHERE a.class = 1 AND a.t_arrive_ns - t.t_ns <> 500000000"
check "from when the client gave up, not from when the server noticed" "$(ask "$off") == 0 &&
    $(ask "SELECT count(*) FROM timeout t JOIN request r ON r.id = t.request WHERE class = 1 AND running AND retried") > 20" ""
laws "calls again"
calls="SELECT group_concat(t_arrive_ns || ' ' || class) FROM request WHERE attempt = 0"
ask "$calls" > with
run
ask "$calls" > without
check "the calls are the same whatever becomes of them" "$(cmp -s with without && echo 1 || echo 0)" "$(wc -c < with) bytes"
run "${limit[@]}" "${again[@]}" -s "class high.turns=3" -s "class high.append=constant" -s "class high.append_tokens=5"
check "a session goes on after an attempt that was served" "$(ask "SELECT count(*) FROM request a WHERE attempt > 0 AND turn < 2
    AND status = 'completed' AND session IS NOT NULL AND t_end_ns < (SELECT max(t_arrive_ns) FROM request WHERE attempt = 0) AND NOT EXISTS (SELECT 1 FROM request b WHERE b.session = a.session AND b.turn = a.turn + 1)") == 0 &&
    $(ask "SELECT count(*) FROM request WHERE attempt > 0 AND turn > 0") > 20" "$(ask "SELECT count(*) FROM request WHERE turn > 0") further calls"
run "${patience[@]}" "${again[@]}" -s workload.arrivals=closed_loop -s workload.concurrency=12 -s workload.requests=300
check "a closed loop's user waits for the call's end" "$(ask "SELECT sum(attempt = 0) FROM request") == 300" "$(ask "SELECT count(*) FROM request") requests"
laws "calls again, closed loop"

# ---- the verdict ----

verdict() { # VERDICT NAME ARGUMENT...
    local want=$1 name=$2
    shift 2
    run -s run.log=request "$@"
    check "$name is $want" "\"$(ask "SELECT verdict FROM v_verdict")\" == \"$want\"" "$(ask "SELECT * FROM v_verdict")"
}
verdict STABLE "80 % of the load" -s workload.rate=3.1/s
verdict OVERLOADED "150 %"
verdict OVERLOADED "150 %, cut by a horizon" -s run.horizon=150s
verdict OVERLOADED "150 %, half of it refused" "${limit[@]}"
verdict BACKLOGGED "a closed loop of more users than slots" -s workload.arrivals=closed_loop -s workload.concurrency=40
verdict STABLE "one of as many" -s workload.arrivals=closed_loop -s workload.concurrency=4
# Idle machines, and calls on their way in: 14 ms of vLLM's front end each.
cat > idle.ini << 'X'
[run]
seed = 1
log = request
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
preset = vllm
[replica]
count = 1000
[router]
policy = power_of_two
[workload]
arrivals = poisson
rate = 10000/s
requests = 20000
[class c]
input = constant
input_tokens = 100
output = constant
output_tokens = 5
X
"$TIERSIM" run idle.ini -q --force -o "$db"
check "a thousand idle GPUs are STABLE" "\"$(ask "SELECT verdict FROM v_verdict")\" == \"STABLE\"" "$(ask "SELECT * FROM v_verdict")"
"$TIERSIM" run idle.ini -q --force -o "$db" -s replica.count=8
check "eight for as much are OVERLOADED" "\"$(ask "SELECT verdict FROM v_verdict")\" == \"OVERLOADED\"" "$(ask "SELECT * FROM v_verdict")"
# Calls from 1.75 s on are not answered before the run is cut, and nothing at all happens from then on: the second half is
# counted to its end, though no record falls there.
awk 'BEGIN { print "arrived_at,num_prefill_tokens,num_decode_tokens"; for (i = 0; i < 300; i++) printf "%.3f,10,%d\n", i / 100, i < 175 ? 250 : 2000 }' > cut.csv
cat > cut.ini << 'X'
[run]
horizon = 8s
log = request
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[replica]
cost = fixed
step_time = 10ms
[engine]
preset = vllm
[scheduler]
max_num_seqs = 1000
[workload]
arrivals = trace
trace = cut.csv
[class c]
input = trace
output = trace
X
"$TIERSIM" run cut.ini -q --force -o "$db"
check "answers that a horizon cuts off are missed" "\"$(ask "SELECT verdict FROM v_verdict")\" == \"OVERLOADED\"" "$(ask "SELECT * FROM v_verdict")"
run -s run.horizon=100s "${patience[@]}" "${again[@]}"
left=$(ask "SELECT sum(requests) FROM v_left WHERE state IN ('held', 'waiting', 'running')")
check "what is in flight at the horizon is told by state" \
    "$left == $(ask "SELECT sum(status IN ('waiting', 'running')) FROM request") && $left > 4 &&
    $(ask "SELECT sum(requests) FROM v_left WHERE state IN ('prefilling', 'decoding')") == $(ask "SELECT requests FROM v_left WHERE state = 'running'")" \
    "$(ask "SELECT group_concat(state || ' ' || requests, ', ') FROM v_left WHERE requests > 0")"
exit $failed
