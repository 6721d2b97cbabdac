/* check.c - what takes more than one key to be wrong. Each message stands at the key that is most likely to change. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "policy/cost_kernels.h"
#include "scenario/check.h"

const struct ini_entry *check_origin(const struct scenario *sc, const char *section, const char *key)
{
    for (size_t i = 0; i < sc->n_binds; i++) {
        const struct opt_bind *b = &sc->binds[i];
        size_t n = strlen(b->prefix);
        if (strcmp(b->section, section) != 0 || strncmp(key, b->prefix, n) != 0)
            continue;
        for (size_t row = 0; row < b->table->n; row++)
            if (strcmp(b->table->rows[row].name, key + n) == 0)
                return b->origin[row];
    }
    return NULL;
}

static bool given(const struct scenario *sc, const char *section, const char *key)
{
    return check_origin(sc, section, key) != NULL;
}

void check_wrong(const struct check *c, const char *section, const char *key, const char *fmt, ...)
{
    char text[900];
    const struct ini_entry *e = check_origin(c->sc, section, key);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    diags_add(c->d, e ? e->file : c->sc->path, e ? e->line : 0, "[%s] %s: %s", section, key, text);
}

static void check_run(const struct check *c)
{
    const struct scenario *sc = c->sc;

    if (sc->run.horizon_ns && sc->run.warmup_ns >= sc->run.horizon_ns)
        check_wrong(c, "run", "warmup", "the warm-up reaches the horizon, so that nothing would be measured");
    if (sc->run.warmup_by == WARMUP_MSER5 && sc->run.warmup_ns > 0)
        check_wrong(c, "run", "warmup", "warmup_by = mser5 finds the warm-up itself: leave one of the two out");
}

/* That each tp-th of a tensor is whole. */
static void check_divides(const struct check *c, const char *key, int64_t ranks, const char *what, int64_t n)
{
    if (n % ranks != 0)
        check_wrong(c, "replica", key, "%" PRId64 " does not divide the model's %s = %" PRId64, ranks, what, n);
}

static void check_attention(const struct check *c)
{
    const struct model_options *m = &c->sc->layout.model;
    bool uneven = m->kv_heads > 0 && m->q_heads % m->kv_heads != 0;
    int64_t others = 0;

    if (uneven)
        check_wrong(c, "model", "kv_heads", "%" PRId64 " does not divide q_heads = %" PRId64, m->kv_heads, m->q_heads);
    for (int kind = 0; kind < ATTN_KINDS; kind++) {
        const struct attn_ops *ops = attn_get((enum attn_kind)kind);
        others += kind != m->attention ? m->kind_layers[kind] : 0;
        const char *missing = attn_layers(m, (enum attn_kind)kind) > 0 ? ops->missing(m) : NULL;
        if (missing && !(uneven && strcmp(missing, "kv_heads") == 0))
            check_wrong(c, "model", missing, "missing or wrong: layers with attention of kind %s need it", ops->name);
    }
    if (others > m->layers)
        check_wrong(c, "model", "layers",
                    "%" PRId64 " layers, but the keys ..._layers give %" PRId64 " a kind of attention", m->layers,
                    others);
}

static void check_model(const struct check *c)
{
    const struct model_options *m = &c->sc->layout.model;

    check_attention(c);
    if (m->experts > 0 && m->topk == 0)
        check_wrong(c, "model", "topk", "missing: how many of the %" PRId64 " experts a token uses", m->experts);
    if (m->experts > 0 && m->topk > m->experts)
        check_wrong(c, "model", "topk", "%" PRId64 " is more than experts = %" PRId64, m->topk, m->experts);
    if (m->experts > 0 && m->moe_inter == 0)
        check_wrong(c, "model", "moe_inter", "missing: the inner width of an expert");
    if ((m->experts == 0 || m->dense_layers > 0) && m->dense_inter == 0)
        check_wrong(c, "model", "dense_inter", "missing: layers without experts need it");
    if (m->dense_layers > m->layers)
        check_wrong(c, "model", "dense_layers", "%" PRId64 " is more than layers = %" PRId64, m->dense_layers,
                    m->layers);
}

static void check_dtype(const struct check *c, const char *key, int dtype)
{
    const struct gpu_options *g = &c->sc->layout.gpu;

    if (dtype_multiplies_fp8(dtype) && g->fp8_flops <= 0)
        check_wrong(c, "replica", key, "fp8, but [gpu] has no fp8_flops");
    if (dtype == DTYPE_NVFP4 && g->fp4_flops <= 0)
        check_wrong(c, "replica", key, "nvfp4, but [gpu] has no fp4_flops");
}

static void check_experts(const struct check *c)
{
    const struct replica_options *r = &c->sc->layout.replica;
    const struct model_options *m = &c->sc->layout.model;
    int64_t moe_tp, moe_ep;

    layout_experts(&c->sc->layout, &moe_tp, &moe_ep);
    if (m->experts == 0)
        return;
    if (moe_tp * moe_ep != r->tp * r->dp)
        check_wrong(c, "replica", given(c->sc, "replica", "moe_tp") ? "moe_tp" : "moe_ep",
                    "moe_tp x moe_ep = %" PRId64 ", but tp x dp = %" PRId64 " GPUs hold the experts", moe_tp * moe_ep,
                    r->tp * r->dp);
    check_divides(c, "moe_ep", moe_ep, r->redundant_experts > 0 ? "experts + redundant_experts" : "experts",
                  m->experts + r->redundant_experts);
    if (r->redundant_experts > 0 && c->sc->memory.experts.tier_at >= 0)
        check_wrong(c, "replica", "redundant_experts", "experts below HBM have no second copies");
    check_divides(c, "moe_tp", moe_tp, "moe_inter", m->moe_inter);
    if (r->moe_dtype > 0)
        check_dtype(c, "moe_dtype", layout_moe_dtype(&c->sc->layout));
}

static void check_nodes(const struct check *c)
{
    const struct scenario *sc = c->sc;
    const struct replica_options *r = &sc->layout.replica;
    int64_t gpus = layout_gpus(&sc->layout), node = sc->layout.node.gpus, per_node = node / gpus;
    const char *key = r->dp > 1 ? "dp" : r->pp > 1 ? "pp" : "pcp";

    if (r->tp > node)
        check_wrong(c, "replica", "tp", "%" PRId64 " GPUs, but a node has %" PRId64 " and tp stays within one", r->tp,
                    node);
    else if (gpus > node && sc->layout.gpu.network_Bps <= 0)
        check_wrong(c, "replica", key,
                    "a replica of %" PRId64 " GPUs spans nodes of %" PRId64 ", but [gpu] has no network_bandwidth",
                    gpus, node);
    else if (sc->cluster.nodes && gpus <= node && r->count > sc->cluster.nodes * per_node)
        check_wrong(c, "replica", "count",
                    "%" PRId64 " replicas of %" PRId64 " GPUs, but %" PRId64 " nodes of %" PRId64 " GPUs hold %" PRId64
                    " (a replica stays within a node)",
                    r->count, gpus, sc->cluster.nodes, node, sc->cluster.nodes * per_node);
    else if (sc->cluster.nodes && r->count * gpus > sc->cluster.nodes * node)
        check_wrong(c, "replica", "count", "%" PRId64 " replicas of %" PRId64 " GPUs, but there are %" PRId64, r->count,
                    gpus, sc->cluster.nodes * node);
    if (gpus > 1 && sc->layout.gpu.nvlink_Bps <= 0)
        check_wrong(c, "replica", r->tp > 1 ? "tp" : key,
                    "%" PRId64 " GPUs must exchange results, but [gpu] has no nvlink_bandwidth", gpus);
}

static void check_parallel(const struct check *c)
{
    const struct scenario *sc = c->sc;
    const struct replica_options *r = &sc->layout.replica;
    const struct model_options *m = &sc->layout.model;

    check_divides(c, "tp", r->tp, "q_heads", m->q_heads);
    check_divides(c, "tp", r->tp, "hidden", m->hidden);
    check_divides(c, "tp", r->tp, "dense_inter", m->dense_inter);
    if (m->kv_heads > 0 && m->kv_heads % r->tp != 0 && r->tp % m->kv_heads != 0)
        check_wrong(c, "replica", "tp",
                    "%" PRId64 " neither divides the model's kv_heads = %" PRId64 " nor is a multiple of it", r->tp,
                    m->kv_heads);
    if (r->tp % r->cp != 0)
        check_wrong(c, "replica", "cp", "%" PRId64 " does not divide tp = %" PRId64, r->cp, r->tp);
    if (r->pp > m->layers)
        check_wrong(c, "replica", "pp", "%" PRId64 " stages for %" PRId64 " layers", r->pp, m->layers);
    check_nodes(c);
    check_experts(c);
    check_dtype(c, "dtype", r->dtype);
    if (r->attention_dtype > 0)
        check_dtype(c, "attention_dtype", layout_attention_dtype(&sc->layout));
}

/* A kernel without figures would take no time. */
static void check_kernels(const struct check *c)
{
    const char *kernel = cost_missing_kernel(&c->sc->layout);
    char key[64];

    if (kernel == NULL || strcmp(c->sc->cost->policy.name, "roofline") != 0)
        return;
    snprintf(key, sizeof key, "%s_memory_efficiency", kernel);
    check_wrong(
        c, "kernels", key,
        "the layout runs in the kernel %s, which has no figures here; give them, or choose a preset, GPU or dtype "
        "that has",
        kernel);
}

/* Tokens that the cache of one attention rank holds; a sequence lives on one. */
static int64_t rank_tokens(const struct layout *l)
{
    return cost_rank_blocks(l) * l->replica.kv_block_tokens;
}

/* False if the KV cache would have no block. */
static bool check_memory(const struct check *c)
{
    const struct layout *l = &c->sc->layout;

    if (cost_rank_blocks(l) >= 1)
        return true;
    struct cost_memory m = cost_memory(l);
    check_wrong(
        c, "replica", given(c->sc, "replica", "tp") ? "tp" : "memory_fraction",
        "a GPU cannot hold its share of the model: %.1f GB of weights and %.1f GB of activations leave no KV block "
        "of the %.1f GB it may use (memory x memory_fraction); raise tp, or take a smaller dtype or a larger GPU",
        m.weight_bytes / 1e9, m.activation_bytes / 1e9, (double)l->gpu.memory_bytes * l->replica.memory_fraction / 1e9);
    return false;
}

static void check_scheduler(const struct check *c)
{
    const struct scheduler_limits *l = &c->sc->layout.limits;

    static const char why[] = "each running sequence takes one token of the budget in every step";
    int64_t each = 1 + c->sc->layout.replica.spec_tokens;

    if (each > 1 && l->max_num_batched_tokens < each * l->max_num_seqs)
        check_wrong(c, "scheduler",
                    given(c->sc, "scheduler", "max_num_batched_tokens") ? "max_num_batched_tokens" : "max_num_seqs",
                    "max_num_batched_tokens = %" PRId64 " is less than %" PRId64 " x max_num_seqs = %" PRId64
                    ": each running sequence takes one token of the budget in every step, and %" PRId64 " for its drafts",
                    l->max_num_batched_tokens, each, each * l->max_num_seqs, each - 1);
    else if (l->max_num_batched_tokens < l->max_num_seqs && given(c->sc, "scheduler", "max_num_batched_tokens"))
        check_wrong(c, "scheduler", "max_num_batched_tokens", "%" PRId64 " is less than max_num_seqs = %" PRId64 ": %s",
                    l->max_num_batched_tokens, l->max_num_seqs, why);
    else if (l->max_num_batched_tokens < l->max_num_seqs)
        check_wrong(c, "scheduler", "max_num_seqs", "%" PRId64 " is more than max_num_batched_tokens = %" PRId64 ": %s",
                    l->max_num_seqs, l->max_num_batched_tokens, why);
    if (l->chunked_prefill)
        return;
    /* A preempted request, which computes what it had answered again too, may take steps of its own. */
    int64_t longest = 0, context = c->sc->layout.model.max_context;
    for (int64_t i = 0; i < c->sc->n_classes; i++) {
        const struct class_options *k = &c->sc->classes[i];
        int64_t prompt = k->input_max ? k->input_max : context;
        longest = prompt > longest ? prompt : longest;
    }
    longest = longest < context ? longest : context;
    if (l->max_num_batched_tokens < longest)
        check_wrong(c, "scheduler", "chunked_prefill",
                    "without it, max_num_batched_tokens = %" PRId64
                    " must hold the longest prompt, here %" PRId64
                    " tokens (model.max_context, or less by input_max of every class)",
                    l->max_num_batched_tokens, longest);
}

static bool is_continuous(const struct scenario *sc)
{
    return strcmp(sc->scheduler->policy.name, "continuous") == 0 || strcmp(sc->scheduler->policy.name, "chunked") == 0;
}

static void check_order(const struct check *c)
{
    const struct scheduler_limits *l = &c->sc->layout.limits;

    if (strcmp(c->sc->scheduler->policy.name, "chunked") == 0 && !l->chunked_prefill)
        check_wrong(c, "scheduler", "chunked_prefill", "no, but policy = chunked cuts prompts (want continuous)");
    if (l->step_target_ns > 0 && !is_continuous(c->sc))
        check_wrong(c, "scheduler", "step_target", "has no effect with policy = %s (want continuous)",
                    c->sc->scheduler->policy.name);
    else if (l->step_target_ns > 0 && !l->chunked_prefill)
        check_wrong(c, "scheduler", "step_target",
                    "needs chunked_prefill: a whole prompt that takes longer would wait for as long as anything "
                    "decodes");
    if (c->sc->memory.cache.preempt == PREEMPT_NONE && c->sc->memory.experts.adapt_ns > 0)
        check_wrong(c, "cache", "preempt",
                    "none, but [experts] adapt may take the room that running requests count on");
    if (l->preempt_for == PREEMPT_FOR_NONE)
        return;
    if (!is_continuous(c->sc) || strcmp(c->sc->order->policy.name, "priority") != 0)
        check_wrong(c, "scheduler", "preempt_for",
                    "priority, but policy = %s and order = %s (want continuous, priority)",
                    c->sc->scheduler->policy.name, c->sc->order->policy.name);
    if (c->sc->memory.cache.preempt == PREEMPT_NONE)
        check_wrong(c, "scheduler", "preempt_for", "priority, but [cache] preempt = none lets nobody be preempted");
}

static void check_central_queue(const struct check *c)
{
    if (c->sc->order->cost && c->sc->router->key == ROUTER_KEY_ROOM)
        check_wrong(c, "router", "policy",
                    "%s, but [scheduler] order = %s: each replica counts its own service to a tenant, and who waits "
                    "centrally is in no replica's queue (want another router, or another order)",
                    c->sc->router->policy.name, c->sc->order->policy.name);
}

static void check_autoscale(const struct check *c)
{
    const struct autoscale_options *o = &c->sc->autoscale;
    int64_t count = c->sc->layout.replica.count;

    if (c->sc->scaler->want == NULL)
        return;
    if (o->min > count)
        check_wrong(c, "autoscale", "min", "%" PRId64 " replicas, but there are at most [replica] count = %" PRId64, o->min,
                    count);
    else if (o->start > 0 && (o->start < o->min || o->start > count))
        check_wrong(c, "autoscale", "start", "%" PRId64 " replicas, but there are from min = %" PRId64
                    " to [replica] count = %" PRId64, o->start, o->min, count);
}

static const char *tenant_of(const struct class_options *k)
{
    return k->tenant ? k->tenant : k->name;
}

/* A tenant has one share, and only order = fair looks at it. */
static void check_tenant(const struct check *c, const char *section, int64_t class)
{
    const struct class_options *k = &c->sc->classes[class];

    for (int64_t i = 0; i < class; i++)
        if (strcmp(tenant_of(&c->sc->classes[i]), tenant_of(k)) == 0 && c->sc->classes[i].share != k->share) {
            check_wrong(c, section, "share", "%g, but class %s of the same tenant has %g", k->share,
                        c->sc->classes[i].name, c->sc->classes[i].share);
            return;
        }
}

/* The normal form gives every key, so a default that is spelt out is no mistake; nor is a key put out of use by a
 * choice of higher rank (-s workload.arrivals=poisson over a file that replays a trace). */
static void check_no_trace_keys(const struct check *c)
{
    const struct workload_options *w = &c->sc->workload;
    const struct {
        const char *key;
        bool set;
    } keys[] = {{"trace", w->trace != NULL},
                {"trace_format", w->trace_format != TRACE_AUTO},
                {"trace_block_tokens", w->trace_block_tokens != 512},
                {"trace_speed", w->trace_speed != 1},
                {"trace_rate_scale", w->trace_rate_scale != 1},
                {"trace_from", w->trace_from_ns != 0},
                {"trace_to", w->trace_to_ns != 0}};
    const struct ini_entry *choice = check_origin(c->sc, "workload", "arrivals");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].set && check_origin(c->sc, "workload", keys[i].key)->rank >= choice->rank)
            check_wrong(c, "workload", keys[i].key, "has no effect with arrivals = %s (want arrivals = trace)",
                        c->sc->arrival->policy.name);
}

static void check_slice(const struct check *c)
{
    const struct workload_options *w = &c->sc->workload;

    if (w->trace_to_ns && w->trace_to_ns <= w->trace_from_ns)
        check_wrong(c, "workload", "trace_to", "the slice ends before it begins (trace_from)");
}

static void check_trace(const struct check *c)
{
    const struct workload_options *w = &c->sc->workload;
    bool closed = c->sc->arrival->concurrency(c->sc->arrival_options) > 0;

    if (w->trace == NULL)
        check_wrong(c, "workload", "arrivals", "trace needs the key trace = PATH");
    check_slice(c);
    if (closed && w->trace_speed != 1)
        check_wrong(c, "workload", "trace_speed", "has no effect with trace_order = closed (want trace_order = time)");
    if (closed && w->trace_rate_scale > 1)
        check_wrong(c, "workload", "trace_rate_scale",
                    "more than 1 has no meaning with trace_order = closed (want trace_order = time, or at most 1)");
    if (!closed && given(c->sc, "workload", "concurrency"))
        check_wrong(c, "workload", "concurrency", "has no effect with trace_order = time (want trace_order = closed)");
}

static void check_workload(const struct check *c)
{
    const struct scenario *sc = c->sc;
    const struct workload_options *w = &sc->workload;

    if (sc->arrival->kind == ARRIVAL_TRACE) {
        check_trace(c);
        return;
    }
    if (sc->arrival->fault) {
        struct arrival_fault f = sc->arrival->fault(sc->arrival_options);
        if (f.key)
            check_wrong(c, "workload", f.key, "%s", f.what);
    }
    if (scenario_reads_trace(sc)) {
        check_slice(c);
        if (w->trace_speed != 1)
            check_wrong(c, "workload", "trace_speed", "has no effect with arrivals = %s (want arrivals = trace)",
                        sc->arrival->policy.name);
        if (w->trace_rate_scale != 1)
            check_wrong(c, "workload", "trace_rate_scale", "has no effect with arrivals = %s (want arrivals = trace)",
                        sc->arrival->policy.name);
        return;
    }
    check_no_trace_keys(c);
    if (w->requests == 0 && sc->run.horizon_ns == 0)
        check_wrong(c, "workload", "arrivals", "%s never ends: give [workload] requests or [run] horizon",
                    sc->arrival->policy.name);
}

static void check_min_max(const struct check *c, const char *section, const char *what, int64_t lo, int64_t hi)
{
    char key[32];

    snprintf(key, sizeof key, "%s_min", what);
    if (hi && lo > hi)
        check_wrong(c, section, key, "%" PRId64 " is more than %s_max = %" PRId64, lo, what, hi);
}

/* Any two keys named low and high of a length policy. */
static void check_low_high(const struct check *c, const char *section)
{
    for (size_t i = 0; i < c->sc->n_binds; i++) {
        const struct opt_bind *b = &c->sc->binds[i];
        const int64_t *low = NULL, *high = NULL;
        char key[64];
        if (strcmp(b->section, section) != 0 || *b->prefix == '\0')
            continue;
        for (size_t row = 0; row < b->table->n; row++) {
            if (b->table->rows[row].kind != OPT_INT)
                continue;
            if (strcmp(b->table->rows[row].name, "low") == 0)
                low = opt_member(b, row);
            if (strcmp(b->table->rows[row].name, "high") == 0)
                high = opt_member(b, row);
        }
        snprintf(key, sizeof key, "%slow", b->prefix);
        if (low && high && *low > *high)
            check_wrong(c, section, key, "%" PRId64 " is more than %shigh = %" PRId64, *low, b->prefix, *high);
    }
}

static void check_length(const struct check *c, const char *section, const char *what, const struct length_choice *l)
{
    if (l->ops == NULL)
        check_wrong(c, section, what, "missing: a class needs it, unless agent = NAME says");
    else if (l->ops->draw == NULL && !scenario_reads_trace(c->sc) && c->sc->arrival->kind != ARRIVAL_CLIENTS)
        check_wrong(c, section, what, "trace, but arrivals = %s (want arrivals = trace, or [workload] trace = PATH)",
                    c->sc->arrival->policy.name);
}

/* Keys of further calls, in a class that has none. As with traces: defaults, and keys that a choice of higher rank has
 * put out of use, are no mistake. */
static void check_no_turns_keys(const struct check *c, const char *section, const struct class_options *k)
{
    const struct {
        const char *key;
        bool set;
    } keys[] = {{"append", k->append.ops != NULL},
                {"turns_dist", k->turns_dist != TURNS_CONSTANT},
                {"turn_gap", k->turn_gap_ns != 0},
                {"turn_gap_dist", k->turn_gap_dist != TURN_GAP_CONSTANT}};
    const struct ini_entry *turns = check_origin(c->sc, section, "turns");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].set && (turns == NULL || check_origin(c->sc, section, keys[i].key)->rank >= turns->rank))
            check_wrong(c, section, keys[i].key, "has no effect with turns = 1 (want turns > 1)");
}

static void check_sessions(const struct check *c, const char *section, const struct class_options *k)
{
    int64_t context = c->sc->layout.model.max_context;
    bool trace = scenario_reads_trace(c->sc);

    if (trace && (k->turns > 1 || k->system_tokens > 0))
        check_wrong(c, section, k->turns > 1 ? "turns" : "system_tokens",
                    "arrivals = trace: what its prompts share is the trace's to say (want drawn arrivals)");
    if (k->turns <= 1)
        check_no_turns_keys(c, section, k);
    else if (k->append.ops == NULL)
        check_wrong(c, section, "append", "missing: how many tokens come in with each further call of a session");
    else if (c->sc->arrival->kind == ARRIVAL_CLIENTS && k->append.ops->draw == NULL)
        check_wrong(c, section, "append", "trace, but clients say the lengths of first calls only (want a law)");
    else if (!trace)
        check_length(c, section, "append", &k->append);
    if (k->input_max && k->system_tokens >= k->input_max)
        check_wrong(c, section, "system_tokens", "%" PRId64 " leave no room for the input below input_max = %" PRId64,
                    k->system_tokens, k->input_max);
    else if (k->system_tokens + 1 + k->output_min > context)
        check_wrong(c, section, "system_tokens",
                    "with the shortest input and answer %" PRId64 " tokens, more than model.max_context = %" PRId64,
                    k->system_tokens + 1 + k->output_min, context);
}

static void check_class(const struct check *c, const struct class_options *k, bool memory_fits)
{
    const struct layout *l = &c->sc->layout;
    char section[INI_NAME_MAX + 16];
    int64_t least = k->input_min + k->output_min;

    snprintf(section, sizeof section, "class %s", k->name);
    check_min_max(c, section, "input", k->input_min, k->input_max);
    check_min_max(c, section, "output", k->output_min, k->output_max);
    check_low_high(c, section);
    if (k->agent == NULL) {
        check_length(c, section, "input", &k->input);
        check_length(c, section, "output", &k->output);
        check_sessions(c, section, k);
    }
    check_tenant(c, section, k - c->sc->classes);
    if (least > l->model.max_context)
        check_wrong(c, section, "input_min",
                    "input_min and output_min make %" PRId64 " tokens, more than model.max_context = %" PRId64, least,
                    l->model.max_context);
    else if (memory_fits && least - 1 + l->replica.spec_tokens > rank_tokens(l)) /* the last token has no KV */
        check_wrong(c, section, "input_min",
                    "input_min and output_min make %" PRId64 " tokens, but the KV cache of %s holds %" PRId64, least,
                    layout_holder(l), rank_tokens(l));
}

void scenario_check(const struct scenario *sc, struct diags *d)
{
    const struct check c = {.sc = sc, .d = d};
    double weights = 0;

    check_run(&c);
    size_t before = d->n;
    check_model(&c);
    bool model_fits = d->n == before;
    if (model_fits)
        check_parallel(&c);
    if (d->n == before)
        check_kernels(&c);
    check_scheduler(&c);
    check_order(&c);
    check_central_queue(&c);
    check_autoscale(&c);
    check_members(&c);
    check_workload(&c);
    check_tiers(&c);
    bool memory_fits = model_fits && check_memory(&c);
    for (int64_t i = 0; i < sc->n_classes; i++) {
        check_class(&c, &sc->classes[i], memory_fits);
        weights += sc->classes[i].weight;
    }
    if (weights <= 0)
        diags_add(d, sc->path, 0, "every [class] has weight = 0: no request could have a class");
}
