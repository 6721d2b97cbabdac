#include "policy/gaps.h"

#include "base/bug.h"
#include "base/dist.h"
#include "base/num.h"

const char *const gaps_laws[] = {"poisson", "gamma", "weibull", "deterministic", NULL};

struct arrival_fault gaps_fault(const struct gaps_options *o)
{
    if (o->cv != 1 && o->law != GAPS_GAMMA && o->law != GAPS_WEIBULL)
        return (struct arrival_fault){"gaps_cv", "has no effect with this law (want gaps = gamma or weibull)"};
    return (struct arrival_fault){NULL, NULL};
}

/* cv^2 + 1 of a Weibull law = Gamma(1 + 2/k) / Gamma(1 + 1/k)^2, which falls in k. */
static double weibull_shape(double cv)
{
    double low = 0.05, high = 100, want = num_log(1 + cv * cv);

    for (int i = 0; i < 100; i++) {
        double k = (low + high) / 2;
        if (num_lgamma(1 + 2 / k) - 2 * num_lgamma(1 + 1 / k) > want)
            low = k;
        else
            high = k;
    }
    return (low + high) / 2;
}

struct gaps gaps_of_shape(enum gaps_law law, double shape)
{
    sim_assert(law == GAPS_GAMMA || law == GAPS_WEIBULL);
    return (struct gaps){law, shape, law == GAPS_GAMMA ? 1 / shape : num_exp(-num_lgamma(1 + 1 / shape))};
}

struct gaps gaps_of_cv(const struct gaps_options *o)
{
    switch ((enum gaps_law)o->law) {
    case GAPS_GAMMA:
        return gaps_of_shape(GAPS_GAMMA, 1 / (o->cv * o->cv));
    case GAPS_WEIBULL:
        return gaps_of_shape(GAPS_WEIBULL, weibull_shape(o->cv));
    case GAPS_POISSON:
    case GAPS_DETERMINISTIC:
        break;
    }
    return (struct gaps){(enum gaps_law)o->law, 1, 1};
}

double gaps_draw(const struct gaps *g, struct rng *r)
{
    switch (g->law) {
    case GAPS_POISSON:
        return dist_exponential(r, 1);
    case GAPS_GAMMA:
        return dist_gamma(r, g->shape, g->scale);
    case GAPS_WEIBULL:
        return dist_weibull(r, g->shape, g->scale);
    case GAPS_DETERMINISTIC:
        return 1;
    }
    sim_assert(!"law of gaps");
}

/* Length-biased: x f(x) is again a gamma law, its shape one more; of a Weibull law, (x/scale)^k becomes gamma of shape
 * 1 + 1/k. */
double gaps_first(const struct gaps *g, struct rng *r)
{
    switch (g->law) {
    case GAPS_POISSON:
        return dist_exponential(r, 1);
    case GAPS_GAMMA:
        return dist_gamma(r, g->shape + 1, g->scale) * dist_uniform(r, 0, 1);
    case GAPS_WEIBULL:
        return g->scale * num_pow(dist_gamma(r, 1 + 1 / g->shape, 1), 1 / g->shape) * dist_uniform(r, 0, 1);
    case GAPS_DETERMINISTIC:
        return dist_uniform(r, 0, 1);
    }
    sim_assert(!"law of gaps");
}
