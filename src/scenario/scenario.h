/*
 * scenario.h - a checked scenario: typed values, no text left to interpret.
 *
 * All units are in the names; strings and option blobs live in the scenario's arena. A scenario that
 * scenario_load gave without diags is consistent: every cross-field check was made.
 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/diag.h"
#include "conf/opt.h"
#include "policy/admission.h"
#include "policy/arrival.h"
#include "policy/duration.h"
#include "policy/length.h"
#include "policy/order.h"
#include "policy/router.h"
#include "policy/scaler.h"
#include "policy/scheduler.h"
#include "policy/cost.h"
#include "policy/layout.h"
#include "policy/fault.h"
#include "policy/memory.h"
#include "policy/prices.h"

enum warmup_by { WARMUP_GIVEN, WARMUP_MSER5 };

struct run_options { /* [run] */
    int64_t seed, replication;
    int64_t horizon_ns; /* 0: none */
    int64_t warmup_ns;
    int64_t slo_window_ns; /* 0: none */
    int warmup_by; /* enum warmup_by; MSER5: who runs the scenario sets warmup_ns (study/warmup.h) */
    int log; /* enum log_level */
    int64_t metrics_memory; /* bytes */
};

struct cluster_options { /* [cluster] */
    int64_t nodes;       /* 0: as many as the replicas need */
};

enum trace_format { TRACE_AUTO, TRACE_AZURE, TRACE_MOONCAKE, TRACE_BURSTGPT, TRACE_VIDUR, TRACE_OWN, TRACE_OWN_CSV };

struct workload_options {               /* [workload] */
    int64_t requests;                   /* ends arrivals; 0: unlimited (then a horizon or a trace must end the run) */
    const char *trace;                  /* path; for arrivals = trace, or lengths of it */
    int trace_format;                   /* enum trace_format */
    int64_t trace_block_tokens;         /* of the blocks that it names */
    double input_scale, output_scale;   /* of the tokens that laws and traces give */
    double trace_speed;                 /* 2 replays twice as fast */
    double trace_rate_scale;            /* 2 sends twice as many in the same time */
    int64_t trace_from_ns, trace_to_ns; /* slice of trace time, before speed; to = 0: to its end */
};

struct length_choice {
    const struct length_ops *ops;
    void *options;
};

struct duration_choice {
    const struct duration_ops *ops;
    void *options;
};

struct tool_options { /* [tool NAME] */
    const char *name;
    struct duration_choice latency; /* of a call */
    struct length_choice result;    /* tokens that it adds to the context */
    double failure;                 /* probability that a call fails */
    int64_t retries;                /* how often a failed one is made again, at once */
};

struct agent_tool { /* of an agent's list */
    int64_t tool;
    double weight;
};

struct agent_options { /* [agent NAME] (workload/agents.h); ops NULL where a law is not given */
    const char *name;
    struct length_choice steps;     /* LLM calls of a task */
    struct length_choice first;     /* tokens that a session, or a sub-agent, begins with, after system_tokens */
    struct length_choice output;    /* tokens of a step's answer that stay in the context */
    struct length_choice reasoning; /* tokens generated before it, which do not */
    struct length_choice calls;     /* tool calls of a step, side by side */
    struct length_choice tasks;     /* tasks of a session */
    struct length_choice request;   /* tokens that each further task begins with */
    struct duration_choice think;   /* from a task's end to the session's next */
    struct length_choice subs;      /* sub-agents of a step that begins any */
    int64_t system_tokens;          /* shared by all of the agent */
    const char *tools;              /* as given: NAME or NAME:WEIGHT, separated by blanks */
    const char *sub;                /* the [agent] of its sub-agents; NULL: none */
    double sub_share;               /* of steps that begin some */
    int64_t sub_depth;              /* levels of them, seen from the session's agent */
    int64_t compact_at, compact_to; /* longest prompt before it is summed up, and to how many tokens; 0: never */
    int64_t deadline_ns;            /* of a task; 0: none */
    /* agents.c */
    struct agent_tool *tool;
    int64_t n_tools;
    double tool_weight; /* of all */
    int64_t sub_at;     /* index of sub; -1: none */
};

enum turns_dist { TURNS_CONSTANT, TURNS_GEOMETRIC };
enum turn_gap_dist { TURN_GAP_CONSTANT, TURN_GAP_EXPONENTIAL };

struct class_options { /* [class NAME] */
    const char *name;
    double weight;
    struct length_choice input, output;
    int64_t input_min, input_max, output_min, output_max; /* tokens; clamps after rounding */
    int64_t slo_ttft_ns, slo_tpot_ns, slo_e2el_ns;        /* 0: none */
    int64_t max_tokens;                                   /* announced; 0: each request its own output */
    int64_t priority;                                     /* higher first */
    const char *tenant;                                   /* NULL: the class itself */
    double share;                                         /* of the tenant */
    /* What its clients do when they are not served (model/world_client.c). */
    int64_t timeout_ttft_ns, timeout_e2el_ns;     /* they give up without a first, or the last, token; 0: never */
    int64_t retries;                              /* further attempts of a call */
    int64_t retry_backoff_ns, retry_backoff_max_ns;
    double retry_jitter;
    /* Sessions; where turns <= 1 and there is no system prompt, requests are alone and share nothing. */
    int64_t turns;               /* calls of a session, mean */
    int turns_dist;              /* enum turns_dist */
    struct length_choice append; /* tokens that come in with each further call; ops NULL: not given */
    int64_t turn_gap_ns;         /* from a call's end to the next, mean */
    int turn_gap_dist;           /* enum turn_gap_dist */
    int64_t system_tokens;       /* shared by all of the class */
    const char *agent;           /* [agent NAME] whose sessions its arrivals begin; NULL: none */
    int64_t agent_at;            /* its index (agents.c) */
};

enum pool_role {
    POOL_BOTH,    /* its replicas compute prompts and decode */
    POOL_PREFILL, /* its replicas compute prompts, and hand their KV to a replica that decodes */
    POOL_DECODE
};

struct scenario;

struct pool_options { /* [pool NAME] */
    const char *name;
    int role;            /* enum pool_role */
    struct scenario *as; /* the scenario as it is for this pool's replicas; without pools, the scenario itself */
    bool own;            /* as is the pool's, and freed with it */
};

struct handoff_options {  /* [handoff]: KV from prefill to decode */
    bool overlap;         /* layers leave as they are computed; else the whole prompt's KV when it is */
    const char *via;      /* "hbm", or a tier that it goes to first */
    int64_t via_at;       /* that tier's index; -1: hbm */
    int64_t local_tokens; /* a prompt of which no more is to be computed, is computed where it decodes */
    double efficiency;    /* share of the links' nominal bandwidth that is reached */
    int64_t latency_ns;   /* of a transfer, beside its bytes */
};

struct scenario {
    struct run_options run;
    struct cluster_options cluster;
    /* [node] [gpu] [kernels] [model] [replica] [engine] and the shared keys of [scheduler], as the common sections say:
     * what runs is pools[i].as->layout, and so are scheduler, router and cost. */
    struct layout layout;
    struct pool_options *pools; /* [pool NAME]; at least one: without sections, all replicas */
    int64_t n_pools;
    struct handoff_options handoff;
    const struct scheduler_ops *scheduler;
    void *scheduler_options;
    const struct order_ops *order; /* [scheduler] order */
    void *order_options;
    const struct router_ops *router;
    void *router_options;
    const struct scaler_ops *scaler; /* [autoscale]; what runs is pools[i].as's */
    void *scaler_options;
    struct autoscale_options autoscale;
    const struct admission_ops *admission; /* [admission] */
    void *admission_options;
    const struct cost_ops *cost; /* [replica] cost = roofline | fixed */
    void *cost_options;
    struct memory_options memory; /* [memory] [link NAME] [tier NAME] [cache] [experts] */
    struct workload_options workload;
    const struct arrival_ops *arrival;
    void *arrival_options;
    struct prices prices; /* [prices]; prices_given tells whether there is one */
    struct gpu_price *gpu_prices;
    struct memory_price *memory_prices;
    struct supplier *suppliers;
    int64_t n_gpu_prices, n_memory_prices, n_suppliers;
    struct price_card price_card; /* [price_card]; price_card_given */
    struct fault_options *faults; /* [fault NAME] */
    int64_t n_faults;
    struct agent_options *agents; /* [agent NAME] */
    struct tool_options *tools;   /* [tool NAME] */
    int64_t n_agents, n_tools;
    struct class_options *classes; /* in file order; at least one */
    int64_t n_classes;

    const char *path;       /* as given; for messages */
    const char *text;       /* the scenario file's own bytes, for the results file */
    const char *resolved;   /* normal form, paths included */
    uint64_t config_hash;   /* of the normal form without run.log, paths reduced to what they hold: see print.c */
    struct opt_bind *binds; /* every bound table, for resolved printing and run_param */
    size_t n_binds;
    struct arena arena;
};

/* Of the first pool: for what is alike in all (scenario/pools.c), or where there is one. */
static inline const struct layout *scenario_layout(const struct scenario *sc)
{
    return sc->n_pools > 0 ? &sc->pools[0].as->layout : &sc->layout;
}

/* Whether arrivals or the lengths of a class come from the rows of workload.trace. */
static inline bool scenario_reads_trace(const struct scenario *sc)
{
    bool lengths = false;

    for (int64_t c = 0; c < sc->n_classes; c++) {
        const struct length_ops *input = sc->classes[c].input.ops, *output = sc->classes[c].output.ops;
        lengths |= (input && !input->draw) || (output && !output->draw);
    }
    return sc->arrival->kind == ARRIVAL_TRACE || (lengths && sc->workload.trace);
}

/* Loads file and -s assignments (n of them), presets and includes. Gives false with diags filled when anything is
 * wrong; *sc must be freed in any case. */
bool scenario_load(struct scenario *sc, const char *path, char *const *sets, size_t n_sets, struct diags *d);
/* One point of a study (conf/iter.h), whose first is 0; point -1: not given, as scenario_load has it, which refuses
 * studies of more than one. */
bool scenario_load_point(struct scenario *sc, const char *path, char *const *sets, size_t n_sets, int64_t point,
                         struct diags *d);
/* The same for text at hand; name stands for the file in messages. */
bool scenario_load_text(struct scenario *sc, const char *name, const char *text, char *const *sets, size_t n_sets,
                        struct diags *d);
void scenario_free(struct scenario *sc);

/* One preset alone, as `describe` shows it: NAME of data/models or data/gpus, or a path with a slash. Strings live in
 * the arena. False with diags. */
bool scenario_load_model(const char *name, struct model_options *out, struct arena *a, struct diags *d);
bool scenario_load_gpu(const char *name, struct gpu_options *gpu, struct kernels *kernels, struct arena *a,
                       struct diags *d);

/* Presets of data/memory alone (several separated by blanks), with the GPU that they name and -s assignments over both:
 * sc has [memory] [link] [tier] [gpu] [node], the GPU only where one is named (memory_bytes > 0). False with diags; *sc
 * must be freed in any case. */
bool scenario_load_memory(struct scenario *sc, const char *preset, char *const *sets, size_t n_sets, struct diags *d);

/* Puts the tiers in use in order, resolves the names in [memory] and [tier NAME], and checks what a tier or link alone
 * can have wrong (memory.c). */
void memory_resolve(struct scenario *sc, struct diags *d);
/* The same for [experts]: its tier, its table of weights (experts.c). After memory_resolve. */
void experts_resolve(struct scenario *sc, struct diags *d);
/* What of the layout lies below HBM, and the tiers named for it (lower.c). After experts_resolve. */
void lower_resolve(struct scenario *sc, struct diags *d);
/* Bytes of a unit of the tier that are not the cache's, and the room for cached KV without them; replicas: that share a
 * unit. Below 0: they do not fit. */
struct lower_use {
    double experts, tables, overflow;
};
struct lower_use lower_use(const struct scenario *sc, int64_t tier, double replicas);
int64_t lower_room(const struct scenario *sc, int64_t tier, double replicas);

/* [engine] calibration: the factors that follow from it (calibration.c). After speculation_resolve. */
void calibration_resolve(struct scenario *sc, struct diags *d);

/* Which keys of speculation go together (speculation.c). Before scenario_check. */
void speculation_resolve(struct scenario *sc, struct diags *d);

/* And for each [fault NAME]: its target, and which of its keys go together (faults.c). After experts_resolve; asks for
 * a layout, so only once that was checked. */
void faults_resolve(struct scenario *sc, struct diags *d);

/* What [prices] names, and whether all that the fleet is made of has a price (prices.c). After the pools. */
void prices_resolve(struct scenario *sc, struct diags *d);

/* The names in [agent NAME] and in [class NAME] agent, and which of an agent's keys go together (agents.c). */
void agents_resolve(struct scenario *sc, struct diags *d);

/* Cross-field checks: everything that takes more than one key (check.c). */
void scenario_check(const struct scenario *sc, struct diags *d);

/* Normal form; with origin, each line ends in "  ; file:line" (or "; default", "; -s"). Loading the normal
 * form gives the same normal form. */
void scenario_print(const struct scenario *sc, bool origin, FILE *out);

/* `tiersim explain`: KEY is "section.key", "section", a policy's name, or "" for the list of sections. Returns false
 * for an unknown key (the message with the nearest key goes to err). */
bool scenario_explain(const char *key, FILE *out, FILE *err);

/* Each (key, value) of the normal form, for run_param. value_num is NaN where the value is no number; is_iter: a study
 * varies it (conf/iter.h). */
typedef void scenario_param(void *ctx, const char *key, const char *value, double value_num, bool is_iter);
void scenario_each_param(const struct scenario *sc, scenario_param *f, void *ctx);

#endif
