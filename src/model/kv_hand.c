/*
 * kv_hand.c - KV of a prompt on its way from the replica that computed it (`from`) to the one that answers (`to`).
 *
 *   at `from`   its last part is computed --overlap, and `to` has room--> room is set aside, the transfer starts
 *               its prompt is done: it leaves, its blocks stay (batch.handed)
 *   at `to`     waiting --room set aside--> has its blocks; else the transfer starts when it has room, in order
 *               --all has come--> `from` frees its blocks, and it may be admitted: its next token is a decode
 *
 * What the prefix cache of `to` has of the prompt is pinned instead of sent. One copy of the KV goes, whatever tp
 * replicates; with bounded state (windows, linear layers) the state goes along.
 * With overlap, layers leave as the last part of the prompt is computed: the transfer shares the time of that step, and
 * all of it may arrive before the step ends; the KV of earlier parts counts as sent with it.
 * Via a tier ([handoff] via), the prompt's KV is written out to it in the same way; when all is there, `from` frees its
 * blocks, and `to` reads it when it has room, from the tier itself where it reaches the same unit, else over both
 * nodes' ports. Where the tier has no room for it, it goes from HBM to HBM.
 *
 * Not modelled: that the last layer's KV cannot leave before the step's end; blocks of `from` freed as they leave.
 */
#include "config.h"

#include "model/kv_state.h"

/* Of its prompt, in KV blocks of `to`: those its cache has (*shared), and those to set aside. */
static int64_t needs(const struct kv *kv, const struct replica *to, const struct request *q, int64_t *cached,
                     int64_t *shared)
{
    *cached = kv_match_hbm(kv, to, q);
    *shared = kv_usable(kv, q, *cached) / kv->kv_block;
    return batch_blocks_of(&to->batch, q->input_tokens) - *shared;
}

bool kv_is_away(const struct request *q)
{
    return q->from >= 0 || q->stored > 0;
}

static void start(struct kv *kv, const struct memory_path *p, uint32_t slot, int64_t replica, int64_t tokens,
                  struct kv_cargo what)
{
    const struct request *q = &kv->requests->at[slot];
    int32_t i = kv_take_cargo(kv);
    struct move_job job = {.kind = MOVE_HANDOFF, .owner = q->id, .replica = replica, .tag = i};
    double bytes = (double)kv_bytes(kv, tokens) + kv->state_bytes;

    what.victim.node = -1;
    what.pin = -1;
    what.slot = slot;
    what.request = q->id;
    kv->cargo[i] = what;
    memory_transfer(kv->memory, p, (int64_t)bytes, 0, LEVEL_WAITED_FOR, &job);
    move_start(kv->memory->mover, &job);
}

/* To `to`, from where it is. */
static void send(struct kv *kv, const struct replica *to, uint32_t slot, int64_t from, int64_t shared)
{
    const struct request *q = &kv->requests->at[slot];
    int64_t tokens = q->input_tokens - shared * kv->kv_block;
    int via = (int)kv->sc->handoff.via_at;
    struct memory_path p;

    if (q->stored > 0) {
        memory_handoff_from(kv->memory, via, q->prefill_replica, to->id, &p);
        start(kv, &p, slot, to->id, tokens,
              (struct kv_cargo){.tier = via, .unit = (int32_t)q->stored_unit, .up = true});
    } else {
        memory_handoff(kv->memory, from, to->id, &p);
        start(kv, &p, slot, to->id, tokens, (struct kv_cargo){.tier = MEMORY_HBM, .unit = (int32_t)from, .up = true});
    }
}

bool kv_store_early(struct kv *kv, const struct replica *from, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int via = (int)kv->sc->handoff.via_at;
    int64_t blocks = kv_swap_blocks(kv, q->input_tokens), unit = via >= 0 ? memory_unit(kv->memory, via, from->id) : 0;
    struct memory_path p;

    if (via < 0 || !kv_tier_room(kv, via, from->id, blocks, now_ns))
        return false;
    kv->room[via][unit] -= blocks;
    q->stored = blocks;
    q->stored_unit = unit;
    memory_path(kv->memory, from->id, via, MEMORY_DOWN, &p);
    start(kv, &p, slot, from->id, q->input_tokens, (struct kv_cargo){.tier = via, .unit = (int32_t)unit});
    return true;
}

bool kv_send_early(struct kv *kv, struct replica *to, uint32_t slot, int64_t from, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int64_t cached, shared, blocks = needs(kv, to, q, &cached, &shared);

    if (blocks + kv_unpinned(kv, to, q, cached) > kv_spare_blocks(kv, to))
        return false;
    q->to = to->id;
    q->to_blocks = blocks;
    q->to_shared = shared;
    q->to_pin = cached > 0 ? prefix_pin(kv->prefix, q->chain, cached, kv->hbm[to->id]) : -1;
    batch_reserve(&to->batch, blocks);
    kv_make_room(kv, to, now_ns);
    send(kv, to, slot, from, shared);
    return true;
}

/* `from` may forget it. */
static void release(struct kv *kv, struct request *q)
{
    batch_release(&kv->replicas[q->from].batch, q->from_blocks);
    if (q->from_pin >= 0)
        prefix_unpin(kv->prefix, q->from_pin);
    q->from = q->from_pin = -1;
    q->from_blocks = 0;
}

void kv_hand_over(struct kv *kv, struct replica *from, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];

    from->counts.dropped_tokens += batch_computed(&from->batch, q);
    q->from = q->prefill_replica = from->id;
    q->from_pin = q->pin;
    q->pin = -1;
    q->from_blocks = batch_hand_over(&from->batch, slot);
    q->t_handed_ns = now_ns;
    q->considered = q->looked = false;
    if (q->to < 0 && q->stored == 0)
        kv_store_early(kv, from, slot, now_ns);
    else if (q->stored > 0 && q->sent)
        release(kv, q);
}

/* The waiting request has its blocks, whatever has come of their content. */
static void give(struct kv *kv, struct replica *to, uint32_t slot, int64_t shared)
{
    struct request *q = &kv->requests->at[slot];

    batch_give_kv(&to->batch, slot, q->input_tokens, shared);
    to->counts.cached_tokens += q->input_tokens;
    kv_count_cached(kv, to);
}

void kv_take_over(struct kv *kv, struct replica *to, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];

    if (q->to < 0)
        return;
    sim_assert(q->to == to->id);
    batch_reserve(&to->batch, -q->to_blocks);
    q->pin = q->to_pin;
    q->to = q->to_pin = -1;
    q->to_blocks = 0;
    give(kv, to, slot, q->to_shared);
    if (q->sent) {
        release(kv, q);
        kv_restored(kv, to, slot, now_ns);
        return;
    }
    q->loads = 1;
    to->n_loading++;
}

bool kv_consider_handed(struct kv *kv, struct replica *r, uint32_t slot, int64_t now_ns)
{
    struct request *q = &kv->requests->at[slot];
    int64_t cached, shared, blocks = needs(kv, r, q, &cached, &shared);

    if (q->stored > 0 && !q->sent)
        return false; /* still on its way to the tier */
    if (blocks + kv_unpinned(kv, r, q, cached) > kv_spare_blocks(kv, r))
        return false;
    if (cached > 0) {
        q->pin = prefix_pin(kv->prefix, q->chain, cached, kv->hbm[r->id]);
        prefix_use(kv->prefix, q->chain, cached, kv->hbm[r->id], now_ns);
    }
    give(kv, r, slot, shared);
    send(kv, r, slot, q->from, shared);
    q->loads = 1;
    r->n_loading++;
    return true;
}

/* In the tier that it goes via. */
static int64_t stored(struct kv *kv, struct request *q)
{
    q->sent = true;
    if (q->from < 0)
        return -1; /* its prompt is not done */
    release(kv, q);
    return q->replica;
}

int64_t kv_handed_done(struct kv *kv, const struct kv_cargo *c, int64_t now_ns)
{
    struct request *q = &kv->requests->at[c->slot];

    sim_assert(q->id == c->request);
    if (!c->up)
        return stored(kv, q);
    if (q->to >= 0) { /* its prompt is not done */
        q->sent = true;
        return -1;
    }
    struct replica *r = &kv->replicas[q->replica];
    q->loads = 0;
    r->n_loading--;
    if (q->stored > 0) {
        kv->room[c->tier][c->unit] += q->stored;
        q->stored = 0;
    } else {
        release(kv, q);
    }
    kv_restored(kv, r, c->slot, now_ns);
    return r->id;
}

bool kv_sets_out(const struct request *q)
{
    return (q->to >= 0 || q->stored > 0) && !q->sent;
}

void kv_handed_lost(struct kv *kv, const struct kv_cargo *c)
{
    struct request *q = &kv->requests->at[c->slot];

    if (q->loads == 0)
        return; /* it has not come to where it is answered */
    q->loads = 0;
    kv->replicas[q->replica].n_loading--;
}

void kv_cancel_handoff(struct kv *kv, struct request *q)
{
    if (q->to >= 0) {
        batch_reserve(&kv->replicas[q->to].batch, -q->to_blocks);
        if (q->to_pin >= 0)
            prefix_unpin(kv->prefix, q->to_pin);
        q->to = q->to_pin = -1;
        q->to_blocks = 0;
    }
    if (q->stored > 0) {
        kv->room[kv->sc->handoff.via_at][q->stored_unit] += q->stored;
        q->stored = 0;
    }
    if (q->from >= 0)
        release(kv, q);
    q->sent = false;
}

/* Whose HBM has room again when it is done. */
int64_t kv_job_source(const struct kv *kv, const struct move_state *s)
{
    const struct kv_cargo *c = &kv->cargo[s->job.tag];

    return c->up ? c->unit : s->job.replica;
}
