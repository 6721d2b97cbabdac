#include "config.h"

#include "model/sight.h"

#include <stdlib.h>

#include "base/bug.h"
#include "model/affinity.h"
#include "model/holders.h"
#include "workload/workload.h"

struct sight {
    struct router_wants wants;
    struct affinity sessions;
    struct holders holders;
    struct sight_last { /* what was measured already */
        int64_t steps, cached_tokens;
    } * last;
};

/* ---- what the router calls ---- */

static bool next_holder(const struct router_view *v, struct router_holder *out)
{
    return holders_next(v->ctx, out);
}

static void look(const struct router_view *v, int64_t replica, struct router_holder *out)
{
    holders_look(v->ctx, replica, out);
}

/* ---- life ---- */

/* Of a prompt token, in a step full of them. */
static double full_token_ns(const struct fleet *f)
{
    const struct replica_env *e = &f->env;
    int64_t budget = f->limits.max_num_batched_tokens, context = f->sc->layout.model.max_context;
    int64_t tokens = budget < context ? budget : context;
    struct cost_step step = {0};

    cost_add_chunk(&step, &e->knees, 0, tokens, true);
    return (double)e->cost->step_ns(e->cost_state, &step) / (double)tokens;
}

struct sight *sight_new(struct fleet *f, struct kv *kv, int64_t (*now)(void *ctx), void *ctx)
{
    const struct router_ops *ops = f->sc->router;
    struct router_view *v = &f->loads.view;

    if (ops->wants == NULL)
        return NULL;
    struct sight *s = mem_zalloc(1, sizeof *s);
    ops->wants(f->sc->router_options, &s->wants);
    if (s->wants.sessions)
        affinity_init(&s->sessions);
    if (s->wants.prefixes) {
        holders_init(&s->holders, kv, f->first, f->n, s->wants.index_age_ns, now, ctx);
        v->ctx = &s->holders;
        v->next_holder = next_holder;
        v->look = look;
    }
    if (s->wants.measures) {
        s->last = mem_zalloc((size_t)f->n, sizeof *s->last);
        loads_measure(&f->loads, s->wants.window_ns, full_token_ns(f));
        v->kv_tokens = (double)(f->total_blocks * f->sc->layout.replica.kv_block_tokens);
        v->seats = f->limits.max_num_seqs;
    }
    return s;
}

void sight_free(struct sight *s)
{
    if (s == NULL)
        return;
    affinity_free(&s->sessions);
    holders_free(&s->holders);
    free(s->last);
    free(s);
}

/* ---- questions ---- */

void sight_ask(struct fleet *f, const struct request *q, int64_t now_ns)
{
    struct sight *s = f->sight;

    if (s == NULL)
        return;
    struct router_view *v = &f->loads.view;
    const struct class_options *c = &f->sc->classes[q->class_id];
    v->request = (struct router_request){
        .tokens = q->input_tokens + q->generated,
        .last = s->wants.sessions && q->session >= 0 ? affinity_get(&s->sessions, q->session) : -1,
        .waited_ns = now_ns - q->t_call_ns,
        .slo_ttft_ns = f->role == POOL_DECODE ? 0 : c->slo_ttft_ns,
        .slo_tpot_ns = c->slo_tpot_ns,
    };
    if (s->wants.prefixes)
        holders_ask(&s->holders, q, loads_view(&f->loads)->least, now_ns);
}

void sight_sent(struct fleet *f, const struct request *q, int64_t chosen)
{
    struct sight *s = f->sight;

    if (s == NULL || !s->wants.sessions || q->session < 0)
        return;
    if (q->session_slot == WORK_NO_SESSION)
        affinity_drop(&s->sessions, q->session);
    else
        affinity_set(&s->sessions, q->session, chosen);
}

void sight_forget(struct fleet *f, const struct request *q)
{
    if (f->sight && f->sight->wants.sessions && q->session >= 0)
        affinity_drop(&f->sight->sessions, q->session);
}

/* ---- measures ---- */

static int64_t prompt_left(const struct batch *b, int64_t outstanding)
{
    int64_t with_kv = b->ctx + b->n_decode + b->loading * b->block_tokens;

    for (uint32_t s = b->partial.head; s != SLOT_NONE; s = b->pool->at[s].next[LINK_PARTIAL])
        with_kv += b->pool->at[s].computed;
    return outstanding > with_kv ? outstanding - with_kv : 0;
}

void sight_measure(struct fleet *f, const struct replica *r)
{
    struct sight *s = f->sight;
    int64_t i = r->id - f->first;

    if (s == NULL || !s->wants.measures)
        return;
    const struct batch *b = &r->batch;
    struct sight_last *last = &s->last[i];
    if (r->counts.steps_ended > last->steps) {
        int64_t cached = r->counts.cached_tokens - last->cached_tokens, computed = r->now.prefill_tokens;
        loads_stepped(&f->loads, i, r->now.t_end_ns - r->now.t_start_ns, computed > 0 ? computed + cached : 0,
                      (int64_t)((double)r->now.gap_ns / f->speculation.expected));
        *last = (struct sight_last){r->counts.steps_ended, r->counts.cached_tokens};
    }
    int64_t left = prompt_left(b, f->loads.tokens[i]);
    int64_t used = f->env.kv ? kv_used_blocks(f->env.kv, r) : b->used;
    double blocks = (double)used + (double)((left + b->block_tokens - 1) / b->block_tokens);
    loads_set_work(&f->loads, i, left, blocks / (double)(b->total_blocks > 0 ? b->total_blocks : 1));
}
