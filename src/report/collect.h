/*
 * collect.h - the metrics of a run, from its records (a sink).
 *
 * INTERFACE: vLLM's names and definitions (`vllm bench serve`); DESIGN.md has the table.
 *   TTFT  = t_first - t_arrive      E2EL = t_end - t_arrive      queue = t_admit - t_arrive (first admission)
 *   TPOT  = (t_end - t_first) / (output - 1), requests of one output token left out
 *   ITL   = gaps between the tokens of a request, pooled: each step adds its gap once per decoding sequence,
 *           each resume its own
 *
 * What counts. Requests: those that arrived at or after warm-up; latencies and tokens are of the completed ones.
 * Steps: those that started at or after warm-up and ended within the run. Resumes and preemptions: at or after it.
 * T = t_end - warmup, the duration.
 *
 *   duration                 T, s                       completed            requests
 *   failed                   calls without an answer: rejected, timed out or failed, and not tried again
 *   rejected, timed_out      requests that ended so       retried              requests that their client sent again
 *   total_input_tokens, total_output_tokens             of completed requests
 *   request_throughput       completed / T              request_goodput      completed and met every SLO (<=) / T
 *   slo_attainment           met / (completed + failed): a rejection is a miss. What a client sends again is one call:
 *                            objectives are measured from the arrival of its first attempt (latencies from the
 *                            request's)
 *   slo_attainment_worst     the same of the worst window of [run] slo_window, where there is one (slo_windows.h)
 *   verdict                  0 STABLE, 1 BACKLOGGED, 2 OVERLOADED, with verdict_offered and verdict_answered (calls/s)
 *                            and verdict_waiting: verdict.h
 *   output_throughput        output tokens / T          total_token_throughput  (input + output) / T
 *   output_throughput_per_gpu                           output_throughput / gpus
 *   max_output_tokens_per_s  the most tokens that left steps within one whole second [k, k + 1) of simulated time
 *   max_concurrent_requests  the peak of requests in the system, over the whole run
 *   replica_seconds          replicas that there were, also those that started or drained, over T; scale_outs,
 *                            scale_ins: replicas that were started or drained in T ([autoscale])
 *   steps                    steps counted              mean_batch     n_decode weighted by step time
 *   utilisation              step time / replica_seconds  prefill_tokens computed in steps, recomputed ones included
 *   mean_kv_blocks           kv_blocks weighted by step time           peak_kv_blocks   its maximum, of one replica
 *   peak_waiting             the largest n_waiting of a step           preemptions      how many there were
 *   {mean,median,std,p90,p95,p99}_{ttft,tpot,itl,e2el,queue}_ms
 *   and where drafts are verified (policy/speculation.h), of steps that did: acceptance_length, the tokens that a
 *   sequence has of a verification; decode_tokens_per_step, those that all were given; draft_share, the time of
 *   drafting over step time. An ITL is then the time between two outputs of a sequence, each of one token or more; TPOT
 *   is by token. And those of the memories, where there is more than HBM without a prefix cache: collect_memory.h;
 *   those of pools, where there are several: collect_pools.h; those of agents' tasks: collect_agents.h;
 *   those of cost: collect_cost.h
 *
 * request_goodput and slo_attainment are NaN where no class has an SLO. Of one class are given only the
 * metrics of its requests (a step's gap is shared by all classes in it, so there is no ITL of a class).
 *
 * Percentiles are linear (type 7), std is population. At log levels request, step and all they are exact, of values that
 * are all kept: 8 bytes a latency, 16 a step, in a file beyond some size (values.h), so that memory does not grow with
 * the run. At summary they come from a log histogram (<= 0.1% error) and are marked approximate. Means and std are exact at every
 * level.
 *
 * Ties: steps must come in order of t_end_ns (the model's order; max_output_tokens_per_s needs it).
 */
#ifndef REPORT_COLLECT_H
#define REPORT_COLLECT_H

#include "report/values.h"
#include "report/verdict.h"
#include "store/store.h"
#include "trace/trace.h"

struct collect;

/* Classes are those of the store config (SLOs). pool: for exact percentiles, borrowed until collect_free; or NULL. */
struct collect *collect_new(const struct store_class *classes, int64_t n_classes, int64_t warmup_ns,
                            struct value_pool *pool);
struct sink *collect_sink(struct collect *c);
/* Before the first record, once. m and what it points to are borrowed until collect_free. False: nothing to tell of. */
bool collect_memory(struct collect *c, const struct store_memory *m);

/* The front end, for the verdict; of several pools, the least of each figure. */
void collect_front(struct collect *c, const struct verdict_front *f);

/* Likewise, where windows of that length are asked for (slo_windows.h); 0: none. */
void collect_slo_window(struct collect *c, int64_t window_ns);

/* The same for pools, in the order of their replicas. */
void collect_pools(struct collect *c, const struct store_pool *pools, int64_t n);

/* And what it costs, if the bill has any part; of all three that they point to. m: the run's memories. */
void collect_bill(struct collect *c, const struct store_bill *b, const struct store_pool *pools,
                  const struct store_memory *m);

/* For records read back from a file that holds only some kinds: what needs kind k is then NaN, not 0. */
void collect_lacks(struct collect *c, enum ev_kind k);

/* What serves. members: of the replicas, each with steps of its own; as many as replicas where none is apart. gpus: of
 * all replicas, for per-GPU rates. */
struct collect_fleet {
    int64_t replicas, members, gpus;
};

/* After the trace is finished. t_end_ns is the run's last instant; duration = t_end - warmup. max_concurrent: the
 * model's exact peak of requests in flight. *out is owned by c, also the names in it. Call once. -1 with err: values
 * cannot be read back. */
int64_t collect_metrics(struct collect *c, int64_t t_end_ns, const struct collect_fleet *fleet, int64_t max_concurrent,
                        const struct store_metric **out, struct err *e);
/* Then: rows of tables cost and cost_rate, c's own. */
int64_t collect_costs(const struct collect *c, const struct store_cost **out);
int64_t collect_rates(const struct collect *c, const struct store_rate **out);
void collect_free(struct collect *c);

#endif
