/*
 * figures_run.c - the pictures of a run's file, as queries. Times are cut into 160 bins of the run (40 where a bin
 * wants many requests), so that a page stays small whatever the file; each query reads its tables once or twice.
 */
#include "study/figure.h"

#define NO_REQUESTS "SELECT 'run.log = summary keeps no requests (want request, step or all)' FROM run WHERE log = "   \
    "'summary'"
#define NO_STEPS "SELECT 'run.log = ' || log || ' keeps no steps (want step or all)' FROM run WHERE log IN "           \
    "('summary', 'request')"
#define NO_EVENTS "SELECT 'run.log = ' || log || ' keeps no events (want all)' FROM run WHERE log <> 'all'"

/* t: the end of the run, also of one that was cut off; w: the width of a bin. */
#define SPAN(bins)                                                                                                     \
    "span AS MATERIALIZED (\n"                                                                                         \
    "    SELECT t, t / " #bins " + 1 AS w, warmup_ns AS warm FROM (SELECT warmup_ns, coalesce(t_end_ns,\n"             \
    "        (SELECT max(t_end_ns) FROM step), (SELECT max(t_arrive_ns) FROM request), 0) AS t FROM run)\n"            \
    ")"

#define TIME "time"

const struct figure figures_run[] = {
    /* ---- latency ---- */
    {"Latency", "Latencies by class",
     "Share of the answered calls (those that came after warm-up) that took no longer: of the time to first token "
     "(TTFT), per output "
     "token after it (TPOT) and to the end (E2EL). Each point is a call: the longest of an eightieth of the axis.",
     NO_REQUESTS, "no call was answered after warm-up",
     "WITH call AS (\n"
     "    SELECT q.class, nullif(q.t_first_ns - q.t_arrive_ns, 0) AS ttft, nullif(q.t_end_ns - q.t_arrive_ns, 0) AS "
     "e2el,\n"
     "           nullif(1.0 * (q.t_end_ns - q.t_first_ns) / nullif(q.output_tokens - 1, 0), 0) AS tpot\n"
     "    FROM run u CROSS JOIN request q WHERE +q.status = 'completed' AND q.t_arrive_ns >= u.warmup_ns\n"
     "), ends AS MATERIALIZED ( -- of each latency: where its bins begin, and how many there are to a factor of e\n"
     "    SELECT 0 AS what, ln(min(ttft)) AS low, 80 / (ln(max(ttft)) - ln(min(ttft)) + 1e-9) AS each FROM call\n"
     "    UNION ALL SELECT 1, ln(min(tpot)), 80 / (ln(max(tpot)) - ln(min(tpot)) + 1e-9) FROM call\n"
     "    UNION ALL SELECT 2, ln(min(e2el)), 80 / (ln(max(e2el)) - ln(min(e2el)) + 1e-9) FROM call\n"
     "), value AS (SELECT what, class, low, each, CASE what WHEN 0 THEN ttft WHEN 1 THEN tpot ELSE e2el END AS ns "
     "FROM call CROSS JOIN ends\n"
     "), bin AS (\n"
     "    SELECT what, class, count(*) AS n, max(ns) AS ns FROM value\n"
     "    WHERE ns IS NOT NULL GROUP BY (3 * class + what) * 1000 + CAST((ln(ns) - low) * each AS INTEGER)\n"
     ")\n"
     "SELECT CASE what WHEN 0 THEN 'TTFT' WHEN 1 THEN 'TPOT' ELSE 'E2EL' END AS latency, name AS class, ns / 1e6 AS "
     "ms,\n"
     "       1.0 * sum(n) OVER (PARTITION BY what, class ORDER BY ns) / sum(n) OVER (PARTITION BY what, class) AS "
     "share\n"
     "FROM bin JOIN class c ON c.id = class ORDER BY what, class, ns",
     .kind = FIGURE_LINES, .panel = 0, .series = 1,
     .plots = {{.title = "share that took no longer", .x_title = "latency", .x = 2, .y = 3, .n_y = 1,
                .x_unit = PAGE_MS, .y_unit = PAGE_SHARE, .x_log = true, .stepped = true}}},

    {"Latency", "What the time to first token is made of",
     "Means of answered calls by class, in ms: waiting to be admitted, for KV from lower tiers, computing again "
     "what a cache had lost, "
     "computing the prompt, going to the pool that answers, and the rest.",
     NO_EVENTS " UNION ALL SELECT 'more than 200,000 requests: ask v_kv_breakdown' FROM (SELECT max(id) AS n FROM "
     "request) WHERE n > 200000",
     "no call was answered after warm-up",
     "SELECT c.name AS class, avg(queue_ms) AS queue_ms, avg(restore_ms) AS restore_ms, avg(recompute_ms) AS "
     "recompute_ms,\n"
     "       avg(prefill_ms) AS prefill_ms, avg(handoff_ms) AS handoff_ms, avg(rest_ms) AS rest_ms\n"
     "FROM v_kv_breakdown k JOIN class c ON c.id = k.class WHERE counted GROUP BY k.class",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "ms"},

    {"Latency", "Objectives met over time",
     "Share of the calls that ended in each fortieth of the run that met every objective of their class; what was "
     "refused, given up or "
     "lost met none.",
     NO_REQUESTS " UNION ALL SELECT 'no class has an objective (slo_ttft, slo_tpot, slo_e2el)' FROM run WHERE NOT "
     "EXISTS (SELECT 1 FROM "
     "class WHERE coalesce(slo_ttft_ns, slo_tpot_ns, slo_e2el_ns) IS NOT NULL)",
     "no call ended",
     "WITH " SPAN(40) "\n"
     "SELECT c.name AS class, (q.t_end_ns / w + 0.5) * w / 1e9 AS t_s, avg(q.status = 'completed'\n"
     "           AND (c.slo_ttft_ns IS NULL OR q.t_first_ns - q.t_call_ns <= c.slo_ttft_ns)\n"
     "           AND (c.slo_e2el_ns IS NULL OR q.t_end_ns - q.t_call_ns <= c.slo_e2el_ns)\n"
     "           AND (c.slo_tpot_ns IS NULL OR q.output_tokens < 2\n"
     "                OR q.t_end_ns - q.t_first_ns <= c.slo_tpot_ns * (q.output_tokens - 1))) AS attainment, "
     "count(*) AS calls\n"
     "FROM span, request q JOIN class c ON c.id = q.class\n"
     "WHERE q.t_end_ns IS NOT NULL AND NOT q.retried AND coalesce(c.slo_ttft_ns, c.slo_tpot_ns, c.slo_e2el_ns) IS "
     "NOT NULL\n"
     "GROUP BY q.class, q.t_end_ns / w",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "Share that met its "
     "objectives", .x_title = TIME, .x = 1, .y = 2, .n_y = 1, .x_unit = PAGE_S, .y_unit = PAGE_SHARE}}},

    /* ---- cost ---- */
    {"Cost", "What the run costs", "Parts of the bill from warm-up to the end, by what used them: prompts computed, "
     "prompt tokens found in caches, answers, "
     "requests that were not answered; idle: paid for and used by none.",
     "SELECT 'the scenario has no [prices]' WHERE NOT EXISTS (SELECT 1 FROM bill)", "no part of the bill is known",
     "WITH p AS (SELECT row_number() OVER (ORDER BY min(id)) - 1 AS id, pool AS name, count(*) OVER () AS n FROM "
     "replica GROUP BY pool)\n"
     "SELECT b.name || CASE WHEN p.n > 1 THEN ', pool ' || p.name ELSE '' END AS part, b.input, b.cached, b.output, "
     "b.lost, b.other,\n"
     "       b.idle\n"
     "FROM v_cost_breakdown b LEFT JOIN p ON p.id = b.pool WHERE b.usd > 0 ORDER BY b.usd DESC",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "US$"},

    {"Cost", "What a million tokens cost", "With their share of what nobody used.",
     "SELECT 'the scenario has no [prices]' WHERE NOT EXISTS (SELECT 1 FROM bill)", "nothing was answered, or the "
     "bill is empty",
     "SELECT CASE who WHEN 'input' THEN 'prompt tokens, computed' WHEN 'cached' THEN 'prompt tokens, found in a "
     "cache' ELSE 'output tokens' END AS tokens,\n"
     "       usd_per_m, who, tokens AS n_tokens, usd, full_usd, share\n"
     "FROM v_cost WHERE usd_per_m IS NOT NULL ORDER BY usd_per_m DESC",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "US$", .n_parts = 1},

    {"Cost", "What a task costs", "Means of answered tasks of agents by number of steps, of the last attempts of "
     "their LLM calls.",
     "SELECT 'the scenario has no [prices]' WHERE NOT EXISTS (SELECT 1 FROM bill) UNION ALL SELECT 'the scenario "
     "has no [agent], or none ended a task' WHERE "
     "NOT EXISTS (SELECT 1 FROM agent_task)",
     "no task was answered",
     "WITH RECURSIVE bin(low) AS (SELECT 1 UNION ALL SELECT 2 * low FROM bin WHERE low < 1 << 20)\n"
     "SELECT c.name || ', ' || low || ' to ' || (2 * low - 1) || ' steps' AS tasks, avg(input_usd) AS prompts, "
     "avg(cached_usd) AS prompts_found_in_caches,\n"
     "       avg(output_usd) AS answers\n"
     "FROM v_cost_task t JOIN bin ON t.steps >= low AND t.steps < 2 * low JOIN class c ON c.id = t.class WHERE "
     "t.answered GROUP BY t.class, low",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "US$"},

    /* ---- load ---- */
    {"Load and queues", "Requests over time",
     "How many came, were answered, and ended without an answer, each second; and how many were in the system, on "
     "average: waiting until "
     "they were first admitted to a batch, in service from then to their end.",
     NO_REQUESTS, "there were no requests",
     "WITH RECURSIVE " SPAN(160) ", bin(b) AS (SELECT 0 UNION ALL SELECT b + 1 FROM bin, span WHERE (b + 1) * w < t\n"
     "), edge AS (\n"
     "    SELECT t_arrive_ns AS at, 1 AS came, 0 AS answered, 0 AS lost, 1 AS waiting, 0 AS serving FROM request\n"
     "    UNION ALL SELECT t_admit_ns, 0, 0, 0, -1, 1 FROM request WHERE t_admit_ns IS NOT NULL\n"
     "    UNION ALL SELECT t_end_ns, 0, status = 'completed', status <> 'completed', -(t_admit_ns IS NULL), "
     "-(t_admit_ns IS NOT NULL)\n"
     "        FROM request WHERE t_end_ns IS NOT NULL\n"
     "), sum_of AS ( -- part_: of the bin, from there to its end\n"
     "    SELECT at / w AS b, sum(came) AS came, sum(answered) AS answered, sum(lost) AS lost, sum(waiting) AS "
     "waiting, sum(serving) AS serving,\n"
     "           sum(waiting * (1.0 - 1.0 * (at % w) / w)) AS part_waiting, sum(serving * (1.0 - 1.0 * (at % w) / "
     "w)) AS part_serving\n"
     "    FROM span, edge GROUP BY at / w\n"
     ")\n"
     "SELECT (b + 0.5) * w / 1e9 AS t_s, coalesce(came, 0) * 1e9 / w AS came_per_s, coalesce(answered, 0) * 1e9 / w "
     "AS answered_per_s,\n"
     "       coalesce(lost, 0) * 1e9 / w AS not_answered_per_s, coalesce(sum(serving) OVER before, 0) + "
     "coalesce(part_serving, 0) AS in_service,\n"
     "       coalesce(sum(waiting) OVER before, 0) + coalesce(part_waiting, 0) AS waiting\n"
     "FROM span, bin LEFT JOIN sum_of USING (b) WHERE t > 0\n"
     "WINDOW before AS (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = FIGURE_NONE,
     .plots = {{.title = "Requests per second", .x_title = TIME, .x = 0, .y = 1, .n_y = 3, .x_unit = PAGE_S},
               {.title = "Requests in the system", .x_title = TIME, .x = 0, .y = 4, .n_y = 2,
                .x_unit = PAGE_S, .stacked = true}}},

    {"Load and queues", "Replicas under autoscale", "Replicas of each pool as [autoscale] starts and drains them, "
     "and the requests that were in no batch.",
     NO_STEPS " AND NOT EXISTS (SELECT 1 FROM scale)", "the scenario has no [autoscale], or it changed nothing",
     "WITH " SPAN(160) ", last AS (\n"
     "    SELECT r.pool, max(s.rowid) AS id FROM span, scale s JOIN replica r ON r.id = s.replica GROUP BY r.pool, "
     "s.t_ns / w\n"
     "), point AS (\n"
     "    SELECT l.pool, s.t_ns / 1e9 AS t_s, s.ready, s.starting, s.draining, s.waiting FROM last l JOIN scale s "
     "ON s.rowid = l.id\n"
     "    UNION ALL SELECT l.pool, t / 1e9, s.ready, s.starting, s.draining, s.waiting\n"
     "        FROM span, (SELECT pool, max(id) AS id FROM last GROUP BY pool) l JOIN scale s ON s.rowid = l.id\n"
     ")\n"
     "SELECT pool, t_s, ready, starting, draining, waiting FROM point ORDER BY pool, t_s",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "Replicas", .x_title = TIME, .x = 1, .y = 2, .n_y = 3, .x_unit = PAGE_S, .stepped = true},
               {.title = "Requests in no batch, at these "
               "instants", .x_title = TIME, .x = 1, .y = 5, .n_y = 1, .x_unit = PAGE_S}}},

    {"Load and queues", "Faults", "When what was slowed down or away.", NO_STEPS " AND NOT EXISTS (SELECT 1 FROM "
     "fault)", "the scenario has no [fault], or none came",
     "WITH fault_of AS (\n"
     "    SELECT row_number() OVER (ORDER BY rowid) - 1 AS fault, substr(key, 7, length(key) - 11) AS name, "
     "value_text AS what\n"
     "    FROM run_param WHERE key GLOB 'fault *.what'\n"
     "), span AS (\n"
     "    SELECT fault, unit, begins, t_ns, lead(t_ns) OVER (PARTITION BY fault, unit ORDER BY t_ns, rowid) AS "
     "t_back, requests, rerouted, failed\n"
     "    FROM fault\n"
     ")\n"
     "SELECT coalesce(f.name || ': ' || f.what, 'fault') || ' ' || s.unit AS what, s.t_ns / 1e9 AS from_s,\n"
     "       coalesce(s.t_back, u.t_end_ns, s.t_ns) / 1e9 AS to_s, s.requests, s.rerouted, s.failed\n"
     "FROM run u, span s LEFT JOIN fault_of f USING (fault) WHERE s.begins ORDER BY s.fault, s.unit, s.t_ns",
     .kind = FIGURE_SPANS, .panel = FIGURE_NONE, .series = FIGURE_NONE},

    {"Load and queues", "Preemptions", "Running requests that lost their KV blocks, each second, by "
     "pool.", NO_EVENTS, "nothing was preempted",
     "WITH RECURSIVE " SPAN(160) ", bin(b) AS (SELECT 0 UNION ALL SELECT b + 1 FROM bin, span WHERE (b + 1) * w < t\n"
     "), n AS (SELECT r.pool, p.t_ns / w AS b, count(*) AS n, sum(p.computed) AS tokens FROM span, preempt p JOIN "
     "replica r ON r.id = p.replica GROUP BY 1, 2\n"
     ")\n"
     "SELECT pool, (b + 0.5) * w / 1e9 AS t_s, coalesce(n, 0) * 1e9 / w AS preempted_per_s, coalesce(tokens, 0) AS "
     "tokens\n"
     "FROM span, (SELECT DISTINCT pool FROM n) JOIN bin LEFT JOIN n USING (pool, b) ORDER BY pool, b",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "Preemptions per second", .x_title = TIME, .x = 1, .y = 2, .n_y = 1, .x_unit = PAGE_S}}},

    /* ---- steps ---- */
    {"Batches and GPUs", "Steps over time",
     "By pool; sequences that decoded together and KV blocks in use are means weighted by the time of the step, the "
     "share of time is over "
     "all replicas of the pool, whether they were there or not.",
     NO_STEPS, "there was no step",
     "WITH RECURSIVE " SPAN(160) ", bin(b) AS (SELECT 0 UNION ALL SELECT b + 1 FROM bin, span WHERE (b + 1) * w <= t\n"
     "), whole AS (\n"
     "    SELECT replica, t_start_ns / w AS b, t_end_ns / w AS last, t_start_ns AS t0, t_end_ns AS t1, w, n_decode, "
     "kv_blocks, prefill_tokens, tokens_out\n"
     "    FROM span, step\n"
     "), part AS ( -- steps, and of those that go on in later bins their parts there\n"
     "    SELECT replica, b, min(t1, (b + 1) * w) - t0 AS ns, t1 - t0 AS whole_ns, n_decode, kv_blocks, "
     "prefill_tokens, tokens_out FROM whole\n"
     "    UNION ALL SELECT replica, b + 1, min(t1, (b + 2) * w) - (b + 1) * w, t1 - t0, n_decode, kv_blocks, "
     "prefill_tokens, tokens_out FROM whole WHERE last > b\n"
     "    UNION ALL SELECT replica, bin.b, min(t1, (bin.b + 1) * w) - bin.b * w, t1 - t0, n_decode, kv_blocks, "
     "prefill_tokens, tokens_out\n"
     "        FROM whole CROSS JOIN bin WHERE last > whole.b + 1 AND bin.b > whole.b + 1 AND bin.b <= last\n"
     "), s AS (\n"
     "    SELECT replica, b, sum(ns) AS ns, total(1.0 * n_decode * ns) AS decode_ns, total(1.0 * kv_blocks * ns) AS "
     "kv_ns,\n"
     "           total(1.0 * prefill_tokens * ns / whole_ns) AS prompt, total(1.0 * tokens_out * ns / whole_ns) AS "
     "answer\n"
     "    FROM part GROUP BY replica * 1000 + b\n"
     "), p AS (SELECT pool, count(*) AS n FROM replica GROUP BY pool\n"
     ")\n"
     "SELECT r.pool, (b + 0.5) * w / 1e9 AS t_s, sum(decode_ns) / sum(ns) AS decode_batch, sum(prompt) * 1e9 / w AS "
     "prompt_tokens_per_s,\n"
     "       sum(answer) * 1e9 / w AS output_tokens_per_s, sum(kv_ns / r.kv_blocks) / sum(ns) AS kv_share, 1.0 * "
     "sum(ns) / w / p.n AS in_steps_share\n"
     "FROM span, s JOIN replica r ON r.id = s.replica JOIN p ON p.pool = r.pool GROUP BY r.pool, b",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "Sequences that decode together", .x_title = TIME, .x = 1, .y = 2, .n_y = 1, .x_unit = PAGE_S},
               {.title = "Tokens per second", .x_title = TIME, .x = 1, .y = 3, .n_y = 2, .x_unit = PAGE_S},
               {.title = "KV blocks in use", .x_title = TIME, .x = 1, .y = 5, .n_y = 1,
                .x_unit = PAGE_S, .y_unit = PAGE_SHARE},
               {.title = "Share of time in steps", .x_title = TIME, .x = 1, .y = 6, .n_y = 1,
                .x_unit = PAGE_S, .y_unit = PAGE_SHARE}}},

    {"Batches and GPUs", "What the GPUs did",
     "Of the time from warm-up to the end, means over the replicas of a pool; at run.log = step, waiting is part of "
     "the steps.",
     NO_STEPS " UNION ALL SELECT 'more than 150,000 steps: ask v_gpu_slots' FROM (SELECT max(rowid) AS n FROM step) "
     "WHERE n > 150000",
     "there was no step",
     "SELECT CASE pool WHEN 'all' THEN 'all replicas' ELSE 'pool ' || pool END AS pool, avg(prefill) AS prefill, "
     "avg(decode) AS decode, avg(mixed) AS both, avg(coalesce(waiting_kv, 0)) AS waiting_for_KV,\n"
     "       avg(coalesce(waiting_experts, 0)) AS waiting_for_experts, avg(coalesce(waiting_other, 0) + "
     "coalesce(unsplit, 0)) AS waiting_for_other,\n"
     "       avg(coalesce(bubble, 0)) AS bubble, avg(absent + starting + down) AS absent_or_down\n"
     "FROM v_gpu_slots g GROUP BY g.pool",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "", .whole = true},

    {"Batches and GPUs", "Speculative decoding",
     "By the number of sequences that decoded together: tokens that a sequence had of a verification, and tokens "
     "per second of steps.",
     NO_STEPS, "no drafts were verified (replica.spec_tokens)",
     "SELECT pool, (decode_from + decode_to) / 2.0 AS sequences, acceptance_length, tokens_per_s, decode_from, "
     "decode_to, steps,\n"
     "       acceptance_rate, draft_share FROM v_speculation",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "Tokens of a verification", .x_title = "sequences that decoded "
     "together", .x = 1, .y = 2, .n_y = 1, .x_log = true},
               {.title = "Tokens per second of steps", .x_title = "sequences that decoded "
               "together", .x = 1, .y = 3, .n_y = 1, .x_log = true}}},

    /* ---- memories ---- */
    {"Memories", "Tiers over time",
     "KV, of running sequences and cached, as a share of the room for it: mean over the units of a tier, and from "
     "the emptiest to the fullest of "
     "them.",
     NO_STEPS, "no tier was sampled: the scenario has none below HBM, and no [cache]",
     "WITH " SPAN(160) "\n"
     "SELECT t.name AS tier, (r.t_ns / w + 0.5) * w / 1e9 AS t_s, avg(1.0 * (running_bytes + cached_bytes) / "
     "r.capacity_bytes) AS share,\n"
     "       min(1.0 * (running_bytes + cached_bytes) / r.capacity_bytes) AS lowest, max(1.0 * (running_bytes + "
     "cached_bytes) / r.capacity_bytes) AS highest,\n"
     "       avg(cached_bytes) / 1e9 AS cached_GB, avg(running_bytes) / 1e9 AS running_GB\n"
     "FROM span, room_sample r JOIN tier t ON t.id = r.tier WHERE r.capacity_bytes > 0 GROUP BY r.tier, r.t_ns / w",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "Share of the room for "
     "KV", .x_title = TIME, .x = 1, .y = 2, .n_y = 1, .x_unit = PAGE_S, .y_unit = PAGE_SHARE, .low = 3}}},

    {"Memories", "Bandwidth over time",
     "Of the ports that moved anything, the eight that moved most: bytes per second, and the share of time that "
     "they were in use; means over the "
     "units of a name. up: towards HBM.",
     NO_STEPS, "nothing moved over a port",
     "WITH " SPAN(160) ", group_of AS (SELECT id, kind, name || coalesce('.' || direction, '') AS name FROM port\n"
     "), units AS (SELECT name, kind, count(*) AS n FROM group_of GROUP BY name, kind\n"
     "), s AS (\n"
     "    SELECT g.name, p.t_ns / w AS b, sum(p.bytes) AS bytes, sum(p.busy_ns) AS busy_ns FROM span, port_sample p "
     "JOIN group_of g ON g.id = p.port\n"
     "    GROUP BY g.name, p.t_ns / w\n"
     "), most AS (SELECT name FROM s GROUP BY name HAVING sum(bytes) > 0 ORDER BY sum(bytes) DESC LIMIT 8\n"
     ")\n"
     "SELECT kind, s.name AS port, (b + 0.5) * w / 1e9 AS t_s, 1.0 * bytes / w / n AS GBps, min(1.0, 1.0 * busy_ns "
     "/ w / n) AS in_use_share\n"
     "FROM span, s JOIN units USING (name) WHERE s.name IN (SELECT name FROM most) ORDER BY kind = 'link' DESC, "
     "kind = 'tier' DESC, s.name, b",
     .kind = FIGURE_LINES, .panel = 0, .series = 1,
     .plots = {{.title = "GB per second of a unit", .x_title = TIME, .x = 2, .y = 3, .n_y = 1, .x_unit = PAGE_S},
               {.title = "share of time in use", .x_title = TIME, .x = 2, .y = 4, .n_y = 1,
                .x_unit = PAGE_S, .y_unit = PAGE_SHARE}}},

    {"Memories", "Where prompts were found",
     "Of all prompt tokens of answered calls: what each tier had (the warmest that did), used from there or "
     "computed again all the same.",
     NO_EVENTS, "no prompt was found in a cache",
     "SELECT name AS tier, used_share, max(0, token_share - used_share) AS computed_again_share FROM v_hit_rate "
     "WHERE tokens > 0 AND token_share > 0",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "", .whole = true},

    {"Memories", "Experts over time", "Of the experts that steps activated: in HBM, fetched ahead of their layer, "
     "waited for; and what they moved.", NO_STEPS,
     "all experts stay in HBM, or the model has none",
     "WITH " SPAN(160) "\n"
     "SELECT (t_ns / w + 0.5) * w / 1e9 AS t_s, 1.0 * sum(hits) / sum(distinct_experts) AS in_HBM, 1.0 * "
     "sum(guessed) / sum(distinct_experts) AS fetched_ahead,\n"
     "       1.0 * sum(absent) / sum(distinct_experts) AS waited_for, 1.0 * sum(bytes) / w AS GBps\n"
     "FROM span, experts GROUP BY t_ns / w HAVING sum(distinct_experts) > 0",
     .kind = FIGURE_LINES, .panel = FIGURE_NONE, .series = FIGURE_NONE,
     .plots = {{.title = "Share of activated "
     "experts", .x_title = TIME, .x = 0, .y = 1, .n_y = 3, .x_unit = PAGE_S, .y_unit = PAGE_SHARE, .stacked = true},
               {.title = "GB per second of expert "
               "weights", .x_title = TIME, .x = 0, .y = 4, .n_y = 1, .x_unit = PAGE_S}}},

    {"Memories", "Contention in the time between tokens",
     "Time that the mean gap between two tokens is longer because others used the same port: what was slowed, "
     "where, by what.",
     "SELECT 'no step was slowed at a port' WHERE NOT EXISTS (SELECT 1 FROM metric WHERE name GLOB "
     "'itl_contention_ms/*' AND value > 0)",
     "no step was slowed at a port",
     "SELECT json_extract(path, '$[1]') || ' at ' || json_extract(path, '$[2]') || ', by ' || json_extract(path, "
     "'$[3]') AS what, value AS itl_ms\n"
     "FROM (SELECT '[\"' || replace(name, '/', '\",\"') || '\"]' AS path, value FROM metric\n"
     "      WHERE class IS NULL AND name GLOB 'itl_contention_ms/*/*/*' AND value > 0 ORDER BY value DESC LIMIT 12)",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "ms"},

    {"Memories", "Contention by port", "Time that steps and transfers lost at each port because others used it too, "
     "summed up over the run, also where nobody waited for it.",
     "SELECT 'nothing was slowed at a port' WHERE NOT EXISTS (SELECT 1 FROM metric WHERE name GLOB 'contention_s/*' "
     "AND value > 0)",
     "nothing was slowed at a port",
     "SELECT json_extract(path, '$[1]') || ' at ' || json_extract(path, '$[2]') || ', by ' || json_extract(path, "
     "'$[3]') AS what, value AS lost_s\n"
     "FROM (SELECT '[\"' || replace(name, '/', '\",\"') || '\"]' AS path, value FROM metric\n"
     "      WHERE class IS NULL AND name GLOB 'contention_s/*/*/*' AND value > 0 ORDER BY value DESC LIMIT 12)",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "s"},

    {"Memories", "Transfers", "Begun after warm-up, by purpose; slowdown: their time over what they would have "
     "taken alone.", NO_EVENTS, "nothing was moved between tiers",
     "SELECT k.name AS kind, t.name AS tier, CASE x.up WHEN 1 THEN 'up' ELSE 'down' END AS direction, count(*) AS "
     "transfers,\n"
     "       sum(x.delivered) / 1e9 AS GB, avg(x.t_end_ns - x.t_start_ns) / 1e6 AS mean_ms, max(x.t_end_ns - "
     "x.t_start_ns) / 1e6 AS longest_ms,\n"
     "       1.0 * sum(x.t_end_ns - x.t_start_ns) / nullif(sum(x.solo_ns), 0) AS slowdown\n"
     "FROM run u, transfer x JOIN move_kind k ON k.id = x.kind JOIN tier t ON t.id = x.tier WHERE x.t_start_ns >= "
     "u.warmup_ns\n"
     "GROUP BY x.kind, x.tier, x.up",
     .kind = FIGURE_TABLE, .panel = FIGURE_NONE, .series = FIGURE_NONE},

    /* ---- agents ---- */
    {"Agents", "How latencies compound",
     "Time of a task against its number of steps, by powers of two, beside what its steps would give if they were "
     "independent, or all of them slow.",
     "SELECT 'the scenario has no [agent], or none ended a task' WHERE NOT EXISTS (SELECT 1 FROM agent_task)",
     "no task was answered after warm-up",
     "SELECT class_name, mean_steps, p50_ms, p99_ms, p50_of_steps_ms AS steps_times_their_p50, "
     "p99_if_independent_ms AS p99_if_steps_were_independent,\n"
     "       p99_of_steps_ms AS steps_times_their_p99, tasks, slowdown, variance_ratio\n"
     "FROM v_agent_compounding",
     .kind = FIGURE_LINES, .panel = 0, .series = FIGURE_NONE,
     .plots = {{.title = "time of a task", .x_title = "steps of the "
     "task", .x = 1, .y = 2, .n_y = 5, .x_unit = PAGE_NUMBER, .y_unit = PAGE_MS, .x_log = true, .y_log = true}}},

    {"Agents", "What a task's time is made of", "Means by number of steps of answered tasks, along the path that "
     "determined their end.",
     "SELECT 'the scenario has no [agent], or none ended a task' WHERE NOT EXISTS (SELECT 1 FROM agent_task)",
     "no task was answered after warm-up",
     "WITH RECURSIVE bin(low) AS (SELECT 1 UNION ALL SELECT 2 * low FROM bin WHERE low < 1 << 20)\n"
     "SELECT class_name || ', ' || low || ' to ' || (2 * low - 1) || ' steps' AS tasks, avg(queue_ms + retry_ms) / "
     "1e3 AS queue_s,\n"
     "       avg(restore_ms) / 1e3 AS restore_s, avg(prefill_ms) / 1e3 AS prefill_s, avg(handoff_ms) / 1e3 AS "
     "handoff_s,\n"
     "       avg(decode_ms) / 1e3 AS decode_s, avg(tool_ms) / 1e3 AS tool_s\n"
     "FROM v_agent_task JOIN bin ON steps >= low AND steps < 2 * low WHERE answered AND counted GROUP BY class, low",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "s"},

    {0},
};
