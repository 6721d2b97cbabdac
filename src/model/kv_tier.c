#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "model/kv_state.h"

static const struct tier_options *tier_of(const struct kv *kv, int tier)
{
    return &kv->sc->memory.tier[tier];
}

static bool converts(const struct kv *kv, int tier)
{
    int dtype = tier_of(kv, tier)->kv_dtype;

    return dtype > 0 && dtype - 1 != kv->kv_dtype;
}

/* Of HBM's format in the tier's. */
static int64_t in_format_of(const struct kv *kv, int tier, double bytes)
{
    if (converts(kv, tier))
        bytes *= dtype_bytes(tier_of(kv, tier)->kv_dtype - 1) / dtype_bytes(kv->kv_dtype);
    return (int64_t)(bytes + 0.5);
}

int64_t kv_tier_bytes(const struct kv *kv, int tier, int64_t tokens)
{
    return in_format_of(kv, tier, (double)tokens * kv->kept_bytes);
}

/* Of a restore: the tokens, and the state of one checkpoint. */
int64_t kv_restored_bytes(const struct kv *kv, int tier, int64_t tokens)
{
    return in_format_of(kv, tier, (double)tokens * kv->token_bytes) + (int64_t)kv->state_bytes;
}

/* ---- cargo ---- */

int32_t kv_take_cargo(struct kv *kv)
{
    if (kv->free_cargo < 0) {
        int32_t n = kv->n_cargo ? 2 * kv->n_cargo : 64;
        kv->cargo = mem_realloc(kv->cargo, (size_t)n * sizeof *kv->cargo);
        for (int32_t i = n; i-- > kv->n_cargo;) {
            kv->cargo[i] = (struct kv_cargo){.unit = kv->free_cargo};
            kv->free_cargo = i;
        }
        kv->n_cargo = n;
    }
    int32_t i = kv->free_cargo;
    kv->free_cargo = kv->cargo[i].unit;
    kv->cargo[i] = (struct kv_cargo){.victim = {.node = -1}, .slot = SLOT_NONE, .request = -1, .pin = -1};
    return i;
}

static void unpin_cargo(struct kv *kv, int32_t i)
{
    if (kv->cargo[i].pin >= 0)
        prefix_unpin(kv->prefix, kv->cargo[i].pin);
    kv->cargo[i].pin = -1;
}

static void give_cargo(struct kv *kv, int32_t i)
{
    unpin_cargo(kv, i);
    free((void *)(uintptr_t)kv->cargo[i].chain.run);
    kv->cargo[i].chain = (struct chain){NULL, 0};
    kv->cargo[i].unit = kv->free_cargo;
    kv->free_cargo = i;
}

static struct chain copy_chain(struct chain c)
{
    struct block_run *run = mem_alloc((size_t)c.n_runs * sizeof *run);

    memcpy(run, c.run, (size_t)c.n_runs * sizeof *run);
    return (struct chain){run, c.n_runs};
}

/* ---- transfers ---- */

/* Conversion of what the tier keeps in another type, and the odd wait for a drive's garbage collection. */
static int64_t extra_ns(struct kv *kv, int tier, int64_t tokens)
{
    const struct tier_options *t = tier_of(kv, tier);
    double ns = converts(kv, tier) && t->convert_Bps > 0 ? (double)kv_bytes(kv, tokens) / t->convert_Bps * 1e9 : 0;

    if (t->gc_share > 0 && rng_u01(&kv->gc) < t->gc_share)
        ns += (double)t->gc_ns;
    return (int64_t)ns;
}

static void start(struct kv *kv, const struct memory_path *p, enum move_kind kind, int64_t tokens, int64_t replica,
                  int32_t cargo)
{
    struct kv_cargo *c = &kv->cargo[cargo];
    struct move_job job = {.kind = kind, .owner = c->request, .replica = replica, .tag = cargo};
    bool waited_for = kind == MOVE_RESTORE || (kind == MOVE_SWAP && c->up);

    memory_transfer(kv->memory, p,
                    c->up || kind == MOVE_SWAP ? kv_restored_bytes(kv, c->tier, tokens)
                                               : kv_tier_bytes(kv, c->tier, tokens),
                    extra_ns(kv, c->tier, tokens), waited_for ? LEVEL_WAITED_FOR : LEVEL_BACKGROUND, &job);
    move_start(kv->memory->mover, &job);
    if (kind != MOVE_WRITE)
        return;
    c->bytes = job.bytes;
    kv->writing[c->tier][c->unit] += c->bytes;
}

/* Between a replica's HBM and a tier it reaches. */
void kv_start_hbm(struct kv *kv, enum move_kind kind, int64_t replica, int32_t cargo, int64_t tokens)
{
    struct kv_cargo *c = &kv->cargo[cargo];
    struct memory_path p;

    c->unit = (int32_t)memory_unit(kv->memory, c->tier, replica);
    memory_path(kv->memory, replica, c->tier, c->up ? MEMORY_UP : MEMORY_DOWN, &p);
    start(kv, &p, kind, tokens, replica, cargo);
}

/* ---- down ---- */

static int64_t capacity(const struct kv *kv, int tier, int64_t unit)
{
    return memory_room(kv->memory, tier, unit) / kv_tier_bytes(kv, tier, kv->block_tokens);
}

bool kv_tier_room(struct kv *kv, int tier, int64_t replica, int64_t blocks, int64_t now_ns)
{
    int64_t unit = memory_unit(kv->memory, tier, replica), room = kv->room[tier][unit] - blocks, over;
    int64_t least = kv->sc->memory.cache.evict_tokens / kv->block_tokens;
    int32_t store = kv->store[tier][unit];

    while ((over = prefix_blocks(kv->prefix, store) - room) > 0) {
        struct prefix_victim v;
        if (room < 0 || !prefix_evict(kv->prefix, store, over > least ? over : least, &v))
            return false;
        kv_pass_down(kv, replica, tier, unit, &v, now_ns);
    }
    return true;
}

void kv_expire_tiers(struct kv *kv, int64_t replica, int64_t now_ns)
{
    struct prefix_victim v;

    for (int t = 0; t < kv->n_tiers; t++) {
        int64_t unit = memory_unit(kv->memory, t, replica);
        while (prefix_expire(kv->prefix, kv->store[t][unit], now_ns, &v))
            kv_pass_down(kv, replica, t, unit, &v, now_ns);
    }
}

static bool takes(const struct kv *kv, int tier, int64_t unit, int64_t uses, int64_t blocks)
{
    const struct tier_options *t = tier_of(kv, tier);

    return uses >= t->admit_uses && blocks * kv->block_tokens >= t->admit_tokens &&
           kv->writing[tier][unit] < t->write_buffer_bytes;
}

/* Whether a replica's HBM (tier -1), or a tier's unit that it uses, can write to a tier below. */
static bool can_pass(const struct kv *kv, int64_t replica, int from, int to)
{
    const struct memory *m = kv->memory;

    if (from < 0)
        return memory_reaches(m, replica, to);
    return memory_is_up(m, from, memory_unit(m, from, replica)) && memory_is_up(m, to, memory_unit(m, to, replica));
}

void kv_pass_down(struct kv *kv, int64_t replica, int tier, int64_t unit, const struct prefix_victim *v, int64_t now_ns)
{
    struct memory_path p;
    int to = -1;

    for (int t = tier + 1; t < kv->n_tiers && to < 0; t++) {
        int64_t at = memory_unit(kv->memory, t, replica);
        if (!can_pass(kv, replica, tier, t))
            continue;
        if (prefix_has_node(kv->prefix, v->node, kv->store[t][at]) ||
            prefix_has_node(kv->prefix, v->node, kv->coming[t][at]))
            break;
        if (tier_of(kv, t)->write == TIER_WRITE_BACK && takes(kv, t, at, v->uses, v->depth + v->run.n))
            to = t;
    }
    *trace_put_evict(kv->trace) = (struct ev_evict){
        .t_ns = now_ns,
        .tier = tier + 1,
        .unit = unit,
        .blocks = v->run.n,
        .bytes =
            tier < 0 ? kv_bytes(kv, v->run.n * kv->block_tokens) : kv_tier_bytes(kv, tier, v->run.n * kv->block_tokens),
        .t_put_ns = v->put_ns,
        .t_used_ns = v->used_ns,
        .uses = v->uses,
        .to_tier = to < 0 ? -1 : to + 1,
    };
    if (to < 0) {
        prefix_let_go(kv->prefix, v->node);
        return;
    }
    int32_t i = kv_take_cargo(kv);
    kv->cargo[i].victim = *v;
    kv->cargo[i].tier = to;
    kv->cargo[i].to = v->run.n;
    kv->cargo[i].from_replica = replica;
    prefix_put_node(kv->prefix, v->node, kv->coming[to][memory_unit(kv->memory, to, replica)], now_ns);
    if (tier < 0) {
        kv_start_hbm(kv, MOVE_WRITE, replica, i, v->run.n * kv->block_tokens);
        return;
    }
    kv->cargo[i].unit = (int32_t)memory_unit(kv->memory, to, replica);
    memory_between(kv->memory, tier, unit, to, kv->cargo[i].unit, &p);
    start(kv, &p, MOVE_WRITE, v->run.n * kv->block_tokens, -1, i);
}

/* The first of the chain's blocks that tier t should be given: before `from`, what no tier has. */
static int64_t unwritten(const struct kv *kv, int tier, int64_t replica, const struct request *q, int64_t from,
                         int64_t to)
{
    int32_t stores[2 * MEMORY_TIERS];
    int64_t hit[2 * MEMORY_TIERS];
    int n = 0;

    for (int i = 0; i < kv->n_tiers; i++) {
        int t = i == 0 ? tier : i <= tier ? i - 1 : i; /* its own stores first */
        int64_t unit = memory_unit(kv->memory, t, replica);
        stores[n++] = kv->store[t][unit];
        stores[n++] = kv->coming[t][unit];
    }
    int64_t own = prefix_match(kv->prefix, q->chain, to, stores, 2, hit);
    int64_t any = own < from ? prefix_match(kv->prefix, q->chain, from, stores, n, hit) : own;
    return any > own ? any : own;
}

void kv_write(struct kv *kv, struct replica *r, const struct request *q, int64_t from, int64_t to, enum tier_write when,
              int64_t now_ns)
{
    for (int t = 0; t < kv->n_tiers; t++) {
        int64_t unit = memory_unit(kv->memory, t, r->id);
        if (tier_of(kv, t)->write != (int)when || !takes(kv, t, unit, 1, to) || !memory_reaches(kv->memory, r->id, t))
            continue;
        int64_t begin = unwritten(kv, t, r->id, q, from, to);
        if (begin >= to)
            continue;
        int32_t i = kv_take_cargo(kv);
        kv->cargo[i].tier = t;
        kv->cargo[i].request = q->id;
        kv->cargo[i].chain = copy_chain(q->chain);
        kv->cargo[i].from = begin;
        kv->cargo[i].to = to;
        kv->cargo[i].from_replica = r->id;
        prefix_put(kv->prefix, q->chain, begin, to, kv->coming[t][unit], now_ns);
        kv_start_hbm(kv, MOVE_WRITE, r->id, i, (to - begin) * kv->block_tokens);
    }
}

/* It is not on its way any more. */
static void comes_no_more(struct kv *kv, const struct kv_cargo *c)
{
    int32_t coming = kv->coming[c->tier][c->unit];

    kv->writing[c->tier][c->unit] -= c->bytes;
    if (c->victim.node >= 0)
        prefix_remove_victim(kv->prefix, &c->victim, coming);
    else
        prefix_remove(kv->prefix, c->chain, c->from, c->to, coming);
}

static void land(struct kv *kv, struct kv_cargo *c, int64_t now_ns)
{
    bool fits = kv_tier_room(kv, c->tier, c->from_replica, c->to - c->from, now_ns);
    int32_t store = kv->store[c->tier][c->unit];

    comes_no_more(kv, c);

    if (c->victim.node >= 0) {
        if (fits)
            prefix_put_victim(kv->prefix, &c->victim, store, now_ns);
        prefix_let_go(kv->prefix, c->victim.node);
    } else if (fits) {
        prefix_put(kv->prefix, c->chain, c->from, c->to, store, now_ns);
    }
}

/* ---- the end of a transfer ---- */

void kv_tell_transfer(struct kv *kv, const struct move_state *s, const struct kv_cargo *c, int64_t delivered)
{
    *trace_put_transfer(kv->trace) = (struct ev_transfer){
        .kind = s->job.kind,
        .request = s->job.owner,
        .replica = s->job.replica,
        .tier = c->tier + 1,
        .unit = c->unit,
        .up = c->up,
        .bytes = s->job.bytes,
        .t_start_ns = s->t_start_ns,
        .t_end_ns = s->t_end_ns,
        .solo_ns = s->solo_ns,
        .waited_ns = (int64_t)s->waited_ns,
        .delivered = delivered,
    };
}

/* For a request. True: all of its transfers have come to their ends. */
static bool arrived(struct kv *kv, const struct kv_cargo *c, enum move_kind kind, struct replica *r, int64_t now_ns)
{
    struct request *q = &kv->requests->at[c->slot];
    bool waited = kv_loads(kv, q), swap = kind == MOVE_SWAP;

    sim_assert(q->id == c->request && q->loads > 0); /* requests end only with their KV */
    if (swap && c->up)
        kv_swapped_in(kv, q, c->unit);
    else if (!swap && tier_of(kv, c->tier)->exclusive)
        prefix_remove(kv->prefix, q->chain, c->from, c->to, kv->store[c->tier][c->unit]);
    if (--q->loads > 0)
        return false;
    r->n_loading -= waited;
    if (c->up) {
        q->restored_ns += now_ns - q->load_ns;
        r->counts.kv_wait_ns += now_ns - q->load_ns;
    }
    if (!swap)
        kv_restored(kv, r, c->slot, now_ns);
    return true;
}

int64_t kv_job_done(struct kv *kv, const struct move_state *s, int64_t now_ns)
{
    int32_t at = (int32_t)s->job.tag;
    struct kv_cargo c = kv->cargo[at];
    int64_t wakes = -1;

    kv_tell_transfer(kv, s, &c, s->job.bytes);
    unpin_cargo(kv, at);
    if (s->job.kind == MOVE_WRITE)
        land(kv, &c, now_ns);
    else if (s->job.kind == MOVE_HANDOFF)
        wakes = kv_handed_done(kv, &c, now_ns);
    else if (arrived(kv, &c, s->job.kind, &kv->replicas[s->job.replica], now_ns))
        wakes = s->job.replica;
    give_cargo(kv, at);
    return wakes;
}

/* ---- faults ---- */

uint32_t kv_job_lost(struct kv *kv, const struct move_state *s, int64_t delivered, int64_t now_ns)
{
    int32_t at = (int32_t)s->job.tag;
    struct kv_cargo c = kv->cargo[at];

    kv_tell_transfer(kv, s, &c, delivered);
    if (s->job.kind == MOVE_WRITE)
        comes_no_more(kv, &c);
    if (c.victim.node >= 0)
        prefix_let_go(kv->prefix, c.victim.node);
    give_cargo(kv, at);
    if (c.slot == SLOT_NONE)
        return SLOT_NONE;
    if (s->job.kind == MOVE_HANDOFF) {
        kv_handed_lost(kv, &c);
        return c.slot;
    }
    struct request *q = &kv->requests->at[c.slot];
    bool waited = kv_loads(kv, q);
    sim_assert(q->id == c.request && q->loads > 0);
    if (--q->loads == 0) {
        kv->replicas[s->job.replica].n_loading -= waited;
        if (c.up) {
            q->restored_ns += now_ns - q->load_ns;
            kv->replicas[s->job.replica].counts.kv_wait_ns += now_ns - q->load_ns;
        }
    }
    return c.slot;
}

void kv_unswap(struct kv *kv, struct request *q)
{
    if (q->swapped > 0)
        kv_swapped_in(kv, q, memory_unit(kv->memory, 0, q->replica));
}

int64_t kv_lose_tier(struct kv *kv, int tier, int64_t unit)
{
    return tier < kv->n_tiers ? prefix_drop_store(kv->prefix, kv->store[tier][unit]) : 0;
}

void kv_lose_modules(struct kv *kv, int tier, int64_t unit, int64_t modules, int64_t now_ns)
{
    int64_t before = tier < kv->n_tiers ? capacity(kv, tier, unit) : 0;

    kv->memory->tier[tier].lost[unit] += modules;
    if (tier >= kv->n_tiers)
        return;
    kv->room[tier][unit] += capacity(kv, tier, unit) - before;
    prefix_resize(kv->prefix, kv->store[tier][unit], kv->room[tier][unit]);
    kv_tier_room(kv, tier, memory_first_replica(kv->memory, &kv->memory->tier[tier], unit), 0, now_ns);
}

/* KV of running sequences: swapped out to the unit, and what it holds of them for want of room in HBM. */
static int64_t running_bytes(const struct kv *kv, int tier, int64_t unit)
{
    int64_t bytes = kv_tier_bytes(kv, tier, (capacity(kv, tier, unit) - kv->room[tier][unit]) * kv->block_tokens);

    for (int64_t i = 0; tier == kv->sc->memory.cache.overflow_at && i < kv->n_replicas; i++)
        if (memory_unit(kv->memory, tier, i) == unit)
            bytes += kv_bytes(kv, kv_overflowed_blocks(&kv->replicas[i]) * kv->kv_block);
    return bytes;
}

void kv_sample_tiers(const struct kv *kv, int64_t now_ns)
{
    for (int t = 0; t < kv->n_tiers; t++)
        for (int64_t i = 0; i < kv->memory->tier[t].units; i++) {
            struct lower_use use = memory_use(kv->memory, t, i);
            *trace_put_room_sample(kv->trace) = (struct ev_room_sample){
                .t_ns = now_ns,
                .tier = t + 1,
                .unit = i,
                .capacity_bytes = memory_room(kv->memory, t, i) + (int64_t)use.overflow,
                .running_bytes = running_bytes(kv, t, i),
                .cached_bytes = kv_tier_bytes(kv, t, prefix_blocks(kv->prefix, kv->store[t][i]) * kv->block_tokens),
                .expert_bytes = (int64_t)use.experts,
                .table_bytes = (int64_t)use.tables};
    }
}

/* Bytes on their way to the unit. */
static int64_t written_to(const struct kv *kv, int tier, int64_t unit)
{
    const struct mover *m = kv->memory->mover;
    int64_t bytes = 0;

    for (uint32_t job = move_next(m, 0); job != UINT32_MAX; job = move_next(m, job + 1)) {
        const struct move_job *j = &move_get(m, job)->job;
        if (j->kind == MOVE_WRITE && kv->cargo[j->tag].tier == tier && kv->cargo[j->tag].unit == unit)
            bytes += j->bytes;
    }
    return bytes;
}

/* A tier's room lacks what is swapped out to it (the warmest), or handed over via it. */
void kv_check_tiers(const struct kv *kv)
{
    const struct pool *p = kv->requests;

    for (int t = 0; t < kv->n_tiers; t++)
        for (int64_t i = 0; i < kv->memory->tier[t].units; i++) {
            int64_t swapped = 0;
            for (uint32_t s = p->all.head; s != SLOT_NONE; s = p->at[s].next[LINK_ALL]) {
                const struct request *q = &p->at[s];
                if (t == 0 && q->swapped > 0 && memory_unit(kv->memory, 0, q->replica) == i)
                    swapped += kv_swap_blocks(kv, q->swapped);
                if (q->stored > 0 && t == kv->sc->handoff.via_at && q->stored_unit == i)
                    swapped += q->stored;
            }
            sim_assert(kv->room[t][i] + swapped == capacity(kv, t, i));
            sim_assert(kv->writing[t][i] == written_to(kv, t, i));
        }
}

/* ---- life ---- */

void kv_tiers_init(struct kv *kv)
{
    const struct evict_ops *unordered = (const struct evict_ops *)policy_find(POLICY_EVICT, "fifo"); /* never asked */

    kv->n_tiers = kv->memory ? (int)kv->sc->memory.n_tiers : 0;
    rng_init(&kv->gc, (uint64_t)kv->sc->run.seed, (uint64_t)kv->sc->run.replication, 0, RNG_GC);
    for (int t = 0; t < kv->n_tiers; t++) {
        int64_t n = kv->memory->tier[t].units;
        kv->store[t] = mem_zalloc((size_t)n, sizeof *kv->store[t]);
        kv->room[t] = mem_zalloc((size_t)n, sizeof *kv->room[t]);
        kv->coming[t] = mem_zalloc((size_t)n, sizeof *kv->coming[t]);
        kv->writing[t] = mem_zalloc((size_t)n, sizeof *kv->writing[t]);
        for (int64_t i = 0; i < n; i++) {
            kv->room[t][i] = capacity(kv, t, i);
            kv->store[t][i] =
                prefix_store(kv->prefix, kv->room[t][i], tier_of(kv, t)->evict.ops, tier_of(kv, t)->evict.options);
            kv->coming[t][i] = prefix_store(kv->prefix, INT64_MAX, unordered, NULL);
        }
    }
}

void kv_tiers_free(struct kv *kv)
{
    for (int t = 0; t < kv->n_tiers; t++) {
        free(kv->store[t]);
        free(kv->room[t]);
        free(kv->coming[t]);
        free(kv->writing[t]);
    }
    for (int32_t i = 0; i < kv->n_cargo; i++)
        if (kv->cargo[i].chain.n_runs > 0)
            free((void *)(uintptr_t)kv->cargo[i].chain.run);
    free(kv->cargo);
}
