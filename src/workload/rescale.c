#include "workload/rescale.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/rng.h"
#include "workload/replay.h"

enum { STREAM = 1 }; /* entity of RNG_ARRIVAL; 0 is the workload's */
enum { SPACE_BITS = 60, SPACES = 1 << (63 - SPACE_BITS) }; /* of block ids: own traces use the ends of several */

/* Of the slice. */
struct extent {
    int64_t rows, first_ns, last_ns; /* that wait for none; since trace_from, in the trace's time */
    int64_t ids;                     /* more than any block's */
    int64_t in_space;                /* the same of ids less their space's first */
    int64_t sessions;                /* more than any's number; of graphs */
};

struct copy {
    struct workload_options o; /* of the part that is being read */
    struct replay *replay;     /* NULL: it has ended */
    struct trace_row row;      /* the next, where has */
    int64_t at_ns;
    bool has, taken;  /* taken: the row was given, and the next is not read yet */
    bool kept;        /* the last row that waits for none */
    double keep;      /* probability of each row */
    int64_t turn_ns;  /* where it begins, since trace_from; 0: at the start */
    int64_t later_ns; /* added to the times of the part that is being read */
    bool again;       /* that part is the second */
    int64_t first_id, first_session; /* added to each block's, to each session's */
};

struct rescale {
    const struct workload_options *o; /* not owned */
    struct copy *copies;
    int64_t n;
    bool needs_times;
    int64_t period_ns, block_tokens;
    struct rng rng;
    struct block_run *runs; /* of a copy's row, with its own ids */
    int64_t runs_cap;
    bool has_graphs;
    struct copy *giving; /* the rest of its graph; NULL: none */
};

/* What the trace's time comes to on the clock. */
static int64_t on_clock(const struct rescale *s, int64_t ns)
{
    return (int64_t)((double)ns / s->o->trace_speed + 0.5);
}

static void widen(struct extent *x, const struct trace_row *row, bool graphs)
{
    for (int64_t i = 0; i < row->chain.n_runs; i++) {
        int64_t id = row->chain.run[i].id, end = id + row->chain.run[i].n, space = id >> SPACE_BITS << SPACE_BITS;
        x->ids = end > x->ids ? end : x->ids;
        x->in_space = end - space > x->in_space ? end - space : x->in_space;
    }
    if (graphs && row->session >= x->sessions)
        x->sessions = row->session + 1;
}

static int measure(const struct workload_options *o, struct extent *x, struct err *e)
{
    struct workload_options as_it_is = *o;
    struct trace_row row;
    int64_t at_ns;
    int got;

    *x = (struct extent){.rows = 0};
    as_it_is.trace_speed = 1;
    struct replay *r = replay_open(&as_it_is, true, e);
    if (r == NULL)
        return -1;
    while ((got = replay_next(r, &row, &at_ns, e)) == 1) {
        if (row.n_parents == 0) {
            x->first_ns = x->rows++ == 0 ? at_ns : x->first_ns;
            x->last_ns = at_ns;
        }
        widen(x, &row, replay_has_graphs(r));
    }
    replay_close(r);
    return got;
}

/* The time of row `which`, of those that wait for none, of the slice, since trace_from. */
static int time_of(const struct workload_options *o, int64_t which, int64_t *at_ns, struct err *e)
{
    struct workload_options as_it_is = *o;
    struct trace_row row;
    int got = 1;

    as_it_is.trace_speed = 1;
    struct replay *r = replay_open(&as_it_is, true, e);
    if (r == NULL)
        return -1;
    for (int64_t i = 0; i <= which && got == 1; i += got == 1 && row.n_parents == 0)
        got = replay_next(r, &row, at_ns, e);
    replay_close(r);
    return got < 0 ? -1 : 0;
}

static int64_t period_of(const struct workload_options *o, const struct extent *x)
{
    if (o->trace_to_ns > 0)
        return o->trace_to_ns - o->trace_from_ns;
    return x->last_ns + (x->rows > 1 ? (x->last_ns - x->first_ns) / (x->rows - 1) : 0);
}

/* Ids of its own for a copy: above all of the others', or, where some are near the end of what a number can hold, above
 * them in the same space. */
static int take_ids(struct rescale *s, struct copy *c, int64_t number, const struct extent *x, struct err *e)
{
    bool above = x->ids <= INT64_MAX / s->n;

    if ((!above && x->in_space > (INT64_C(1) << SPACE_BITS) / s->n) || x->sessions > INT64_MAX / s->n)
        return err_set(e, EXIT_CODE_FAILED,
                       "%s: its block ids, or numbers of sessions, leave no room for those of copies (trace_rate_scale)",
                       s->o->trace);
    c->first_id = number * (above ? x->ids : x->in_space);
    c->first_session = s->has_graphs ? number * x->sessions : 0;
    return 0;
}

/* A turned copy: from a row on, and the rows before it later. */
static int turn(struct rescale *s, struct copy *c, int64_t number, const struct extent *x, struct err *e)
{
    int64_t which = (int64_t)rng_below(&s->rng, (uint64_t)x->rows), at_ns;

    if (take_ids(s, c, number, x, e) < 0 || time_of(s->o, which, &at_ns, e) < 0)
        return -1;
    if (at_ns == x->first_ns)
        return 0;
    c->turn_ns = at_ns;
    c->o.trace_from_ns += at_ns;
    return 0;
}

/* Goes on to the part of the slice before the turn. 0: there is none. */
static int read_again(struct rescale *s, struct copy *c, struct err *e)
{
    replay_close(c->replay);
    c->replay = NULL;
    if (c->turn_ns == 0 || c->again)
        return 0;
    c->again = true;
    c->o.trace_from_ns = s->o->trace_from_ns;
    c->o.trace_to_ns = s->o->trace_from_ns + c->turn_ns;
    c->later_ns = on_clock(s, s->period_ns - c->turn_ns);
    c->replay = replay_open(&c->o, s->needs_times, e);
    return c->replay ? 1 : -1;
}

/* By whole graphs: rows that wait for others go with the one that began theirs. */
static bool keeps(struct rescale *s, struct copy *c)
{
    if (c->row.n_parents == 0)
        c->kept = c->keep == 1 || rng_u01(&s->rng) < c->keep;
    return c->kept;
}

static int read_row(struct rescale *s, struct copy *c, struct err *e)
{
    int got = 0;

    c->has = c->taken = false;
    while (c->replay) {
        got = replay_next(c->replay, &c->row, &c->at_ns, e);
        if (got == 0)
            got = read_again(s, c, e);
        else if (got == 1 && keeps(s, c)) {
            c->at_ns += c->later_ns;
            c->has = true;
            break;
        }
        if (got < 0)
            return -1;
    }
    return 0;
}

/* All copies at their first row; -1: err. */
static int begin(struct rescale *s, struct err *e)
{
    struct extent x = {.rows = 0};

    if (s->n > 1) {
        if (measure(s->o, &x, e) < 0)
            return -1;
        s->period_ns = period_of(s->o, &x);
    }
    for (int64_t j = 0; j < s->n; j++) {
        struct copy *c = &s->copies[j];
        double left = s->o->trace_rate_scale - (double)j;
        c->o = *s->o;
        c->keep = left < 1 ? left : 1;
        if (j > 0 && turn(s, c, j, &x, e) < 0)
            return -1;
        c->replay = replay_open(&c->o, s->needs_times, e);
        if (c->replay == NULL)
            return -1;
        c->taken = true;
        s->has_graphs = replay_has_graphs(c->replay);
    }
    s->block_tokens = replay_block_tokens(s->copies[0].replay);
    return 0;
}

struct rescale *rescale_open(const struct workload_options *o, bool needs_times, uint64_t seed, uint64_t replication,
                             struct err *e)
{
    struct rescale *s = mem_zalloc(1, sizeof *s);
    double scale = o->trace_rate_scale;

    s->o = o;
    s->needs_times = needs_times;
    s->n = (int64_t)scale + (scale > (double)(int64_t)scale);
    s->copies = mem_zalloc((size_t)s->n, sizeof *s->copies);
    rng_init(&s->rng, seed, replication, STREAM, RNG_ARRIVAL);
    if (begin(s, e) < 0) {
        rescale_close(s);
        return NULL;
    }
    return s;
}

void rescale_close(struct rescale *s)
{
    if (s == NULL)
        return;
    for (int64_t j = 0; j < s->n; j++)
        replay_close(s->copies[j].replay);
    free(s->copies);
    free(s->runs);
    free(s);
}

/* The row with the copy's own blocks. */
static struct chain own_chain(struct rescale *s, const struct copy *c)
{
    int64_t n = c->row.chain.n_runs;

    if (c->first_id == 0 || n == 0)
        return c->row.chain;
    if (n > s->runs_cap) {
        s->runs_cap = 2 * n;
        s->runs = mem_realloc(s->runs, (size_t)s->runs_cap * sizeof *s->runs);
    }
    for (int64_t i = 0; i < n; i++)
        s->runs[i] = (struct block_run){c->row.chain.run[i].id + c->first_id, c->row.chain.run[i].n};
    return (struct chain){s->runs, n};
}

/* The copy whose row is next: that whose graph was begun, as long as that goes on, then the earliest. */
static int choose(struct rescale *s, struct copy **next, struct err *e)
{
    *next = NULL;
    for (int64_t j = 0; j < s->n; j++) {
        struct copy *c = &s->copies[j];
        if (c->taken && read_row(s, c, e) < 0)
            return -1;
        if (c->has && (*next == NULL || c->at_ns < (*next)->at_ns))
            *next = c;
    }
    if (s->giving && s->giving->has && s->giving->row.n_parents > 0)
        *next = s->giving;
    return 0;
}

int rescale_next(struct rescale *s, struct trace_row *row, int64_t *at_ns, struct err *e)
{
    struct copy *c;

    if (choose(s, &c, e) < 0)
        return -1;
    if (c == NULL)
        return 0;
    s->giving = c;
    c->taken = true;
    *row = c->row;
    row->chain = own_chain(s, c);
    if (row->session >= 0)
        row->session += c->first_session;
    *at_ns = c->at_ns;
    return 1;
}

int64_t rescale_block_tokens(const struct rescale *s)
{
    return s->block_tokens;
}

bool rescale_has_graphs(const struct rescale *s)
{
    return s->has_graphs;
}
