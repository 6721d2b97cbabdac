/*
 * figures_study.c - the pictures of a study file, as queries over its view v_point: metrics against what was varied,
 * and the fronts between what users get and what it costs.
 */
#include "study/figure.h"

/* The variable with most values that are numbers; its points, with the values of what varies beside it; where that
 * makes more lines than there are colours, in parts. */
#define POINTS                                                                                                         \
    "WITH axis AS MATERIALIZED (\n"                                                                                    \
    "    SELECT v.name, coalesce(v.in_step, v.id) AS step FROM variable v JOIN param p USING (name) GROUP BY v.id\n"   \
    "    HAVING count(p.value_num) = count(*) AND count(DISTINCT p.value_num) > 1\n"                                   \
    "    ORDER BY count(DISTINCT p.value_num) DESC, v.id LIMIT 1\n"                                                    \
    "), other AS MATERIALIZED ( -- what does not go in step with it\n"                                                 \
    "    SELECT v.id, v.name FROM variable v JOIN axis a ON coalesce(v.in_step, v.id) <> a.step\n"                     \
    "), line AS MATERIALIZED (\n"                                                                                      \
    "    SELECT group_concat(p.value_text, char(10)) AS what FROM param p JOIN other USING (name) GROUP BY "           \
    "p.param_set\n"                                                                                                    \
    "), split AS MATERIALIZED ( -- more lines than colours: a picture for each value of the one with fewest\n"         \
    "    SELECT o.name FROM other o JOIN param p USING (name) WHERE (SELECT count(DISTINCT what) FROM line) > 8\n"     \
    "    GROUP BY o.id HAVING count(DISTINCT p.value_text) > 1 ORDER BY count(DISTINCT p.value_text), o.id LIMIT "     \
    "1\n"                                                                                                              \
    "), point AS MATERIALIZED (\n"                                                                                     \
    "    SELECT coalesce((SELECT o.name || '=' || o.value_text FROM split JOIN param o USING (name) WHERE "            \
    "o.param_set = p.param_set), '') AS part,\n"                                                                       \
    "           coalesce((SELECT group_concat(o.name || '=' || o.value_text, ' ') FROM other JOIN param o USING "      \
    "(name)\n"                                                                                                         \
    "               WHERE o.param_set = p.param_set AND o.name NOT IN (SELECT name FROM split)), 'all') AS "           \
    "others,\n"                                                                                                        \
    "           a.name AS parameter, p.value_num AS x, p.param_set\n"                                                  \
    "    FROM axis a JOIN param p USING (name)\n"                                                                      \
    ")"

#define OF(metric)                                                                                                     \
    "       max(CASE name WHEN '" metric "' THEN mean END) AS " metric ",\n"                                           \
    "       max(CASE name WHEN '" metric "' THEN ci95_low END) AS " metric "_low,\n"                                   \
    "       max(CASE name WHEN '" metric "' THEN ci95_high END) AS " metric "_high"

#define NO_AXIS                                                                                                        \
    "SELECT 'no variable has different numbers for values: see the bars' WHERE NOT EXISTS (SELECT 1 FROM param "       \
    "GROUP BY name "                                                                                                   \
    "HAVING count(value_num) = count(*) AND count(DISTINCT value_num) > 1)"

#define AXIS .x_name = 2, .x = 3, .n_y = 1, .x_log_if = true

#define PM(metric)                                                                                                     \
    "max(CASE name WHEN '" metric "' THEN printf('%.6g', mean) || coalesce(' \xc2\xb1 ' || printf('%.4g', ci95_high "  \
    "- mean), '') END)\n"                                                                                              \
    "           AS " metric

/* better: the sign of what is wanted of y. */
#define FRONT(y, better)                                                                                               \
    "WITH p AS MATERIALIZED (\n"                                                                                       \
    "    SELECT param_set, params, 1e3 / nullif(max(CASE name WHEN 'mean_tpot_ms' THEN mean END), 0) AS "              \
    "tokens_per_s_user,\n"                                                                                             \
    "           max(CASE name WHEN '" y "' THEN mean END) AS y, max(CASE name WHEN '" y "' THEN ci95_low END) AS "     \
    "low,\n"                                                                                                           \
    "           max(CASE name WHEN '" y "' THEN ci95_high END) AS high\n"                                              \
    "    FROM v_point WHERE class IS NULL GROUP BY param_set\n"                                                        \
    ")\n"                                                                                                              \
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM p q WHERE q.tokens_per_s_user >= p.tokens_per_s_user AND q.y * "           \
    better " >= p.y * " better "\n"                                                                                    \
    "           AND (q.tokens_per_s_user > p.tokens_per_s_user OR q.y <> p.y)) THEN 'others' ELSE 'front' END AS "     \
    "which,\n"                                                                                                         \
    "       tokens_per_s_user, y AS " y ", low, high, params\n"                                                        \
    "FROM p WHERE y IS NOT NULL AND tokens_per_s_user IS NOT NULL ORDER BY which, tokens_per_s_user"

#define NO_METRIC(metric, why) "SELECT '" why "' WHERE NOT EXISTS (SELECT 1 FROM metric WHERE name = '"                \
    metric "' AND value IS NOT NULL)"

const struct figure figures_study[] = {
    {"Results", "Capacity", "What tiersim capacity found of each parameter set; sure: the interval of the "
     "attainment lies on one side of the target.",
     "SELECT 'the file is none of tiersim capacity' WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = "
     "'capacity' AND type = 'table' AND rootpage > 0)",
     "no set was asked",
     "SELECT params AS point, status, why, CASE cheapest WHEN 1 THEN 'cheapest' WHEN 0 THEN '' END AS answer, CASE "
     "front WHEN 1 THEN 'front' ELSE '' END AS front,\n"
     "       CASE sure WHEN 1 THEN 'yes' ELSE 'no' END AS sure, gpus, racks, cost, cost_low, cost_high, cost_unit, "
     "attainment, attainment_low, attainment_high,\n"
     "       attainment_down\n"
     "FROM capacity ORDER BY cheapest DESC, status = 'holds' DESC, cost IS NULL, cost, param_set",
     .kind = FIGURE_TABLE, .panel = FIGURE_NONE, .series = FIGURE_NONE},

    {"Results", "Against what was varied", "Means over repetitions and their 95 % intervals, against the variable "
     "with most values; a line for each setting of the others.",
     NO_AXIS, "there are no results",
     POINTS "\nSELECT part, others, parameter, "
     "x,\n" OF("mean_ttft_ms") ",\n" OF("p99_ttft_ms") ",\n" OF("mean_tpot_ms") ",\n"
     OF("output_throughput_per_gpu") ",\n" OF("request_throughput") ",\n" OF("slo_attainment") "\n"
     "FROM point JOIN v_point USING (param_set) WHERE class IS NULL GROUP BY param_set ORDER BY min(param_set) OVER "
     "(PARTITION BY others), x",
     .kind = FIGURE_LINES, .panel = 0, .series = 1,
     .plots = {{.title = "Mean TTFT", AXIS, .y = 4, .low = 5, .y_unit = PAGE_MS},
               {.title = "p99 of TTFT", AXIS, .y = 7, .low = 8, .y_unit = PAGE_MS},
               {.title = "Mean TPOT", AXIS, .y = 10, .low = 11, .y_unit = PAGE_MS},
               {.title = "Output tokens/s per GPU", AXIS, .y = 13, .low = 14},
               {.title = "Requests per second", AXIS, .y = 16, .low = 17},
               {.title = "Share that met its objectives", AXIS, .y = 19, .low = 20, .y_unit = PAGE_SHARE}}},

    {"Results", "Memory and agents against what was varied", "Likewise: prompt tokens found in caches, and agents' "
     "tasks.",
     NO_AXIS " UNION ALL SELECT 'no run has a cache or agents' WHERE NOT EXISTS (SELECT 1 FROM metric WHERE name IN "
     "('prefix_hit_rate', 'mean_task_ms') AND value > 0)",
     "there are no results",
     POINTS "\nSELECT part, others, parameter, "
     "x,\n" OF("prefix_hit_rate") ",\n" OF("mean_task_ms") ",\n" OF("task_slowdown") "\n"
     "FROM point JOIN v_point USING (param_set) WHERE class IS NULL GROUP BY param_set ORDER BY min(param_set) OVER "
     "(PARTITION BY others), x",
     .kind = FIGURE_LINES, .panel = 0, .series = 1,
     .plots = {{.title = "Share of prompt tokens from caches", AXIS, .y = 4, .low = 5, .y_unit = PAGE_SHARE},
               {.title = "Mean time of a task", AXIS, .y = 7, .low = 8, .y_unit = PAGE_MS},
               {.title = "Task's time over an idle machine's", AXIS, .y = 10, .low = 11}}},

    {"Results", "Cost against what was varied", "Likewise, in US$.",
     NO_AXIS " UNION ALL " NO_METRIC("cost_usd", "the scenarios have no [prices]"), "there are no results",
     POINTS "\nSELECT part, others, parameter, x,\n" OF("usd_per_m_output") ",\n" OF("usd_per_m_input") ",\n"
     OF("usd_per_request") ",\n" OF("usd_per_task") "\n"
     "FROM point JOIN v_point USING (param_set) WHERE class IS NULL GROUP BY param_set ORDER BY min(param_set) OVER "
     "(PARTITION BY others), x",
     .kind = FIGURE_LINES, .panel = 0, .series = 1,
     .plots = {{.title = "US$ per million output tokens", AXIS, .y = 4, .low = 5},
               {.title = "US$ per million input tokens", AXIS, .y = 7, .low = 8},
               {.title = "US$ per request", AXIS, .y = 10, .low = 11},
               {.title = "US$ per task", AXIS, .y = 13, .low = 14}}},

    {"Results", "Output per GPU by point", "Means over repetitions of output tokens per second and GPU, and their "
     "95 % intervals.",
     NO_METRIC("output_throughput_per_gpu", "there are no results"), "there are no results",
     "SELECT CASE params WHEN '' THEN 'all' ELSE params END AS point, mean, ci95_low, ci95_high, sd, n FROM v_point "
     "WHERE class IS NULL AND name = 'output_throughput_per_gpu'\n"
     "ORDER BY mean DESC",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "tok/s", .n_parts = 1, .interval = 2},

    {"Results", "Cost of output by point", "Means over repetitions of US$ per million output tokens, and their 95 % "
     "intervals.",
     NO_METRIC("usd_per_m_output", "the scenarios have no [prices]"), "the scenarios have no [prices]",
     "SELECT CASE params WHEN '' THEN 'all' ELSE params END AS point, mean, ci95_low, ci95_high, sd, n FROM v_point "
     "WHERE class IS NULL AND name = 'usd_per_m_output'\n"
     "ORDER BY mean",
     .kind = FIGURE_BARS, .panel = FIGURE_NONE, .series = FIGURE_NONE, .unit = "US$", .n_parts = 1, .interval = 2},

    {"Fronts", "What a user gets against what a GPU gives", "A dot a parameter set: tokens per second that a user "
     "sees (1 / mean TPOT), and output tokens per second of a GPU, "
     "with its 95 % interval. No point is better in both than one of the front.",
     NO_METRIC("output_throughput_per_gpu", "there are no results"), "no run has a TPOT",
     FRONT("output_throughput_per_gpu", "1"),
     .kind = FIGURE_DOTS, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "Output tokens/s per GPU", .x_title = "tokens/s of a "
     "user", .x = 1, .y = 2, .n_y = 1, .low = 3, .name = 5, .front = true}}},

    {"Fronts", "What a user gets against what it costs", "Likewise with US$ per million output tokens: the front is "
     "below.",
     NO_METRIC("usd_per_m_output", "the scenarios have no [prices]"), "no run has a TPOT",
     FRONT("usd_per_m_output", "-1"),
     .kind = FIGURE_DOTS, .panel = FIGURE_NONE, .series = 0,
     .plots = {{.title = "US$ per million output tokens", .x_title = "tokens/s of a "
     "user", .x = 1, .y = 2, .n_y = 1, .low = 3, .name = 5, .front = true}}},

    {"Points", "All points", "Means over n repetitions \xc2\xb1 half the width of their 95 % intervals; v_point has "
     "every metric, and classes.",
     NULL, "there are no results",
     "SELECT params AS point, max(n) AS n, " PM("request_throughput") ",\n       " PM("output_throughput") ",\n     "
     "  " PM("mean_ttft_ms") ",\n       "
     PM("p99_ttft_ms") ",\n       " PM("mean_tpot_ms") ",\n       " PM("mean_e2el_ms") ",\n       "
     "" PM("slo_attainment") ",\n       "
     PM("usd_per_m_output") ",\n       " PM("usd_per_m_input") "\n"
     "FROM v_point WHERE class IS NULL GROUP BY param_set ORDER BY param_set",
     .kind = FIGURE_TABLE, .panel = FIGURE_NONE, .series = FIGURE_NONE},

    {0},
};
