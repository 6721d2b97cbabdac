/*
 * cmd_run.c - tiersim run: scenario in, results file and report out.
 *
 * Without -o the results file is the scenario's name with .db, in the current folder.
 */
#include "config.h"

#include <argp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "cmd.h"
#include "model/world.h"
#include "report/collect.h"
#include "report/report.h"
#include "store/store.h"
#include "study/warmup.h"

enum { CHUNK_EVENTS = 1 << 14 };

struct arguments {
    const char *output, *expect;
    bool force, quiet, json;
    int64_t point; /* of a study; -1: not given */
    struct replicate replicate;
    struct cmd_scenario scenario;
};

enum { OPT_EXPECT = 256, OPT_JSON, OPT_POINT };

static const struct argp_option options[] = {
    {"output", 'o', "FILE.db", 0, "results file (default: SCENARIO's name with .db, here)", 0},
    {"force", 'f', NULL, 0, "replace an existing results file", 0},
    {"expect-fingerprint", OPT_EXPECT, "HEX", 0, "exit 1 unless the run's fingerprint is HEX", 0},
    {"json", OPT_JSON, NULL, 0, "report as JSON", 0},
    {"point", OPT_POINT, "K", 0, "run point K of a study, from 0 on (`tiersim sweep --dry-run` lists them)", 0},
    {"quiet", 'q', NULL, 0, "no report, no progress", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case 'o':
        if (*arg == '\0')
            argp_error(state, "-o needs the name of a file");
        a->output = arg;
        return 0;
    case 'f':
        a->force = true;
        return 0;
    case 'q':
        a->quiet = true;
        return 0;
    case OPT_EXPECT:
        if (strlen(arg) != 16 || arg[strspn(arg, "0123456789abcdefABCDEF")] != '\0')
            argp_error(state, "\"%s\" is no fingerprint (want 16 hexadecimal digits, e.g. af6fdd56f33b2b18)", arg);
        a->expect = arg;
        return 0;
    case OPT_JSON:
        a->json = true;
        return 0;
    case OPT_POINT:
        a->point = cmd_point(arg, state);
        return 0;
    case ARGP_KEY_SUCCESS:
        if (a->replicate.n > 0 && (a->point >= 0 || a->expect))
            argp_error(state, "%s is of one run, and --replications or --until-ci of several",
                       a->expect ? "--expect-fingerprint" : "--point");
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->scenario;
        state->child_inputs[1] = &a->replicate;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cmd_scenario_argp, 0, NULL, 0}, {&cmd_replicate_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {options, parse, NULL, "Simulates SCENARIO.", children, NULL, NULL};

/* ---- interruption and progress ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    if (interrupted)
        _exit(128 + sig);
    interrupted = sig;
}

static void catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is then an error like a full disk */
}

static double wall_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct progress {
    bool on;
    double start, next;
};

static void progress_show(struct progress *p, const struct scenario *sc, const struct world *w)
{
    double now = p->on ? wall_s() : 0, share = 0;

    if (!p->on || now < p->next)
        return;
    p->next = now + 0.25;
    if (sc->workload.requests > 0)
        share = (double)world_ended(w) / (double)sc->workload.requests;
    if (sc->run.horizon_ns > 0) {
        double t = (double)world_now(w) / (double)sc->run.horizon_ns;
        share = t > share ? t : share;
    }
    fprintf(stderr, "\r%.0f s simulated, %" PRId64 " of %" PRId64 " requests, %.1f M events/s",
            (double)world_now(w) * 1e-9, world_ended(w), world_arrived(w),
            (double)world_events(w) / (now - p->start) * 1e-6);
    if (share > 0)
        fprintf(stderr, ", %.0f s to go", (now - p->start) * (1 - share) / share);
    fprintf(stderr, "\033[K");
}

/* ---- one run ---- */

static const char *default_output(const char *scenario, struct arena *a)
{
    const char *base = strrchr(scenario, '/');
    base = base ? base + 1 : scenario;
    const char *dot = strrchr(base, '.');
    return arena_printf(a, "%.*s.db", dot && dot != base ? (int)(dot - base) : (int)strlen(base), base);
}

/* Simulates until the end, an error or a signal. */
static void simulate(const struct scenario *sc, struct world *w, bool quiet, struct err *e)
{
    struct progress p = {.on = !quiet && isatty(STDERR_FILENO), .start = wall_s()};

    p.next = p.start + 0.5;
    while (!interrupted && world_run(w, CHUNK_EVENTS, e) > 0)
        progress_show(&p, sc, w);
    if (p.on)
        fprintf(stderr, "\r\033[K");
}

static void explain_rejections(const struct scenario *sc, int64_t rejected)
{
    const struct layout *l = &sc->pools[sc->n_pools - 1].as->layout; /* where answers are given */

    if (rejected > 0)
        fprintf(stderr,
                "tiersim: %" PRId64
                " requests could never be served and were rejected: longer than the model's context "
                "(%" PRId64 " tokens) or the KV cache of %s (%" PRId64 " tokens)\n",
                rejected, l->model.max_context, layout_holder(l), cost_rank_blocks(l) * l->replica.kv_block_tokens);
}

static int64_t count_of(const struct world_count *counts, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(counts[i].name, name) == 0)
            return counts[i].value;
    return 0;
}

static void explain_left_out(const struct scenario *sc, int64_t left_out)
{
    if (left_out > 0)
        fprintf(stderr,
                "tiersim: %" PRId64 " calls of %s were left out: they wait, directly or not, for calls that were "
                "rejected, timed out or failed here; so this is less work than the trace has\n",
                left_out, sc->workload.trace);
}

static uint64_t fingerprint_of(const struct digest_sink *d, const struct world *w, const struct workload *load)
{
    uint64_t h = digest_sink_value(d);

    h = (h ^ world_digest(w)) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h << 32 | h >> 32) ^ workload_digest(load);
    return h * UINT64_C(0x9e3779b97f4a7c15);
}

/* The least of [engine] and of pools' own. */
static struct verdict_front front_of(const struct scenario *sc)
{
    const struct engine_options *e = &sc->layout.engine;
    struct verdict_front f = {e->request_latency_ns, e->request_service_ns, e->token_service_ns};

    for (int64_t i = 0; i < sc->n_pools; i++) {
        e = &sc->pools[i].as->layout.engine;
        f.latency_ns = e->request_latency_ns < f.latency_ns ? e->request_latency_ns : f.latency_ns;
        f.service_ns = e->request_service_ns < f.service_ns ? e->request_service_ns : f.service_ns;
        f.token_ns = e->token_service_ns < f.token_ns ? e->token_service_ns : f.token_ns;
    }
    return f;
}

/* In the folder of the results. NULL: the log wants no exact percentiles. */
static struct value_pool *new_value_pool(const struct scenario *sc, const char *output)
{
    const char *slash = strrchr(output, '/');
    char folder[4096];

    if (sc->run.log == LOG_SUMMARY)
        return NULL;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - output) + 1 : 1, slash ? output : ".");
    return value_pool_new(folder, sc->run.metrics_memory);
}

/* The run itself, once its store is open. Gives the fingerprint; *cut: a signal came before its end. */
static uint64_t run_into(struct store *store, const struct scenario *sc, struct workload *load,
                         const struct store_class *classes, bool quiet, bool *cut, struct err *e)
{
    struct collect_fleet fleet = {0, 0, 0};
    double start = wall_s();
    struct value_pool *pool = new_value_pool(sc, store_file(store));
    struct collect *collect = collect_new(classes, sc->n_classes, sc->run.warmup_ns, pool);
    struct digest_sink digest;
    struct trace trace;

    digest_sink_init(&digest);
    trace_init(&trace, TRACE_UNIT_RECORDS);
    trace_add_sink(&trace, &digest.sink);
    trace_add_sink(&trace, collect_sink(collect));
    trace_add_sink(&trace, store_sink(store));
    trace_start(&trace);
    struct world *world = world_new(sc, load, &trace);
    struct store_memory memory;
    cmd_run_memory(sc, world, &memory);
    collect_memory(collect, &memory);
    struct store_pool *pools = cmd_run_pools(sc);
    collect_pools(collect, pools, sc->n_pools);
    struct verdict_front front = front_of(sc);
    collect_front(collect, &front);
    collect_slo_window(collect, sc->run.slo_window_ns);
    struct store_bill bill;
    cmd_run_bill(sc, &bill);
    collect_bill(collect, &bill, pools, &memory);
    if (store_put_memory(store, &memory, e) == 0 && store_put_bill(store, &bill, e) == 0)
        simulate(sc, world, quiet, e);
    trace_finish(&trace, e);

    struct world_count counts[WORLD_COUNTS_MAX];
    struct store_counter counters[WORLD_COUNTS_MAX];
    int n_counts = world_finish(world, counts);
    for (int i = 0; i < n_counts; i++)
        counters[i] = (struct store_counter){counts[i].name, counts[i].value};
    if (!quiet)
        explain_rejections(sc, world_unfit(world));
    if (!quiet)
        explain_left_out(sc, count_of(counts, n_counts, "trace_calls_left_out"));
    const struct store_metric *metrics;
    for (int64_t i = 0; i < sc->n_pools; i++) {
        const struct layout *l = &sc->pools[i].as->layout;
        fleet.replicas += l->replica.count;
        fleet.members += l->replica.count * layout_members(l);
        fleet.gpus += l->replica.count * layout_gpus(l);
    }
    int64_t n_metrics = collect_metrics(collect, world_now(world), &fleet, world_max_concurrent(world), &metrics, e);
    *cut = interrupted; /* once: a signal that comes later finds the run complete */
    const char *const *agents = NULL, *const *tools = NULL;
    int64_t n_agents = workload_agent_names(load, &agents), n_tools = workload_tool_names(load, &tools);
    struct store_end end = {
        .status = e->code ? "failed"
                  : *cut  ? "interrupted"
                          : "complete",
        .message = e->code ? e->msg : NULL,
        .fingerprint = fingerprint_of(&digest, world, load),
        .t_end_ns = world_now(world),
        .events = world_events(world),
        .wall_s = wall_s() - start,
        .metrics = metrics,
        .n_metrics = n_metrics > 0 ? n_metrics : 0,
        .counters = counters,
        .n_counters = n_counts,
        .agents = agents,
        .tools = tools,
        .n_agents = n_agents,
        .n_tools = n_tools,
    };
    end.n_costs = collect_costs(collect, &end.costs);
    end.n_rates = collect_rates(collect, &end.rates);
    store_close(store, &end, e);
    world_free(world);
    trace_free(&trace);
    collect_free(collect);
    value_pool_free(pool);
    free(pools);
    cmd_run_memory_free(&memory);
    return end.fingerprint;
}

/* Also where the run that follows would be refused for its results file: it then says so. */
static int find_warmup(const struct arguments *a, struct scenario *sc, struct err *e)
{
    if (sc->run.warmup_by != WARMUP_MSER5 || (!a->force && access(a->output, F_OK) == 0))
        return 0;
    catch_signals();
    return warmup_find(sc, &interrupted, &sc->run.warmup_ns, e);
}

/* So that -o SCENARIO --force loses nothing. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int run(struct arguments *a, struct scenario *sc)
{
    struct err e = {0};
    struct store *store = NULL;
    uint64_t fingerprint = 0;
    char file[4096] = "";
    bool cut = false;
    struct store_class *classes = cmd_run_classes(sc);
    struct workload *load = NULL;

    bug_context.seed = (uint64_t)sc->run.seed;
    if (find_warmup(a, sc, &e) == 0 && !interrupted)
        load = workload_new(sc, &e);
    if (load && cmd_run_open(&store, a->output, a->force, sc, load, classes, &e) == 0) {
        snprintf(file, sizeof file, "%s", store_file(store));
        catch_signals();
        fingerprint = run_into(store, sc, load, classes, a->quiet, &cut, &e);
    }
    workload_free(load);
    free(classes);

    if (e.code) {
        fprintf(stderr, "tiersim: %s\n", e.msg);
        if (*file)
            fprintf(stderr, "tiersim: the run failed; what it had recorded is kept in %s\n", file);
        return e.code;
    }
    if (interrupted && *file == '\0') {
        fprintf(stderr, "tiersim: interrupted while the warm-up was sought; nothing is kept\n");
        return 128 + interrupted;
    }
    if (interrupted) {
        fprintf(stderr, "tiersim: interrupted%s are kept in %s\n",
                cut ? "; partial results" : " after the run's end; its results", cut ? file : a->output);
        return 128 + interrupted;
    }
    if (!a->quiet && report_print(a->output, a->json ? REPORT_JSON : REPORT_TEXT, stdout, &e) != 0) {
        fprintf(stderr, "tiersim: %s\n", e.msg);
        return e.code;
    }
    if (a->expect && strtoull(a->expect, NULL, 16) != fingerprint) {
        fprintf(stderr, "tiersim: the fingerprint is %016" PRIx64 ", not %s as expected\n", fingerprint, a->expect);
        return EXIT_CODE_FAILED;
    }
    return EXIT_CODE_OK;
}

/* Replications go their own way: each is a process. */
static int replicate(struct arguments *a)
{
    struct err e = {0};
    struct arena names;

    arena_init(&names);
    if (a->output == NULL)
        a->output = default_output(a->scenario.path, &names);
    a->replicate.ask = (struct sweep){.study = a->scenario.path,
                                      .out = a->output,
                                      .sets = a->scenario.sets,
                                      .n_sets = a->scenario.n_sets,
                                      .workers = a->replicate.ask.workers,
                                      .force = a->force,
                                      .quiet = a->quiet};
    bool same = is_same_file(a->output, a->scenario.path);
    if (same)
        fprintf(stderr, "tiersim: -o %s is the scenario itself; name another file\n", a->output);
    int code = same ? EXIT_CODE_USAGE : replicate_run(&a->replicate);
    if (code == EXIT_CODE_OK && !a->quiet &&
        report_print(a->output, a->json ? REPORT_JSON : REPORT_TEXT, stdout, &e) != 0) {
        fprintf(stderr, "tiersim: %s\n", e.msg);
        code = e.code;
    }
    arena_free(&names);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct arguments a = {.point = -1};
    struct scenario sc;
    struct diags d;
    int code = EXIT_CODE_USAGE;

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.replicate.n > 0) {
        code = replicate(&a);
        cmd_scenario_free(&a.scenario);
        return code;
    }
    diags_init(&d);
    if (scenario_load_point(&sc, a.scenario.path, a.scenario.sets, a.scenario.n_sets, a.point, &d)) {
        if (a.output == NULL)
            a.output = default_output(a.scenario.path, &sc.arena);
        if (is_same_file(a.output, a.scenario.path))
            fprintf(stderr, "tiersim: -o %s is the scenario itself; name another file\n", a.output);
        else
            code = run(&a, &sc);
    } else {
        cmd_print_mistakes(&d);
    }
    scenario_free(&sc);
    diags_free(&d);
    cmd_scenario_free(&a.scenario);
    return code;
}
