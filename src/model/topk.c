#include "model/topk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/dist.h"
#include "base/num.h"

__extension__ typedef unsigned __int128 wide;

enum { ONE_SHIFT = 40 };
#define ONE (UINT64_C(1) << ONE_SHIFT)

/* When the rest of a stratum is drawn by waiting times: an eighth of it is left, about where a logarithm and a scan
 * cost as much as the draws they save; and more than a few draws are to come. Speed only: both have the same law. */
enum { WAIT_LEFT = 8, WAIT_DRAWS = 16 };

void topk_init(struct topk *t, int64_t experts, int64_t k)
{
    sim_assert(k >= 1 && k <= experts && experts <= INT32_MAX);
    *t = (struct topk){.experts = (int32_t)experts, .k = (int32_t)k, .guide_shift = ONE_SHIFT};
    while (k << (ONE_SHIFT - t->guide_shift) < 2 * experts)
        t->guide_shift--;
    t->at = mem_zalloc((size_t)experts + 1, sizeof *t->at);
    t->guide = mem_zalloc((size_t)k << (ONE_SHIFT - t->guide_shift), sizeof *t->guide);
    t->cut = mem_zalloc((size_t)k + 1, sizeof *t->cut);
    t->seen = mem_zalloc((size_t)experts, sizeof *t->seen);
    t->left = mem_zalloc((size_t)experts, sizeof *t->left);
}

void topk_free(struct topk *t)
{
    free(t->at);
    free(t->guide);
    free(t->cut);
    free(t->seen);
    free(t->left);
    *t = (struct topk){0};
}

static uint64_t length(const struct topk *t, int32_t i)
{
    return t->at[i + 1] - t->at[i];
}

/* Each end is rounded from the sum in doubles, so that errors do not add up; no interval may exceed 1 for that. */
static void set_intervals(struct topk *t, const double *q)
{
    double sum = 0;
    uint64_t end = (uint64_t)t->k << ONE_SHIFT;

    for (int32_t i = 0; i < t->experts; i++) {
        sim_assert(q[i] >= 0 && q[i] < 1 + 1e-9);
        sum += q[i];
        uint64_t at = (uint64_t)(sum * (double)ONE + 0.5), most = t->at[i] + ONE;
        /* what follows must be able to fill up to the end */
        uint64_t rest = (uint64_t)(t->experts - 1 - i) << ONE_SHIFT, least = end > rest ? end - rest : 0;
        at = at < most ? at : most;
        at = at > least ? at : least;
        t->at[i + 1] = at < end ? at : end;
    }
    sim_assert(sum > (double)t->k - 1e-6 && sum < (double)t->k + 1e-6);
    t->at[t->experts] = end;
    for (int32_t i = 0; i < t->experts; i++)
        sim_assert(t->at[i] <= t->at[i + 1] && length(t, i) <= ONE);
}

void topk_set(struct topk *t, const double *q)
{
    uint64_t steps = (uint64_t)t->k << (ONE_SHIFT - t->guide_shift);
    int32_t i = 0;

    set_intervals(t, q);
    for (uint64_t g = 0; g < steps; g++) {
        while (t->at[i + 1] <= g << t->guide_shift)
            i++;
        t->guide[g] = i;
    }
    for (int32_t j = 0; j <= t->k; j++) {
        uint64_t at = (uint64_t)j << ONE_SHIFT;
        i = j < t->k ? t->guide[at >> t->guide_shift] : 0;
        bool across = j > 0 && j < t->k && t->at[i] < at;
        t->cut[j] = across ? (struct topk_cut){i, at - t->at[i], t->at[i + 1] - at} : (struct topk_cut){.expert = -1};
    }
}

/* Uniform in [0, n), to n/2^64. */
static uint64_t below(struct rng *r, uint64_t n)
{
    return (uint64_t)((wide)rng_u64(r) * n >> 64);
}

static int32_t expert_at(const struct topk *t, uint64_t position)
{
    int32_t i = t->guide[position >> t->guide_shift];

    while (t->at[i + 1] <= position)
        i++;
    return i;
}

struct union_of { /* what topk_draw has found so far */
    struct rng *r;
    int32_t *ids;
    int64_t n;
};

static void found(struct topk *t, struct union_of *u, int32_t i)
{
    t->seen[i] = t->stamp;
    u->ids[u->n++] = i;
    rng_mix_u64(u->r, (uint64_t)i);
}

/* -log(1 - x) */
static double rate(double x)
{
    return x < 1e-5 ? x + 0.5 * x * x : -num_log(1 - x);
}

/* `draws` more over [from, to), of which `left` was not yet drawn. Unless everything is left of it, the number of
 * draws before the next that takes something new is geometric: the whole part of an exponential. */
static void draw_waiting(struct topk *t, struct union_of *u, uint64_t from, uint64_t to, uint64_t left, int64_t draws)
{
    int32_t n = 0;

    for (int32_t i = expert_at(t, from); i < t->experts && t->at[i] < to; i++)
        if (t->at[i] >= from && t->at[i + 1] <= to && t->seen[i] != t->stamp && length(t, i) > 0)
            t->left[n++] = i;
    while (n > 0) {
        double missed = dist_exponential(u->r, 1) / rate((double)left / (double)(to - from));
        if (missed >= (double)draws)
            break;
        draws -= (int64_t)missed + 1;
        uint64_t position = below(u->r, left);
        int32_t at = 0;
        while (position >= length(t, t->left[at]))
            position -= length(t, t->left[at++]);
        int32_t i = t->left[at];
        left -= length(t, i);
        t->left[at] = t->left[--n];
        found(t, u, i);
        if (draws == 0)
            break;
    }
}

/* Independent draws by length over [from, to), both ends of intervals. */
static void draw_between(struct topk *t, struct union_of *u, uint64_t from, uint64_t to, int64_t draws)
{
    uint64_t left = to - from;

    for (; draws > 0 && left > 0; draws--) {
        if (draws > WAIT_DRAWS && left < (to - from) / WAIT_LEFT) {
            draw_waiting(t, u, from, to, left, draws);
            return;
        }
        int32_t i = expert_at(t, from + below(u->r, to - from));
        if (t->seen[i] != t->stamp) {
            left -= length(t, i);
            found(t, u, i);
        }
    }
}

static int64_t draw_count(struct rng *r, int64_t n, uint64_t part, uint64_t whole)
{
    if (n == 0 || part == 0)
        return 0;
    return part >= whole ? n : dist_binomial(r, n, (double)part / (double)whole);
}

int64_t topk_draw(struct topk *t, struct rng *r, int64_t tokens, int32_t *ids)
{
    struct union_of u = {.r = r, .ids = ids};
    int64_t took_before = 0; /* tokens that took the expert across the last cut before it */

    sim_assert(tokens >= 0);
    if (++t->stamp == 0) { /* stamps came round */
        memset(t->seen, 0, (size_t)t->experts * sizeof *t->seen);
        t->stamp = 1;
    }
    for (int32_t j = 0; j < t->k; j++) {
        const struct topk_cut *c = &t->cut[j], *next = c + 1;
        uint64_t from = (uint64_t)j << ONE_SHIFT, to = from + ONE;
        int64_t draws = tokens;
        if (c->expert >= 0) {
            int64_t after = draw_count(r, tokens - took_before, c->after, ONE - c->before);
            if (took_before + after > 0)
                found(t, &u, c->expert);
            draws -= after;
            from += c->after;
        }
        took_before = next->expert >= 0 ? draw_count(r, draws, next->before, to - from) : 0;
        if (next->expert >= 0)
            to -= next->before;
        draw_between(t, &u, from, to, draws - took_before);
    }
    return u.n;
}
