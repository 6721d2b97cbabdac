/*
 * world_route.c - the world's part between an arrival and a replica's queue: routers and front ends (world.h).
 */
#include "config.h"

#include <inttypes.h>

#include "model/group.h"
#include "model/sight.h"
#include "model/world_state.h"

/* ---- the front end ---- */

static void enqueue(struct world *w, struct replica *r, uint32_t slot)
{
    replica_enqueue(r, slot);
    if (w->kv && r->down == 0)
        kv_arrived(w->kv, r, slot, sim_now(w->sim));
    world_wake(w, r);
}

/* A request was routed to r. */
static void enter_front(struct world *w, struct replica *r, uint32_t slot)
{
    const struct engine_options *e = &world_fleet(w, r->id)->sc->layout.engine;
    int64_t now = sim_now(w->sim), service;

    if (e->request_latency_ns == 0 && e->request_service_ns == 0 && e->token_service_ns == 0) {
        enqueue(w, r, slot);
        return;
    }
    w->pool.at[slot].phase = PHASE_FRONT;
    r->n_front++;
    int64_t *free_ns = r->group ? &r->group->member->front_free_ns : &r->front_free_ns, t_queue_ns;
    if (*free_ns < now)
        *free_ns = now;
    if (__builtin_mul_overflow(w->pool.at[slot].input_tokens, e->token_service_ns, &service) ||
        __builtin_add_overflow(service, e->request_service_ns, &service) ||
        __builtin_add_overflow(*free_ns, service, free_ns) ||
        __builtin_add_overflow(*free_ns, e->request_latency_ns, &t_queue_ns)) {
        err_set(&w->err, EXIT_CODE_FAILED,
                "the front end of replica %" PRId64 " would serve a request that arrived at %.9f s after the clock "
                "ends, at %.4g s (look at request_service and token_service of [engine], and at the rate)",
                r->id, (double)w->pool.at[slot].t_arrive_ns * 1e-9, (double)INT64_MAX * 1e-9);
        sim_request_stop(w->sim);
        return;
    }
    w->pool.at[slot].front_event = sim_schedule(w->sim, t_queue_ns, CLASS_ARRIVAL, EVENT_QUEUED, slot);
}

void world_on_queued(struct world *w, uint32_t slot)
{
    struct replica *r = &w->replicas[w->pool.at[slot].replica];

    sim_assert(w->pool.at[slot].phase == PHASE_FRONT);
    r->n_front--;
    enqueue(w, r, slot);
}

/* ---- routing ---- */

/* A router that does not look at who is up is asked until it names one. */
static int64_t choose(struct world *w, struct fleet *f, const struct request *q)
{
    int64_t chosen;

    if (f->loads.n_up == 0)
        return ROUTER_HOLD;
    do {
        sight_ask(f, q, sim_now(w->sim));
        chosen = f->sc->router->route(f->sc->router_options, f->router_state, loads_view(&f->loads), &f->router_rng);
    } while (chosen != ROUTER_HOLD && !f->loads.up[chosen]);
    sim_assert(chosen == ROUTER_HOLD || (chosen >= 0 && chosen < f->n));
    return chosen;
}

/* One whose prompt another replica has computed. */
static void take_over(struct world *w, struct replica *r, uint32_t slot)
{
    replica_enqueue(r, slot);
    kv_take_over(w->kv, r, slot, sim_now(w->sim));
    world_wake(w, r);
}

static void send_to(struct world *w, struct fleet *f, uint32_t slot, int64_t chosen)
{
    struct request *q = &w->pool.at[slot];
    struct replica *r = &w->replicas[f->first + chosen];

    *trace_put_route(w->trace) = (struct ev_route){
        .request = q->id, .t_ns = sim_now(w->sim), .replica = r->id, .outstanding = f->loads.requests[chosen]};
    sight_sent(f, q, chosen);
    q->replica = r->id;
    pool_touch(&w->pool, slot);
    if (kv_is_away(q))
        take_over(w, r, slot);
    else
        enter_front(w, r, slot);
    world_add_load(w, r, 1, q->input_tokens + q->generated);
    world_update_room(w, r);
}

/* ---- the central queue ---- */

static void hold(struct world *w, struct fleet *f, uint32_t slot)
{
    list_push_back(&w->pool, &f->held, LINK_QUEUE, slot);
    queue_place(&f->queue, &w->pool, &f->held, slot, 0);
    w->pool.at[slot].held = 1 + (int)(f - w->fleet);
}

void world_unhold(struct world *w, uint32_t slot)
{
    struct fleet *f = &w->fleet[w->pool.at[slot].held - 1];

    queue_take(&f->queue, &w->pool, &f->held, slot);
    w->pool.at[slot].held = 0;
}

void world_route_held(struct world *w, struct fleet *f)
{
    while (f->held.n > 0) {
        uint32_t slot = f->held.head;
        int64_t chosen = choose(w, f, &w->pool.at[slot]);
        if (chosen == ROUTER_HOLD)
            return;
        world_unhold(w, slot);
        send_to(w, f, slot, chosen);
    }
}

static void route_to(struct world *w, struct fleet *f, uint32_t slot)
{
    int64_t chosen = f->held.n == 0 ? choose(w, f, &w->pool.at[slot]) : ROUTER_HOLD;

    if (chosen == ROUTER_HOLD)
        hold(w, f, slot);
    else
        send_to(w, f, slot, chosen);
}

/* Whether so little of its prompt is to be computed that it is done where it is answered. */
static bool is_local(struct world *w, uint32_t slot)
{
    int64_t least = w->sc->handoff.local_tokens, replica, tokens, blocks;
    struct fleet *f = &w->fleet[w->n_fleets - 1];
    const struct request *q = &w->pool.at[slot];

    if (w->n_fleets == 1 || least == 0)
        return false;
    if (q->input_tokens <= least)
        return true;
    if ((replica = choose(w, f, q)) == ROUTER_HOLD)
        return false;
    kv_peek(w->kv, &w->replicas[f->first + replica], q, &tokens, &blocks);
    return q->input_tokens - tokens <= least;
}

void world_route(struct world *w, uint32_t slot)
{
    route_to(w, is_local(w, slot) ? &w->fleet[w->n_fleets - 1] : &w->fleet[0], slot);
}

/* ---- from prefill to decode ---- */

static void send_early(struct world *w, const struct replica *r, const struct sched_chunk *c, int64_t n)
{
    struct fleet *f = &w->fleet[w->n_fleets - 1];
    int64_t replica;

    for (int64_t i = 0; i < n; i++) {
        const struct request *q = &w->pool.at[c[i].seq];
        if (c[i].tokens < request_prompt_left(q) || q->output_tokens == 1 ||
            kv_store_early(w->kv, r, c[i].seq, sim_now(w->sim)))
            continue;
        if (f->held.n == 0 && (replica = choose(w, f, q)) != ROUTER_HOLD)
            kv_send_early(w->kv, &w->replicas[f->first + replica], c[i].seq, r->id, sim_now(w->sim));
    }
}

void world_send_early(struct world *w, const struct replica *r)
{
    if (!r->env->hands_over || !w->sc->handoff.overlap)
        return;
    send_early(w, r, r->plan.chunk, r->plan.n_chunk);
    send_early(w, r, r->plan.admit, r->plan.n_admit);
}

void world_hand_over(struct world *w, struct replica *r)
{
    struct fleet *f = &w->fleet[w->n_fleets - 1];

    for (int64_t i = 0; i < r->n_handed; i++) {
        uint32_t slot = r->handed[i];
        struct request *q = &w->pool.at[slot];
        world_add_load(w, r, -1, -(q->input_tokens + batch_generated(&r->batch, q)));
        kv_hand_over(w->kv, r, slot, sim_now(w->sim));
        if (q->to >= 0)
            send_to(w, f, slot, q->to - f->first);
        else
            route_to(w, f, slot);
    }
}
