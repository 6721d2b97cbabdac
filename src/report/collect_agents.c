#include "report/collect_agents.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "report/series.h"

enum { RETRY, QUEUE, RESTORE, PREFILL, HANDOFF, DECODE, TOOL, PARTS };
static const char *const part_names[PARTS] = {
    [RETRY] = "task_share/retry",     [QUEUE] = "task_share/queue",     [RESTORE] = "task_share/restore",
    [PREFILL] = "task_share/prefill", [HANDOFF] = "task_share/handoff", [DECODE] = "task_share/decode",
    [TOOL] = "task_share/tool"};

struct agent_tally {
    int64_t warmup_ns;
    int64_t answered, failed, with_deadline, in_time, steps;
    struct series time;
    unsigned __int128 part_ns[PARTS], alone_ns, time_ns;
};

struct agent_tally *agent_tally_new(int64_t warmup_ns, struct value_pool *pool)
{
    struct agent_tally *t = mem_zalloc(1, sizeof *t);

    t->warmup_ns = warmup_ns;
    series_init(&t->time, pool);
    return t;
}

void agent_tally_free(struct agent_tally *t)
{
    if (t)
        series_free(&t->time);
    free(t);
}

static void count(struct agent_tally *t, const struct ev_agent_task *k)
{
    const int64_t parts[PARTS] = {k->path_retry_ns,   k->path_queue_ns,  k->path_restore_ns, k->path_prefill_ns,
                                  k->path_handoff_ns, k->path_decode_ns, k->path_tool_ns};
    int64_t time_ns = k->t_end_ns - k->t_start_ns;

    t->with_deadline += k->deadline_ns >= 0;
    t->in_time += k->answered && k->deadline_ns >= 0 && time_ns <= k->deadline_ns;
    if (!k->answered) {
        t->failed++;
        return;
    }
    t->answered++;
    t->steps += k->steps;
    series_add(&t->time, (double)time_ns);
    t->time_ns += (uint64_t)time_ns;
    t->alone_ns += (uint64_t)(k->path_alone_ns + k->path_tool_ns);
    for (int i = 0; i < PARTS; i++)
        t->part_ns[i] += (uint64_t)parts[i];
}

void agent_tally_consume(struct agent_tally *t, const struct trace_unit *u)
{
    const struct ev_agent_task *task = (const struct ev_agent_task *)u->rec[EV_AGENT_TASK];

    for (uint32_t i = 0; i < u->n[EV_AGENT_TASK]; i++)
        if (task[i].t_start_ns >= t->warmup_ns)
            count(t, &task[i]);
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

int agent_tally_metrics(struct agent_tally *t, agent_give *give, void *ctx, struct err *e)
{
    static const double p[] = {0.5, 0.9, 0.99};
    double n = (double)t->answered, all_ns = (double)t->time_ns, at_p_ns[3];

    if (t->answered + t->failed == 0)
        return 0;
    if (series_quantiles(&t->time, p, 3, at_p_ns, e))
        return -1;
    give(ctx, "agent_tasks", n, "tasks", false);
    give(ctx, "agent_tasks_failed", (double)t->failed, "tasks", false);
    give(ctx, "agent_attainment", share((double)t->in_time, (double)t->with_deadline), "", false);
    give(ctx, "mean_task_ms", series_mean(&t->time) / 1e6, "ms", false);
    give(ctx, "median_task_ms", at_p_ns[0] / 1e6, "ms", !t->time.exact);
    give(ctx, "p90_task_ms", at_p_ns[1] / 1e6, "ms", !t->time.exact);
    give(ctx, "p99_task_ms", at_p_ns[2] / 1e6, "ms", !t->time.exact);
    give(ctx, "mean_task_steps", share((double)t->steps, n), "steps", false);
    give(ctx, "task_slowdown", share(all_ns, (double)t->alone_ns), "", false);
    for (int i = 0; i < PARTS; i++)
        give(ctx, part_names[i], share((double)t->part_ns[i], all_ns), "", false);
    return 0;
}
