/* check.c - what takes more than one key to be wrong. Each message stands at the key that is most likely to change. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "scenario/scenario.h"

/* The entry that set the key; NULL for a default. */
static const struct ini_entry *origin_of(const struct scenario *sc, const char *section, const char *key)
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
    return origin_of(sc, section, key) != NULL;
}

struct check {
    const struct scenario *sc;
    struct diags *d;
};

__attribute__((format(printf, 4, 5))) static void wrong(const struct check *c, const char *section, const char *key,
                                                        const char *fmt, ...)
{
    char text[900];
    const struct ini_entry *e = origin_of(c->sc, section, key);
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
        wrong(c, "run", "warmup", "the warm-up reaches the horizon, so that nothing would be measured");
}

/* That each tp-th of a tensor is whole. */
static void check_divides(const struct check *c, const char *what, int64_t n)
{
    if (n % c->sc->layout.replica.tp != 0)
        wrong(c, "replica", "tp", "%" PRId64 " does not divide the model's %s = %" PRId64, c->sc->layout.replica.tp,
              what, n);
}

static void check_parallel(const struct check *c)
{
    const struct scenario *sc = c->sc;
    const struct replica_options *r = &sc->layout.replica;
    const struct model_options *m = &sc->layout.model;
    int64_t per_node = sc->node.gpus / r->tp;

    if (m->q_heads % m->kv_heads != 0)
        wrong(c, "model", "kv_heads", "%" PRId64 " does not divide q_heads = %" PRId64, m->kv_heads, m->q_heads);
    check_divides(c, "q_heads", m->q_heads);
    check_divides(c, "hidden", m->hidden);
    check_divides(c, "dense_inter", m->dense_inter);
    if (m->kv_heads % r->tp != 0 && r->tp % m->kv_heads != 0)
        wrong(c, "replica", "tp",
              "%" PRId64 " neither divides the model's kv_heads = %" PRId64 " nor is a multiple of it", r->tp,
              m->kv_heads);
    if (r->tp > sc->node.gpus)
        wrong(c, "replica", "tp", "%" PRId64 " GPUs, but a node has %" PRId64 " and a replica stays within one", r->tp,
              sc->node.gpus);
    else if (sc->cluster.nodes && r->count > sc->cluster.nodes * per_node)
        wrong(c, "replica", "count",
              "%" PRId64 " replicas of %" PRId64 " GPUs, but %" PRId64 " nodes of %" PRId64 " GPUs hold %" PRId64
              " (a replica stays within a node)",
              r->count, r->tp, sc->cluster.nodes, sc->node.gpus, sc->cluster.nodes * per_node);
    if (r->tp > 1 && sc->layout.gpu.nvlink_Bps <= 0)
        wrong(c, "replica", "tp", "%" PRId64 " GPUs must exchange results, but [gpu] has no nvlink_bandwidth", r->tp);
    if (r->dtype == DTYPE_FP8 && sc->layout.gpu.fp8_flops <= 0)
        wrong(c, "replica", "dtype", "fp8, but [gpu] has no fp8_flops");
    else if (r->dtype == DTYPE_FP8 && sc->layout.gpu.fp8_gemm_efficiency <= 0)
        wrong(c, "replica", "dtype", "fp8, but [gpu] has no fp8_gemm_efficiency");
}

/* False if the KV cache would have no block. */
static bool check_memory(const struct check *c)
{
    const struct layout *l = &c->sc->layout;

    if (cost_kv_blocks(l) >= 1)
        return true;
    struct cost_memory m = cost_memory(l);
    wrong(c, "replica", given(c->sc, "replica", "tp") ? "tp" : "memory_fraction",
          "a GPU cannot hold its share of the model: %.1f GB of weights and %.1f GB of activations leave no KV block "
          "of the %.1f GB it may use (memory x memory_fraction); raise tp, or take a smaller dtype or a larger GPU",
          m.weight_bytes / 1e9, m.activation_bytes / 1e9,
          (double)l->gpu.memory_bytes * l->replica.memory_fraction / 1e9);
    return false;
}

static void check_scheduler(const struct check *c)
{
    const struct scheduler_limits *l = &c->sc->layout.limits;

    static const char why[] = "each running sequence takes one token of the budget in every step";

    if (l->max_num_batched_tokens < l->max_num_seqs && given(c->sc, "scheduler", "max_num_batched_tokens"))
        wrong(c, "scheduler", "max_num_batched_tokens", "%" PRId64 " is less than max_num_seqs = %" PRId64 ": %s",
              l->max_num_batched_tokens, l->max_num_seqs, why);
    else if (l->max_num_batched_tokens < l->max_num_seqs)
        wrong(c, "scheduler", "max_num_seqs", "%" PRId64 " is more than max_num_batched_tokens = %" PRId64 ": %s",
              l->max_num_seqs, l->max_num_batched_tokens, why);
    if (l->chunked_prefill)
        return;
    /* A preempted request computes its prompt and what it had answered again, in one piece. */
    int64_t longest = 0, context = c->sc->layout.model.max_context;
    for (int64_t i = 0; i < c->sc->n_classes; i++) {
        const struct class_options *k = &c->sc->classes[i];
        int64_t both = k->input_max && k->output_max ? k->input_max + k->output_max : context;
        longest = both > longest ? both : longest;
    }
    longest = longest < context ? longest : context;
    if (l->max_num_batched_tokens < longest)
        wrong(c, "scheduler", "chunked_prefill",
              "without it, max_num_batched_tokens = %" PRId64 " must hold the longest prompt and answer, here %" PRId64
              " tokens (model.max_context, or less by input_max and output_max of every class)",
              l->max_num_batched_tokens, longest);
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
                {"trace_speed", w->trace_speed != 1},
                {"trace_from", w->trace_from_ns != 0},
                {"trace_to", w->trace_to_ns != 0}};
    const struct ini_entry *choice = origin_of(c->sc, "workload", "arrivals");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].set && origin_of(c->sc, "workload", keys[i].key)->rank >= choice->rank)
            wrong(c, "workload", keys[i].key, "has no effect with arrivals = %s (want arrivals = trace)",
                  c->sc->arrival->policy.name);
}

static void check_workload(const struct check *c)
{
    const struct scenario *sc = c->sc;
    const struct workload_options *w = &sc->workload;

    if (sc->arrival->kind == ARRIVAL_TRACE) {
        if (w->trace == NULL)
            wrong(c, "workload", "arrivals", "trace needs the key trace = PATH");
        if (w->trace_to_ns && w->trace_to_ns <= w->trace_from_ns)
            wrong(c, "workload", "trace_to", "the slice ends before it begins (trace_from)");
        return;
    }
    check_no_trace_keys(c);
    if (w->requests == 0 && sc->run.horizon_ns == 0)
        wrong(c, "workload", "arrivals", "%s never ends: give [workload] requests or [run] horizon",
              sc->arrival->policy.name);
}

static void check_min_max(const struct check *c, const char *section, const char *what, int64_t lo, int64_t hi)
{
    char key[32];

    snprintf(key, sizeof key, "%s_min", what);
    if (hi && lo > hi)
        wrong(c, section, key, "%" PRId64 " is more than %s_max = %" PRId64, lo, what, hi);
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
            wrong(c, section, key, "%" PRId64 " is more than %shigh = %" PRId64, *low, b->prefix, *high);
    }
}

static void check_length(const struct check *c, const char *section, const char *what, const struct length_choice *l)
{
    if (l->ops->draw == NULL && c->sc->arrival->kind != ARRIVAL_TRACE)
        wrong(c, section, what, "trace, but arrivals = %s (want arrivals = trace)", c->sc->arrival->policy.name);
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
    check_length(c, section, "input", &k->input);
    check_length(c, section, "output", &k->output);
    if (least > l->model.max_context)
        wrong(c, section, "input_min",
              "input_min and output_min make %" PRId64 " tokens, more than model.max_context = %" PRId64, least,
              l->model.max_context);
    else if (memory_fits && least - 1 > cost_kv_blocks(l) * l->replica.kv_block_tokens) /* the last token has no KV */
        wrong(c, section, "input_min",
              "input_min and output_min make %" PRId64 " tokens, but a replica's KV cache holds %" PRId64, least,
              cost_kv_blocks(l) * l->replica.kv_block_tokens);
}

void scenario_check(const struct scenario *sc, struct diags *d)
{
    const struct check c = {.sc = sc, .d = d};
    double weights = 0;

    check_run(&c);
    check_parallel(&c);
    check_scheduler(&c);
    check_workload(&c);
    bool memory_fits = check_memory(&c);
    for (int64_t i = 0; i < sc->n_classes; i++) {
        check_class(&c, &sc->classes[i], memory_fits);
        weights += sc->classes[i].weight;
    }
    if (weights <= 0)
        diags_add(d, sc->path, 0, "every [class] has weight = 0: no request could have a class");
}
