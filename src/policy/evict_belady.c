/*
 * belady - what will be asked for last goes first: key = -(tick of its next use).
 *
 * The optimum for blocks of one size that must be taken in (Belady: "A Study of Replacement Algorithms for a
 * Virtual-Storage Computer", IBM Systems Journal 5(2), 1966), so a bound for the others. It needs to know the future:
 * traces only, and nodes of one block (prefix_new's max_node), since a run's blocks differ in it.
 */
#include "policy/evict.h"

static double key(const void *options, void *state, const struct evict_view *v)
{
    (void)options, (void)state;
    return -(double)v->next_use;
}

const struct evict_ops evict_belady_ops = {
    .policy = {.name = "belady", .help = "what will be asked for last goes first: a bound, for traces only"},
    .oracle = true,
    .key = key,
};
