/*
 * collect_cost.h - the metrics of cost, where the run has a bill ([prices]): what happened, by cost_rule.h.
 *
 * From warm-up to the end of the run, as in collect.h. Requests "answered": completed, arrived at or after warm-up.
 * What others that arrived then took (lost) is spread over the answered: `spread` = (answered + lost) / answered, in
 * full costs. What those of the edges took is left out, as their tokens are.
 *
 *   cost_usd                 the bill: all parts, power above idle included
 *   cost_usd_per_h           cost_usd / hours
 *   usd_per_gpu_h            cost_usd / GPU-hours paid
 *   cost_idle_share          of cost_usd, for what nobody used; the figures below contain it
 *   cached_input_tokens      prompt tokens of the answered that were found cached
 *   usd_per_m_input          full cost of input x spread / prompt tokens not found cached, a million
 *   usd_per_m_cached_input   of cached / prompt tokens found cached
 *   usd_per_m_output         of output / output tokens
 *   usd_per_m_total          of all three / prompt and output tokens
 *   usd_per_request          the same / answered requests
 *   usd_per_session          of answered requests with a session / sessions of those
 *   usd_per_task             of the LLM calls of agents' tasks that began at or after warm-up and were answered / those
 *   energy_kwh               of all GPUs and nodes, building included, whoever pays it
 *   joules_per_output_token  energy of output, idle and lost included, as US$ are / output tokens
 *   joules_per_token         of input and output / prompt and output tokens
 *   output_tokens_per_usd    output tokens / (cost_usd - full cost of the edges)
 *   with [price_card]: revenue_usd of the answered; revenue_usd_per_gpu_h, that / the GPU-hours that are not the edges';
 *   margin_usd_per_gpu_h     that less usd_per_gpu_h
 */
#ifndef REPORT_COLLECT_COST_H
#define REPORT_COLLECT_COST_H

#include "report/cost_rule.h"
#include "trace/trace.h"

struct cost_tally;

/* All borrowed. pools: as collect_pools; m: NULL or the run's memories. */
struct cost_tally *cost_tally_new(const struct store_bill *b, const struct store_pool *pools,
                                  const struct store_memory *m, int64_t warmup_ns);
void cost_tally_consume(struct cost_tally *t, const struct trace_unit *u);
typedef void cost_give(void *ctx, const char *name, double value, const char *unit);
/* Once, when all is consumed. */
void cost_tally_metrics(struct cost_tally *t, const bool lacks[EV_KINDS], int64_t t_end_ns, cost_give *give, void *ctx);
/* After that: rows of cost and cost_rate, t's own. */
int64_t cost_tally_costs(const struct cost_tally *t, const struct store_cost **out);
int64_t cost_tally_rates(const struct cost_tally *t, const struct store_rate **out);
void cost_tally_free(struct cost_tally *t);

#endif
