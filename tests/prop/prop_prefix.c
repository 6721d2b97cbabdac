/*
 * prop_prefix.c - the prefix tree against caches that know of single blocks only.
 *
 * Requests come one at a time: match, pin and use what is there, evict, put what fits of the rest, unpin. The twin
 * keeps for each block when it was last used, how often, when it will be asked for; its victim is the least of these,
 * the deepest of equals. It knows no tree: lru, lfu and belady must keep a prefix at least as long as what follows it
 * by themselves. (fifo, slru and gdsf would not, so there the twin, too, takes leaves only.) Hits, and what is left in
 * the cache, must be equal after each request.
 *
 * The same on a real trace, where it is at hand, with the hit ratios printed.
 */
#include <check.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/rng.h"
#include "model/prefix.h"
#include "../run_suite.h"

enum kind { LRU, LFU, BELADY, FIFO, SLRU, GDSF, POLICIES };
static const char *const policy_names[POLICIES] = {"lru", "lfu", "belady", "fifo", "slru", "gdsf"};
enum { BLOCK_BYTES = 4096, SLRU_PARTS = 2 }; /* half of the store is protected */

static double cost_s(int64_t depth)
{
    return 1e-3 * (double)(depth + 3);
}

/* ---- what is asked for ---- */

struct trace {
    int64_t *id, *next;   /* of all requests, one after the other; next request that asks for it, or INT64_MAX */
    int64_t *at;          /* [n + 1]: where a request's ids begin */
    int64_t n, ids, room; /* requests; ids are below `ids`; of id[] */
};

static void trace_add(struct trace *t, int64_t id)
{
    if (t->at[t->n] == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->id = mem_realloc(t->id, (size_t)t->room * sizeof *t->id);
    }
    t->id[t->at[t->n]++] = id;
    if (id >= t->ids)
        t->ids = id + 1;
}

static void trace_begin(struct trace *t) /* ids are added to request n - 1 as it stands at at[n] */
{
    t->at = mem_realloc(t->at, (size_t)(t->n + 2) * sizeof *t->at);
    if (t->n == 0)
        t->at[0] = 0;
    t->at[t->n + 1] = t->at[t->n];
    t->n++;
}

static void trace_look_ahead(struct trace *t)
{
    int64_t *seen = mem_alloc((size_t)t->ids * sizeof *seen);

    t->next = mem_alloc((size_t)t->at[t->n] * sizeof *t->next);
    for (int64_t i = 0; i < t->ids; i++)
        seen[i] = INT64_MAX;
    for (int64_t r = t->n - 1; r >= 0; r--)
        for (int64_t i = t->at[r]; i < t->at[r + 1]; i++) {
            t->next[i] = seen[t->id[i]];
            seen[t->id[i]] = r;
        }
    free(seen);
}

static void trace_free(struct trace *t)
{
    free(t->id);
    free(t->next);
    free(t->at);
}

/* Each request goes on from a part of an earlier one, or begins anew; new ids are mostly consecutive. */
static struct trace random_trace(uint64_t seed, int64_t n)
{
    struct trace t = {0};
    struct rng r;
    int64_t fresh = 0;

    rng_init(&r, seed, 0, 0, RNG_TEST);
    int64_t longest = 1 + (int64_t)rng_below(&r, 40), recent = 1 + (int64_t)rng_below(&r, 60);
    for (int64_t k = 0; k < n; k++) {
        trace_begin(&t);
        if (k > 0 && rng_below(&r, 8) > 0) {
            int64_t from = k - 1 - (int64_t)rng_below(&r, (uint64_t)(k < recent ? k : recent));
            int64_t keep = rng_range(&r, 0, t.at[from + 1] - t.at[from]);
            for (int64_t i = 0; i < keep; i++)
                trace_add(&t, t.id[t.at[from] + i]);
        }
        for (int64_t more = rng_range(&r, 0, longest); more > 0; more--) {
            fresh += rng_below(&r, 10) == 0;
            trace_add(&t, fresh++);
        }
    }
    trace_look_ahead(&t);
    return t;
}

/* A request as runs; now and then a run is written as two. */
static struct chain chain_of(const struct trace *t, int64_t r, struct block_run **run, struct rng *rng)
{
    int64_t n = 0;

    *run = mem_realloc(*run, (size_t)(t->at[r + 1] - t->at[r] + 1) * sizeof **run);
    for (int64_t i = t->at[r]; i < t->at[r + 1]; i++) {
        struct block_run *last = n > 0 ? &(*run)[n - 1] : NULL;
        if (last && t->id[i] == last->id + last->n && (!rng || rng_below(rng, 16) > 0))
            last->n++;
        else
            (*run)[n++] = (struct block_run){t->id[i], 1};
    }
    return (struct chain){*run, n};
}

/* ---- the twin ---- */

struct twin_key {
    double a;
    int64_t b, depth, id, version;
};

struct twin {
    enum kind policy;
    int64_t capacity, blocks, guarded, clock;
    bool big; /* victims from the heap, else from a look at each block */
    int64_t ids;
    struct twin_block {
        bool here, guarded;           /* guarded: of slru's protected segment */
        int64_t depth, before, below; /* block before it, -1: none; blocks here that follow it */
        int64_t pinned;               /* by which request + 1 */
        int64_t uses, version;
        double a; /* key: a, then b */
        int64_t b;
    } * at;
    struct twin_key *heap; /* old versions stay in it */
    int64_t n, room;
    double inflation;
};

static bool twin_less(const struct twin_key *x, const struct twin_key *y)
{
    if (x->a < y->a || x->a > y->a)
        return x->a < y->a;
    if (x->b != y->b)
        return x->b < y->b;
    return x->depth != y->depth ? x->depth > y->depth : x->id < y->id;
}

static struct twin_key twin_key_of(const struct twin *t, int64_t id)
{
    const struct twin_block *b = &t->at[id];

    return (struct twin_key){b->a, b->b, b->depth, id, b->version};
}

static void twin_push(struct twin *t, struct twin_key k)
{
    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->heap = mem_realloc(t->heap, (size_t)t->room * sizeof *t->heap);
    }
    int64_t i = t->n++;
    for (; i > 0 && twin_less(&k, &t->heap[(i - 1) / 2]); i = (i - 1) / 2)
        t->heap[i] = t->heap[(i - 1) / 2];
    t->heap[i] = k;
}

static struct twin_key twin_pop(struct twin *t)
{
    struct twin_key top = t->heap[0], k = t->heap[--t->n];
    int64_t i = 0;

    for (;;) {
        int64_t c = 2 * i + 1;
        if (c >= t->n)
            break;
        c += c + 1 < t->n && twin_less(&t->heap[c + 1], &t->heap[c]);
        if (!twin_less(&t->heap[c], &k))
            break;
        t->heap[i] = t->heap[c];
        i = c;
    }
    t->heap[i] = k;
    return top;
}

static void twin_guard(struct twin *t, int64_t id, bool guarded)
{
    t->guarded += guarded - t->at[id].guarded;
    t->at[id].guarded = guarded;
}

static void twin_touch(struct twin *t, int64_t id, int64_t request, int64_t next)
{
    struct twin_block *b = &t->at[id];

    switch (t->policy) {
    case LRU:
        b->a = (double)request;
        break;
    case LFU:
        b->a = (double)b->uses;
        b->b = request;
        break;
    case BELADY:
        b->a = -(double)next;
        break;
    case FIFO:
        if (b->uses == 1)
            b->a = (double)t->clock;
        break;
    case SLRU:
        twin_guard(t, id, b->uses > 1);
        b->a = b->guarded;
        b->b = t->clock;
        break;
    default:
        b->a = t->inflation + (double)b->uses * cost_s(b->depth) / BLOCK_BYTES;
    }
    b->version++;
    if (t->big)
        twin_push(t, twin_key_of(t, id));
}

static bool twin_may_go(const struct twin *t, int64_t id, int64_t request)
{
    const struct twin_block *b = &t->at[id];

    return b->here && b->pinned != request + 1 && (t->policy < FIFO || b->below == 0);
}

/* The least of those that may go (or of the guarded), by a look at each; -1: none. */
static int64_t twin_least(const struct twin *t, int64_t request, bool guarded)
{
    int64_t best = -1;

    for (int64_t id = 0; id < t->ids; id++) {
        if (guarded ? !t->at[id].guarded : !twin_may_go(t, id, request))
            continue;
        struct twin_key k = twin_key_of(t, id), least = best >= 0 ? twin_key_of(t, best) : k;
        if (best < 0 || twin_less(&k, &least))
            best = id;
    }
    return best;
}

static int64_t twin_victim(struct twin *t, int64_t request)
{
    struct twin_key held[4096];
    int64_t n_held = 0, id = -1;

    if (!t->big)
        return twin_least(t, request, false);
    while (t->n > 0 && id < 0) {
        struct twin_key k = twin_pop(t);
        if (!t->at[k.id].here || t->at[k.id].version != k.version)
            continue;
        if (twin_may_go(t, k.id, request))
            id = k.id;
        else if (n_held < 4096)
            held[n_held++] = k;
        else
            ck_abort_msg("a request of more blocks than this test holds");
    }
    while (n_held > 0)
        twin_push(t, held[--n_held]);
    return id;
}

static void twin_evict(struct twin *t, int64_t id)
{
    struct twin_block *b = &t->at[id];

    if (t->policy == GDSF && b->a > t->inflation)
        t->inflation = b->a;
    twin_guard(t, id, false);
    b->here = false;
    b->version++;
    if (b->before >= 0)
        t->at[b->before].below--;
    t->blocks--;
}

static void twin_demote(struct twin *t)
{
    while (t->policy == SLRU && t->guarded > t->capacity / SLRU_PARTS) {
        int64_t id = twin_least(t, -1, true);
        twin_guard(t, id, false);
        t->at[id].a = 0;
        t->at[id].b = ++t->clock;
    }
}

/* Gives the hits. */
static int64_t twin_request(struct twin *t, const struct trace *tr, int64_t r)
{
    const int64_t *id = tr->id + tr->at[r], *next = tr->next + tr->at[r], n = tr->at[r + 1] - tr->at[r];
    int64_t hit = 0, need;

    t->clock++;
    for (; hit < n && t->at[id[hit]].here; hit++) {
        t->at[id[hit]].pinned = r + 1;
        t->at[id[hit]].uses++;
        twin_touch(t, id[hit], r, next[hit]);
    }
    twin_demote(t);
    for (need = n - hit; t->blocks + need > t->capacity;) {
        int64_t victim = twin_victim(t, r);
        if (victim < 0)
            break;
        twin_evict(t, victim);
    }
    t->clock++;
    for (int64_t i = hit; i < n && t->blocks < t->capacity; i++) {
        struct twin_block *b = &t->at[id[i]];
        if (b->here)
            continue; /* cut off from its beginning: no policy here does that */
        b->here = true;
        b->uses = 1;
        b->depth = i;
        b->before = i > 0 ? id[i - 1] : -1;
        if (i > 0)
            t->at[id[i - 1]].below++;
        t->blocks++;
        twin_touch(t, id[i], r, next[i]);
    }
    return hit;
}

/* ---- the same with the tree ---- */

static const int64_t *next_of; /* by id: set as a request comes */

static int64_t ask_next(void *ctx, int64_t id)
{
    (void)ctx;
    return next_of[id];
}

static double ask_cost(void *ctx, int64_t depth)
{
    (void)ctx;
    return cost_s(depth);
}

static const struct prefix_oracles oracles = {NULL, ask_cost, ask_next};

static int64_t tree_request(struct prefix *p, struct chain c, int64_t n, int64_t capacity, int64_t now)
{
    int32_t store = 0;
    int64_t hit, got = prefix_match(p, c, n, &store, 1, &hit);
    struct prefix_victim v;

    ck_assert_int_eq(got, hit);
    int32_t pin = prefix_pin(p, c, hit, 0);
    prefix_use(p, c, hit, 0, now);
    while (prefix_blocks(p, 0) + n - hit > capacity && prefix_evict(p, 0, prefix_blocks(p, 0) + n - hit - capacity, &v))
        prefix_let_go(p, v.node);
    int64_t room = capacity - prefix_blocks(p, 0), put = n - hit < room ? n - hit : room;
    ck_assert_int_eq(prefix_put(p, c, hit, hit + put, 0, now), put);
    prefix_unpin(p, pin);
    return hit;
}

static struct prefix *tree_new(enum kind policy, int64_t capacity)
{
    static double slru_share = 1.0 / SLRU_PARTS, no_decay = 0;
    bool by_block = policy == BELADY || policy == GDSF;
    struct prefix *p = prefix_new(BLOCK_BYTES, by_block);

    const struct evict_ops *ops = (const struct evict_ops *)policy_find(POLICY_EVICT, policy_names[policy]);
    ck_assert_int_eq(prefix_store(p, capacity, ops, policy == SLRU ? &slru_share : &no_decay), 0);
    prefix_set_oracles(p, &oracles);
    return p;
}

/* Gives the sum of hits; each request's must be equal. every: how often the tree is checked as a whole; 0: never. */
static int64_t compare(const struct trace *tr, enum kind policy, int64_t capacity, bool big, int64_t every)
{
    struct prefix *p = tree_new(policy, capacity);
    struct twin t = {.policy = policy, .capacity = capacity, .big = big, .ids = tr->ids};
    int64_t *next = mem_zalloc((size_t)tr->ids + 1, sizeof *next), hits = 0;
    struct block_run *run = NULL;
    struct rng r;

    rng_init(&r, 3, 0, 0, RNG_TEST);
    t.at = mem_zalloc((size_t)tr->ids + 1, sizeof *t.at);
    next_of = next;
    for (int64_t k = 0; k < tr->n; k++) {
        int64_t n = tr->at[k + 1] - tr->at[k];
        for (int64_t i = tr->at[k]; i < tr->at[k + 1]; i++)
            next[tr->id[i]] = tr->next[i];
        int64_t want = twin_request(&t, tr, k);
        int64_t got = tree_request(p, chain_of(tr, k, &run, big ? NULL : &r), n, capacity, k);
        ck_assert_msg(got == want, "%s, %" PRId64 " blocks, request %" PRId64 ": %" PRId64 " hits, want %" PRId64,
                      policy_names[policy], capacity, k, got, want);
        ck_assert_int_eq(prefix_blocks(p, 0), t.blocks);
        ck_assert_int_eq(prefix_pinned_blocks(p, 0), 0);
        if (every > 0 && k % every == 0)
            prefix_check(p);
        hits += got;
    }
    prefix_check(p);
    free(run);
    free(next);
    free(t.at);
    free(t.heap);
    prefix_free(p);
    return hits;
}

START_TEST(requests_hit_as_block_by_block)
{
    enum kind policy = (enum kind)(_i % POLICIES);
    struct trace t = random_trace(100 + (uint64_t)_i, 400);
    int64_t total = t.at[t.n], all = compare(&t, policy, total, false, 50), before = 0;
    static const int64_t parts[] = {2000, 100, 20, 4};

    ck_assert_int_gt(all, 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int64_t hits = compare(&t, policy, 1 + t.ids / parts[i], false, 50);
        ck_assert_int_le(hits, all);
        if (policy == BELADY) {
            ck_assert_int_ge(hits, before); /* the optimum cannot lose by room */
            ck_assert_int_ge(hits, compare(&t, LRU, 1 + t.ids / parts[i], false, 0));
            before = hits;
        }
    }
    trace_free(&t);
}
END_TEST

START_TEST(the_twins_two_ways_agree)
{
    struct trace t = random_trace(77, 400);

    for (int policy = LRU; policy <= BELADY; policy++)
        ck_assert_int_eq(compare(&t, (enum kind)policy, 1 + t.ids / 10, true, 0),
                         compare(&t, (enum kind)policy, 1 + t.ids / 10, false, 0));
    trace_free(&t);
}
END_TEST

/* ---- a real trace ---- */

enum { TRACE_BLOCK_TOKENS = 512 };

/* tokens: of each request's prompt. */
static bool mooncake(struct trace *t, int64_t **tokens)
{
    const char *srcdir = getenv("srcdir");
    char name[4096], line[1 << 16];

    snprintf(name, sizeof name, "%s/../shared/data/traces/mooncake_conversation_0-45min.jsonl", srcdir ? srcdir : ".");
    FILE *f = fopen(name, "r");
    if (!f)
        return false;
    while (fgets(line, sizeof line, f)) {
        json_t *row = json_loads(line, 0, NULL), *ids = json_object_get(row, "hash_ids"), *id;
        size_t i;
        ck_assert(json_is_array(ids));
        trace_begin(t);
        *tokens = mem_realloc(*tokens, (size_t)t->n * sizeof **tokens);
        (*tokens)[t->n - 1] = json_integer_value(json_object_get(row, "input_length"));
        json_array_foreach(ids, i, id) trace_add(t, json_integer_value(id));
        json_decref(row);
    }
    fclose(f);
    trace_look_ahead(t);
    return true;
}

/* Blocks of each request up to the first that none before it had; *tokens: as tokens, the last block may be partial. */
static int64_t count_shared(const struct trace *t, const int64_t *prompt, int64_t *tokens)
{
    bool *seen = mem_zalloc((size_t)t->ids, sizeof *seen);
    int64_t shared = 0;

    *tokens = 0;
    for (int64_t r = 0; r < t->n; r++) {
        int64_t i = t->at[r];
        while (i < t->at[r + 1] && seen[t->id[i]])
            i++;
        int64_t hit = (i - t->at[r]) * TRACE_BLOCK_TOKENS;
        shared += i - t->at[r];
        *tokens += hit < prompt[r] ? hit : prompt[r];
        for (; i < t->at[r + 1]; i++)
            seen[t->id[i]] = true;
    }
    free(seen);
    return shared;
}

START_TEST(a_real_trace)
{
    static const int64_t sizes[] = {1000, 10000, 30000, 50000, 100000};
    struct trace t = {0};
    int64_t *prompt = NULL, prompts = 0, tokens;

    if (!mooncake(&t, &prompt)) {
        printf("skipped: a_real_trace: the Mooncake conversation trace is not there\n");
        return;
    }
    int64_t total = t.at[t.n], shared = count_shared(&t, prompt, &tokens);
    for (int64_t r = 0; r < t.n; r++)
        prompts += prompt[r];
    printf("Mooncake conversation: %" PRId64 " requests, %" PRId64 " blocks, %" PRId64
           " ids; shared, counted directly: "
           "%.4f of blocks, %" PRId64 " of %" PRId64 " tokens, %.4f\n",
           t.n, total, t.ids, (double)shared / (double)total, tokens, prompts, (double)tokens / (double)prompts);
    for (int policy = LRU; policy <= BELADY; policy++) {
        int64_t all = compare(&t, (enum kind)policy, total, true, 0);
        ck_assert_int_eq(all, shared);
        printf("%-6s unlimited: %" PRId64 " hits, %.4f", policy_names[policy], all, (double)all / (double)total);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            int64_t hits = compare(&t, (enum kind)policy, sizes[i], true, 0);
            printf("; %" PRId64 ": %" PRId64 ", %.4f", sizes[i], hits, (double)hits / (double)total);
        }
        printf("\n");
    }
    free(prompt);
    trace_free(&t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prop_prefix");
    TCase *c = tcase_create("twin");

    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, requests_hit_as_block_by_block, 0, 3 * POLICIES);
    tcase_add_test(c, the_twins_two_ways_agree);
    tcase_add_test(c, a_real_trace);
    suite_add_tcase(s, c);
    return run_suite(s);
}
