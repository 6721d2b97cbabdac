/*
 * slo - one replica more while fewer than `target` of the requests that ended in the latest `over` intervals met their
 * class's SLOs; one less when all but a half of the allowed misses are unused, and the others' slots would be no fuller
 * than `headroom`.
 *
 * After a change the window starts anew: what ended before says nothing of the replicas there are now.
 */
#include "policy/scaler.h"

enum { OVER_MAX = 64 };

struct options {
    double target, headroom;
    int64_t over;
};

struct state { /* of the intervals since the latest change */
    int64_t ended[OVER_MAX], met[OVER_MAX], n;
};

static const struct opt rows[] = {
    {"target", OPT_REAL, UNIT_NONE, offsetof(struct options, target), 0.01, 1, "0.95", NULL,
     "share of the requests that should meet their SLOs"},
    {"headroom", OPT_REAL, UNIT_NONE, offsetof(struct options, headroom), 0.01, 1, "0.7", NULL,
     "share of max_num_seqs that may be in use at those that stay when one is given up"},
    {"over", OPT_INT, UNIT_NONE, offsetof(struct options, over), 1, OVER_MAX, "4", NULL, "intervals that are looked at"},
};

static int64_t want(const void *options, void *state, const struct scaler_view *v)
{
    const struct options *o = options;
    int64_t have = v->ready + v->starting, ended = 0, met = 0, n = have;
    struct state *s = state;

    s->ended[s->n % o->over] = v->ended;
    s->met[s->n++ % o->over] = v->met;
    for (int64_t i = 0; i < o->over && i < s->n; i++) {
        ended += s->ended[i];
        met += s->met[i];
    }
    double misses = (double)(ended - met), allowed = (double)ended * (1 - o->target);
    if (misses > allowed)
        n = have + 1;
    else if (s->n >= o->over && misses <= allowed / 2 && v->ready > 1 && v->starting == 0 &&
             v->slots * (double)v->ready <= o->headroom * (double)(v->ready - 1))
        n = have - 1;
    if (n != have)
        s->n = 0;
    return n;
}

const struct scaler_ops scale_slo_ops = {
    .policy = {.name = "slo",
               .help = "one more while too few requests meet their SLOs",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .state_size = sizeof(struct state),
    .want = want,
};
