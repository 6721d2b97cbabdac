/*
 * cmd_check.c - tiersim check: read a scenario, say every mistake, or what it comes to. Nothing is run.
 */
#include "config.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "cmd.h"
#include "policy/speculation.h"
#include "scenario/scenario.h"
#include "study/plan.h"
#include "workload/workload.h"

struct arguments {
    bool resolved;
    int64_t point; /* of a study; -1: not given */
    struct cmd_scenario scenario;
};

enum { OPT_RESOLVED = 256, OPT_POINT };

static const struct argp_option options[] = {
    {"resolved", OPT_RESOLVED, NULL, 0, "print every value with where it came from (file:line, -s or default)", 0},
    {"point", OPT_POINT, "K", 0, "of a study, only point K", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_RESOLVED:
        a->resolved = true;
        return 0;
    case OPT_POINT:
        a->point = cmd_point(arg, state);
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->scenario;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&cmd_scenario_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {options,  parse, NULL, "Reads SCENARIO and lists every mistake; runs nothing.",
                                 children, NULL,  NULL};

static const char *drafter(const struct layout *l)
{
    switch (l->replica.spec_method) {
    case SPEC_MTP:
        return "its own layers";
    case SPEC_DRAFT:
        return l->draft.name;
    default:
        return "look-up";
    }
}

/* Of a pool; without pools, of all replicas. */
static void print_pool(const struct scenario *sc, int64_t nodes)
{
    const struct layout *l = &sc->layout;
    struct cost_memory m = cost_memory(l);
    int64_t blocks = cost_kv_blocks(l), gpus = layout_gpus(l), node = l->node.gpus;
    double kv = (double)(blocks / l->replica.dp * l->replica.kv_block_tokens) * m.kv_token_bytes;

    printf("  replicas   %" PRId64 " of %s, each on %" PRId64 " %s\n", l->replica.count, l->model.name, gpus,
           l->gpu.name);
    printf("  GPUs       %" PRId64 " of %" PRId64 " used (%" PRId64 " node%s of %" PRId64 ")\n",
           l->replica.count * gpus, nodes * node, nodes, nodes == 1 ? "" : "s", node);
    printf("  memory     %.2f GB a GPU: weights %.2f, activations %.2f, KV cache %.2f\n",
           (double)l->gpu.memory_bytes / 1e9, m.weight_bytes / 1e9, m.activation_bytes / 1e9, (kv + m.seq_bytes) / 1e9);
    if (l->replica.spec_tokens > 0)
        printf("  drafts     %" PRId64 " a step, by %s: %.2f tokens to expect of a verification\n", l->replica.spec_tokens,
               drafter(l), speculation_of(&l->replica).expected);
    printf("  KV cache   %" PRId64 " blocks a replica: %" PRId64 " tokens", blocks, blocks * l->replica.kv_block_tokens);
    if (layout_members(l) > 1)
        printf(", %" PRId64 " for each of %" PRId64 " %s", cost_member_blocks(l) * l->replica.kv_block_tokens,
               layout_members(l), layout_is_staggered(l) ? "micro-batches" : "ranks");
    putchar('\n');
}

static void print_policies(const struct scenario *sc, const struct scenario *as)
{
    printf("  policies   arrivals %s, router %s, scheduler %s, cost %s\n", sc->arrival->policy.name,
           as->router->policy.name, as->scheduler->policy.name, as->cost->policy.name);
}

static void print_facts(const struct scenario *sc)
{
    static const char *const does[] = {
        [POOL_BOTH] = "prompts and answers", [POOL_PREFILL] = "prompts", [POOL_DECODE] = "answers"};

    for (int64_t i = 0; i < sc->n_pools; i++) {
        const struct pool_options *p = &sc->pools[i];
        bool all = sc->n_pools == 1 && sc->cluster.nodes > 0;
        if (p->as != sc)
            printf("pool %s: %s\n", p->name, does[p->role]);
        print_pool(p->as, all ? sc->cluster.nodes : layout_hosts(&p->as->layout));
        print_policies(sc, p->as);
    }
}

/* A trace must be there and begin like one; its lines are read by the run. */
static int try_workload(const struct scenario *sc)
{
    struct err e = {0};
    struct workload *w = workload_new(sc, &e);

    if (w == NULL) {
        fflush(stdout);
        fprintf(stderr, "tiersim: %s\n", e.msg);
        return e.code;
    }
    workload_free(w);
    return EXIT_CODE_OK;
}

/* Whether it is a study of several points; a mistake in it is left to whom loads it as a scenario. */
static bool is_study(const struct arguments *a)
{
    struct study s;
    struct diags d;

    diags_init(&d);
    bool is = study_open(&s, a->scenario.path, a->scenario.sets, a->scenario.n_sets, &d) && s.n_points > 1;
    study_free(&s);
    diags_free(&d);
    return is;
}

/* All points are loaded; what they come to is asked for one by one. */
static int check_study(const struct arguments *a)
{
    const struct sweep ask = {
        .study = a->scenario.path, .out = "", .sets = a->scenario.sets, .n_sets = a->scenario.n_sets};
    struct plan p;
    struct diags d;
    int code = EXIT_CODE_USAGE;

    diags_init(&d);
    if (plan_make(&p, &ask, &d)) {
        printf("%s: ok, a study of %" PRId64 " points (%" PRId64 " sets of values, %" PRId64 " repetition%s); --point K "
               "tells of one\n", ask.study, p.study.n_points, p.study.n_params, p.study.repeat,
               p.study.repeat == 1 ? "" : "s");
        code = EXIT_CODE_OK;
    } else {
        cmd_print_mistakes(&d);
    }
    plan_free(&p);
    diags_free(&d);
    return code;
}

static int check_scenario(const struct arguments *a)
{
    struct scenario sc;
    struct diags d;
    int code = EXIT_CODE_USAGE;

    diags_init(&d);
    if (!scenario_load_point(&sc, a->scenario.path, a->scenario.sets, a->scenario.n_sets, a->point, &d)) {
        cmd_print_mistakes(&d);
    } else {
        code = try_workload(&sc);
        if (code == EXIT_CODE_OK && a->resolved) {
            scenario_print(&sc, true, stdout);
        } else if (code == EXIT_CODE_OK) {
            printf("%s: ok\n", a->scenario.path);
            print_facts(&sc);
        }
    }
    scenario_free(&sc);
    diags_free(&d);
    return code;
}

int cmd_check(int argc, char **argv)
{
    struct arguments a = {.point = -1};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    int code = a.point < 0 && !a.resolved && is_study(&a) ? check_study(&a) : check_scenario(&a);
    cmd_scenario_free(&a.scenario);
    return code;
}
