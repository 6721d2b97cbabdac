/* registry.c - the explicit lists of policies: one line each. */
#include <string.h>

#include "policy/admission.h"
#include "policy/arrival.h"
#include "policy/cost.h"
#include "policy/duration.h"
#include "policy/evict.h"
#include "policy/length.h"
#include "policy/order.h"
#include "policy/place.h"
#include "policy/router.h"
#include "policy/scaler.h"
#include "policy/scheduler.h"

extern const struct arrival_ops arrival_poisson_ops, arrival_gamma_ops, arrival_weibull_ops, arrival_deterministic_ops,
    arrival_mmpp_ops, arrival_piecewise_ops, arrival_sinusoid_ops, arrival_spikes_ops, arrival_ramp_ops,
    arrival_closed_loop_ops, arrival_trace_ops, arrival_servegen_ops;
extern const struct length_ops length_constant_ops, length_uniform_ops, length_exponential_ops, length_lognormal_ops,
    length_zipf_ops, length_empirical_ops, length_trace_ops;
extern const struct router_ops router_round_robin_ops, router_least_requests_ops, router_least_tokens_ops,
    router_random_ops, router_power_of_two_ops, router_central_queue_ops, router_session_affinity_ops,
    router_prefix_aware_ops, router_kv_utilisation_ops, router_slo_aware_ops;
extern const struct scheduler_ops sched_continuous_ops, sched_chunked_ops, sched_prefill_first_ops, sched_static_ops;
extern const struct order_ops order_fcfs_ops, order_priority_ops, order_edf_ops, order_slack_ops, order_sjf_ops, order_srpt_ops,
    order_fair_ops;
extern const struct cost_ops cost_roofline_ops, cost_fixed_ops;
extern const struct evict_ops evict_lru_ops, evict_fifo_ops, evict_lfu_ops, evict_slru_ops, evict_gdsf_ops,
    evict_belady_ops, evict_ttl_ops;
extern const struct scaler_ops scale_none_ops, scale_utilisation_ops, scale_queue_ops, scale_slo_ops;
extern const struct admission_ops admit_none_ops, admit_queue_limit_ops, admit_token_bucket_ops, admit_shed_ops;
extern const struct duration_ops duration_constant_ops, duration_exponential_ops, duration_lognormal_ops,
    duration_pareto_ops, duration_empirical_ops;
extern const struct place_ops place_static_ops, place_lru_ops, place_lfu_ops, place_predict_ops;

static const struct policy *const lists[POLICY_KINDS][16] = {
    [POLICY_ARRIVAL] =
        {
            &arrival_poisson_ops.policy,
            &arrival_gamma_ops.policy,
            &arrival_weibull_ops.policy,
            &arrival_deterministic_ops.policy,
            &arrival_mmpp_ops.policy,
            &arrival_piecewise_ops.policy,
            &arrival_sinusoid_ops.policy,
            &arrival_spikes_ops.policy,
            &arrival_ramp_ops.policy,
            &arrival_closed_loop_ops.policy,
            &arrival_trace_ops.policy,
            &arrival_servegen_ops.policy,
        },
    [POLICY_LENGTH] =
        {
            &length_constant_ops.policy,
            &length_uniform_ops.policy,
            &length_exponential_ops.policy,
            &length_lognormal_ops.policy,
            &length_zipf_ops.policy,
            &length_empirical_ops.policy,
            &length_trace_ops.policy,
        },
    [POLICY_ROUTER] =
        {
            &router_round_robin_ops.policy,
            &router_least_requests_ops.policy,
            &router_least_tokens_ops.policy,
            &router_random_ops.policy,
            &router_power_of_two_ops.policy,
            &router_central_queue_ops.policy,
            &router_session_affinity_ops.policy,
            &router_prefix_aware_ops.policy,
            &router_kv_utilisation_ops.policy,
            &router_slo_aware_ops.policy,
        },
    [POLICY_SCHEDULER] =
        {
            &sched_continuous_ops.policy,
            &sched_chunked_ops.policy,
            &sched_prefill_first_ops.policy,
            &sched_static_ops.policy,
        },
    [POLICY_ORDER] =
        {
            &order_fcfs_ops.policy,
            &order_priority_ops.policy,
            &order_edf_ops.policy,
            &order_slack_ops.policy,
            &order_sjf_ops.policy,
            &order_srpt_ops.policy,
            &order_fair_ops.policy,
        },
    [POLICY_COST] =
        {
            &cost_roofline_ops.policy,
            &cost_fixed_ops.policy,
        },
    [POLICY_EVICT] =
        {
            &evict_lru_ops.policy,
            &evict_fifo_ops.policy,
            &evict_lfu_ops.policy,
            &evict_slru_ops.policy,
            &evict_gdsf_ops.policy,
            &evict_belady_ops.policy,
            &evict_ttl_ops.policy,
        },
    [POLICY_PLACE] =
        {
            &place_static_ops.policy,
            &place_lru_ops.policy,
            &place_lfu_ops.policy,
            &place_predict_ops.policy,
        },
    [POLICY_ADMISSION] =
        {
            &admit_none_ops.policy,
            &admit_queue_limit_ops.policy,
            &admit_token_bucket_ops.policy,
            &admit_shed_ops.policy,
        },
    [POLICY_SCALER] =
        {
            &scale_none_ops.policy,
            &scale_utilisation_ops.policy,
            &scale_queue_ops.policy,
            &scale_slo_ops.policy,
        },
    [POLICY_DURATION] =
        {
            &duration_constant_ops.policy,
            &duration_exponential_ops.policy,
            &duration_lognormal_ops.policy,
            &duration_pareto_ops.policy,
            &duration_empirical_ops.policy,
        },
};

const struct policy *const *policy_list(enum policy_kind kind)
{
    return lists[kind];
}

const struct policy *policy_find(enum policy_kind kind, const char *name)
{
    for (const struct policy *const *p = lists[kind]; *p; p++)
        if (strcmp((*p)->name, name) == 0)
            return *p;
    return NULL;
}
