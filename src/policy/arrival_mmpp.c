/*
 * arrival_mmpp.c - a rate that a Markov chain moves: in state i arrivals come at rates[i], for an exponential time of
 * mean sojourns[i]; then state j follows with probability transitions[i][j] (without them, each other one with the
 * same). With gaps = poisson, the Markov-modulated Poisson process (Fischer and Meier-Hellstern, "The Markov-modulated
 * Poisson process (MMPP) cookbook", Performance Evaluation 18, 1993).
 *
 * It begins in a state drawn by the share of time the chain spends in each, so it is stationary from time 0 on. Those
 * shares: Grassmann, Taksar and Heyman's elimination ("Regenerative analysis and steady state distributions for Markov
 * chains", Operations Research 33, 1985), which subtracts nothing.
 */
#include <math.h>

#include "base/dist.h"
#include "policy/rate.h"

enum { STATES_MAX = 9 }; /* whose square a list can hold */
_Static_assert(STATES_MAX * STATES_MAX <= OPT_LIST_MAX, "transitions of all states fit a list");

struct options {
    struct opt_list rates, sojourns, transitions;
    struct gaps_options gaps;
};

struct state {
    struct rate_process process; /* first: next_piece is given it */
    const struct options *o;
    int at;
};

static const struct opt rows[] = {
    {"rates", OPT_LIST, UNIT_PER_S, offsetof(struct options, rates), 0, 1e9, NULL, NULL,
     "arrivals per second, over all replicas, in each state"},
    {"sojourns", OPT_LIST, UNIT_SECOND, offsetof(struct options, sojourns), 1e-3, 9e6, NULL, NULL,
     "mean time that each state lasts; exponential"},
    {"transitions", OPT_LIST, UNIT_NONE, offsetof(struct options, transitions), 0, 1, "", NULL,
     "probability of each next state, row by row, 0 of a state after itself; without it, equal ones"},
    GAPS_ROWS(struct options, gaps),
};

/* Probability that state j follows i. */
static double follows(const struct options *o, int i, int j)
{
    int n = o->rates.n;

    if (o->transitions.n > 0)
        return o->transitions.x[i * n + j];
    return i == j ? 0 : 1.0 / (n - 1);
}

/* Whether each state can be reached from each (Warshall 1962). */
static bool connected(const struct options *o)
{
    bool reach[STATES_MAX][STATES_MAX];
    int n = o->rates.n;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            reach[i][j] = follows(o, i, j) > 0;
    for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                reach[i][j] |= reach[i][k] && reach[k][j];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if (!reach[i][j])
                return false;
    return true;
}

static struct arrival_fault transitions_fault(const struct options *o)
{
    int n = o->rates.n;

    if (o->transitions.n != n * n)
        return (struct arrival_fault){"transitions", "needs a row of as many values as rates has for each of them"};
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++)
            sum += follows(o, i, j);
        if (follows(o, i, i) != 0)
            return (struct arrival_fault){"transitions", "lets a state follow itself (want 0 there; sojourns says how "
                                                         "long it lasts)"};
        if (!(sum > 1 - 1e-6 && sum < 1 + 1e-6))
            return (struct arrival_fault){"transitions", "has a row that does not add up to 1"};
    }
    if (!connected(o))
        return (struct arrival_fault){"transitions", "has a state that is not reached from every other"};
    return (struct arrival_fault){NULL, NULL};
}

static struct arrival_fault fault(const void *options)
{
    const struct options *o = options;
    double most = 0;

    if (o->rates.n < 2 || o->rates.n > STATES_MAX)
        return (struct arrival_fault){"rates", "needs 2 to 9 values, one a state"};
    if (o->sojourns.n != o->rates.n)
        return (struct arrival_fault){"sojourns", "needs as many values as rates has"};
    for (int i = 0; i < o->rates.n; i++)
        most = o->rates.x[i] > most ? o->rates.x[i] : most;
    if (most == 0)
        return (struct arrival_fault){"rates", "are all 0: nothing would ever arrive"};
    if (o->transitions.n > 0) {
        struct arrival_fault f = transitions_fault(o);
        if (f.key)
            return f;
    }
    return gaps_fault(&o->gaps);
}

/* Share of time in each state, not scaled to a sum of 1; gives the sum. */
static double shares(const struct options *o, double share[STATES_MAX])
{
    double q[STATES_MAX][STATES_MAX], sum = 0;
    int n = o->rates.n;

    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            q[i][j] = follows(o, i, j) / o->sojourns.x[i];
    for (int k = n - 1; k > 0; k--) {
        double out = 0;
        for (int j = 0; j < k; j++)
            out += q[k][j];
        for (int i = 0; i < k; i++) {
            q[i][k] /= out;
            for (int j = 0; j < k; j++)
                q[i][j] += q[i][k] * q[k][j];
        }
    }
    for (int k = 0; k < n; k++) {
        share[k] = k == 0;
        for (int i = 0; i < k; i++)
            share[k] += share[i] * q[i][k];
        sum += share[k];
    }
    return sum;
}

/* The index that a point of [0, sum) falls on. */
static int pick(const double *weight, int n, double point)
{
    int last = 0; /* rounding may leave the point past the last weight */

    for (int i = 0; i < n; i++) {
        if (weight[i] > 0)
            last = i;
        if (point < weight[i])
            break;
        point -= weight[i];
    }
    return last;
}

static struct rate_piece sojourn(struct state *s, struct rng *rate)
{
    double r = s->o->rates.x[s->at], lasts = dist_exponential(rate, s->o->sojourns.x[s->at]);

    rng_mix_u64(rate, (uint64_t)s->at);
    return (struct rate_piece){lasts, r, r};
}

static struct rate_piece next_piece(void *process, struct rng *rate)
{
    struct state *s = process;
    double weight[STATES_MAX];
    int n = s->o->rates.n;

    for (int j = 0; j < n; j++)
        weight[j] = follows(s->o, s->at, j);
    s->at = n == 2 ? 1 - s->at : pick(weight, n, rng_u01(rate));
    return sojourn(s, rate);
}

static void begin(const void *options, void *state, struct rng *rate)
{
    struct state *s = state;
    double share[STATES_MAX];

    s->o = options;
    double sum = shares(s->o, share);
    s->at = pick(share, s->o->rates.n, rng_u01(rate) * sum);
    rate_process_begin(&s->process, sojourn(s, rate), next_piece, &s->o->gaps);
}

const struct arrival_ops arrival_mmpp_ops = {
    .policy = {"mmpp", "a rate that a Markov chain switches", OPT_TABLE(rows), sizeof(struct options)},
    .kind = ARRIVAL_OPEN,
    .state_size = sizeof(struct state),
    .begin = begin,
    .next_s = rate_process_next,
    .fault = fault,
};
