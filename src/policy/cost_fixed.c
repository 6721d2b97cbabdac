/*
 * fixed - every step takes the same time, whatever is in it.
 *
 * For queueing theory (service time = tokens x step_time, independent of the batch) and for tests.
 */
#include "policy/cost.h"

struct options {
    int64_t step_time_ns;
};

struct state {
    int64_t step_ns;
};

static const struct opt rows[] = {
    {"step_time", OPT_TIME, UNIT_SECOND, offsetof(struct options, step_time_ns), 1e-9, 3600, NULL, NULL,
     "time of every engine step"},
};

static void prepare(const void *options, const struct layout *l, void *state)
{
    (void)l;
    ((struct state *)state)->step_ns = ((const struct options *)options)->step_time_ns;
}

static int64_t step_ns(const void *state, const struct cost_step *step)
{
    (void)step;
    return ((const struct state *)state)->step_ns;
}

const struct cost_ops cost_fixed_ops = {
    .policy = {.name = "fixed",
               .help = "every step takes step_time, whatever is in it: for queueing theory and tests",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .state_size = sizeof(struct state),
    .prepare = prepare,
    .step_ns = step_ns,
};
