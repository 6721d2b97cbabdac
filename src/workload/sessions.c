#include "workload/sessions.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/dist.h"
#include "base/num.h"
#include "base/rng.h"
#include "workload/lengths.h"

enum { TURN_BITS = 24, BLOCK_BITS = 32, TURNS_CAP = 1 << 20 };

struct session {
    int64_t number, class_id;
    int64_t turn, turns; /* the call under way; how many there are */
    int64_t context;     /* tokens: prompt and answer of the call under way */
    uint32_t next_free;
};

struct sessions {
    const struct scenario *sc; /* not owned */
    int64_t block_tokens;
    struct session *at;
    uint32_t n, cap, free; /* free ones are linked */
    uint64_t digest;       /* sum over the draws */
};

struct sessions *sessions_new(const struct scenario *sc, int64_t block_tokens)
{
    struct sessions *s = mem_zalloc(1, sizeof *s);

    s->sc = sc;
    s->block_tokens = block_tokens;
    s->free = WORK_NO_SESSION;
    return s;
}

void sessions_free(struct sessions *s)
{
    if (s)
        free(s->at);
    free(s);
}

bool sessions_has(const struct class_options *c)
{
    return c->turns > 1 || c->system_tokens > 0;
}

uint64_t sessions_digest(const struct sessions *s)
{
    return s->digest;
}

/* ---- draws ---- */

static struct rng stream(const struct sessions *s, const struct session *x, int64_t turn, enum rng_purpose purpose)
{
    struct rng r;
    uint64_t entity = (uint64_t)x->number << TURN_BITS | (uint64_t)turn;

    rng_init(&r, (uint64_t)s->sc->run.seed, (uint64_t)s->sc->run.replication, entity, purpose);
    rng_mix_u64(&r, entity);
    rng_mix_u64(&r, purpose);
    return r;
}

static void drawn(struct sessions *s, const struct rng *r)
{
    s->digest += rng_hash(r->digest, r->draws);
}

static int64_t draw_turns(struct sessions *s, const struct session *x)
{
    const struct class_options *c = &s->sc->classes[x->class_id];
    int64_t turns = c->turns;

    struct rng r = stream(s, x, 0, RNG_TURNS);
    if (c->turns_dist == TURNS_GEOMETRIC && c->turns > 1) {
        double stop = 1 / (double)c->turns;
        double k = 1 + num_log(rng_u01(&r)) / num_log(1 - stop);
        turns = k < TURNS_CAP ? (int64_t)k : TURNS_CAP;
    }
    rng_mix_u64(&r, (uint64_t)turns);
    drawn(s, &r);
    return turns;
}

static int64_t draw_tokens(struct sessions *s, const struct session *x, const struct length_choice *law,
                           enum rng_purpose purpose, double scale)
{
    struct rng r = stream(s, x, x->turn, purpose);
    int64_t tokens = length_scaled(law, &r, 0, scale);

    drawn(s, &r);
    return tokens;
}

static double draw_gap_ns(struct sessions *s, const struct session *x)
{
    const struct class_options *c = &s->sc->classes[x->class_id];
    struct rng r = stream(s, x, x->turn, RNG_TURN_GAP);
    double ns = (double)c->turn_gap_ns;

    if (c->turn_gap_dist == TURN_GAP_EXPONENTIAL && c->turn_gap_ns > 0)
        ns = dist_exponential(&r, ns);
    else
        rng_mix_double(&r, ns);
    drawn(s, &r);
    return ns;
}

/* ---- content ---- */

static void set_chain(const struct sessions *s, const struct session *x, struct work_item *item)
{
    int64_t shared = s->sc->classes[x->class_id].system_tokens / s->block_tokens;
    int64_t all = (item->input_tokens + item->output_tokens) / s->block_tokens;
    struct block_run *run = mem_alloc(2 * sizeof *run);
    int64_t n = 0;

    if (shared > 0)
        run[n++] = (struct block_run){x->class_id << BLOCK_BITS, shared};
    if (all > shared)
        run[n++] = (struct block_run){((s->sc->n_classes + x->number) << BLOCK_BITS) + shared, all - shared};
    item->chain = (struct chain){run, n};
    item->prompt_blocks = item->input_tokens / s->block_tokens;
    sim_assert(item->prompt_blocks >= shared);
}

/* ---- life ---- */

static uint32_t take_slot(struct sessions *s)
{
    uint32_t slot = s->free;

    if (slot != WORK_NO_SESSION) {
        s->free = s->at[slot].next_free;
        return slot;
    }
    if (s->n == s->cap) {
        sim_assert(s->cap < WORK_NO_SESSION / 2);
        s->cap = s->cap ? 2 * s->cap : 16;
        s->at = mem_realloc(s->at, s->cap * sizeof *s->at);
    }
    return s->n++;
}

static void give_slot(struct sessions *s, uint32_t slot)
{
    s->at[slot].next_free = s->free;
    s->free = slot;
}

void sessions_begin(struct sessions *s, struct work_item *item)
{
    struct session x = {.number = item->session, .class_id = item->class_id, .turns = 1};

    sim_assert(x.number + s->sc->n_classes < INT64_C(1) << 31);
    if (s->sc->classes[x.class_id].turns > 1)
        x.turns = draw_turns(s, &x);
    x.context = item->input_tokens + item->output_tokens;
    set_chain(s, &x, item);
    item->turn = 0;
    item->session_slot = WORK_NO_SESSION;
    if (x.turns > 1) {
        item->session_slot = take_slot(s);
        s->at[item->session_slot] = x;
    }
}

/* The next call of x, which is at its turn already. False: it does not come. */
static bool next_call(struct sessions *s, struct session *x, int64_t now_ns, struct work_item *item)
{
    const struct class_options *c = &s->sc->classes[x->class_id];
    double gap_ns = draw_gap_ns(s, x) + 0.5;
    int64_t input = x->context + draw_tokens(s, x, &c->append, RNG_APPEND, s->sc->workload.input_scale);

    if (!(gap_ns < (double)(INT64_MAX - now_ns)) || input > (c->input_max > 0 ? c->input_max : LENGTH_CAP))
        return false;
    *item = (struct work_item){.t_ns = now_ns + (int64_t)gap_ns,
                               .class_id = x->class_id,
                               .input_tokens = input,
                               .session = x->number,
                               .turn = x->turn};
    item->output_tokens = length_clamp(draw_tokens(s, x, &c->output, RNG_TURN_OUTPUT, s->sc->workload.output_scale),
                                       c->output_min, c->output_max);
    x->context = input + item->output_tokens;
    set_chain(s, x, item);
    return true;
}

int sessions_done(struct sessions *s, uint32_t slot, bool answered, int64_t now_ns, struct work_item *item)
{
    if (slot == WORK_NO_SESSION)
        return 0;
    sim_assert(slot < s->n);
    struct session *x = &s->at[slot];
    x->turn++;
    if (!answered || !next_call(s, x, now_ns, item)) {
        give_slot(s, slot);
        return 0;
    }
    item->session_slot = slot;
    if (x->turn + 1 == x->turns) { /* the last call: nothing to remember */
        give_slot(s, slot);
        item->session_slot = WORK_NO_SESSION;
    }
    return 1;
}
