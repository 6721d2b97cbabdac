/*
 * cmd_run_store.c - a run's results file, opened with what its scenario says: options, classes, pools, agents and tools.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "cmd.h"
#include "policy/cost.h"
#include "scenario/scenario.h"
#include "store/store.h"
#include "workload/workload.h"

struct params {
    struct store_param *at;
    int64_t n, cap;
};

static void add_param(void *ctx, const char *key, const char *value, double num, bool is_iter)
{
    struct params *p = ctx;

    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->at = mem_realloc(p->at, (size_t)p->cap * sizeof *p->at);
    }
    p->at[p->n++] = (struct store_param){strdup(key), strdup(value), num, is_iter};
}

static void params_free(struct params *p)
{
    for (int64_t i = 0; i < p->n; i++) {
        free((char *)p->at[i].key);
        free((char *)p->at[i].value_text);
    }
    free(p->at);
}

struct store_class *cmd_run_classes(const struct scenario *sc)
{
    struct store_class *c = mem_zalloc((size_t)sc->n_classes, sizeof *c);

    for (int64_t i = 0; i < sc->n_classes; i++)
        c[i] = (struct store_class){sc->classes[i].name, sc->classes[i].weight, sc->classes[i].slo_ttft_ns,
                                    sc->classes[i].slo_tpot_ns, sc->classes[i].slo_e2el_ns};
    return c;
}

static const char **agents_of(const struct scenario *sc)
{
    const char **names = mem_zalloc((size_t)sc->n_agents + 1, sizeof *names);

    for (int64_t i = 0; i < sc->n_agents; i++)
        names[i] = sc->agents[i].name;
    return names;
}

static const char **tools_of(const struct scenario *sc)
{
    const char **names = mem_zalloc((size_t)sc->n_tools + 1, sizeof *names);

    for (int64_t i = 0; i < sc->n_tools; i++)
        names[i] = sc->tools[i].name;
    return names;
}

struct store_pool *cmd_run_pools(const struct scenario *sc)
{
    static const char *const roles[] = {[POOL_BOTH] = "both", [POOL_PREFILL] = "prefill", [POOL_DECODE] = "decode"};
    struct store_pool *p = mem_zalloc((size_t)sc->n_pools, sizeof *p);

    for (int64_t i = 0; i < sc->n_pools; i++) {
        const struct layout *l = &sc->pools[i].as->layout;
        p[i] = (struct store_pool){.name = sc->pools[i].name,
                                   .role = roles[sc->pools[i].role],
                                   .n_replicas = l->replica.count * layout_members(l),
                                   .members = layout_members(l),
                                   .gpus = layout_gpus(l) / layout_members(l),
                                   .kv_blocks = cost_member_blocks(l),
                                   .kv_block_tokens = l->replica.kv_block_tokens};
    }
    return p;
}

int cmd_run_open(struct store **out, const char *path, bool force, const struct scenario *sc, const struct workload *load,
                 const struct store_class *classes, struct err *e)
{
    struct store_pool *pools = cmd_run_pools(sc);
    const char **agents = agents_of(sc), **tools = tools_of(sc);
    struct params params = {0};

    scenario_each_param(sc, add_param, &params);
    struct store_config c = {
        .path = path,
        .force = force,
        .level = (enum log_level)sc->run.log,
        .scenario_path = sc->path,
        .scenario_text = sc->text,
        .resolved = sc->resolved,
        .version = PACKAGE_VERSION,
        .config_hash = sc->config_hash,
        .seed = sc->run.seed,
        .replication = sc->run.replication,
        .warmup_ns = sc->run.warmup_ns,
        .horizon_ns = sc->run.horizon_ns,
        .classes = classes,
        .n_classes = sc->n_classes,
        .pools = pools,
        .n_pools = sc->n_pools,
        .agents = agents,
        .tools = tools,
        .n_agents = sc->n_agents,
        .n_tools = sc->n_tools,
        .content_block_tokens = workload_block_tokens(load),
        .params = params.at,
        .n_params = params.n,
    };
    int status = store_open(out, &c, e);
    params_free(&params);
    free((void *)agents);
    free((void *)tools);
    free(pools);
    return status;
}
