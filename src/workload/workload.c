#include "workload/workload.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/rng.h"
#include "workload/advance.h"
#include "workload/block_index.h"
#include "workload/lengths.h"
#include "workload/rescale.h"
#include "workload/servegen.h"
#include "workload/sessions.h"

struct workload {
    const struct scenario *sc; /* not owned */
    struct rescale *trace;     /* NULL unless arrivals or lengths come from one */
    struct servegen *clients;  /* NULL unless arrivals are theirs */
    struct sessions *sessions;
    struct block_index *blocks; /* NULL until it is asked for */
    struct rng gaps, class_choice;
    void *arrival_state; /* of an open loop whose rate changes, else NULL */
    struct rng rate;     /* what moves it */
    struct rng *input, *output; /* [n_classes] */
    double total_weight;
    int64_t given; /* items so far */
    int64_t t_ns;  /* open loop: of the last arrival */
    double carry;  /* open loop: the fraction of a ns left over, [0, 1) */
};

struct workload *workload_new(const struct scenario *sc, struct err *e)
{
    struct rescale *trace = NULL;
    struct servegen *clients = NULL;
    uint64_t seed = (uint64_t)sc->run.seed, replication = (uint64_t)sc->run.replication;

    sim_assert(sc->n_classes >= 1);
    if (scenario_reads_trace(sc)) {
        bool times = sc->arrival->kind == ARRIVAL_TRACE && sc->arrival->concurrency(sc->arrival_options) == 0;
        trace = rescale_open(&sc->workload, times, seed, replication, e);
        if (trace == NULL)
            return NULL;
    }
    if (sc->arrival->kind == ARRIVAL_CLIENTS) {
        clients = servegen_open(sc->arrival_options, seed, replication, e);
        if (clients == NULL)
            return NULL;
    }
    struct workload *w = mem_zalloc(1, sizeof *w);
    w->sc = sc;
    w->trace = trace;
    w->clients = clients;
    rng_init(&w->gaps, seed, replication, 0, sc->arrival->kind == ARRIVAL_CLOSED ? RNG_THINK : RNG_ARRIVAL);
    if (sc->arrival->state_size > 0) {
        rng_init(&w->rate, seed, replication, 1, RNG_ARRIVAL);
        w->arrival_state = mem_zalloc(1, sc->arrival->state_size);
        sc->arrival->begin(sc->arrival_options, w->arrival_state, &w->rate);
    }
    rng_init(&w->class_choice, seed, replication, 0, RNG_CLASS);
    w->input = mem_zalloc((size_t)sc->n_classes, sizeof *w->input);
    w->output = mem_zalloc((size_t)sc->n_classes, sizeof *w->output);
    for (int64_t c = 0; c < sc->n_classes; c++) {
        rng_init(&w->input[c], seed, replication, (uint64_t)c, RNG_INPUT);
        rng_init(&w->output[c], seed, replication, (uint64_t)c, RNG_OUTPUT);
        w->total_weight += sc->classes[c].weight;
    }
    w->sessions = sessions_new(sc, workload_block_tokens(w));
    return w;
}

void workload_free(struct workload *w)
{
    if (w == NULL)
        return;
    rescale_close(w->trace);
    servegen_close(w->clients);
    sessions_free(w->sessions);
    block_index_free(w->blocks);
    free(w->arrival_state);
    free(w->input);
    free(w->output);
    free(w);
}

int64_t workload_concurrency(const struct workload *w)
{
    const struct arrival_ops *a = w->sc->arrival;

    return a->concurrency ? a->concurrency(w->sc->arrival_options) : 0;
}

bool workload_has_content(const struct workload *w)
{
    bool has = w->trace && rescale_block_tokens(w->trace) > 0;

    for (int64_t c = 0; c < w->sc->n_classes; c++)
        has |= sessions_has(&w->sc->classes[c]);
    return has;
}

int64_t workload_block_tokens(const struct workload *w)
{
    int64_t of_trace = w->trace ? rescale_block_tokens(w->trace) : 0;

    if (of_trace > 0)
        return of_trace;
    int64_t given = w->sc->memory.cache.block_tokens;
    return given > 0 ? given : scenario_layout(w->sc)->replica.kv_block_tokens;
}

uint64_t workload_digest(const struct workload *w)
{
    uint64_t h = rng_hash(w->gaps.digest, w->gaps.draws);

    if (w->arrival_state)
        h = rng_hash(rng_hash(h, w->rate.digest), w->rate.draws);
    h = rng_hash(rng_hash(h, w->class_choice.digest), w->class_choice.draws);
    for (int64_t c = 0; c < w->sc->n_classes; c++) {
        h = rng_hash(rng_hash(h, w->input[c].digest), w->input[c].draws);
        h = rng_hash(rng_hash(h, w->output[c].digest), w->output[c].draws);
    }
    return h + sessions_digest(w->sessions);
}

static int64_t choose_class(struct workload *w)
{
    const struct scenario *sc = w->sc;
    int64_t c = 0;

    if (sc->n_classes == 1)
        return 0;
    double u = rng_u01(&w->class_choice) * w->total_weight;
    int64_t last = 0; /* rounding may leave u past the last weight; a class of weight 0 is never chosen */
    for (; c < sc->n_classes; c++) {
        if (sc->classes[c].weight > 0)
            last = c;
        if (u < sc->classes[c].weight)
            break;
        u -= sc->classes[c].weight;
    }
    if (c == sc->n_classes)
        c = last;
    rng_mix_u64(&w->class_choice, (uint64_t)c);
    return c;
}

/* The row's chain; where the prompt's length was changed, its whole blocks that are in both. */
static void copy_chain(const struct workload *w, const struct trace_row *row, struct work_item *item)
{
    int64_t left = INT64_MAX, n = 0;

    if (row->chain.n_runs == 0)
        return;
    if (row->input_tokens != item->input_tokens) {
        int64_t both = row->input_tokens < item->input_tokens ? row->input_tokens : item->input_tokens;
        left = both / workload_block_tokens(w);
    }
    if (left == 0)
        return;
    struct block_run *run = mem_alloc((size_t)row->chain.n_runs * sizeof *run);
    for (; n < row->chain.n_runs && left > 0; n++) {
        run[n] = row->chain.run[n];
        if (run[n].n > left)
            run[n].n = left;
        left -= run[n].n;
        item->prompt_blocks += run[n].n;
    }
    item->chain = (struct chain){run, n};
}

void work_item_free(struct work_item *item)
{
    free((void *)item->chain.run);
    item->chain = (struct chain){0};
}

/* row: NULL, or the trace line, or what a client sends. */
static int give(struct workload *w, int64_t t_ns, const struct trace_row *row, struct work_item *item)
{
    *item =
        (struct work_item){.t_ns = t_ns, .class_id = choose_class(w), .session = -1, .session_slot = WORK_NO_SESSION};
    const struct class_options *c = &w->sc->classes[item->class_id];
    struct rng *input = &w->input[item->class_id], *output = &w->output[item->class_id];
    sim_assert(row || (c->input.ops->draw && c->output.ops->draw));
    item->input_tokens = length_clamp(c->system_tokens + length_draw(&c->input, input, row ? row->input_tokens : 0),
                                      c->input_min, c->input_max);
    item->output_tokens =
        length_clamp(length_draw(&c->output, output, row ? row->output_tokens : 0), c->output_min, c->output_max);
    if (w->trace)
        copy_chain(w, row, item);
    else if (sessions_has(c))
        sessions_begin(w->sessions, item);
    w->given++;
    return 1;
}

static void mix_row(struct workload *w, const struct trace_row *row)
{
    rng_mix_u64(&w->gaps, (uint64_t)row->t_ns);
    rng_mix_u64(&w->gaps, (uint64_t)row->input_tokens);
    rng_mix_u64(&w->gaps, (uint64_t)row->output_tokens);
    for (int64_t r = 0; r < row->chain.n_runs; r++) {
        rng_mix_u64(&w->gaps, (uint64_t)row->chain.run[r].id);
        rng_mix_u64(&w->gaps, (uint64_t)row->chain.run[r].n);
    }
}

/* Gives an item that comes at a drawn time, with the lengths of the trace's next row where they are asked for. */
static int give_drawn(struct workload *w, int64_t t_ns, struct work_item *item, struct err *e)
{
    struct trace_row row;
    int64_t at_ns;

    if (w->trace == NULL)
        return give(w, t_ns, NULL, item);
    int got = rescale_next(w->trace, &row, &at_ns, e);
    if (got <= 0)
        return got;
    mix_row(w, &row);
    return give(w, t_ns, &row, item);
}

static int next_open(struct workload *w, struct work_item *item, struct err *e)
{
    const struct arrival_ops *a = w->sc->arrival;
    double gap = a->gap_s ? a->gap_s(w->sc->arrival_options, &w->gaps)
                          : a->next_s(w->arrival_state, &w->gaps, &w->rate);

    if (!advance(&w->t_ns, &w->carry, gap))
        return 0;
    return give_drawn(w, w->t_ns, item, e);
}

static int next_closed(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e)
{
    int64_t t_ns = now_ns;
    double half = 0.5; /* rounds to nearest: a think time has no neighbour to carry to */

    if (w->given < workload_concurrency(w))
        return give_drawn(w, 0, item, e);
    if (!advance(&t_ns, &half, w->sc->arrival->gap_s(w->sc->arrival_options, &w->gaps)))
        return 0;
    return give_drawn(w, t_ns, item, e);
}

static int next_row(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e)
{
    int64_t users = workload_concurrency(w), t_ns;
    struct trace_row row;
    int got = rescale_next(w->trace, &row, &t_ns, e);

    if (got <= 0)
        return got;
    mix_row(w, &row);
    if (users > 0)
        t_ns = w->given < users ? 0 : now_ns;
    return give(w, t_ns, &row, item);
}

static int next_client(struct workload *w, struct work_item *item)
{
    struct trace_row row;

    if (!servegen_next(w->clients, &row))
        return 0;
    mix_row(w, &row);
    return give(w, row.t_ns, &row, item);
}

static bool exhausted(const struct workload *w)
{
    return w->sc->workload.requests > 0 && w->given >= w->sc->workload.requests;
}

int workload_next(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e)
{
    if (exhausted(w))
        return 0;
    switch (w->sc->arrival->kind) {
    case ARRIVAL_OPEN:
        return next_open(w, item, e);
    case ARRIVAL_CLOSED:
        return next_closed(w, now_ns, item, e);
    case ARRIVAL_TRACE:
        return next_row(w, now_ns, item, e);
    case ARRIVAL_CLIENTS:
        return next_client(w, item);
    }
    sim_assert(!"arrival kind");
    return -1;
}

int workload_done(struct workload *w, uint32_t slot, bool answered, int64_t now_ns, struct work_item *item)
{
    int got = sessions_done(w->sessions, slot, answered && !exhausted(w), now_ns, item);

    w->given += got;
    return got;
}

int workload_index_blocks(struct workload *w, struct err *e)
{
    block_index_free(w->blocks);
    w->blocks = block_index_new(w->sc, e);
    return w->blocks ? 0 : -1;
}

int64_t workload_next_use(const struct workload *w, int64_t block_id, int64_t request)
{
    return block_index_next(w->blocks, block_id, request);
}
