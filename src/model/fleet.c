#include "config.h"

#include "model/fleet.h"

#include <stdlib.h>

static struct replica_env env_of(const struct fleet *f, int64_t index, struct trace *t, struct pool *requests)
{
    const struct scenario *sc = f->sc;
    const struct engine_options *e = &sc->layout.engine;
    int64_t ranks = layout_ranks(&sc->layout), dp = sc->layout.replica.dp;

    return (struct replica_env){
        .trace = t,
        .pool = requests,
        .limits = &f->limits,
        .scheduler = sc->scheduler,
        .scheduler_options = sc->scheduler_options,
        .layout = &sc->layout,
        .cost = sc->cost,
        .cost_state = f->cost_state,
        .knees = cost_knees(&sc->layout),
        .order = &f->order,
        .reserves = sc->memory.cache.preempt == PREEMPT_NONE,
        .looks_always =
            e->receive_interval < 2 && (ranks > 1 ? e->balance_timeout == 0 : e->batch_wait_timeout == 0),
        .receive_interval = e->receive_interval,
        .balance_timeout = ranks > 1 ? e->balance_timeout : 0,
        .ranks = ranks,
        .batch_wait_timeout = dp > 1 ? 0 : e->batch_wait_timeout,
        .batch_wait_tokens = (int64_t)(e->batch_wait_share * (double)f->limits.max_num_batched_tokens),
        .stream_interval = e->stream_interval,
        .hands_over = f->role == POOL_PREFILL,
        .keeps_cost = dp > ranks || sc->layout.replica.spec_tokens > 0 || requests->attributes,
        .attributes = requests->attributes,
        .which_pool = (int)index,
        .speculation = &f->speculation,
        .seed = (uint64_t)sc->run.seed,
        .replication = (uint64_t)sc->run.replication,
    };
}

void fleet_init(struct fleet *f, const struct pool_options *pool, int64_t index, int64_t first, struct trace *t,
                struct pool *requests)
{
    const struct scenario *sc = pool->as;
    int64_t ranks = layout_ranks(&sc->layout), members = layout_members(&sc->layout);

    *f = (struct fleet){.sc = sc,
                        .role = pool->role,
                        .first = first,
                        .n = sc->layout.replica.count * members,
                        .members = members,
                        .gpus = layout_gpus(&sc->layout) / members};
    f->cost_state = mem_zalloc(1, sc->cost->state_size);
    sc->cost->prepare(sc->cost_options, &sc->layout, f->cost_state);
    f->limits = sc->layout.limits;
    f->limits.max_num_seqs *= ranks;
    f->limits.max_num_batched_tokens *= ranks;
    f->limits.ranks = ranks;
    f->limits.drafts = sc->layout.replica.spec_tokens;
    f->speculation = speculation_of(&sc->layout.replica);
    queue_env_init(&f->order, sc, f->cost_state);
    f->env = env_of(f, index, t, requests);
    f->total_blocks = cost_member_blocks(&sc->layout);
    f->rank_blocks = cost_rank_blocks(&sc->layout);
    loads_init(&f->loads, f->n, sc->router->key);
    f->router_state = mem_zalloc(1, sc->router->state_size);
    rng_init(&f->router_rng, (uint64_t)sc->run.seed, (uint64_t)sc->run.replication, (uint64_t)index, RNG_ROUTER);
    list_init(&f->held);
    queue_init(&f->queue, sc->order->cost ? NULL : &f->order); /* service by tenant is counted by each replica */
}

void fleet_free(struct fleet *f)
{
    loads_free(&f->loads);
    queue_free(&f->queue);
    queue_env_free(&f->order);
    if (f->sc->cost->release)
        f->sc->cost->release(f->cost_state);
    free(f->cost_state);
    free(f->router_state);
}

int64_t fleet_rank_tokens(const struct fleet *f)
{
    return f->rank_blocks * f->sc->layout.replica.kv_block_tokens;
}
