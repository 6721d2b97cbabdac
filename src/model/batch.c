#include "config.h"

#include "model/batch.h"

#include <stdlib.h>

#include "model/attribute.h"

void batch_init(struct batch *b, struct pool *pool, int64_t block_tokens, int64_t total_blocks,
                const struct cost_knees *knees, const struct queue_env *order, bool reserves)
{
    *b = (struct batch){
        .pool = pool, .block_tokens = block_tokens, .total_blocks = total_blocks, .reserves = reserves};
    queue_init(&b->queue, order);
    b->grow = mem_zalloc((size_t)block_tokens, sizeof *b->grow);
    list_init(&b->waiting);
    list_init(&b->running);
    list_init(&b->partial);
    for (int i = 1; i < knees->n; i++) {
        struct batch_knee *k = &b->knee[b->n_knees++];
        sim_assert(knees->at[i] > 0);
        *k = (struct batch_knee){.at = knees->at[i]};
        k->cross = mem_zalloc((size_t)k->at, sizeof *k->cross);
    }
}

void batch_free(struct batch *b)
{
    for (int i = 0; i < b->n_knees; i++)
        free(b->knee[i].cross);
    free(b->grow);
    queue_free(&b->queue);
    heap_free(&b->last_steps);
}

int64_t batch_computed(const struct batch *b, const struct request *r)
{
    return r->computed + (r->phase == PHASE_DECODING ? (int64_t)(b->step - r->join_step) : 0);
}

int64_t batch_generated(const struct batch *b, const struct request *r)
{
    return r->generated + (r->phase == PHASE_DECODING ? (int64_t)(b->step - r->join_step) : 0);
}

int64_t batch_blocks_of(const struct batch *b, int64_t tokens)
{
    return (tokens + b->block_tokens - 1) / b->block_tokens;
}

static int64_t modulo(int64_t a, int64_t n)
{
    int64_t m = a % n;
    return m < 0 ? m + n : m;
}

/* (join - computed) mod B: the phase of the steps in which it needs a new block. */
static int64_t grow_phase(const struct batch *b, const struct request *r)
{
    return modulo((int64_t)r->join_step - r->computed, b->block_tokens);
}

/* ---- the knees ---- */

static uint32_t *crossing(const struct batch_knee *k, const struct request *r)
{
    return &k->cross[modulo((int64_t)r->join_step - r->computed - 1, k->at)];
}

/* It joins with `computed` tokens. */
static void knees_join(struct batch *b, const struct request *r)
{
    int64_t x = r->computed + 1;

    for (struct batch_knee *k = b->knee; k < b->knee + b->n_knees; k++) {
        k->sum += x < k->at ? x : k->at;
        if (x < k->at) {
            k->n_below++;
            ++*crossing(k, r);
        }
    }
}

/* It leaves; r is as it joined, x as of now. */
static void knees_leave(struct batch *b, const struct request *r, int64_t x)
{
    for (struct batch_knee *k = b->knee; k < b->knee + b->n_knees; k++) {
        k->sum -= x < k->at ? x : k->at;
        if (x < k->at) {
            k->n_below--;
            --*crossing(k, r);
        }
    }
}

/* To the next step. */
static void knees_advance(struct batch *b)
{
    for (struct batch_knee *k = b->knee; k < b->knee + b->n_knees; k++) {
        k->sum += k->n_below;
        k->phase = k->phase + 1 == k->at ? 0 : k->phase + 1;
        k->n_below -= k->cross[k->phase];
        k->cross[k->phase] = 0;
    }
}

void batch_contexts(const struct batch *b, int64_t ctx[COST_KNEES])
{
    ctx[0] = b->ctx + b->n_decode;
    for (int i = 0; i < b->n_knees; i++)
        ctx[i + 1] = b->knee[i].sum;
}

/* ---- blocks ---- */

/* For so many tokens of all that decode: one that ends earlier counts as if it went on. */
static int64_t growth(const struct batch *b, int64_t tokens)
{
    int64_t n = 0, phase = b->phase;

    for (; tokens > 0; tokens--) {
        n += b->grow[phase];
        phase = phase + 1 == b->block_tokens ? 0 : phase + 1;
    }
    return n;
}

int64_t batch_growth_drafted(const struct batch *b)
{
    return growth(b, 1 + b->drafts);
}

int64_t batch_growth_of(const struct batch *b, const struct request *r)
{
    int64_t computed = batch_computed(b, r);

    if (r->phase != PHASE_DECODING)
        return 0;
    return batch_blocks_of(b, computed + 1 + b->drafts) - batch_blocks_of(b, computed);
}

static void take_blocks(struct batch *b, int64_t n)
{
    b->used += n;
    b->allocated += n;
    sim_assert(b->used <= b->total_blocks);
}

static void give_blocks(struct batch *b, int64_t n)
{
    b->used -= n;
    b->freed += n;
    sim_assert(n >= 0 && b->used >= 0);
}

int64_t batch_held(const struct batch *b, const struct request *r)
{
    return batch_blocks_of(b, batch_computed(b, r) + r->chunk) - r->shared;
}

/* Of one that is out of the decoding sums, between its chunks. */
static int64_t free_blocks_of(struct batch *b, struct request *r)
{
    int64_t n = batch_blocks_of(b, r->computed) - r->shared;

    give_blocks(b, n);
    r->shared = 0;
    return n;
}

/* ---- KV that a request has before it is admitted ---- */

void batch_give_kv(struct batch *b, uint32_t slot, int64_t tokens, int64_t shared)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(r->phase == PHASE_WAITING && r->computed == 0 && tokens < request_prompt_left(r));
    r->computed = tokens;
    r->shared = shared;
    take_blocks(b, batch_held(b, r));
    b->loading += batch_held(b, r);
    b->n_holding++;
}

void batch_drop_kv(struct batch *b, uint32_t slot)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(r->phase == PHASE_WAITING);
    b->loading -= free_blocks_of(b, r);
    b->n_holding--;
    r->computed = 0;
}

void batch_share(struct batch *b, uint32_t slot, int64_t shared)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(shared >= r->shared);
    give_blocks(b, shared - r->shared);
    if (r->phase == PHASE_WAITING)
        b->loading -= shared - r->shared;
    r->shared = shared;
}

/* ---- what is set aside ---- */

int64_t batch_most_blocks(const struct batch *b, const struct request *r)
{
    int64_t answer = b->prompts_only ? 0 : r->max_tokens - 1 + b->drafts; /* the last token has no KV */

    return batch_blocks_of(b, r->input_tokens + answer);
}

/* It takes up to what it may come to need, or gives that back: between its chunks. */
static void set_aside(struct batch *b, const struct request *r, int by)
{
    if (b->reserves)
        b->ahead += by * (batch_most_blocks(b, r) - batch_blocks_of(b, r->computed));
    /* One that ends within a step of several tokens leaves what the step took for it to the step's end. */
    sim_assert(b->ahead + b->taken >= 0);
}

/* A running one takes blocks. */
static void take_ahead(struct batch *b, int64_t n)
{
    take_blocks(b, n);
    b->ahead -= b->reserves ? n : 0;
}

static void give_ahead(struct batch *b, int64_t n)
{
    give_blocks(b, n);
    b->ahead += b->reserves ? n : 0;
}

/* ---- between steps ---- */

void batch_enqueue(struct batch *b, uint32_t slot)
{
    b->pool->at[slot].phase = PHASE_WAITING;
    list_push_back(b->pool, &b->waiting, LINK_QUEUE, slot);
}

void batch_see(struct batch *b, uint32_t first)
{
    for (uint32_t next; b->queue.env && first != SLOT_NONE; first = next) {
        next = b->pool->at[first].next[LINK_QUEUE];
        queue_place(&b->queue, b->pool, &b->waiting, first, b->step);
    }
}

void batch_chunk(struct batch *b, uint32_t slot, int64_t tokens)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(r->phase == PHASE_PARTIAL && r->chunk == 0 && tokens > 0 && tokens <= request_prompt_left(r));
    take_ahead(b, batch_blocks_of(b, r->computed + tokens) - batch_blocks_of(b, r->computed));
    r->chunk = tokens;
}

void batch_admit(struct batch *b, uint32_t slot, int64_t tokens)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(r->phase == PHASE_WAITING);
    queue_take(&b->queue, b->pool, &b->waiting, slot);
    queue_runs(&b->queue, r, 1);
    list_push_back(b->pool, &b->running, LINK_QUEUE, slot);
    list_push_back(b->pool, &b->partial, LINK_PARTIAL, slot);
    r->phase = PHASE_PARTIAL;
    b->loading -= batch_held(b, r);
    b->n_holding -= r->computed > 0;
    set_aside(b, r, 1);
    batch_chunk(b, slot, tokens);
}

/* Out of the decoding sums; computed and generated become those of now. */
static void leave_decode(struct batch *b, struct request *r)
{
    int64_t computed = batch_computed(b, r), generated = batch_generated(b, r);

    if (b->attribution)
        attribute_leave(b->attribution, (uint32_t)(r - b->pool->at));
    queue_decodes(&b->queue, r, -1, b->step);
    b->grow[grow_phase(b, r)]--;
    b->n_decode--;
    b->ctx -= computed;
    knees_leave(b, r, computed + 1);
    r->computed = computed;
    r->generated = generated;
}

int64_t batch_preempt(struct batch *b, uint32_t slot)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(r->chunk == 0);
    if (r->phase == PHASE_DECODING) {
        heap_remove(&b->last_steps, b->pool->heap_pos[slot], b->pool->heap_pos);
        leave_decode(b, r);
    } else {
        sim_assert(r->phase == PHASE_PARTIAL);
        list_remove(b->pool, &b->partial, LINK_PARTIAL, slot);
    }
    list_remove(b->pool, &b->running, LINK_QUEUE, slot);
    queue_runs(&b->queue, r, -1);
    set_aside(b, r, -1);
#ifdef TIERSIM_BROKEN /* the deliberately wrong model: who was preempted queues up again */
    list_push_back(b->pool, &b->waiting, LINK_QUEUE, slot);
#else
    list_push_front(b->pool, &b->waiting, LINK_QUEUE, slot);
#endif
    int64_t blocks = free_blocks_of(b, r);
    r->phase = PHASE_WAITING;
    r->computed = 0;
    r->preemptions++;
    queue_place(&b->queue, b->pool, &b->waiting, slot, b->step);
    return blocks;
}

int64_t batch_hand_over(struct batch *b, uint32_t slot)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(r->phase == PHASE_DECODING && r->chunk == 0);
    heap_remove(&b->last_steps, b->pool->heap_pos[slot], b->pool->heap_pos);
    leave_decode(b, r);
    list_remove(b->pool, &b->running, LINK_QUEUE, slot);
    queue_runs(&b->queue, r, -1);
    set_aside(b, r, -1);
    int64_t blocks = batch_blocks_of(b, r->computed) - r->shared;
    b->handed += blocks;
    b->n_handed++;
    r->phase = PHASE_ARRIVED;
    r->computed = r->shared = 0;
    return blocks;
}

void batch_release(struct batch *b, int64_t blocks)
{
    b->handed -= blocks;
    b->n_handed--;
    give_blocks(b, blocks);
    sim_assert(b->handed >= 0 && b->n_handed >= 0);
}

void batch_reserve(struct batch *b, int64_t blocks)
{
    b->reserved += blocks;
    if (blocks > 0)
        take_blocks(b, blocks);
    else
        give_blocks(b, -blocks);
    sim_assert(b->reserved >= 0);
}

void batch_withdraw(struct batch *b, uint32_t slot)
{
    struct request *r = &b->pool->at[slot];

    sim_assert(r->phase == PHASE_WAITING && r->computed == 0 && r->shared == 0);
    queue_take(&b->queue, b->pool, &b->waiting, slot);
    r->phase = PHASE_ARRIVED;
}

void batch_lose_chunk(struct batch *b, uint32_t slot)
{
    struct request *r = &b->pool->at[slot];

    r->computed += r->chunk;
    r->chunk = 0;
}

void batch_undo_begin(struct batch *b)
{
    give_ahead(b, b->taken);
    b->gain = b->taken = 0;
}

void batch_undo_chunk(struct batch *b, uint32_t slot)
{
    struct request *r = &b->pool->at[slot];

    give_ahead(b, batch_blocks_of(b, r->computed + r->chunk) - batch_blocks_of(b, r->computed));
    r->chunk = 0;
}

/* ---- the step ---- */

void batch_begin(struct batch *b, int64_t gain)
{
    b->gain = gain;
    b->taken = growth(b, gain);
    take_ahead(b, b->taken);
}

void batch_end(struct batch *b)
{
    b->taken -= b->grow[b->phase];
    b->ctx += b->n_decode;
    knees_advance(b);
    b->step++;
    b->phase = b->phase + 1 == b->block_tokens ? 0 : b->phase + 1;
    if (--b->gain > 0)
        return;
    give_ahead(b, b->taken);
    b->taken = 0;
}

uint32_t batch_next_completed(struct batch *b)
{
    if (b->last_steps.n == 0 || heap_min(&b->last_steps).key >= b->step)
        return SLOT_NONE;
    uint32_t slot = heap_pop(&b->last_steps, b->pool->heap_pos).id;
    struct request *r = &b->pool->at[slot];
    leave_decode(b, r);
    sim_assert(r->generated == r->output_tokens);
    queue_runs(&b->queue, r, -1);
    set_aside(b, r, -1);
    free_blocks_of(b, r);
    list_remove(b->pool, &b->running, LINK_QUEUE, slot);
    return slot;
}

bool batch_chunk_done(struct batch *b, uint32_t slot, bool *ended)
{
    struct request *r = &b->pool->at[slot];

    *ended = false;
    r->computed += r->chunk;
    r->chunk = 0;
    if (request_prompt_left(r) > 0)
        return false;
    list_remove(b->pool, &b->partial, LINK_PARTIAL, slot);
    r->generated++;
    queue_gave(&b->queue, r);
    if (r->generated == r->output_tokens) {
        queue_runs(&b->queue, r, -1);
        set_aside(b, r, -1);
        free_blocks_of(b, r);
        list_remove(b->pool, &b->running, LINK_QUEUE, slot);
        *ended = true;
        return true;
    }
    r->phase = PHASE_DECODING;
    r->join_step = b->step;
    if (b->attribution)
        attribute_join(b->attribution, slot);
    queue_decodes(&b->queue, r, 1, b->step);
    b->n_decode++;
    b->ctx += r->computed;
    b->grow[grow_phase(b, r)]++;
    knees_join(b, r);
    heap_push(&b->last_steps, b->step + (uint64_t)(r->output_tokens - r->generated) - 1, slot, b->pool->heap_pos);
    return true;
}

static void check_knee(const struct batch *b, const struct batch_knee *k)
{
    int64_t sum = 0, n_below = 0, n_cross = 0;

    for (uint32_t s = b->running.head; s != SLOT_NONE; s = b->pool->at[s].next[LINK_QUEUE]) {
        const struct request *r = &b->pool->at[s];
        int64_t x = batch_computed(b, r) + 1;
        if (r->phase != PHASE_DECODING)
            continue;
        sum += x < k->at ? x : k->at;
        n_below += x < k->at;
        sim_assert(x >= k->at || *crossing(k, r) > 0);
    }
    for (int64_t i = 0; i < k->at; i++)
        n_cross += k->cross[i];
    sim_assert(sum == k->sum && n_below == k->n_below && n_cross == n_below);
    sim_assert(k->phase == (int64_t)(b->step % (uint64_t)k->at));
}

void batch_check(const struct batch *b)
{
    int64_t used = 0, ahead = 0, loading = 0, n_holding = 0, ctx = 0, n_decode = 0, n_partial = 0, grows = 0, n = 0;

    for (uint32_t s = b->running.head; s != SLOT_NONE; s = b->pool->at[s].next[LINK_QUEUE], n++) {
        const struct request *r = &b->pool->at[s];
        int64_t computed = batch_computed(b, r);
        used += batch_held(b, r);
        ahead += b->reserves ? batch_most_blocks(b, r) - batch_blocks_of(b, computed + r->chunk) : 0;
        if (r->phase == PHASE_DECODING) {
            n_decode++;
            ctx += computed;
            grows += computed % b->block_tokens == 0;
        } else {
            sim_assert(r->phase == PHASE_PARTIAL);
            n_partial++;
        }
    }
    sim_assert(n == b->running.n && n_partial == b->partial.n && n_decode == b->n_decode);
    sim_assert(ctx == b->ctx && grows == b->grow[b->phase] && b->last_steps.n == (uint32_t)n_decode);
    for (int i = 0; i < b->n_knees; i++)
        check_knee(b, &b->knee[i]);
    for (uint32_t s = b->waiting.head; s != SLOT_NONE; s = b->pool->at[s].next[LINK_QUEUE]) {
        loading += batch_held(b, &b->pool->at[s]);
        n_holding += b->pool->at[s].computed > 0;
    }
    sim_assert(loading == b->loading && n_holding == b->n_holding && ahead == b->ahead);
    queue_check(&b->queue, b->pool, &b->waiting);
    used += b->loading + b->handed + b->reserved;
    sim_assert(used == b->used && b->allocated == b->freed + b->used);
}
