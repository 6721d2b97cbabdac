#include "workload/servegen.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/heap.h"
#include "base/rng.h"
#include "policy/rate.h"
#include "workload/advance.h"
#include "workload/servegen_lengths.h"

/* Entities 0 and 1 of RNG_ARRIVAL are the workload's own (workload.h); of RNG_INPUT, the classes'. */
#define FIRST_CLIENT   UINT64_C(2)
#define FIRST_LENGTHS  (UINT64_C(1) << 32)
#define CHOICE_OF_FILE UINT64_C(1)

struct client {
    const struct servegen_profile *profile;
    double rate_scale;
    struct rate_walk walk;
    int64_t window; /* of the day, where the walk stands */
    int64_t t_ns;   /* of its next request */
    double carry;
    struct rng gaps, lengths;
};

struct servegen {
    struct servegen_profiles profiles;
    struct client *clients;
    uint32_t n_clients;
    struct heap next; /* by time, of clients */
    uint32_t *pos;
};

static struct rate_piece piece(const struct client *c)
{
    double r = c->profile->window[c->window].per_s * c->rate_scale;

    return (struct rate_piece){c->profile->window_s, r, r};
}

static struct rate_piece next_piece(void *client, struct rng *unused)
{
    struct client *c = client;

    (void)unused;
    c->window = (c->window + 1) % c->profile->n_windows;
    return piece(c);
}

/* Draws nothing where no further request fits on the clock. */
static void schedule(struct servegen *s, uint32_t i, double work)
{
    struct client *c = &s->clients[i];

    if (advance(&c->t_ns, &c->carry, rate_advance(&c->walk, work, next_piece, c, NULL)))
        heap_push(&s->next, (uint64_t)c->t_ns, i, s->pos);
}

/* The law of the first window from now on that has a rate. */
static const struct gaps *first_law(const struct client *c)
{
    int64_t w = c->window;

    while (c->profile->window[w].per_s == 0)
        w = (w + 1) % c->profile->n_windows;
    return &c->profile->window[w].gaps;
}

static void begin(struct servegen *s, uint32_t i, const struct servegen_options *o)
{
    struct client *c = &s->clients[i];
    const struct servegen_profile *p = c->profile;
    double start = (double)o->day_start_ns * 1e-9, day = p->window_s * (double)p->n_windows;

    start -= day * (double)(int64_t)(start / day);
    c->rate_scale = o->rate_scale;
    c->window = (int64_t)(start / p->window_s);
    c->walk.piece = piece(c);
    c->walk.at_s = start - (double)c->window * p->window_s;
    if (p->mean_per_s > 0)
        schedule(s, i, gaps_first(first_law(c), &c->gaps));
}

/* Which file client i has. */
static const struct servegen_profile *choose(const struct servegen *s, const struct servegen_options *o, uint32_t i,
                                             struct rng *choice)
{
    if (o->choice == SERVEGEN_RANDOM)
        return &s->profiles.at[rng_below(choice, (uint64_t)s->profiles.n)];
    return &s->profiles.at[(int64_t)i % s->profiles.n];
}

struct servegen *servegen_open(const struct servegen_options *o, uint64_t seed, uint64_t replication, struct err *e)
{
    struct servegen_profiles profiles;
    struct rng choice;

    if (servegen_read(o->folder, &profiles, e) < 0)
        return NULL;
    struct servegen *s = mem_zalloc(1, sizeof *s);
    s->profiles = profiles;
    s->n_clients = (uint32_t)(o->clients > 0 ? o->clients : profiles.n);
    s->clients = mem_zalloc(s->n_clients, sizeof *s->clients);
    s->pos = mem_alloc(s->n_clients * sizeof *s->pos);
    rng_init(&choice, seed, replication, CHOICE_OF_FILE, RNG_ARRIVAL);
    for (uint32_t i = 0; i < s->n_clients; i++) {
        s->pos[i] = HEAP_NONE;
        s->clients[i].profile = choose(s, o, i, &choice);
        rng_init(&s->clients[i].gaps, seed, replication, FIRST_CLIENT + i, RNG_ARRIVAL);
        rng_init(&s->clients[i].lengths, seed, replication, FIRST_LENGTHS + i, RNG_INPUT);
        begin(s, i, o);
    }
    return s;
}

void servegen_close(struct servegen *s)
{
    if (s == NULL)
        return;
    servegen_profiles_free(&s->profiles);
    heap_free(&s->next);
    free(s->clients);
    free(s->pos);
    free(s);
}

/* The window of lengths that holds the place where the client stands. */
static const struct servegen_lengths *lengths_now(const struct client *c)
{
    const struct servegen_profile *p = c->profile;
    double at = (double)c->window * p->window_s + c->walk.at_s;
    int64_t i = p->n_lengths - 1;

    while (i > 0 && p->lengths[i].start_s > at)
        i--;
    return &p->lengths[p->lengths[i].same_as];
}

bool servegen_next(struct servegen *s, struct trace_row *row)
{
    if (s->next.n == 0)
        return false;
    uint32_t i = heap_pop(&s->next, s->pos).id;
    struct client *c = &s->clients[i];
    const struct servegen_lengths *l = lengths_now(c);
    *row = (struct trace_row){.t_ns = c->t_ns,
                              .input_tokens = servegen_law_at(&l->input, rng_u01(&c->lengths)),
                              .output_tokens = servegen_law_at(&l->output, rng_u01(&c->lengths))};
    schedule(s, i, gaps_draw(&c->profile->window[c->window].gaps, &c->gaps));
    return true;
}
