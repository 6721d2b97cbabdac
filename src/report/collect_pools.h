/*
 * collect_pools.h - the metrics of pools, where one hands KV to another: collect.h's, by pool.
 *
 *   utilisation/POOL     step time / (the pool's replicas x T)
 *   mean_batch/POOL      n_decode weighted by step time, of its steps
 *   handed               completed requests that were answered by another replica than had computed their prompts
 *   mean_handoff_ms      of these, from the end of the prompt there to the admission here
 *   handoff_share        of these, the sum of that / the sum of TTFT
 *
 * Counted are the steps and requests that collect.h counts.
 */
#ifndef REPORT_COLLECT_POOLS_H
#define REPORT_COLLECT_POOLS_H

#include "base/arena.h"
#include "store/store.h"
#include "trace/trace.h"

struct pool_tally;

/* pools are borrowed. NULL where there is one. */
struct pool_tally *pool_tally_new(const struct store_pool *pools, int64_t n, int64_t warmup_ns);
void pool_tally_consume(struct pool_tally *t, const struct trace_unit *u);
/* Each metric to `give`; names live in `names`. lacks: kinds of records that are not there (collect_lacks). */
typedef void pool_give(void *ctx, const char *name, double value, const char *unit);
void pool_tally_metrics(const struct pool_tally *t, const bool lacks[EV_KINDS], double duration_s, struct arena *names,
                        pool_give *give, void *ctx);
void pool_tally_free(struct pool_tally *t);

#endif
