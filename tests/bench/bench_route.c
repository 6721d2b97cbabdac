/*
 * bench_route.c - what a routing decision costs, by router and number of replicas: the time of one request, from the
 * question to its replica's change of load and, a while later, back. That is one decision, two changes of load, and for
 * the routers that measure two steps' measures.
 *
 * prefix_aware has a real tree of cached prefixes behind it: prompts of 64 blocks of which one in 64 is everybody's, 32
 * are shared with the requests of the same one in a hundred conversations, the others its own; each replica keeps what it
 * was sent, 4096 blocks at most. What the tree's own upkeep costs (it is there whatever the router) is left out.
 *
 * Medians of five runs; the numbers in DESIGN.md come from here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/rng.h"
#include "model/loads.h"
#include "model/prefix.h"

enum { REPEATS = 5, REQUESTS = 100000, BLOCKS = 64, SYSTEM = 1, SHARED = 32, TALKS = 100, BLOCK_TOKENS = 16 };

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* ---- prefixes ---- */

struct caches {
    struct prefix *prefix;
    struct prefix_holders at;
    struct block_run run[3];
    struct chain chain;
    uint64_t *seen, question;
};

static void look(const struct router_view *v, int64_t replica, struct router_holder *out)
{
    struct caches *c = v->ctx;
    int32_t store = (int32_t)replica;
    int64_t hit;

    prefix_match(c->prefix, c->chain, BLOCKS, &store, 1, &hit);
    *out = (struct router_holder){.replica = replica, .cached = hit * BLOCK_TOKENS};
}

static bool next_holder(const struct router_view *v, struct router_holder *out)
{
    struct caches *c = v->ctx;
    int64_t blocks;
    int32_t store;

    do {
        if (!prefix_next_holder(c->prefix, &c->at, &store, &blocks))
            return false;
    } while (c->seen[store] == c->question);
    c->seen[store] = c->question;
    look(v, store, out);
    out->most = blocks * BLOCK_TOKENS;
    return true;
}

static void caches_init(struct caches *c, int64_t n)
{
    const struct evict_ops *lru = (const struct evict_ops *)policy_find(POLICY_EVICT, "lru");

    *c = (struct caches){.prefix = prefix_new(1, 0), .seen = mem_zalloc((size_t)n, sizeof *c->seen)};
    for (int64_t i = 0; i < n; i++)
        prefix_store(c->prefix, 4096, lru, NULL);
}

static void caches_ask(struct caches *c, int64_t request, struct rng *r)
{
    c->run[0] = (struct block_run){0, SYSTEM};
    c->run[1] = (struct block_run){1000 + SHARED * (int64_t)rng_below(r, TALKS), SHARED};
    c->run[2] = (struct block_run){1000000 + BLOCKS * request, BLOCKS - SYSTEM - SHARED};
    c->chain = (struct chain){c->run, 3};
    c->at = prefix_holders(c->prefix, c->chain, BLOCKS);
    c->question++;
}

static void caches_put(struct caches *c, int64_t request, int64_t replica)
{
    struct prefix_victim v;

    prefix_put(c->prefix, c->chain, 0, BLOCKS, (int32_t)replica, request);
    while (prefix_blocks(c->prefix, (int32_t)replica) > 4096 && prefix_evict(c->prefix, (int32_t)replica, BLOCKS, &v))
        prefix_let_go(c->prefix, v.node);
}

/* ---- one run ---- */

static void *options_of(const struct router_ops *ops)
{
    struct ini_entries none = {0};
    struct arena arena;
    struct diags diags;

    arena_init(&arena);
    diags_init(&diags);
    void *options = mem_zalloc(1, ops->policy.options_size + 1);
    struct opt_bind bind = {.section = "router", .prefix = "", .table = &ops->policy.options, .base = options};
    opt_apply(&bind, &none, &arena, &diags);
    arena_free(&arena);
    diags_free(&diags);
    return options;
}

static void change(struct loads *l, int64_t replica, int64_t requests, int64_t tokens)
{
    loads_add(l, replica, requests, tokens);
    if (l->key == ROUTER_KEY_ROOM)
        loads_set_room(l, replica, l->requests[replica] < 64);
    if (l->speed) {
        loads_stepped(l, replica, 20000000, 2000, 20000000);
        loads_set_work(l, replica, l->tokens[replica], (double)l->tokens[replica] * 1e-5);
    }
}

/* ns a request: 16 outstanding a replica. */
static double once(const struct router_ops *ops, int64_t n)
{
    void *options = options_of(ops), *state = mem_zalloc(1, ops->state_size + 1);
    int64_t depth = 16 * n, *sent = mem_alloc((size_t)depth * sizeof *sent);
    struct router_wants wants = {0};
    struct caches c = {0};
    struct loads l;
    struct rng r, draws;
    double took_s = 0;

    loads_init(&l, n, ops->key);
    rng_init(&r, 1, 0, 0, RNG_TEST);
    rng_init(&draws, 1, 0, 0, RNG_ROUTER);
    if (ops->wants)
        ops->wants(options, &wants);
    if (wants.measures)
        loads_measure(&l, wants.window_ns, 1e4);
    l.view.kv_tokens = 1e5;
    l.view.seats = 64;
    if (wants.prefixes) {
        caches_init(&c, n);
        l.view.ctx = &c;
        l.view.look = look;
        l.view.next_holder = next_holder;
    }
    for (int64_t i = 0; i < depth + REQUESTS; i++) {
        int64_t tokens = BLOCKS * BLOCK_TOKENS;
        l.view.request = (struct router_request){.tokens = tokens, .last = i % n, .slo_ttft_ns = 1000000000};
        double start_s = now_s();
        if (i >= depth)
            change(&l, sent[i % depth], -1, -tokens);
        if (wants.prefixes)
            caches_ask(&c, i, &r);
        int64_t chosen = ops->route(options, state, loads_view(&l), &draws);
        if (chosen < 0)
            chosen = 0;
        change(&l, chosen, 1, tokens);
        if (i >= depth)
            took_s += now_s() - start_s;
        sent[i % depth] = chosen;
        if (wants.prefixes)
            caches_put(&c, i, chosen);
    }
    prefix_free(c.prefix);
    free(c.seen);
    loads_free(&l);
    free(sent);
    free(state);
    free(options);
    return took_s / REQUESTS * 1e9;
}

int main(int argc, char **argv)
{
    static const int64_t sizes[] = {10, 1000, 10000};
    double v[REPEATS], empty_s = now_s();

    for (int i = 0; i < REQUESTS; i++)
        now_s();
    double clock_ns = (now_s() - empty_s) / REQUESTS * 1e9; /* of each measurement, taken off */
    printf("routing, ns a request (median of %d)\n%-18s", REPEATS, "replicas");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        printf("%10" PRId64, sizes[i]);
    for (const struct policy *const *p = policy_list(POLICY_ROUTER); *p; p++) {
        if (argc > 1 && strcmp(argv[1], (*p)->name) != 0)
            continue;
        printf("\n%-18s", (*p)->name);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            for (int k = 0; k < REPEATS; k++)
                v[k] = once((const struct router_ops *)*p, sizes[i]) - clock_ns;
            qsort(v, REPEATS, sizeof *v, by_value);
            printf("%10.0f", v[REPEATS / 2]);
            fflush(stdout);
        }
    }
    printf("\n");
    return 0;
}
