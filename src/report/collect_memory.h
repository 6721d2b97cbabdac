/*
 * collect_memory.h - the metrics of the memories: what the prefix cache saved, what moved, who slowed whom.
 *
 * A part of collect.h, given where KV is kept for later requests or there are tiers. T is a tier's name, K a kind of
 * transfer, P a port (a link's with its direction: pcie.up). Requests count as in collect.h (completed, arrived at or
 * after warm-up), transfers when they started at or after it, evictions and losses when they came then.
 *
 *   prefix_hit_rate          prompt tokens that were not computed thanks to the cache / prompt tokens
 *   prefix_block_hit_rate    blocks found at look-up, in any tier / blocks whose content is known
 *   hit_blocks/T, hit_tokens/T, hit_bytes/T             found there at look-up
 *   hit_rate/T               hit_tokens/T / prompt tokens; their sum may be above prefix_hit_rate: not all is restored
 *   mean_restore_ms          time that a request waited for KV from lower tiers
 *   transfers/K              how many
 *   moved_bytes/K            what arrived
 *   evicted_blocks/T         what had to leave it
 *   evicted_bytes/T          likewise
 *   written_bytes/T          what arrived in it; below HBM
 *   drive_writes_per_day/T   of the unit written most: bytes written x write amplification / what it holds, a day
 *   drive_life_years/T       at that rate: promised drive writes over those years / drive_writes_per_day
 *   steps_slowed_share       time that steps lost at ports, themselves or waiting for transfers that did
 *                            (collect_steps.h) / step time (t_end at or after warm-up)
 *   itl_contention_ms        of the mean gap between two tokens (of steps begun at or after warm-up): lost by its step
 *   itl_contention_ms/K/P/BY of that: where K (step: the step's own work) lost it to BY
 *   contention_s/K/P/BY      time lost by K at the ports P to BY: the sum of all units, waited for by a step or not
 *
 * Memory grows with the requests in flight: what a request found is kept until it has ended.
 */
#ifndef REPORT_COLLECT_MEMORY_H
#define REPORT_COLLECT_MEMORY_H

#include "base/arena.h"
#include "store/store.h"
#include "trace/trace.h"

struct memory_tally;

/* m is borrowed. NULL where there is nothing to tell: HBM alone, and nothing cached in it. */
struct memory_tally *memory_tally_new(const struct store_memory *m, int64_t warmup_ns);
void memory_tally_consume(struct memory_tally *t, const struct trace_unit *u);
/* Each metric to `give`; names live in `names`. lacks: kinds of records that are not there (collect_lacks). */
typedef void memory_give(void *ctx, const char *name, double value, const char *unit);
void memory_tally_metrics(const struct memory_tally *t, const bool lacks[EV_KINDS], double duration_s,
                          struct arena *names, memory_give *give, void *ctx);
void memory_tally_free(struct memory_tally *t);

#endif
