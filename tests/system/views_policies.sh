#!/usr/bin/env bash
# views_policies.sh - v_slo_by_class, v_fairness, v_preemption, v_batch_composition and v_gpu_slots: on facts put into a file by
# hand, and on a run small enough for pencil and paper, every figure against worked-out values; on larger runs, laws: shares
# that add up, sums that are those of the tables, attainment and percentiles that are the metrics'. What a log level leaves
# out; a file that was cut off. Needs TIERSIM and srcdir from the environment.
set -uo pipefail
srcdir=$(cd "$srcdir" && pwd)
. "$srcdir/tests/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0
suite="views of policies"
run() { # FILE SCENARIO OPTION...
    local file=$1 scenario=$2
    shift 2
    "$TIERSIM" run "$scenario" -q -o "$file" --force "$@" > report 2> err || {
        echo "not ok - views of policies: $scenario $* runs: $(head -1 err)"
        exit 1
    }
}
views="v_slo_by_class v_fairness v_preemption v_batch_composition v_gpu_slots"

# ---- facts by hand ----

cat > facts.ini << 'X1'
[run]
seed = 1
log = all
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
step_overhead = 0s
seq_overhead = 0s
[replica]
count = 2
cost = fixed
step_time = 10ms
[scheduler]
order = fair
output_weight = 3
[workload]
arrivals = deterministic
rate = 1/s
requests = 1
[class a]
tenant = x
share = 2
ttft = 100ms
tpot = 20ms
[class b]
tenant = x
share = 2
[class c]
e2el = 500ms
[fault slow]
what = gpu
unit = 0
at = 100s
duration = 1s
speed = 0.5
[fault gone]
what = gpu
unit = 1
at = 100s
duration = 1s
X1
for class in a b c; do
    sed -i "s/^\[class $class\]/&\ninput = constant\ninput_tokens = 10\noutput = constant\noutput_tokens = 2/" facts.ini
done
run facts.db facts.ini
q() { sqlite3 -batch -separator ' ' -nullvalue - "${db:-facts.db}" "$1"; }

# Times in ms; warm-up of 1 s, the run ends at 11 s. Replica 1 is a pool that decodes.
q "DELETE FROM request; DELETE FROM step; DELETE FROM preempt; DELETE FROM prefill; DELETE FROM resume; DELETE FROM first_token;
DELETE FROM finish; DELETE FROM transfer; DELETE FROM contention; DELETE FROM fault;
UPDATE run SET warmup_ns = 1000000000, t_end_ns = 11000000000;
UPDATE replica SET pool = 'd', role = 'decode' WHERE id = 1;
INSERT INTO request SELECT column1, column2, 0, column3, column4, column5, column6 * 1000000, column7 * 1000000, column8 * 1000000, column9 * 1000000,
    0, 0, 0, 0, 0, 0, NULL, 0, NULL, 0, column10 <> column6, NULL, column10 * 1000000, column11, column12 FROM (VALUES
    -- class prompt answer given arrives admitted first ends first-attempt retried
    (0, 0, 100, 11, 11, 500, 600, 700, 1500, 500, 0, 'completed'),      -- before warm-up
    (1, 0, 100, 11, 11, 1000, 1000, 1100, 1300, 1000, 0, 'completed'),  -- meets both to the ns
    (2, 0, 200, 6, 6, 2000, 2050, 2101, 2151, 2000, 0, 'completed'),    -- TTFT 101
    (3, 0, 50, 1, 1, 3000, 3000, 3050, 3050, 3000, 0, 'completed'),     -- no TPOT
    (4, 0, 60, 5, 0, 4000, NULL, NULL, 4200, 4000, 1, 'rejected'),
    (5, 0, 60, 5, 5, 4400, 4400, 4440, 4480, 4000, 0, 'completed'),     -- the call again: TTFT 440
    (6, 0, 70, 5, 2, 5000, 5010, 5060, 5300, 5000, 0, 'timed_out'),
    (7, 1, 400, 101, 101, 2000, 3000, 3100, 5000, 2000, 0, 'completed'),
    (8, 2, 10, 2, 2, 6000, 6000, 6100, 6500, 6000, 0, 'completed'),
    (9, 2, 20, 3, 3, 7000, 7000, 7200, 7501, 7000, 0, 'completed'),
    (10, 2, 30, 4, 0, 8000, NULL, NULL, 8000, 8000, 0, 'rejected'),
    (11, 2, 40, 10, 4, 9000, 9500, 9700, NULL, 9000, 0, 'running'),
    (12, 2, 80, 10, 6, 900, 1200, 1300, NULL, 900, 0, 'running'),
    (13, 1, 10, 1, 0, 10000, NULL, NULL, NULL, 10000, 0, 'waiting'),
    (14, 2, 5, 1, 0, 8100, 8150, NULL, 8300, 8100, 0, 'failed'));
INSERT INTO step SELECT column1, column2 * 1000000, column3 * 1000000, 0, column4, column5, column6, 0, column4, 1, 1, 0 FROM (VALUES
    -- replica from to decodes prompts their-tokens
    (0, 500, 1500, 2, 0, 0), (0, 1500, 1700, 0, 1, 128), (0, 1700, 2200, 3, 1, 64), (0, 2200, 3000, 4, 0, 0), (0, 3000, 3400, 7, 0, 0),
    (0, 3400, 3600, 0, 2, 72), (0, 5000, 5010, 9, 0, 0), (1, 1000, 1100, 3, 2, 2), (1, 1100, 1200, 5, 1, 7), (1, 1200, 1300, 0, 1, 1)) ORDER BY column3;
INSERT INTO preempt SELECT column1, column2 * 1000000, column3, column4, column5 FROM (VALUES
    (0, 800, 0, 100, 7), (7, 3500, 0, 450, 29), (7, 3700, 0, 452, 29), (6, 5100, 0, 72, 5), (11, 9800, 1, 40, 3), (11, 9900, 1, 20, 2));
INSERT INTO prefill SELECT column1, column2 * 1000000, column3 * 1000000, column4, column5, column6 FROM (VALUES
    (7, 3600, 3650, 0, 300, 100), (7, 3650, 3700, 0, 51, 400), (7, 4000, 4010, 0, 1, 452), (11, 9850, 9900, 1, 20, 0), (2, 3400, 3600, 0, 40, 160), (9, 3400, 3600, 0, 20, 0));
INSERT INTO resume VALUES (7, 3700000000, 0, 1), (7, 4010000000, 0, 1);
INSERT INTO first_token VALUES (7, 3100000000, 0), (11, 9700000000, 1), (6, 5060000000, 0);
INSERT INTO finish VALUES (7, 5000000000, 0, 'completed'), (6, 5300000000, 0, 'timed_out');
INSERT INTO fault SELECT column1 * 1000000, column2, column3, column4, 0, 0, 0, 0, 0 FROM (VALUES
    (1000, 0, 0, 1), (2000, 1, 1, 1), (2500, 1, 1, 0), (10500, 1, 1, 1));
INSERT INTO transfer SELECT (SELECT id FROM move_kind WHERE name = column1), column2, column3, 0, 0, column4, 1000, column5 * 1000000, column6 * 1000000, 1, 0, 1000
    FROM (VALUES ('expert', NULL, 0, 1, 1900, 2200), ('read', NULL, 0, 1, 2200, 3000), ('table', NULL, 0, 1, 3000, 3400), ('restore', 2, 0, 1, 3100, 3600),
    ('swap', 7, 0, 0, 3700, 3900), ('restore', 3, 0, 1, 6000, 7000), ('restore', 8, 0, 1, 6500, 7200), ('write', 3, 0, 0, 8000, 9000),
    ('handoff', 11, 1, 1, 1900, 2600), ('restore', 9, 0, 1, 1600, 1700));
INSERT INTO contention SELECT column1 * 1000000, 0, NULL, 0, 0, (SELECT id FROM move_kind WHERE name = column2), column3 * 1000000 FROM (VALUES
    (1500, 'write', 400), (2700, 'read', 100), (3500, 'load', 20));"

is "objectives: calls, completed, failed, rejected, timed out, lost, retried, met" "a 5 4 1 1 1 0 1 2
b 1 1 0 0 0 0 0 -
c 4 2 2 1 0 1 0 1
all 10 7 3 2 1 1 1 4" "$(q "SELECT class_name, calls, completed, failed, rejected, timed_out, lost, retried, met FROM v_slo_by_class")"
is "objectives: attainment of all, TTFT, TPOT, E2EL, goodput" "a 0.4 0.4 0.8 - 0.2
b - - - - -
c 0.25 - - 0.25 0.1
all 0.4 0.4 0.8 0.25 0.4" "$(q "SELECT class_name, attainment, ttft_attainment, tpot_attainment, e2el_attainment, goodput_per_s FROM v_slo_by_class")"
# TTFT 50, 100, 101, 440; TPOT 10, 10, 20; E2EL 50, 151, 300, 480. All: 50, 100, 100, 101, 200, 440, 1100; 10, 10, 19, 20, 150.5, 400.
is "objectives: percentiles" "a 100.0 100.5 429.83 20.0 10.0 19.8 - 225.5 474.6
b - 1100.0 1100.0 - 19.0 19.0 - 3000.0 3000.0
c - 150.0 199.0 - 275.25 397.505 500.0 500.5 500.99
all - 101.0 1060.4 - 19.5 387.525 - 480.0 2850.06" "$(q "SELECT class_name, slo_ttft_ms, round(p50_ttft_ms, 6), round(p99_ttft_ms, 6), slo_tpot_ms, round(p50_tpot_ms, 6),
    round(p99_tpot_ms, 6), slo_e2el_ms, round(p50_e2el_ms, 6), round(p99_e2el_ms, 6) FROM v_slo_by_class")"

# Service 1 x prompt + 3 x answer: a 480 + 3 x 25, b 400 + 3 x 101, c 155 + 3 x 15. Of x twice the share of c: 629 and 200 a
# share, 829^2 / (2 (629^2 + 200^2)); of attainments 0.4 and 0.25.
is "fairness" "a x 6 5 480 25 555.0 0.3807 - 1.1238 0.4 - -
b x 2 1 400 101 703.0 0.4822 - 1.5 - - -
c c 5 5 155 15 200.0 0.1372 - 1.0 0.25 - -
- c 5 5 155 15 200.0 0.1372 0.3333 1.0 - - -
- x 8 6 880 126 1258.0 0.8628 0.6667 1.199 - - -
all - 13 11 1035 141 1458.0 1.0 - 1.1421 - 0.78877 0.949438" "$(q "SELECT class_name, tenant, requests, admitted, input_tokens, output_tokens, service,
    round(service_share, 4), round(promised_share, 4), round(mean_slowdown, 4), attainment, round(jain_service, 6), round(jain_attainment, 6) FROM v_fairness
    ORDER BY tenant IS NULL, class IS NULL, class, tenant")"

is "preemptions: number, requests, tokens, blocks, again, kept, swaps, bytes, away and lost ms, share of steps" "0 all a 1 1 72 5 0 0 0 0 200.0 200.0 0.1667
0 all b 2 1 902 58 350 552 1 1000 400.0 510.0 0.3333
1 d c 2 1 60 5 40 0 0 0 1150.0 1200.0 0.6667
- - all 5 3 1034 68 390 552 1 1000 1750.0 1910.0 0.5556" "$(q "SELECT replica, pool, class_name, preemptions, requests, dropped_tokens, dropped_blocks, recomputed_tokens,
    kept_tokens, swaps, swapped_bytes, round(1000 * away_s, 6), round(1000 * lost_s, 6), round(step_share, 4) FROM v_preemption ORDER BY replica IS NULL, replica, class")"

is "what steps worked on" "all decode 4 7 2 1200.0 0.3333 0.5687 600.0 0 11 0 5.0 -
all decode 8 15 1 10.0 0.1667 0.0047 10.0 0 9 0 9.0 -
all mixed 2 3 1 500.0 0.1667 0.237 500.0 64 3 1 3.0 64.0
all prefill 0 0 2 400.0 0.3333 0.1896 200.0 200 0 3 0.0 66.6667
d decode 0 0 1 100.0 0.3333 0.3333 100.0 1 0 1 0.0 1.0
d decode 2 3 1 100.0 0.3333 0.3333 100.0 2 3 2 3.0 1.0
d mixed 4 7 1 100.0 0.3333 0.3333 100.0 7 5 1 5.0 7.0" "$(q "SELECT pool, kind, decode_from, decode_to, steps, round(1000 * busy_s, 6), round(step_share, 4),
    round(time_share, 4), mean_step_ms, prefill_tokens, decode_tokens, chunks, mean_batch, round(mean_chunk_tokens, 4) FROM v_batch_composition ORDER BY 1, 2, 3")"

# In ms of 10 s. Replica 0, step by step: half of 600 its own, of 400 by writes; prefill 200; mixed 200, experts 300; decode 400,
# 100 by the read, 300 for it; 400 nobody knows; prefill 80, 20 by other load, 100 for the restore; decode 10. Between steps: a
# swap 200, restores 1200. A restore that ends with a step which does not compute its prompt is not waited for. A slow GPU is not down. Replica 1: before and after it is down 100 of the handoff.
is "GPU slots: prefill, decode, mixed, KV, experts, others, unsplit, bubble, down, idle" "0 all 1 280.0 710.0 200.0 2100.0 300.0 20.0 400.0 0.0 0.0 5990.0
1 d 1 0.0 200.0 100.0 200.0 0.0 0.0 0.0 0.0 1000.0 8500.0" "$(q "SELECT replica, pool, gpus, round(1e4 * prefill, 6), round(1e4 * decode, 6), round(1e4 * mixed, 6),
    round(1e4 * waiting_kv, 6), round(1e4 * waiting_experts, 6), round(1e4 * waiting_other, 6), round(1e4 * unsplit, 6), bubble, round(1e4 * down, 6),
    round(1e4 * idle, 6) FROM v_gpu_slots")"
is "GPU slots: bubbles of pipeline stages are not known" "-" "$(q "BEGIN; UPDATE run_param SET value_num = 2 WHERE key = 'replica.pp';
    SELECT bubble FROM v_gpu_slots WHERE replica = 0; ROLLBACK")"

# ---- a run by hand (the one of memory.sh) ----

cat > hand.jsonl << 'X1'
{"timestamp": 0, "input_length": 2048, "output_length": 2, "hash_ids": [0, 1, 2, 3]}
{"timestamp": 1000, "input_length": 2048, "output_length": 2, "hash_ids": [10, 11, 12, 13]}
{"timestamp": 2000, "input_length": 2048, "output_length": 2, "hash_ids": [20, 21, 22, 23]}
{"timestamp": 3000, "input_length": 2560, "output_length": 2, "hash_ids": [0, 1, 2, 3, 4]}
{"timestamp": 4000, "input_length": 2560, "output_length": 2, "hash_ids": [20, 21, 22, 23, 24]}
{"timestamp": 5000, "input_length": 1024, "output_length": 2, "hash_ids": [30, 31]}
{"timestamp": 5000, "input_length": 1024, "output_length": 2, "hash_ids": [40, 41]}
X1
db=hand.db
run $db "$srcdir/tests/system/memory.ini" -s "workload.trace=$scratch/hand.jsonl" -s "class trace.ttft=20ms" -s "class trace.tpot=10ms" -s "class trace.e2el=25ms"
# TTFT 10 ms, but that of the fourth and fifth: 67.209864 and 6.713887 more, for their restores; TPOT 10 ms.
is "a run: objectives" "7 5 0.857143 1.0 0.714286 10.0 73.580105 20.0 1" "$(q "SELECT calls, met, round(ttft_attainment, 6), tpot_attainment, round(e2el_attainment, 6),
    p50_ttft_ms, round(p99_ttft_ms, 6), p50_e2el_ms, abs(goodput_per_s - 5e9 / t_end_ns) < 1e-9 FROM v_slo_by_class, run WHERE class IS NULL")"
is "a run: what steps worked on" "decode 1 5 0.05 0 5
decode 2 1 0.01 0 2
prefill 0 6 0.06 9216 0" "$(q "SELECT kind, decode_from, steps, round(busy_s, 9), prefill_tokens, decode_tokens FROM v_batch_composition ORDER BY 1, 2")"
is "a run: GPU slots in ns" "60000000 60000000 0 73923751 0" "$(q "SELECT CAST(round(prefill * t_end_ns) AS INTEGER), CAST(round(decode * t_end_ns) AS INTEGER),
    CAST(round(mixed * t_end_ns) AS INTEGER), CAST(round(waiting_kv * t_end_ns) AS INTEGER), CAST(round(unsplit * t_end_ns) AS INTEGER) FROM v_gpu_slots, run")"
is "a run: nobody is preempted" "- 0 0 0 0.0" "$(q "SELECT replica, preemptions, requests, recomputed_tokens, step_share FROM v_preemption")"
# Its restore arrives while the prompt is computed: the step of 10 ms takes 67.209864, and says no more.
run $db "$srcdir/tests/system/memory.ini" -s "workload.trace=$scratch/hand.jsonl" -s cache.overlap=yes
is "a run: a step that a restore prolongs is not split" "67209864 0" "$(q "SELECT CAST(round(unsplit * t_end_ns) AS INTEGER),
    CAST(round(waiting_kv * t_end_ns) AS INTEGER) FROM v_gpu_slots, run")"

# Replicas come and go; one starts and fails; one drains and is not there from then on; one never is. Of 10 s, in ms.
db=facts.db
is "GPU slots: absent, starting, down, idle of replicas that come and go" "0 4000.0 2000.0 0.0
1 10000.0 0.0 0.0" "$(q "BEGIN; DELETE FROM step; DELETE FROM transfer; INSERT INTO scale SELECT column1 * 1000000, 0, column2, 0, 0, 0, 0, 0 FROM (VALUES
    (2000, 0), (3000, 4), (4000, 0), (5000, 1), (8000, 2), (9000, 3));
    SELECT replica, round(1e4 * absent, 6), round(1e4 * starting, 6), round(1e4 * down, 6) FROM v_gpu_slots; ROLLBACK")"

# A node of eight goes down: the ninth of ten replicas is on the second.
db=host.db
sed -e '/^\[fault/,$d' facts.ini > host.ini
printf '[fault host]\nwhat = host\nunit = 1\nat = 3s\nduration = 2s\n' >> host.ini
run $db host.ini -s replica.count=10 -s workload.requests=100 -s workload.rate=10/s
is "a node that is down: its replicas" "0 0.0
7 0.0
8 2000000000.0
9 2000000000.0" "$(q "SELECT replica, round(down * t_end_ns) FROM v_gpu_slots, run WHERE replica IN (0, 7, 8, 9)")"

# ---- laws on larger runs ----

cat > laws.sql << 'X1'
SELECT 'shares of replica ' || replica || ' do not add up to 1' FROM v_gpu_slots
WHERE abs(prefill + decode + mixed + coalesce(waiting_kv, 0) + coalesce(waiting_experts, 0) + coalesce(waiting_other, 0) + coalesce(unsplit, 0)
          + coalesce(bubble, 0) + absent + starting + down + idle - 1) > 1e-9;
SELECT 'a share of replica ' || replica || ' is negative' FROM v_gpu_slots
WHERE min(prefill, decode, mixed, coalesce(waiting_kv, 0), coalesce(waiting_experts, 0), coalesce(waiting_other, 0), coalesce(unsplit, 0), absent, starting, down, idle) < -1e-9;
SELECT 'no row for replica ' || id FROM replica WHERE (SELECT log FROM run) IN ('step', 'all') AND id NOT IN (SELECT replica FROM v_gpu_slots);
SELECT 'busy time of replica ' || v.replica || ' differs' FROM run u, v_gpu_slots v JOIN (
    SELECT replica, total(max(0, x.t_end_ns - max(t_start_ns, warmup_ns))) AS ns FROM run, step x GROUP BY replica) s ON s.replica = v.replica
WHERE (SELECT count(*) FROM transfer WHERE request IS NOT NULL) = 0 AND abs((1 - v.idle - v.absent - v.starting - v.down) * v.window_s * 1e9 - s.ns) > 100;
SELECT 'steps of v_batch_composition: ' || total(v.steps) || ', ' || s.n FROM v_batch_composition v, (
    SELECT count(*) AS n, total(prefill_tokens) AS p, total(n_decode) AS d, total(x.t_end_ns - t_start_ns) / 1e9 AS t FROM run, step x WHERE t_start_ns >= warmup_ns) s
HAVING total(v.steps) <> s.n OR total(v.prefill_tokens) <> s.p OR total(v.decode_tokens) <> s.d OR abs(total(v.busy_s) - s.t) > 1e-6;
SELECT 'steps of v_batch_composition are not the metric' FROM metric
WHERE name = 'steps' AND (SELECT log FROM run) IN ('step', 'all') AND value <> (SELECT total(steps) FROM v_batch_composition);
SELECT 'shares of pool ' || pool || ' do not add up' FROM v_batch_composition GROUP BY pool
    HAVING abs(sum(step_share) - 1) + abs(sum(time_share) - 1) > 1e-9;
SELECT 'decodes beside ' || decode_from FROM v_batch_composition WHERE decode_tokens NOT BETWEEN steps * decode_from AND steps * decode_to;
SELECT 'preemptions: ' || preemptions || ' of metric' FROM v_preemption JOIN metric ON name = 'preemptions'
WHERE replica IS NULL AND preemptions <> value;
SELECT 'preemptions: rows and their sum differ' FROM v_preemption
GROUP BY 'all' HAVING sum(CASE WHEN replica IS NULL THEN preemptions END) <> total(CASE WHEN replica >= 0 THEN preemptions END)
    OR sum(CASE WHEN replica IS NULL THEN dropped_tokens END) <> total(CASE WHEN replica >= 0 THEN dropped_tokens END)
    OR abs(sum(CASE WHEN replica IS NULL THEN lost_s END) - total(CASE WHEN replica >= 0 THEN lost_s END)) > 1e-6;
SELECT 'preemption: more again and kept than was dropped, or negative times' FROM v_preemption
WHERE recomputed_tokens + kept_tokens > dropped_tokens OR away_s < 0 OR lost_s < away_s;
SELECT 'fairness: service is not that of the requests' FROM v_fairness, run WHERE class_name = 'all' AND warmup_ns = 0 AND (input_tokens, output_tokens) IS NOT (
    SELECT sum(CASE WHEN t_admit_ns IS NOT NULL THEN input_tokens ELSE 0 END), sum(generated_tokens) FROM request);
SELECT 'fairness: shares do not add up' FROM v_fairness WHERE tenant IS NOT NULL
GROUP BY 'all' HAVING abs(sum(CASE WHEN class_name IS NULL THEN service_share END) - 1) + abs(sum(CASE WHEN class_name IS NOT NULL THEN service_share END) - 1)
    + abs(sum(promised_share) - 1) > 1e-9;
SELECT 'fairness: Jain''s index is none' FROM v_fairness WHERE jain_service NOT BETWEEN 1.0 / (SELECT count(*) FROM class) - 1e-9 AND 1 + 1e-9;
SELECT 'goodput of v_slo_by_class and v_goodput differ: ' || s.class_name FROM v_slo_by_class s LEFT JOIN v_goodput g ON g.class IS s.class
WHERE s.calls > 0 AND (g.completed IS NOT s.completed OR g.failed IS NOT s.failed OR g.met <> s.met OR abs(g.attainment - s.attainment) > 1e-12);
WITH told AS (
    SELECT v.class, m.column1 AS name, CASE m.column1 WHEN 'completed' THEN completed WHEN 'failed' THEN failed WHEN 'rejected' THEN rejected
               WHEN 'timed_out' THEN timed_out WHEN 'retried' THEN retried WHEN 'slo_attainment' THEN attainment WHEN 'request_goodput' THEN goodput_per_s
               WHEN 'median_ttft_ms' THEN p50_ttft_ms WHEN 'p99_ttft_ms' THEN p99_ttft_ms WHEN 'median_tpot_ms' THEN p50_tpot_ms WHEN 'p99_tpot_ms' THEN p99_tpot_ms
               WHEN 'median_e2el_ms' THEN p50_e2el_ms ELSE p99_e2el_ms END AS value
    FROM v_slo_by_class v, (VALUES ('completed'), ('failed'), ('rejected'), ('timed_out'), ('retried'), ('slo_attainment'), ('request_goodput'), ('median_ttft_ms'),
        ('p99_ttft_ms'), ('median_tpot_ms'), ('p99_tpot_ms'), ('median_e2el_ms'), ('p99_e2el_ms')) m
), both AS (
    SELECT t.class, t.name, t.value, m.value AS want FROM told t LEFT JOIN metric m ON m.class IS t.class AND m.name = t.name
    WHERE t.name NOT GLOB '*_ttft_ms' AND t.name NOT GLOB '*_e2el_ms' OR NOT EXISTS (SELECT 1 FROM request WHERE attempt > 0)
)
SELECT 'metric ' || name || ' of class ' || coalesce(class, 'all') || ': ' || coalesce(value, '-') || ', ' || coalesce(want, '-') FROM both
WHERE (SELECT count(*) FROM metric) > 0 AND ((value IS NULL) <> (want IS NULL) OR abs(value - want) > 1e-9 * abs(want));
SELECT 'no word on ' || s.name || ' or a word on what it has not' FROM sqlite_schema s WHERE s.type = 'view' AND (
    NOT EXISTS (SELECT 1 FROM doc WHERE table_name = s.name AND column_name IS NULL)
    OR EXISTS (SELECT 1 FROM doc WHERE table_name = s.name AND column_name NOT IN (SELECT name FROM pragma_table_info(s.name))));
X1
laws() { # NAME FILE: and that the views tell something: rows of each
    local n
    is "laws: $1" "" "$(sqlite3 -batch "$2" < laws.sql 2>&1)"
    n=$(for v in $views; do sqlite3 -batch "$2" "SELECT count(*) FROM $v"; done | tr '\n' ' ')
    [ $# -lt 3 ] || is "$1: rows of $views" "$3" "${n% }"
}
sed -e '/^\[fault/,$d' -e 's/^requests = .*/requests = 1500/' -e 's/constant/uniform/; s/^\(input\|output\)_tokens = .*/\1_low = 1\n\1_high = 400/' facts.ini > load.ini
load=(-s run.warmup=2s -s workload.rate=150/s -s workload.arrivals=poisson -s replica.memory_fraction=0.2 -s scheduler.max_num_seqs=40)
busy=(-s "class a.timeout_ttft=3s" -s "class a.retries=2" -s admission.policy=queue_limit -s admission.limit=30)
run big.db load.ini "${load[@]}" "${busy[@]}"
laws "refusals, time-outs, retries, preemptions" big.db
n=$(sqlite3 big.db "SELECT count(*) > 0, (SELECT count(*) > 0 FROM request WHERE attempt > 0), (SELECT count(*) > 0 FROM request WHERE status = 'timed_out') FROM preempt")
is "there were preemptions, retries and time-outs" "1|1|1" "$n"
run cut.db load.ini "${load[@]}" -s run.horizon=8s
laws "cut at a horizon" cut.db
run tiers.db "$srcdir/tests/system/memory_load.ini" -s run.horizon=60s -s run.warmup=20s -s cache.overlap=yes
laws "three tiers, restores that overlap" tiers.db
run swap.db "$srcdir/tests/system/memory_load.ini" -s cache.preempt=swap -s replica.memory_fraction=0.236 -s workload.rate=8/s -s cache.block_tokens=16
laws "three tiers, swaps" swap.db
is "KV that was swapped out is kept, and brought back; dropped tokens are one or the other" "1 1 1" "$(db=swap.db; q "SELECT swaps > 0, kept_tokens > 0,
    dropped_tokens = recomputed_tokens + kept_tokens FROM v_preemption WHERE replica IS NULL")"

# Two replicas compute prompts for one that decodes: nothing there is a prompt, though each sequence comes as one.
cat > pools.ini << 'X1'
[run]
seed = 1
log = all
[gpu]
preset = h100
[model]
preset = llama-3.1-8b
[engine]
step_overhead = 0s
seq_overhead = 0s
[replica]
cost = fixed
step_time = 10ms
[pool p]
role = prefill
[replica p]
count = 2
[pool d]
role = decode
[workload]
arrivals = poisson
rate = 20/s
requests = 500
[class a]
input = constant
input_tokens = 2000
output = constant
output_tokens = 20
X1
run pools.db pools.ini
laws "pools" pools.db
is "pools: one computes prompts, the other decodes" "d 1 0 0 1
p 0 1 0 0" "$(db=pools.db; q "SELECT pool, sum(decode) > 0, sum(prefill) > 0, sum(mixed) > 0, sum(waiting_kv) > 0 FROM v_gpu_slots GROUP BY pool")"

# ---- what is left out ----

rows() { for v in $views; do sqlite3 -batch "$1" "SELECT count(*) FROM $v"; done | tr '\n' ' '; }
for level in step request summary; do
    run $level.db load.ini "${load[@]}" -s run.log=$level
    laws "log level $level" $level.db
done
run all.db load.ini "${load[@]}"
is "rows at log levels step, request, summary" "4 6 0 $(sqlite3 all.db "SELECT count(*) FROM v_batch_composition") 2 | 4 6 0 0 0 | 0 0 0 0 0" \
    "$(rows step.db)| $(rows request.db)| $(x=$(rows summary.db); echo "${x% }")"
is "log level step: the same shares, and of waiting nothing is known" "2 2" "$(db=step.db; q "ATTACH 'all.db' AS a; SELECT count(*), sum(v.waiting_kv IS NULL AND v.unsplit IS NULL)
    FROM v_gpu_slots v JOIN (SELECT * FROM a.v_gpu_slots) w ON w.replica = v.replica AND w.prefill = v.prefill AND w.decode = v.decode AND w.mixed = v.mixed AND w.idle = v.idle")"
# A run that was killed has no end, no metrics and no counters: its window ends with the last step.
cp all.db killed.db
sqlite3 killed.db "DELETE FROM metric; DELETE FROM counter; UPDATE run SET status = 'running', t_end_ns = NULL"
laws "a run that was killed" killed.db
is "a run that was killed: rates are not known, shares are" "1 1" "$(db=killed.db; q "
    SELECT (SELECT goodput_per_s IS NULL AND attainment IS NOT NULL FROM v_slo_by_class WHERE class IS NULL),
    (SELECT min(idle) >= 0 FROM v_gpu_slots)")"
# Nobody counts: all arrived before warm-up, or the run ended before it.
run none.db load.ini -s run.warmup=1000s -s workload.requests=20
laws "nothing counts" none.db
is "nothing counts: no numbers, no errors" "0 - -" "$(db=none.db; q "SELECT calls, attainment, p99_ttft_ms FROM v_slo_by_class WHERE class IS NULL")"
exit $failed
