/*
 * check_members.c - what replicas with members (model/group.h: ranks, micro_batches = apart) do not go with.
 */
#include <inttypes.h>

#include "scenario/check.h"

void check_members(const struct check *c)
{
    const struct scenario *sc = c->sc;
    const struct layout *l = &sc->layout;
    bool ranks = l->replica.ranks == BATCHES_APART && l->replica.dp > 1;
    const char *key = ranks ? "ranks" : "micro_batches";

    if (layout_members(l) == 1)
        return;
    if (ranks && l->replica.pp > 1)
        check_wrong(c, "replica", key,
                    "apart, with pp = %" PRId64 ": ranks with batches of their own in several stages are not modelled "
                    "(want pp = 1, or together)",
                    l->replica.pp);
    if (sc->memory.n_tiers > 0)
        check_wrong(c, "replica", key, "apart does not go with memories below HBM ([memory] tiers) yet (want together)");
    if (sc->n_faults > 0)
        check_wrong(c, "replica", key, "apart does not go with [fault %s] yet (want together)", sc->faults[0].name);
    if (sc->scaler->want)
        check_wrong(c, "replica", key, "apart does not go with [autoscale] policy = %s yet (want together)",
                    sc->scaler->policy.name);
    if (l->limits.step_target_ns > 0)
        check_wrong(c, "scheduler", "step_target",
                    "with [replica] %s = apart a scheduler cannot know how long a step takes: others have a part in it",
                    key);
    if (ranks && l->engine.balance_timeout > 0)
        check_wrong(c, "engine", "balance_timeout",
                    "with [replica] ranks = apart each rank looks at its own queue (want 0, or together)");
}
