#include "study/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "conf/opt.h"
#include "scenario/tables.h"

enum { WORDS = 4, LIST_BYTES = 128 };

/* The kinds of value a recipe's key may have; those that go into a scenario as they are, the scenario checks. */
enum kind {
    KIND_SCENARIO,
    KIND_FRACTION,
    KIND_SEQS,
    KIND_TOKENS,
    KIND_FROM,
    KIND_WHERE,
    KIND_MEMORY,
    KIND_YES_NO
};

static const struct {
    const char *name;
    enum kind kind;
} keys[] = {{"policy", KIND_SCENARIO},
            {"kv_dtype", KIND_SCENARIO},
            {"kv_block_tokens", KIND_SCENARIO},
            {"dtype", KIND_SCENARIO},
            {"moe_dtype", KIND_SCENARIO},
            {"memory_fraction", KIND_FRACTION},
            {"memory_of", KIND_MEMORY},
            {"max_num_batched_tokens", KIND_TOKENS},
            {"max_num_seqs", KIND_SEQS},
            {"chunked_prefill", KIND_YES_NO},
            {"per_rank", KIND_YES_NO},
            {"preempt", KIND_SCENARIO},
            {"balance_timeout", KIND_SCENARIO},
            {"batch_wait_timeout", KIND_WHERE},
            {"batch_wait_share", KIND_SCENARIO},
            {"receive_interval", KIND_FROM},
            {"stream_interval", KIND_WHERE},
            {"redundant_experts", KIND_WHERE},
            {"handoff_overlap", KIND_SCENARIO},
            {"handoff_efficiency", KIND_SCENARIO},
            {"handoff_latency", KIND_SCENARIO}};
enum { N_KEYS = sizeof keys / sizeof keys[0] };

struct recipes {
    struct ini_entries entries;
    struct arena arena;
};

static bool is_fraction(const char *s)
{
    const char *end;
    double x;

    return units_number(s, &x, &end) && *end == '\0' && x > 0 && x <= 1;
}

/* A whole number from 1; moves on *s. */
static bool whole(const char **s, int64_t *n)
{
    size_t digits = strspn(*s, "0123456789");

    if (digits == 0 || digits > 9 || **s == '0')
        return false;
    *n = strtoll(*s, NULL, 10);
    *s += digits;
    return true;
}

/* Whole numbers from 1, separated by slashes. */
static bool is_list(const char *s)
{
    int64_t n;

    while (whole(&s, &n)) {
        if (*s == '\0')
            return true;
        if (*s++ != '/')
            return false;
    }
    return false;
}

static const char when_full[] = " full "; /* of a batch: "8/16/32 full 1.3" */

/* The list before it, and how many times over the users may fill it; 0: it does not say. */
static bool parse_seqs(const char *s, char *list, size_t size, double *times)
{
    const char *full = strstr(s, when_full), *end;
    size_t n = full ? (size_t)(full - s) : strlen(s);

    *times = 0;
    if (n >= size || (full && (!units_number(full + sizeof when_full - 1, times, &end) || *end || *times < 1)))
        return false;
    memcpy(list, s, n);
    list[n] = '\0';
    return is_list(list);
}

static const char beside_prompt[] = "prompt+"; /* of a step's tokens: "prompt+64" */

static bool is_tokens(const char *s)
{
    size_t n = sizeof beside_prompt - 1;
    int64_t more;

    if (strncmp(s, beside_prompt, n) != 0)
        return is_list(s);
    s += n;
    return whole(&s, &more) && *s == '\0';
}

/* "20 isl=1024 osl=1024 tp<8": 20 where all hold, else 0. */
static bool parse_where(const char *s, const struct recipe_shape *shape, int64_t *n)
{
    const struct {
        const char *name;
        int64_t is;
        int sign; /* of what is less what is wanted */
    } of[] = {{" isl=", shape->isl, 0},
              {" osl=", shape->osl, 0},
              {" tp<", shape->tp, -1},
              {" ep>", shape->ep, 1},
              {" dp>", shape->dp, 1}};
    bool holds = true;

    if (!whole(&s, n))
        return false;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        int64_t wanted;
        if (strncmp(s, of[i].name, strlen(of[i].name)) != 0)
            continue;
        s += strlen(of[i].name);
        if (!whole(&s, &wanted))
            return false;
        holds = holds && (of[i].is > wanted) - (of[i].is < wanted) == of[i].sign;
    }
    *n = holds ? *n : 0;
    return *s == '\0';
}

/* "10 16:30": 10, and from 16 users on 30. *n: what holds for so many users. */
static bool parse_from(const char *s, double users, int64_t *n)
{
    if (!whole(&s, n))
        return false;
    for (int64_t from = 1, next, value; *s == ' '; from = next) {
        s++;
        if (!whole(&s, &next) || next <= from || *s++ != ':' || !whole(&s, &value))
            return false;
        if (users >= (double)next)
            *n = value;
    }
    return *s == '\0';
}

/* What is wanted instead, or NULL. */
static const char *bad_value(enum kind kind, const char *v)
{
    static const struct recipe_shape any = {0, 0, 0, 0, 0};
    char list[LIST_BYTES];
    double times;
    int64_t n;

    switch (kind) {
    case KIND_SCENARIO:
        return NULL;
    case KIND_FRACTION:
        return is_fraction(v) ? NULL : "want a share of 1, e.g. 0.9";
    case KIND_SEQS:
        return parse_seqs(v, list, sizeof list, &times)
                   ? NULL
                   : "want whole numbers, e.g. 256 or 256/512, or 8/16/32 full 1.3";
    case KIND_TOKENS:
        return is_tokens(v) ? NULL : "want whole numbers, e.g. 8192 or 8192/32768, or prompt+64";
    case KIND_WHERE:
        return parse_where(v, &any, &n) ? NULL : "want a whole number, or where: e.g. 20 isl=1024 osl=1024 tp<8";
    case KIND_FROM:
        return parse_from(v, 0, &n) ? NULL : "want a whole number, or e.g. 10 16:30 for 10, and 30 from 16 users on";
    case KIND_MEMORY:
        return strcmp(v, "all") == 0 || strcmp(v, "static") == 0 || strcmp(v, "free") == 0 ? NULL
                                                                                           : "want all, static or free";
    case KIND_YES_NO:
        return strcmp(v, "yes") == 0 || strcmp(v, "no") == 0 ? NULL : "want yes or no";
    }
    sim_assert(!"a kind of recipe key that is none");
    return NULL;
}

/* Of prefill_KEY and decode_KEY, KEY. */
static const char *without_pool(const char *key)
{
    static const char *const pools[] = {"prefill_", "decode_"};

    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        if (strncmp(key, pools[i], strlen(pools[i])) == 0)
            return key + strlen(pools[i]);
    return key;
}

static void check_entry(const struct ini_entry *e, struct diags *d)
{
    const char *known[N_KEYS], *name = without_pool(e->key);

    for (int i = 0; i < N_KEYS; i++) {
        known[i] = keys[i].name;
        if (strcmp(name, keys[i].name) != 0)
            continue;
        const char *want = bad_value(keys[i].kind, e->value);
        if (want)
            diags_add(d, e->file, e->line, "[%s] %s: \"%s\" will not do (%s)", e->section, e->key, e->value, want);
        return;
    }
    const char *near = opt_nearest(name, known, N_KEYS);
    diags_add(d, e->file, e->line, "[%s] %s: recipes have no such key%s%s%s", e->section, e->key,
              near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

struct recipes *recipes_read(const char *name, struct diags *d)
{
    struct recipes *r = mem_zalloc(1, sizeof *r);
    const struct ini_entry named = {.section = "recipes", .key = "preset", .value = name, .dir = ""};
    size_t mistakes = d->n;

    arena_init(&r->arena);
    const char *path = preset_file("recipes", &named, &r->arena, d);
    if (path && ini_load(&r->entries, path, INI_RANK_PRESET, &r->arena, d))
        for (size_t i = 0; i < r->entries.n; i++)
            if (r->entries.at[i].key)
                check_entry(&r->entries.at[i], d);
    if (d->n == mistakes)
        return r;
    recipes_free(r);
    return NULL;
}

void recipes_free(struct recipes *r)
{
    if (r == NULL)
        return;
    ini_entries_free(&r->entries);
    arena_free(&r->arena);
    free(r);
}

/* How specific a section is to the query; -1: it is of something else. */
static int match(const char *section, const struct recipe_query *q)
{
    const char *const want[WORDS] = {q->engine, q->model, q->precision, q->gpu};
    static const int weight[WORDS] = {1, 8, 4, 2};
    int score = 0;

    for (int i = 0; i < WORDS && *section; i++) {
        size_t n = strcspn(section, " ");
        bool any = n == 1 && *section == '-';
        if (!any && (strlen(want[i]) != n || strncmp(section, want[i], n) != 0))
            return -1;
        if (!any)
            score += weight[i];
        section += n;
        section += strspn(section, " ");
    }
    return *section ? -1 : score;
}

const char *recipes_find(const struct recipes *r, const struct recipe_query *q, const char *key)
{
    const char *value = NULL;
    int best = -1;

    for (size_t i = 0; i < r->entries.n; i++) {
        const struct ini_entry *e = &r->entries.at[i];
        int score = e->key && strcmp(e->key, key) == 0 ? match(e->section, q) : -1;
        if (score > best) {
            best = score;
            value = e->value;
        }
    }
    return value;
}

int64_t recipe_pick(const char *list, double least)
{
    int64_t largest = 0, fits = 0;

    for (char *end; *list; list = end + (*end == '/')) {
        int64_t n = strtoll(list, &end, 10);
        sim_assert(end != list); /* recipes_read refuses what is no list */
        largest = n > largest ? n : largest;
        if ((double)n >= least && (fits == 0 || n < fits))
            fits = n;
    }
    return fits ? fits : largest;
}

/* The largest of a list that is at most `most`; 0: there is none. */
static int64_t filled(const char *list, double most)
{
    int64_t largest = 0;

    for (char *end; *list; list = end + (*end == '/')) {
        int64_t n = strtoll(list, &end, 10);
        largest = (double)n <= most && n > largest ? n : largest;
    }
    return largest;
}

int64_t recipe_seqs(const char *value, double users, double most)
{
    char list[LIST_BYTES];
    double times;
    bool ok = parse_seqs(value, list, sizeof list, &times);

    sim_assert(ok); /* recipes_read refuses what is none */
    if (times == 0)
        return recipe_pick(list, users);
    int64_t n = filled(list, most);
    return n > 0 && most <= times * (double)n ? n : recipe_pick(list, most);
}

int64_t recipe_tokens(const char *value, int64_t prompt, int64_t users)
{
    size_t n = sizeof beside_prompt - 1;

    if (strncmp(value, beside_prompt, n) != 0)
        return recipe_pick(value, 2 * (double)prompt);
    return (prompt + users + strtoll(value + n, NULL, 10) + 63) / 64 * 64;
}

int64_t recipe_where(const char *value, const struct recipe_shape *shape)
{
    int64_t n = 0;
    bool ok = parse_where(value, shape, &n);

    sim_assert(ok); /* recipes_read refuses what is none */
    return n;
}

int64_t recipe_from(const char *list, double users)
{
    int64_t n = 0;
    bool ok = parse_from(list, users, &n);

    sim_assert(ok); /* recipes_read refuses what is none */
    return n;
}
