/*
 * shed - under overload the less important are refused, so that the others are served in time.
 *
 * by = wait   refused when its first token is predicted to come later than its class's SLO of TTFT (times `slack`):
 *
 *                 wait = requests that wait ahead x mean time between the latest `over` first tokens
 *
 *             which is the queue's length over its rate of service (Whitt, "Predicting queueing delays", Management
 *             Science 45, 1999, on what the number in system tells). Until there were `over` of them the time counts
 *             from the start of the run; before the first nobody is refused. A class without that SLO never is.
 * by = load   refused when more than load + priority x load_step requests a replica would be outstanding: the lower the
 *             priority of its class, the earlier it is shed.
 *
 * Ahead are all that wait, or with ahead = priority those of its own and higher priorities, as it is with [scheduler]
 * order = priority.
 */
#include "policy/admission.h"

enum by { BY_WAIT, BY_LOAD };
enum ahead { AHEAD_ALL, AHEAD_PRIORITY };
enum { OVER_MAX = 256 };

struct options {
    int by, ahead; /* enums above */
    double slack, load, load_step;
    int64_t over;
};

struct state { /* a ring of the latest first tokens */
    int64_t t_ns[OVER_MAX];
    int64_t n; /* of the run */
};

static const char *const bys[] = {"wait", "load", NULL};
_Static_assert(BY_WAIT == 0 && BY_LOAD == 1, "the order of bys");
static const char *const aheads[] = {"all", "priority", NULL};
_Static_assert(AHEAD_ALL == 0 && AHEAD_PRIORITY == 1, "the order of aheads");

static const struct opt rows[] = {
    {"by", OPT_CHOICE, UNIT_NONE, offsetof(struct options, by), OPT_NO_LIMITS, "wait", bys,
     "refused by the predicted wait against the class's ttft, or by the load against its priority"},
    {"ahead", OPT_CHOICE, UNIT_NONE, offsetof(struct options, ahead), OPT_NO_LIMITS, "all", aheads,
     "for by = wait: those that go first are all that wait, or those of its own and higher priorities"},
    {"slack", OPT_REAL, UNIT_NONE, offsetof(struct options, slack), 1e-3, 1e3, "1", NULL,
     "for by = wait: share of the class's ttft that it may be predicted to wait"},
    {"over", OPT_INT, UNIT_NONE, offsetof(struct options, over), 1, OVER_MAX, "64", NULL,
     "for by = wait: first tokens over which the rate of service is measured"},
    {"load", OPT_REAL, UNIT_NONE, offsetof(struct options, load), 1e-3, 1e9, "64", NULL,
     "for by = load: outstanding requests a replica up to which priority 0 is let in"},
    {"load_step", OPT_REAL, UNIT_NONE, offsetof(struct options, load_step), 0, 1e9, "16", NULL,
     "for by = load: how many more for each further priority"},
};

static double between_ns(const struct options *o, const struct state *s, int64_t now_ns)
{
    if (s->n <= o->over)
        return (double)now_ns / (double)s->n;
    return (double)(now_ns - s->t_ns[(s->n - o->over) % OVER_MAX]) / (double)o->over;
}

static bool admit(const void *options, void *state, void *of_class, const struct admission_view *v)
{
    const struct options *o = options;
    int64_t ahead = o->ahead == AHEAD_PRIORITY ? v->waiting_ahead : v->all.waiting;
    const struct state *s = state;

    (void)of_class;
    if (o->by == BY_LOAD)
        return (double)(v->all.requests + 1) <=
               (o->load + (double)v->priority * o->load_step) * (double)v->replicas;
    if (v->ttft_ns == 0 || s->n == 0)
        return true;
    return (double)ahead * between_ns(o, s, v->now_ns) <= (double)v->ttft_ns * o->slack;
}

static void started(const void *options, void *state, int64_t now_ns)
{
    struct state *s = state;

    (void)options;
    s->t_ns[s->n++ % OVER_MAX] = now_ns;
}

const struct admission_ops admit_shed_ops = {
    .policy = {.name = "shed",
               .help = "refuses who would wait beyond its SLO, or by load the lower priorities first",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .state_size = sizeof(struct state),
    .admit = admit,
    .started = started,
};
