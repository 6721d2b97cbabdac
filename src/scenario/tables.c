#include "scenario/tables.h"

#include <math.h>

#include "base/bug.h"
#include "scenario/scenario.h"
#include "trace/trace.h"

/* Row shorthands: type, unit and member at a glance. BIG: no upper limit worth naming. */
#define AT(type, member) offsetof(struct type, member)
#define BIG              INFINITY
#define INT(name, type, member, lo, hi, deflt, help)                                                                   \
    {                                                                                                                  \
        name, OPT_INT, UNIT_NONE, AT(type, member), lo, hi, deflt, NULL, help                                          \
    }
#define REAL(name, type, member, lo, hi, deflt, help)                                                                  \
    {                                                                                                                  \
        name, OPT_REAL, UNIT_NONE, AT(type, member), lo, hi, deflt, NULL, help                                         \
    }
#define TIME(name, type, member, lo, hi, deflt, help)                                                                  \
    {                                                                                                                  \
        name, OPT_TIME, UNIT_SECOND, AT(type, member), lo, hi, deflt, NULL, help                                       \
    }
#define BYTES(name, type, member, lo, hi, deflt, help)                                                                 \
    {                                                                                                                  \
        name, OPT_BYTES, UNIT_BYTE, AT(type, member), lo, hi, deflt, NULL, help                                        \
    }
#define QUANTITY(name, unit, type, member, lo, hi, deflt, help)                                                        \
    {                                                                                                                  \
        name, OPT_QUANTITY, unit, AT(type, member), lo, hi, deflt, NULL, help                                          \
    }
#define BOOL(name, type, member, deflt, help)                                                                          \
    {                                                                                                                  \
        name, OPT_BOOL, UNIT_NONE, AT(type, member), OPT_NO_LIMITS, deflt, NULL, help                                  \
    }
#define TEXT(name, type, member, deflt, help)                                                                          \
    {                                                                                                                  \
        name, OPT_TEXT, UNIT_NONE, AT(type, member), OPT_NO_LIMITS, deflt, NULL, help                                  \
    }
#define CHOICE(name, offset, choices, deflt, help)                                                                     \
    {                                                                                                                  \
        name, OPT_CHOICE, UNIT_NONE, offset, OPT_NO_LIMITS, deflt, choices, help                                       \
    }

/* What a share of a peak may be: efficiencies above 1 would hide a wrong peak. */
#define SHARE(name, type, member, deflt, help) REAL(name, type, member, 0.01, 1, deflt, help)

static const char *const log_levels[] = {"summary", "request", "step", "all", NULL};
_Static_assert(LOG_SUMMARY == 0 && LOG_REQUEST == 1 && LOG_STEP == 2 && LOG_ALL == 3, "the order of log_levels");

static const struct opt run_rows[] = {
    INT("seed", run_options, seed, 0, 9e15, "1", "seed of every random stream; the same seed gives the same run"),
    INT("replication", run_options, replication, 0, 9e15, "0",
        "number of an independent repetition with the same seed"),
    TIME("horizon", run_options, horizon_ns, 1e-9, 9e6, "",
         "simulated time at which the run is cut; without it, it drains"),
    TIME("warmup", run_options, warmup_ns, 0, 9e6, "0s",
         "requests that arrive before this are left out of the metrics"),
    CHOICE("log", AT(run_options, log), log_levels, "all",
           "what the results file holds: every event, or steps and requests, or requests, or metrics only"),
};

static const struct opt cluster_rows[] = {
    INT("nodes", cluster_options, nodes, 1, 1e6, "", "nodes there are; without it, as many as the replicas need"),
};

static const struct opt node_rows[] = {
    INT("gpus", node_options, gpus, 1, 1024, "8", "GPUs of a node that NVLink joins; a replica stays within a node"),
};

/* Hardware figures have no defaults: no hardware number stands in C. */
static const struct opt gpu_rows[] = {
    TEXT("name", gpu_options, name, "custom", "what reports call it"),
    BYTES("memory", gpu_options, memory_bytes, 1, BIG, NULL, "memory of a GPU"),
    QUANTITY("memory_bandwidth", UNIT_BYTE_PER_S, gpu_options, memory_Bps, 1, BIG, NULL, "nominal memory bandwidth"),
    QUANTITY("bf16_flops", UNIT_FLOP_PER_S, gpu_options, bf16_flops, 1, BIG, NULL,
             "peak of dense bf16 matrix products"),
    QUANTITY("fp8_flops", UNIT_FLOP_PER_S, gpu_options, fp8_flops, 1, BIG, "", "peak of dense fp8 matrix products"),
    QUANTITY("nvlink_bandwidth", UNIT_BYTE_PER_S, gpu_options, nvlink_Bps, 1, BIG, "",
             "nominal bandwidth between the GPUs of a node, one direction; needed where tp > 1"),
    SHARE("gemm_efficiency", gpu_options, gemm_efficiency, NULL,
          "share of the peak that large bf16 matrix products reach"),
    SHARE("fp8_gemm_efficiency", gpu_options, fp8_gemm_efficiency, "",
          "share of the fp8 peak that large fp8 matrix products reach; needed where dtype = fp8"),
    SHARE("attention_efficiency", gpu_options, attention_efficiency, NULL,
          "share of the peak that prefill attention reaches"),
    SHARE("memory_efficiency", gpu_options, memory_efficiency, NULL,
          "share of the nominal bandwidth that reading weights and KV reaches"),
    SHARE("nvlink_efficiency", gpu_options, nvlink_efficiency, NULL,
          "share of the nominal NVLink bandwidth that an all-reduce's bus bandwidth reaches"),
    TIME("allreduce_latency", gpu_options, allreduce_latency_ns, 0, 1, NULL, "time of an all-reduce of a few bytes"),
    TIME("layer_launch", gpu_options, layer_launch_ns, 0, 1, NULL,
         "fixed time of one layer's kernels beyond the roofline"),
};

static const struct opt model_rows[] = {
    TEXT("name", model_options, name, "custom", "what reports call it"),
    INT("layers", model_options, layers, 1, 10000, NULL, "transformer layers"),
    INT("hidden", model_options, hidden, 1, 1e6, NULL, "width of the residual stream"),
    INT("vocab", model_options, vocab, 1, 1e8, NULL, "tokens of the vocabulary"),
    INT("q_heads", model_options, q_heads, 1, 1e5, NULL, "query heads of a layer"),
    INT("kv_heads", model_options, kv_heads, 1, 1e5, NULL, "key and value heads of a layer"),
    INT("head_dim", model_options, head_dim, 1, 1e5, NULL, "width of a head"),
    INT("dense_inter", model_options, dense_inter, 1, 1e7, NULL, "inner width of the gated MLP"),
    INT("max_context", model_options, max_context, 1, 1e9, NULL, "longest context, prompt and answer, in tokens"),
    BOOL("tie_embeddings", model_options, tie_embeddings, "no", "the output head is the embedding table"),
};

static const char *const dtypes[] = {"bf16", "fp8", NULL};

static const struct opt replica_rows[] = {
    INT("count", replica_options, count, 1, 1e6, "1", "copies of the model"),
    INT("tp", replica_options, tp, 1, 1024, "1", "GPUs that share one copy (tensor parallelism)"),
    CHOICE("dtype", AT(replica_options, dtype), dtypes, "bf16", "type of the weights of the layers"),
    CHOICE("kv_dtype", AT(replica_options, kv_dtype), dtypes, "bf16", "type of the KV cache"),
    INT("kv_block_tokens", replica_options, kv_block_tokens, 1, 65536, "16", "tokens of a KV block"),
    REAL("memory_fraction", replica_options, memory_fraction, 0.01, 1, "0.9",
         "share of a GPU's memory that may be used; what weights and activations leave is KV cache"),
    BYTES("activation_bytes", replica_options, activation_bytes, 1, BIG, "",
          "memory of a GPU set aside for activations; without it, computed from the token budget (DESIGN.md)"),
};

static const struct opt engine_rows[] = {
    TEXT("name", engine_options, name, "custom", "what reports call it"),
    TIME("step_overhead", engine_options, step_overhead_ns, 0, 10, NULL,
         "time of the software in each step beside the GPU's work"),
    TIME("seq_overhead", engine_options, seq_overhead_ns, 0, 1, NULL, "the same for each running sequence of the step"),
};

static const struct opt scheduler_rows[] = {
    INT("max_num_seqs", scheduler_limits, max_num_seqs, 1, 1e6, "256", "most sequences that run at once on a replica"),
    INT("max_num_batched_tokens", scheduler_limits, max_num_batched_tokens, 1, 1e9, "8192",
        "token budget of a step, decodes and prompts together; vLLM's own default depends on version and GPU (2048 to "
        "16384)"),
    BOOL("chunked_prefill", scheduler_limits, chunked_prefill, "yes",
         "a prompt may be cut to what is left of a step's budget; without, it waits until it fits whole"),
};

static const struct opt workload_rows[] = {
    INT("requests", workload_options, requests, 1, 9e15, "",
        "requests after which arrivals end; without it, a horizon or trace must end them"),
    {"trace", OPT_PATH, UNIT_NONE, AT(workload_options, trace), OPT_NO_LIMITS, "", NULL,
     "trace to replay, for arrivals = trace (Azure's CSV: TIMESTAMP,ContextTokens,GeneratedTokens)"},
    REAL("trace_speed", workload_options, trace_speed, 1e-6, 1e6, "1", "2 replays the trace twice as fast"),
    TIME("trace_from", workload_options, trace_from_ns, 0, 9e6, "0s",
         "start of the slice that is replayed, in the trace's own time"),
    TIME("trace_to", workload_options, trace_to_ns, 1e-9, 9e6, "",
         "end of that slice (left out itself); without it, the trace's end"),
};

#define TOKENS_MAX                       1000000000
#define LIMIT(name, member, deflt, help) INT(name, class_options, member, 1, TOKENS_MAX, deflt, help)

static const struct opt class_rows[] = {
    REAL("weight", class_options, weight, 0, 1e9, "1", "its share of the requests, relative to the other classes"),
    LIMIT("input_min", input_min, "1", "shortest prompt in tokens: shorter ones are made this long"),
    LIMIT("input_max", input_max, "", "longest prompt in tokens: longer ones are cut to it"),
    LIMIT("output_min", output_min, "1", "shortest answer in tokens: shorter ones are made this long"),
    LIMIT("output_max", output_max, "", "longest answer in tokens: longer ones are cut to it"),
    TIME("ttft", class_options, slo_ttft_ns, 1e-9, 9e6, "", "SLO: time to the first token, at most"),
    TIME("tpot", class_options, slo_tpot_ns, 1e-9, 9e6, "", "SLO: mean time of each later token, at most"),
    TIME("e2el", class_options, slo_e2el_ns, 1e-9, 9e6, "", "SLO: time from arrival to the last token, at most"),
};

struct preset_options {
    const char *preset;
};
static const struct opt preset_rows[] = {
    TEXT("preset", preset_options, preset, "",
         "a file of data/ whose figures hold where the scenario gives none; a name with a / is a path"),
};
const struct opt_table preset_table = OPT_TABLE(preset_rows);

/* Filled from the registry: choices must be arrays of names. */
enum { POLICIES_MAX = 32 };
static const char *policy_names[POLICY_KINDS][POLICIES_MAX + 1];

#define PICK(key, kind, deflt, help) CHOICE(key, 0, policy_names[kind], deflt, help)
static const struct opt cost_row[] = {PICK("cost", POLICY_COST, "roofline", "how the time of a step is computed")};
static const struct opt scheduler_row[] = {
    PICK("policy", POLICY_SCHEDULER, "continuous", "what each step of a replica works on")};
static const struct opt router_row[] = {
    PICK("policy", POLICY_ROUTER, "round_robin", "which replica a request goes to")};
static const struct opt arrivals_row[] = {PICK("arrivals", POLICY_ARRIVAL, NULL, "when requests arrive")};
static const struct opt input_row[] = {PICK("input", POLICY_LENGTH, NULL, "how long prompts are")};
static const struct opt output_row[] = {PICK("output", POLICY_LENGTH, NULL, "how long answers are")};

#define SC(member) offsetof(struct scenario, member)
#define CL(member) offsetof(struct class_options, member)

static const struct section sections[SECTIONS] = {
    {.name = "run", .help = "seed, end and log of the run", .table = OPT_TABLE(run_rows), .base = SC(run)},
    {.name = "cluster", .help = "how many nodes there are", .table = OPT_TABLE(cluster_rows), .base = SC(cluster)},
    {.name = "node", .help = "what a node holds", .table = OPT_TABLE(node_rows), .base = SC(node)},
    {.name = "gpu",
     .help = "the GPU: its figures, or a preset",
     .preset_folder = "gpus",
     .table = OPT_TABLE(gpu_rows),
     .base = SC(layout.gpu)},
    {.name = "model",
     .help = "the model: a dense decoder with grouped-query attention, or a preset",
     .preset_folder = "models",
     .table = OPT_TABLE(model_rows),
     .base = SC(layout.model)},
    {.name = "replica",
     .help = "copies of the model and how each lies on its GPUs",
     .table = OPT_TABLE(replica_rows),
     .base = SC(layout.replica),
     .choice = {{OPT_TABLE(cost_row), POLICY_COST, "", SC(cost), SC(cost_options)}},
     .n_choices = 1},
    {.name = "engine",
     .help = "what the serving software costs, or a preset",
     .preset_folder = "engines",
     .table = OPT_TABLE(engine_rows),
     .base = SC(layout.engine)},
    {.name = "scheduler",
     .help = "what each step works on",
     .table = OPT_TABLE(scheduler_rows),
     .base = SC(layout.limits),
     .choice = {{OPT_TABLE(scheduler_row), POLICY_SCHEDULER, "", SC(scheduler), SC(scheduler_options)}},
     .n_choices = 1},
    {.name = "router",
     .help = "which replica a request goes to",
     .table = {NULL, 0},
     .base = 0,
     .choice = {{OPT_TABLE(router_row), POLICY_ROUTER, "", SC(router), SC(router_options)}},
     .n_choices = 1},
    {.name = "workload",
     .help = "when requests arrive and how many",
     .table = OPT_TABLE(workload_rows),
     .base = SC(workload),
     .choice = {{OPT_TABLE(arrivals_row), POLICY_ARRIVAL, "", SC(arrival), SC(arrival_options)}},
     .n_choices = 1},
    {.name = "class",
     .help = "one kind of requests: [class NAME], as many as wanted",
     .named = true,
     .table = OPT_TABLE(class_rows),
     .base = 0,
     .choice = {{OPT_TABLE(input_row), POLICY_LENGTH, "input_", CL(input.ops), CL(input.options)},
                {OPT_TABLE(output_row), POLICY_LENGTH, "output_", CL(output.ops), CL(output.options)}},
     .n_choices = 2},
};

const struct section *sections_get(void)
{
    for (int kind = 0; kind < POLICY_KINDS; kind++) {
        const struct policy *const *list = policy_list(kind);
        for (size_t i = 0; list[i]; i++) {
            sim_assert(i < POLICIES_MAX);
            policy_names[kind][i] = list[i]->name;
        }
    }
    return sections;
}
