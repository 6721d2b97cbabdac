/*
 * world_adapt.c - the split of HBM between routed experts and KV cache, moved to where it was missed more.
 *
 * Each `adapt` the time that steps waited for absent experts is compared with the time that requests waited for KV from
 * lower tiers or must compute again what preemption dropped. A fiftieth of the experts' bytes goes to the side that
 * lost more: a hill climber on one number, without a model of what the next share would cost. Experts never get more
 * than hot_share, so that the KV cache always has what the scenario's checks counted on.
 * The bytes that an expert needs to come back into HBM are those of its next use (expert.h).
 */
#include "config.h"

#include "model/world_state.h"

#define STEP_SHARE 0.02

struct adapt {
    double share;
    int64_t expert_ns, kv_ns; /* as of the latest move */
};

/* KV blocks of HBM that so large a share of the experts is worth. */
static int64_t blocks_of_share(const struct world *w, double share)
{
    struct layout l = w->fleet[0].sc->layout;
    int64_t before = cost_hbm_blocks(&l);

    l.lower.cold_experts += share;
    return cost_hbm_blocks(&l) - before;
}

static void to_kv(struct world *w, struct replica *r, struct adapt *a)
{
    double share = a->share - STEP_SHARE;

    if (share < 0)
        return;
    a->share = share;
    offload_resize(w->offload, r->id, share);
    r->batch.total_blocks = w->fleet[0].total_blocks + blocks_of_share(w, w->sc->memory.experts.hot_share - share);
    kv_resize(w->kv, r);
}

static void to_experts(struct world *w, struct replica *r, struct adapt *a)
{
    double most = w->sc->memory.experts.hot_share, share = a->share + STEP_SHARE;

    share = share < most ? share : most;
    int64_t blocks = w->fleet[0].total_blocks + blocks_of_share(w, most - share);
    if (share <= a->share || kv_free_blocks(w->kv, r) < r->batch.total_blocks - blocks)
        return; /* the sequences that run need it */
    a->share = share;
    r->batch.total_blocks = blocks;
    kv_resize(w->kv, r);
    kv_make_room(w->kv, r, sim_now(w->sim));
    offload_resize(w->offload, r->id, share);
}

void world_on_adapt(struct world *w, uint32_t unused)
{
    (void)unused;
    for (int64_t i = 0; i < w->memory.replicas; i++) {
        struct replica *r = &w->replicas[i];
        struct adapt *a = &w->adapt[i];
        int64_t expert_ns = r->counts.expert_wait_ns - a->expert_ns, kv_ns = r->counts.kv_wait_ns - a->kv_ns;
        a->expert_ns = r->counts.expert_wait_ns;
        a->kv_ns = r->counts.kv_wait_ns;
        if (kv_ns > expert_ns)
            to_kv(w, r, a);
        else if (expert_ns > kv_ns)
            to_experts(w, r, a);
    }
    world_again(w, EVENT_ADAPT, w->sc->memory.experts.adapt_ns, 0);
}

void world_adapt_init(struct world *w)
{
    int64_t every = w->sc->memory.experts.adapt_ns;

    if (w->sc->memory.experts.tier_at < 0 || every == 0)
        return;
    w->adapt = mem_zalloc((size_t)w->memory.replicas, sizeof *w->adapt);
    for (int64_t i = 0; i < w->memory.replicas; i++)
        w->adapt[i].share = w->sc->memory.experts.hot_share;
    sim_schedule(w->sim, every, CLASS_COMPLETION, EVENT_ADAPT, 0);
    w->background++;
}
