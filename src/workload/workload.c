#include "workload/workload.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/rng.h"
#include "workload/advance.h"
#include "workload/agents.h"
#include "workload/block_index.h"
#include "workload/graph.h"
#include "workload/lengths.h"
#include "workload/ready.h"
#include "workload/rescale.h"
#include "workload/servegen.h"
#include "workload/sessions.h"

struct workload {
    const struct scenario *sc; /* not owned */
    struct rescale *trace;     /* NULL unless arrivals or lengths come from one */
    struct servegen *clients;  /* NULL unless arrivals are theirs */
    struct sessions *sessions;
    struct agents *agents; /* NULL: no class has any */
    struct graphs *graphs; /* NULL: no row of the trace waits for others */
    struct graph_agents *replayed; /* agents of these */
    struct work_item root;         /* the next graph's first call, read already; its row, until the next is read */
    struct trace_row root_row;
    bool has_root, own;    /* own: the trace is of our own format */
    struct ready ready;
    int64_t sessions_begun;
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
    for (int64_t c = 0; c < sc->n_classes && w->agents == NULL; c++)
        if (agents_has(&sc->classes[c]))
            w->agents = agents_new(sc, workload_block_tokens(w));
    w->own = trace && rescale_has_graphs(trace);
    if (w->own && sc->arrival->kind == ARRIVAL_TRACE)
        w->graphs = graphs_new(w->replayed = graph_agents_new(sc, workload_block_tokens(w)));
    return w;
}

void workload_free(struct workload *w)
{
    if (w == NULL)
        return;
    rescale_close(w->trace);
    servegen_close(w->clients);
    sessions_free(w->sessions);
    agents_free(w->agents);
    graphs_free(w->graphs);
    graph_agents_free(w->replayed);
    if (w->has_root)
        work_item_free(&w->root);
    ready_free(&w->ready);
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
        has |= sessions_has(&w->sc->classes[c]) || agents_has(&w->sc->classes[c]);
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
    h += sessions_digest(w->sessions);
    return w->agents ? h + agents_digest(w->agents) : h;
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
static void fill(struct workload *w, const struct trace_row *row, struct work_item *item)
{
    const struct class_options *c = &w->sc->classes[item->class_id];
    struct rng *input = &w->input[item->class_id], *output = &w->output[item->class_id];

    sim_assert(row || (c->input.ops->draw && c->output.ops->draw));
    item->input_tokens = length_clamp(c->system_tokens + length_scaled(&c->input, input, row ? row->input_tokens : 0,
                                                                    w->sc->workload.input_scale),
                                      c->input_min, c->input_max);
    item->output_tokens =
        length_clamp(length_scaled(&c->output, output, row ? row->output_tokens : 0, w->sc->workload.output_scale),
                     c->output_min, c->output_max);
    if (w->trace)
        copy_chain(w, row, item);
    if (w->own && item->prompt_blocks > row->prompt_blocks)
        item->prompt_blocks = row->prompt_blocks;
}

static int give(struct workload *w, int64_t t_ns, const struct trace_row *row, struct work_item *item)
{
    *item =
        (struct work_item){.t_ns = t_ns, .class_id = choose_class(w), .session = -1, .session_slot = WORK_NO_SESSION};
    const struct class_options *c = &w->sc->classes[item->class_id];
    w->given++;
    if (agents_has(c)) {
        item->session = w->sessions_begun++;
        agents_begin(w->agents, item);
        return 1;
    }
    fill(w, row, item);
    if (w->trace == NULL && sessions_has(c)) {
        item->session = w->sessions_begun++;
        sessions_begin(w->sessions, item);
    }
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

/* ---- traces of our own (trace_own.c) ---- */

/* The class that a row names; -1: there is none such. */
static int64_t class_of_row(struct workload *w, const struct trace_row *row)
{
    if (row->class_name == NULL)
        return choose_class(w);
    for (int64_t c = 0; c < w->sc->n_classes; c++)
        if (strcmp(w->sc->classes[c].name, row->class_name) == 0)
            return c;
    return -1;
}

static int item_of_row(struct workload *w, const struct trace_row *row, int64_t t_ns, struct work_item *item,
                       struct err *e)
{
    *item = (struct work_item){
        .t_ns = t_ns, .class_id = class_of_row(w, row), .session = row->session, .turn = row->step};
    if (item->class_id < 0)
        return err_set(e, EXIT_CODE_FAILED,
                       "%s: the row of id %" PRId64 " is of a class \"%.80s\", but the scenario has no such [class]",
                       w->sc->workload.trace, row->id, row->class_name);
    fill(w, row, item);
    mix_row(w, row);
    return 0;
}

static int add_row(struct workload *w, const struct trace_row *row, const struct work_item *item, struct err *e)
{
    const char *wrong = graph_add(w->graphs, row, item);

    return wrong == NULL ? 0 : err_set(e, EXIT_CODE_FAILED, "%s: the row of id %" PRId64 ": %s", w->sc->workload.trace,
                                       row->id, wrong);
}

/* Reads up to the root after the next graph, and begins that. */
static int next_graph(struct workload *w, int64_t now_ns, struct work_item *item, struct err *e)
{
    int64_t users = workload_concurrency(w), t_ns;
    struct work_item next;
    struct trace_row row;
    int got = 1;

    while (got > 0) {
        if (w->has_root && graph_is_empty(w->graphs)) {
            w->has_root = false;
            if (add_row(w, &w->root_row, &w->root, e) != 0)
                return -1;
        } else if (w->has_root) {
            break;
        } else if ((got = rescale_next(w->trace, &row, &t_ns, e)) > 0) {
            if (item_of_row(w, &row, t_ns, &next, e) != 0)
                return -1;
            if (row.n_parents == 0) {
                w->has_root = true;
                w->root = next;
                w->root_row = row;
            } else if (add_row(w, &row, &next, e) != 0) {
                return -1;
            }
        }
    }
    if (got < 0 || graph_is_empty(w->graphs))
        return got;
    t_ns = graph_time_ns(w->graphs);
    if (users > 0)
        t_ns = w->given < users ? 0 : now_ns;
    graph_begin(w->graphs, t_ns, item);
    w->given++;
    return 1;
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
        return w->graphs ? next_graph(w, now_ns, item, e) : next_row(w, now_ns, item, e);
    case ARRIVAL_CLIENTS:
        return next_client(w, item);
    }
    sim_assert(!"arrival kind");
    return -1;
}

bool workload_ended(struct workload *w, const struct work_ended *call, int64_t now_ns)
{
    struct work_item item;
    bool over;

    if (w->agents && agents_has(&w->sc->classes[call->class_id])) {
        over = agents_ended(w->agents, call, now_ns, &w->ready);
    } else if (w->graphs) {
        over = graph_ended(w->graphs, call, now_ns, &w->ready);
    } else {
        over = sessions_done(w->sessions, call->slot, call->answered && !exhausted(w), now_ns, &item) == 0;
        if (!over) {
            ready_put(&w->ready, &item);
            w->given++;
        }
    }
    return over;
}

bool workload_next_ready(struct workload *w, struct work_item *item)
{
    return ready_take(&w->ready, item);
}

void workload_record(struct workload *w, struct trace *t)
{
    if (w->agents)
        agents_record(w->agents, t);
    if (w->replayed)
        graph_agents_record(w->replayed, t);
}

bool workload_agents(const struct workload *w, struct agents_counts *out)
{
    const struct agents *a = w->agents ? w->agents : w->replayed ? graph_agents_book(w->replayed) : NULL;

    if (a)
        *out = agents_count(a);
    return a != NULL;
}

int64_t workload_agent_names(const struct workload *w, const char *const **names)
{
    return w->replayed ? graph_agents_names(w->replayed, names) : 0;
}

int64_t workload_tool_names(const struct workload *w, const char *const **names)
{
    return w->replayed ? graph_agents_tools(w->replayed, names) : 0;
}

bool workload_graphs(const struct workload *w, struct graph_counts *out)
{
    if (w->graphs)
        *out = graph_count(w->graphs);
    return w->graphs != NULL;
}

int workload_index_blocks(struct workload *w, struct err *e)
{
    block_index_free(w->blocks);
    if (w->graphs)
        return err_set(e, EXIT_CODE_FAILED, "what will be asked for is not known where calls wait for others, as in %s",
                       w->sc->workload.trace);
    w->blocks = block_index_new(w->sc, e);
    return w->blocks ? 0 : -1;
}

int64_t workload_next_use(const struct workload *w, int64_t block_id, int64_t request)
{
    return block_index_next(w->blocks, block_id, request);
}
