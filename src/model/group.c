#include "config.h"

#include "model/group.h"

#include "base/bug.h"

int64_t group_lockstep_ns(struct group *g)
{
    const struct replica_env *env = g->member->env;
    int64_t decode = 0, prefill = 0, longest = 0;

    for (int64_t i = 0; i < g->n; i++)
        if (g->member[i].stepping) {
            decode += g->member[i].cost.n_decode;
            prefill += g->member[i].cost.prefill_tokens;
        }
    for (int64_t i = 0; i < g->n; i++) {
        struct replica *r = &g->member[i];
        if (!r->stepping)
            continue;
        r->cost.other_decode = decode - r->cost.n_decode;
        r->cost.other_prefill = prefill - r->cost.prefill_tokens;
        r->own_ns = env->cost->step_ns(env->cost_state, &r->cost);
        longest = r->own_ns > longest ? r->own_ns : longest;
    }
    return longest;
}

int64_t group_pass(struct group *g, struct replica *r, int64_t alone_ns, int64_t now_ns)
{
    int64_t stage_ns = alone_ns / g->n + (alone_ns % g->n > 0), last_ns = g->free_ns[g->n - 1], at_ns = now_ns;

    if (__builtin_mul_overflow(stage_ns, g->n, &r->own_ns) ||
        r->own_ns >= INT64_MAX - (last_ns > now_ns ? last_ns : now_ns)) /* no stage is free after the last */
        return -1;
    for (int64_t s = 0; s < g->n; s++) {
        at_ns = (at_ns > g->free_ns[s] ? at_ns : g->free_ns[s]) + stage_ns;
        g->free_ns[s] = at_ns;
    }
    return at_ns;
}

void group_count(struct group *g, const struct replica *r)
{
    const struct ev_step *s = &r->now;

    sim_assert(s->t_end_ns >= g->until_ns && r->own_ns <= s->t_end_ns - s->t_start_ns);
    g->busy_ns += s->t_end_ns - (s->t_start_ns > g->until_ns ? s->t_start_ns : g->until_ns);
    g->until_ns = s->t_end_ns;
    g->own_ns += r->own_ns;
    *trace_put_member_step(r->env->trace) = (struct ev_member_step){
        .replica = r->id, .t_start_ns = s->t_start_ns, .t_end_ns = s->t_end_ns, .own_ns = r->own_ns};
}
