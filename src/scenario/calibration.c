/*
 * calibration.c - [engine] calibration: how far from the engine's best figures a run's steps are, by that engine's own
 * errors in runs it was not fitted on (tpot_low .. ttft_high, 90 % of measured over predicted).
 *
 * low and high are the ends of both intervals; drawn takes one point of each from the lognormal law whose 5th and 95th
 * percentile they are, by (seed, replication): replications of a scenario then differ by what calibration does not
 * know, and their intervals contain it. One draw a replication for decodes and one for prompts, the same in all pools,
 * since what is wrong of an engine is wrong of it everywhere; the two are independent, for nothing is known of how they
 * go together. What the factors are applied to: cost_roofline.c.
 */
#include <string.h>

#include "base/dist.h"
#include "base/num.h"
#include "scenario/check.h"

/* 95th percentile of the normal law. */
static const double Z95 = 1.6448536269514722;

static double factor_of(int calibration, double low, double high, double normal)
{
    switch (calibration) {
    case CALIBRATION_LOW:
        return low;
    case CALIBRATION_HIGH:
        return high;
    default: {
        double a = num_log(low), b = num_log(high);
        return num_exp((a + b) / 2 + normal * (b - a) / (2 * Z95));
    }
    }
}

void calibration_resolve(struct scenario *sc, struct diags *d)
{
    const struct check c = {.sc = sc, .d = d};
    struct engine_options *e = &sc->layout.engine;
    struct rng r;

    e->decode_factor = e->prefill_factor = 1;
    if (e->calibration == CALIBRATION_BEST)
        return;
    if (!(e->tpot_low > 0 && e->tpot_high >= e->tpot_low && e->ttft_low > 0 && e->ttft_high >= e->ttft_low)) {
        check_wrong(&c, "engine", "calibration",
                    "this engine's errors are not known (want tpot_low, tpot_high, ttft_low and ttft_high, each low at "
                    "most its high: presets that were fitted have them)");
        return;
    }
    if (strcmp(sc->cost->policy.name, "roofline") != 0) {
        check_wrong(&c, "engine", "calibration", "has no effect with [replica] cost = %s", sc->cost->policy.name);
        return;
    }
    if (sc->layout.replica.spec_tokens > 0) {
        check_wrong(&c, "engine", "calibration",
                    "nothing was calibrated with speculation (want best, or spec_tokens = 0)");
        return;
    }
    rng_init(&r, (uint64_t)sc->run.seed, (uint64_t)sc->run.replication, 0, RNG_CALIBRATION);
    double decode = dist_normal(&r), prefill = dist_normal(&r);
    e->decode_factor = factor_of(e->calibration, e->tpot_low, e->tpot_high, decode);
    e->prefill_factor = factor_of(e->calibration, e->ttft_low, e->ttft_high, prefill);
}
