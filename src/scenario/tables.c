#include "scenario/tables.h"

#include "base/bug.h"
#include "conf/iter.h"
#include "scenario/agent_rows.h"
#include "scenario/capacity.h"
#include "scenario/expert_rows.h"
#include "scenario/fault_rows.h"
#include "scenario/machine_rows.h"
#include "scenario/memory_rows.h"
#include "scenario/price_rows.h"
#include "scenario/rows.h"
#include "scenario/scenario.h"
#include "scenario/serving_rows.h"
#include "trace/trace.h"

static const char *const log_levels[] = {"summary", "request", "step", "all", NULL};
_Static_assert(LOG_SUMMARY == 0 && LOG_REQUEST == 1 && LOG_STEP == 2 && LOG_ALL == 3, "the order of log_levels");

static const char *const warmup_ways[] = {"given", "mser5", NULL};
_Static_assert(WARMUP_GIVEN == 0 && WARMUP_MSER5 == 1, "the order of warmup_ways");

static const struct opt run_rows[] = {
    INT("seed", run_options, seed, 0, 9e15, "1", "seed of every random stream; the same seed gives the same run"),
    INT("replication", run_options, replication, 0, 9e15, "0",
        "number of an independent repetition with the same seed"),
    TIME("horizon", run_options, horizon_ns, 1e-9, 9e6, "",
         "simulated time at which the run is cut; without it, it drains"),
    TIME("warmup", run_options, warmup_ns, 0, 9e6, "0s",
         "requests that arrive before this are left out of the metrics"),
    TIME("slo_window", run_options, slo_window_ns, 1e-3, 9e6, "",
         "SLO attainment is also taken in windows of this length, end to end from the warm-up on: slo_attainment_worst is "
         "that of the worst"),
    CHOICE("warmup_by", AT(run_options, warmup_by), warmup_ways, "given",
           "given: by the key warmup; mser5: found by MSER-5 in the latencies of the run, which is simulated once before for "
           "it, and refused past half of the calls"),
    CHOICE("log", AT(run_options, log), log_levels, "all",
           "what the results file holds: every event, or steps and requests, or requests, or metrics only"),
    BYTES("metrics_memory", run_options, metrics_memory, 0, 1e15, "8MB",
          "what the values of percentiles may take in memory; those beyond go to a file without a name in the folder of "
          "the results, until the run ends. Not for log = summary, which keeps none"),
};

static const char *const pool_roles[] = {"both", "prefill", "decode", NULL};
_Static_assert(POOL_BOTH == 0 && POOL_PREFILL == 1 && POOL_DECODE == 2, "the order of pool_roles");

static const struct opt pool_rows[] = {
    CHOICE("role", AT(pool_options, role), pool_roles, NULL,
           "what its replicas do: prompts and answers, prompts alone (the KV then goes to a replica that decodes), or "
           "answers alone"),
};

static const struct opt handoff_rows[] = {
    BOOL("overlap", handoff_options, overlap, "yes",
         "KV leaves layer by layer while the last part of the prompt is computed; no: when all of it is"),
    TEXT("via", handoff_options, via, "hbm",
         "hbm: from one HBM to the other; or a tier that prompts are written out to as they are computed, and that the "
         "decoding pool reads them from when it has room: the computing pool's HBM is free before that"),
    INT("local_tokens", handoff_options, local_tokens, 0, 1e9, "0",
        "a prompt of which no more than so many tokens are to be computed goes to the decoding pool at once and is "
        "computed there"),
    REAL("efficiency", handoff_options, efficiency, 1e-3, 1, "1",
         "share of nvlink_bandwidth or network_bandwidth of [gpu] that transfers reach"),
    TIME("latency", handoff_options, latency_ns, 0, 100, "0s", "time of a transfer beside its bytes"),
};

static const char *const preempt_fors[] = {"none", "priority", NULL};
_Static_assert(PREEMPT_FOR_NONE == 0 && PREEMPT_FOR_PRIORITY == 1, "the order of preempt_fors");

static const struct opt scheduler_rows[] = {
    INT("max_num_seqs", scheduler_limits, max_num_seqs, 1, 1e6, "256", "most sequences that run at once on a replica"),
    INT("max_num_batched_tokens", scheduler_limits, max_num_batched_tokens, 1, 1e9, "8192",
        "token budget of a step, decodes and prompts together; vLLM's own default depends on version and GPU (2048 to "
        "16384)"),
    BOOL("chunked_prefill", scheduler_limits, chunked_prefill, "yes",
         "a prompt may be cut to what is left of a step's budget; without, it waits until it fits whole"),
    TIME("step_target", scheduler_limits, step_target_ns, 1e-9, 1e6, "",
         "decodes first: while any runs, prompts are cut and requests admitted so that a step takes no longer, by the "
         "cost model; for policy = continuous"),
    CHOICE("preempt_for", AT(scheduler_limits, preempt_for), preempt_fors, "none",
           "whether a request that waits takes slots and KV blocks from running ones of a lower priority; for policy = "
           "continuous, order = priority"),
};

static const struct opt autoscale_rows[] = {
    INT("min", autoscale_options, min, 1, 1e6, "1", "replicas that there are always; there are never more than [replica] count"),
    INT("start", autoscale_options, start, 1, 1e6, "", "replicas at the beginning; without it, min"),
    TIME("interval", autoscale_options, interval_ns, 1e-3, 9e6, "15s", "time from one look to the next"),
    TIME("out_cooldown", autoscale_options, out_cooldown_ns, 0, 9e6, "0s", "time from a start to the next"),
    TIME("in_cooldown", autoscale_options, in_cooldown_ns, 0, 9e6, "5min", "time from any change to the next replica that is given up"),
    TIME("start_time", autoscale_options, start_ns, 0, 9e6, "60s",
         "time from the decision to the load of the weights: node, container, engine"),
    TIME("load_time", autoscale_options, load_ns, 1e-9, 9e6, "",
         "time to load the weights; without it, they are read over the path of the coldest tier, and where there is none in "
         "no time"),
};

static const char *const trace_formats[] = {"auto", "azure", "mooncake", "burstgpt", "vidur", "tiersim", "tiersim_csv", NULL};
_Static_assert(TRACE_AUTO == 0 && TRACE_AZURE == 1 && TRACE_MOONCAKE == 2 && TRACE_BURSTGPT == 3 && TRACE_VIDUR == 4 &&
                   TRACE_OWN == 5 && TRACE_OWN_CSV == 6,
               "the order of trace_formats");

static const struct opt workload_rows[] = {
    INT("requests", workload_options, requests, 1, 9e15, "",
        "requests (of agents: sessions) after which arrivals end; without it, a horizon or trace must end them"),
    {"trace", OPT_PATH, UNIT_NONE, AT(workload_options, trace), OPT_NO_LIMITS, "", NULL,
     "trace to replay, plain, .gz or .zst, for arrivals = trace, or for lengths that are its rows' (trace_format says which "
     "kinds)"},
    CHOICE("trace_format", AT(workload_options, trace_format), trace_formats, "auto",
           "Azure's CSV (TIMESTAMP,ContextTokens,GeneratedTokens), Mooncake's JSON lines (timestamp, input_length, "
           "output_length, hash_ids), BurstGPT's CSV (Timestamp, Request tokens, Response tokens, ...) or Vidur's (arrived_at, "
           "num_prefill_tokens, num_decode_tokens), tiersim's own as JSON lines or CSV (`tiersim export --trace`); auto: by the first line"),
    INT("trace_block_tokens", workload_options, trace_block_tokens, 1, 1e6, "512",
        "tokens of each block that a Mooncake trace's hash_ids name"),
    REAL("input_scale", workload_options, input_scale, 0.01, 100, "1",
         "so many times the tokens that come in, by laws or trace: prompts but for system_tokens, what is appended, results of "
         "tools; 1.01 for what a little more of them costs"),
    REAL("output_scale", workload_options, output_scale, 0.01, 100, "1", "the same of tokens generated, reasoning too"),
    REAL("trace_speed", workload_options, trace_speed, 1e-6, 1e6, "1", "2 replays the trace twice as fast"),
    REAL("trace_rate_scale", workload_options, trace_rate_scale, 1e-6, 100, "1",
         "2 sends twice as many requests in the same time, by copies of the trace that begin elsewhere in it; 0.5 half "
         "as many, each row kept with that probability. Of tiersim's own traces whole sessions and tasks"),
    TIME("trace_from", workload_options, trace_from_ns, 0, 9e6, "0s",
         "start of the slice that is replayed, in the trace's own time"),
    TIME("trace_to", workload_options, trace_to_ns, 1e-9, 9e6, "",
         "end of that slice (left out itself); without it, the trace's end"),
};

#define TOKENS_MAX                       1000000000
#define LIMIT(name, member, deflt, help) INT(name, class_options, member, 1, TOKENS_MAX, deflt, help)

static const char *const turns_dists[] = {"constant", "geometric", NULL};
_Static_assert(TURNS_CONSTANT == 0 && TURNS_GEOMETRIC == 1, "the order of turns_dists");
static const char *const turn_gap_dists[] = {"constant", "exponential", NULL};
_Static_assert(TURN_GAP_CONSTANT == 0 && TURN_GAP_EXPONENTIAL == 1, "the order of turn_gap_dists");

static const struct opt class_rows[] = {
    REAL("weight", class_options, weight, 0, 1e9, "1", "its share of the requests, relative to the other classes"),
    LIMIT("input_min", input_min, "1", "shortest prompt in tokens: shorter ones are made this long"),
    LIMIT("input_max", input_max, "", "longest prompt in tokens: longer ones are cut to it"),
    LIMIT("output_min", output_min, "1", "shortest answer in tokens: shorter ones are made this long"),
    LIMIT("output_max", output_max, "", "longest answer in tokens: longer ones are cut to it"),
    TIME("ttft", class_options, slo_ttft_ns, 1e-9, 9e6, "", "SLO: time to the first token, at most"),
    TIME("tpot", class_options, slo_tpot_ns, 1e-9, 9e6, "", "SLO: mean time of each later token, at most"),
    INT("priority", class_options, priority, -1e6, 1e6, "0", "with order = priority: higher goes first"),
    TEXT("tenant", class_options, tenant, "",
         "with order = fair: whose requests these are; without it, the class's own"),
    REAL("share", class_options, share, 1e-6, 1e6, "1",
         "with order = fair: the service that its tenant has a right to, relative to the others"),
    LIMIT("max_tokens", max_tokens, "",
          "answer tokens that each request announces, for which preempt = none reserves room; without it, as many as "
          "it will give"),
    TIME("e2el", class_options, slo_e2el_ns, 1e-9, 9e6, "", "SLO: time from arrival to the last token, at most"),
    TIME("timeout_ttft", class_options, timeout_ttft_ns, 1e-9, 9e6, "",
         "its clients give up a request that has given no token after so long; without it, they wait"),
    TIME("timeout_e2el", class_options, timeout_e2el_ns, 1e-9, 9e6, "",
         "and one that has not given its last token after so long"),
    INT("retries", class_options, retries, 0, 1000, "0",
        "how often its clients send a request again that was refused, that they gave up, or that failed"),
    TIME("retry_backoff", class_options, retry_backoff_ns, 0, 9e6, "500ms",
         "time before the first of these; before each further one it is doubled"),
    TIME("retry_backoff_max", class_options, retry_backoff_max_ns, 0, 9e6, "8s", "but it is no longer than this"),
    REAL("retry_jitter", class_options, retry_jitter, 0, 1, "0.25",
         "and shorter by a random share from 0 to this"),
    INT("turns", class_options, turns, 1, 1e6, "1",
        "mean calls of a session: each further prompt is the last one, its answer and what append says (one that would "
        "pass input_max ends the session)"),
    CHOICE("turns_dist", AT(class_options, turns_dist), turns_dists, "constant", "law of the number of calls"),
    TIME("turn_gap", class_options, turn_gap_ns, 0, 9e6, "0s",
         "mean time from the end of a call to the session's next: tools, a user who thinks"),
    CHOICE("turn_gap_dist", AT(class_options, turn_gap_dist), turn_gap_dists, "constant", "law of that time"),
    INT("system_tokens", class_options, system_tokens, 0, TOKENS_MAX, "0",
        "tokens at the start of each prompt, before the drawn input, that are the same in all of the class"),
    TEXT("agent", class_options, agent, "",
         "its arrivals begin sessions of [agent NAME], which says how long prompts and answers are"),
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
static const struct opt order_row[] = {
    PICK("order", POLICY_ORDER, "fcfs", "which of the waiting requests of a replica is admitted next")};
static const struct opt router_row[] = {
    PICK("policy", POLICY_ROUTER, "round_robin", "which replica a request goes to")};
static const struct opt scaler_row[] = {
    PICK("policy", POLICY_SCALER, "none", "how many replicas there are, as time goes by")};
static const struct opt admission_row[] = {
    PICK("policy", POLICY_ADMISSION, "none", "which requests are let in when they arrive")};
static const struct opt arrivals_row[] = {PICK("arrivals", POLICY_ARRIVAL, NULL, "when requests arrive")};
static const struct opt input_row[] = {
    PICK("input", POLICY_LENGTH, "", "how long prompts are (needed, but of an agent's class)")};
static const struct opt evict_row[] = {PICK("evict", POLICY_EVICT, "lru", "which prefix it gives up first when full")};
static const struct opt place_row[] = {
    PICK("place", POLICY_PLACE, "static", "which experts stay in HBM when others are fetched")};
static const struct opt output_row[] = {
    PICK("output", POLICY_LENGTH, "", "how long answers are (needed, but of an agent's class)")};
static const struct opt append_row[] = {
    PICK("append", POLICY_LENGTH, "", "tokens that come in with each further call of a session (turns)")};

static const struct opt agent_choice_rows[] = {
    PICK("steps", POLICY_LENGTH, NULL, "LLM calls of a task"),
    PICK("first", POLICY_LENGTH, NULL, "tokens that a session begins with, after system_tokens"),
    PICK("output", POLICY_LENGTH, NULL, "tokens of a step's answer that stay in the context"),
    PICK("reasoning", POLICY_LENGTH, "", "tokens that a step generates before it, which later prompts leave out"),
    PICK("calls", POLICY_LENGTH, "", "tool calls of a step, side by side: the next step waits for the slowest; without it, 1"),
    PICK("tasks", POLICY_LENGTH, "", "tasks of a session, which share its context; without it, 1"),
    PICK("request", POLICY_LENGTH, "", "tokens that each further task begins with"),
    PICK("think", POLICY_DURATION, "", "time from a task's end to the session's next; without it, none"),
    PICK("subs", POLICY_LENGTH, "", "sub-agents that such a step begins, side by side; without it, 1"),
};
static const struct opt latency_row[] = {PICK("latency", POLICY_DURATION, NULL, "time of a call")};
static const struct opt result_row[] = {
    PICK("result", POLICY_LENGTH, NULL, "tokens that a call adds to the context")};

#define SC(member) offsetof(struct scenario, member)
#define AG(member) offsetof(struct agent_options, member)
#define TL(member) offsetof(struct tool_options, member)
#define CL(member) offsetof(struct class_options, member)
#define TI(member) offsetof(struct tier_options, member)

static const struct section_item kernel_items[KERNEL_COUNT] = {
#define KERNEL_ITEM(id, help) {#id "_", SC(layout.kernels.at[KERNEL_##id]), help},
    KERNELS(KERNEL_ITEM)
#undef KERNEL_ITEM
};

static const struct section_named links = {
    "link NAME", "pcie", NULL, sizeof(struct link_options), SC(memory.link), SC(memory.n_links)};
static const struct section_named tiers = {
    "tier NAME", "ddr5", NULL, sizeof(struct tier_options), SC(memory.tier), SC(memory.n_tiers)};
static const struct section_named pools = {
    "pool NAME", "prefill", NULL, sizeof(struct pool_options), SC(pools), SC(n_pools)};
static const struct section_named faults = {
    "fault NAME", "drive", NULL, sizeof(struct fault_options), SC(faults), SC(n_faults)};
static const struct section_named agents = {
    "agent NAME", "coding", NULL, sizeof(struct agent_options), SC(agents), SC(n_agents)};
static const struct section_named tools = {
    "tool NAME", "shell", NULL, sizeof(struct tool_options), SC(tools), SC(n_tools)};
static const struct section_named gpu_prices = {
    "gpu_price NAME", "h100", NULL, sizeof(struct gpu_price), SC(gpu_prices), SC(n_gpu_prices)};
static const struct section_named memory_prices = {
    "memory_price NAME", "socamm", NULL, sizeof(struct memory_price), SC(memory_prices), SC(n_memory_prices)};
static const struct section_named suppliers = {
    "supplier NAME", "first", NULL, sizeof(struct supplier), SC(suppliers), SC(n_suppliers)};
static const struct section_named classes = {
    "class NAME",
    "chat",
    "there is no [class NAME]: a scenario needs at least one, with input and output lengths",
    sizeof(struct class_options),
    SC(classes),
    SC(n_classes)};
_Static_assert(offsetof(struct link_options, name) == 0 && offsetof(struct tier_options, name) == 0 &&
                   offsetof(struct class_options, name) == 0 && offsetof(struct fault_options, name) == 0 &&
                   offsetof(struct pool_options, name) == 0 && offsetof(struct gpu_price, name) == 0 &&
                   offsetof(struct memory_price, name) == 0 && offsetof(struct supplier, name) == 0 && offsetof(struct agent_options, name) == 0 &&
                   offsetof(struct tool_options, name) == 0,
               "the name comes first");

static const struct section sections[SECTIONS] = {
    {.name = "run", .help = "seed, end and log of the run", .table = OPT_TABLE(run_rows), .base = SC(run)},
    {.name = "cluster", .help = "how many nodes there are", .table = OPT_TABLE(cluster_rows), .base = SC(cluster)},
    {.name = "node",
     .help = "what a node holds",
     .preset_of = "gpu",
     .table = OPT_TABLE(node_rows),
     .base = SC(layout.node)},
    {.name = "gpu",
     .help = "the GPU: its figures, or a preset",
     .preset_folder = "gpus",
     .table = OPT_TABLE(gpu_rows),
     .base = SC(layout.gpu)},
    {.name = "kernels",
     .help = "what the GPU's kernels were measured to reach, or a preset; gpu.kernels may name it",
     .preset_folder = "calibration",
     .table = OPT_TABLE(kernels_rows),
     .base = SC(layout.kernels),
     .items = kernel_items,
     .n_items = KERNEL_COUNT,
     .item_table = OPT_TABLE(kernel_rows)},
    {.name = "model",
     .help = "the model: its widths and layers, or a preset",
     .preset_folder = "models",
     .table = OPT_TABLE(model_rows),
     .base = SC(layout.model)},
    {.name = "draft",
     .help = "the draft model of [replica] spec_method = draft, or a preset: one of [model]",
     .preset_folder = "models",
     .preset_from = "model",
     .optional = true,
     .unbound = true,
     .table = OPT_TABLE(model_rows),
     .base = SC(layout.draft)},
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
    {.name = "pool",
     .help = "replicas with a part of their own: [pool NAME]; [replica NAME], [gpu NAME], [node NAME], [kernels NAME], "
             "[engine NAME], [scheduler NAME], [router NAME] and [autoscale NAME] say what differs from the common sections",
     .named = &pools,
     .table = OPT_TABLE(pool_rows)},
    {.name = "handoff",
     .help = "how KV goes from a pool that computes prompts to one that decodes",
     .table = OPT_TABLE(handoff_rows),
     .base = SC(handoff)},
    {.name = "memory",
     .help = "the memories beside HBM: which are used, or presets of a machine",
     .preset_folder = "memory",
     .optional = true,
     .many_presets = true,
     .table = OPT_TABLE(memory_rows),
     .base = SC(memory)},
    {.name = "link",
     .help = "a link that leads to memories: [link NAME], as many as wanted",
     .named = &links,
     .preset_of = "memory",
     .table = OPT_TABLE(link_rows)},
    {.name = "tier",
     .help = "a memory beside HBM: [tier NAME], as many as wanted",
     .named = &tiers,
     .preset_of = "memory",
     .table = OPT_TABLE(tier_rows),
     .choice = {{OPT_TABLE(evict_row), POLICY_EVICT, "", TI(evict.ops), TI(evict.options)}},
     .n_choices = 1},
    {.name = "cache",
     .help = "which KV is kept, where, and when it moves",
     .table = OPT_TABLE(cache_rows),
     .base = SC(memory.cache),
     .choice = {{OPT_TABLE(evict_row), POLICY_EVICT, "", SC(memory.cache.evict.ops), SC(memory.cache.evict.options)}},
     .n_choices = 1},
    {.name = "experts",
     .help = "which routed experts stay in HBM, and where the others lie",
     .table = OPT_TABLE(expert_rows),
     .base = SC(memory.experts),
     .choice = {{OPT_TABLE(place_row), POLICY_PLACE, "", SC(memory.experts.place), SC(memory.experts.place_options)}},
     .n_choices = 1},
    {.name = "scheduler",
     .help = "what each step works on",
     .table = OPT_TABLE(scheduler_rows),
     .base = SC(layout.limits),
     .choice = {{OPT_TABLE(scheduler_row), POLICY_SCHEDULER, "", SC(scheduler), SC(scheduler_options)},
                {OPT_TABLE(order_row), POLICY_ORDER, "", SC(order), SC(order_options)}},
     .n_choices = 2},
    {.name = "router",
     .help = "which replica a request goes to",
     .table = {NULL, 0},
     .base = 0,
     .choice = {{OPT_TABLE(router_row), POLICY_ROUTER, "", SC(router), SC(router_options)}},
     .n_choices = 1},
    {.name = "autoscale",
     .help = "replicas that start and end with the load",
     .table = OPT_TABLE(autoscale_rows),
     .base = SC(autoscale),
     .choice = {{OPT_TABLE(scaler_row), POLICY_SCALER, "", SC(scaler), SC(scaler_options)}},
     .n_choices = 1},
    {.name = "admission",
     .help = "which requests are let in, and which are refused at the door",
     .choice = {{OPT_TABLE(admission_row), POLICY_ADMISSION, "", SC(admission), SC(admission_options)}},
     .n_choices = 1},
    {.name = "workload",
     .help = "when requests arrive and how many, or presets of agents and their tools",
     .preset_folder = "agents",
     .optional = true,
     .many_presets = true,
     .table = OPT_TABLE(workload_rows),
     .base = SC(workload),
     .choice = {{OPT_TABLE(arrivals_row), POLICY_ARRIVAL, "", SC(arrival), SC(arrival_options)}},
     .n_choices = 1},
    {.name = "fault",
     .help = "something that fails, degrades or comes back: [fault NAME], as many as wanted",
     .named = &faults,
     .table = OPT_TABLE(fault_rows)},
    {.name = "tool",
     .help = "a tool that agents call: [tool NAME], as many as wanted",
     .named = &tools,
     .preset_of = "workload",
     .table = OPT_TABLE(tool_rows),
     .choice = {{OPT_TABLE(latency_row), POLICY_DURATION, "latency_", TL(latency.ops), TL(latency.options)},
                {OPT_TABLE(result_row), POLICY_LENGTH, "result_", TL(result.ops), TL(result.options)}},
     .n_choices = 2},
    {.name = "agent",
     .help = "what a kind of agents does: [agent NAME], as many as wanted",
     .named = &agents,
     .preset_of = "workload",
     .table = OPT_TABLE(agent_rows),
     .choice = {{{&agent_choice_rows[0], 1}, POLICY_LENGTH, "steps_", AG(steps.ops), AG(steps.options)},
                {{&agent_choice_rows[1], 1}, POLICY_LENGTH, "first_", AG(first.ops), AG(first.options)},
                {{&agent_choice_rows[2], 1}, POLICY_LENGTH, "output_", AG(output.ops), AG(output.options)},
                {{&agent_choice_rows[3], 1}, POLICY_LENGTH, "reasoning_", AG(reasoning.ops), AG(reasoning.options)},
                {{&agent_choice_rows[4], 1}, POLICY_LENGTH, "calls_", AG(calls.ops), AG(calls.options)},
                {{&agent_choice_rows[5], 1}, POLICY_LENGTH, "tasks_", AG(tasks.ops), AG(tasks.options)},
                {{&agent_choice_rows[6], 1}, POLICY_LENGTH, "request_", AG(request.ops), AG(request.options)},
                {{&agent_choice_rows[7], 1}, POLICY_DURATION, "think_", AG(think.ops), AG(think.options)},
                {{&agent_choice_rows[8], 1}, POLICY_LENGTH, "subs_", AG(subs.ops), AG(subs.options)}},
     .n_choices = 9},
    {.name = "sweep", /* load.c takes it out before anything is bound */
     .help = "which points a study has, whose scenario holds ${...}",
     .unbound = true,
     .table = {iter_sweep_rows, ITER_SWEEP_ROWS}},
    {.name = "capacity", /* taken out as well */
     .help = "what a fleet must do and may take: the question of tiersim capacity",
     .unbound = true,
     .table = {capacity_rows, CAPACITY_ROWS}},
    {.name = "prices",
     .help = "what the fleet costs, or a preset; without it, nothing is priced",
     .preset_folder = "prices-",
     .optional = true,
     .unbound = true,
     .table = OPT_TABLE(prices_rows),
     .base = SC(prices)},
    {.name = "gpu_price",
     .help = "prices and watts of a GPU: [gpu_price NAME], as many as wanted",
     .named = &gpu_prices,
     .preset_of = "prices",
     .table = OPT_TABLE(gpu_price_rows)},
    {.name = "memory_price",
     .help = "price of a kind of memory: [memory_price NAME], as many as wanted",
     .named = &memory_prices,
     .preset_of = "prices",
     .table = OPT_TABLE(memory_price_rows)},
    {.name = "supplier",
     .help = "who makes a kind of memory: [supplier NAME], as many as wanted",
     .named = &suppliers,
     .preset_of = "prices",
     .table = OPT_TABLE(supplier_rows)},
    {.name = "price_card",
     .help = "what tokens are sold for, or a preset",
     .preset_folder = "cards",
     .optional = true,
     .unbound = true,
     .table = OPT_TABLE(price_card_rows),
     .base = SC(price_card)},
    {.name = "class",
     .help = "one kind of requests: [class NAME], as many as wanted",
     .named = &classes,
     .table = OPT_TABLE(class_rows),
     .base = 0,
     .choice = {{OPT_TABLE(input_row), POLICY_LENGTH, "input_", CL(input.ops), CL(input.options)},
                {OPT_TABLE(output_row), POLICY_LENGTH, "output_", CL(output.ops), CL(output.options)},
                {OPT_TABLE(append_row), POLICY_LENGTH, "append_", CL(append.ops), CL(append.options)}},
     .n_choices = 3,
     .n_traced = 2},
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
