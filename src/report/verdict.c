#include "report/verdict.h"

#include <math.h>
#include <stdlib.h>

#include "base/bug.h"

enum { BINS = 4096, FIRST_WIDTH_NS = 1 << 20 };

const char *const verdict_names[VERDICTS] = {"STABLE", "BACKLOGGED", "OVERLOADED"};

struct bin { /* what happened in it */
    int64_t offered, answered;
    int64_t waiting, in_system; /* came less went */
    unsigned __int128 sojourn_ns; /* of the answered, from their call's arrival */
};

struct verdict {
    int64_t width_ns, t_offered_ns; /* the latest call; -1: none came */
    struct verdict_front front;
    struct bin bin[BINS];
};

struct verdict *verdict_new(void)
{
    struct verdict *v = mem_zalloc(1, sizeof *v);

    v->width_ns = FIRST_WIDTH_NS;
    v->t_offered_ns = -1;
    return v;
}

void verdict_free(struct verdict *v)
{
    free(v);
}

void verdict_set_front(struct verdict *v, const struct verdict_front *f)
{
    v->front = *f;
}

/* ---- counting ---- */

static void add_bin(struct bin *to, const struct bin *more)
{
    to->offered += more->offered;
    to->answered += more->answered;
    to->waiting += more->waiting;
    to->in_system += more->in_system;
    to->sojourn_ns += more->sojourn_ns;
}

static struct bin *bin_at(struct verdict *v, int64_t t_ns)
{
    sim_assert(t_ns >= 0);
    while (t_ns / v->width_ns >= BINS) {
        for (int i = 0; i < BINS / 2; i++) {
            v->bin[i] = v->bin[2 * i];
            add_bin(&v->bin[i], &v->bin[2 * i + 1]);
        }
        for (int i = BINS / 2; i < BINS; i++)
            v->bin[i] = (struct bin){0};
        v->width_ns *= 2;
    }
    return &v->bin[t_ns / v->width_ns];
}

/* When a request begins to wait. */
static int64_t to_queue_ns(const struct verdict *v, const struct ev_request *q)
{
    __int128 t_ns = (__int128)q->t_arrive_ns + v->front.latency_ns + v->front.service_ns +
                    (__int128)q->input_tokens * v->front.token_ns;

    return t_ns < INT64_MAX ? (int64_t)t_ns : INT64_MAX;
}

void verdict_add(struct verdict *v, const struct ev_request *q)
{
    if (q->attempt == 0) {
        bin_at(v, q->t_arrive_ns)->offered++;
        if (q->t_arrive_ns > v->t_offered_ns)
            v->t_offered_ns = q->t_arrive_ns;
    }
    if (q->status == REQUEST_REJECTED)
        return;
    int64_t t_to_queue_ns = to_queue_ns(v, q), t_from_queue_ns = q->t_admit_ns >= 0 ? q->t_admit_ns : q->t_end_ns;
    bin_at(v, q->t_arrive_ns)->in_system++;
    if (t_from_queue_ns < 0 || t_from_queue_ns > t_to_queue_ns)
        bin_at(v, t_to_queue_ns)->waiting++;
    if (t_from_queue_ns > t_to_queue_ns)
        bin_at(v, t_from_queue_ns)->waiting--;
    if (q->t_end_ns >= 0)
        bin_at(v, q->t_end_ns)->in_system--;
    if (q->status == REQUEST_COMPLETED) {
        struct bin *b = bin_at(v, q->t_end_ns);
        b->answered++;
        b->sojourn_ns += (uint64_t)(q->t_end_ns - q->t_call_ns);
    }
}

/* ---- judging ---- */

/* May lie beyond the last bin, in which nothing happened then. */
static int64_t edge(const struct verdict *v, double t_ns)
{
    double at = t_ns / (double)v->width_ns + 0.5;

    return at < 0 ? 0 : at < 1e18 ? (int64_t)at : INT64_C(1000000000000000000);
}

static struct bin sum(const struct verdict *v, int64_t from, int64_t to)
{
    struct bin all = {0};

    for (int64_t i = from; i < to && i < BINS; i++)
        add_bin(&all, &v->bin[i]);
    return all;
}

/* Means over the bins' ends. */
static void mean_numbers(const struct verdict *v, int64_t from, int64_t to, struct verdict_counts *out)
{
    struct bin now = sum(v, 0, from);

    for (int64_t i = from; i < to; i++) {
        add_bin(&now, &v->bin[i]);
        out->waiting += (double)now.waiting / (double)(to - from);
        out->in_system += (double)now.in_system / (double)(to - from);
    }
}

struct verdict_counts verdict_of(const struct verdict *v, int64_t warmup_ns, int64_t t_end_ns)
{
    struct verdict_counts out = {.offered_per_s = NAN, .answered_per_s = NAN};
    struct bin after = sum(v, edge(v, (double)warmup_ns), BINS);
    double s = after.answered > 0 ? (double)after.sojourn_ns / (double)after.answered : 0;
    double begin = (double)warmup_ns, last = (double)v->t_offered_ns, end = last + s;

    end = end < (double)t_end_ns ? end : (double)t_end_ns;
    if (v->t_offered_ns < warmup_ns)
        return out;
    int64_t came = edge(v, last < end ? last : end), from = edge(v, begin);
    came = came > from ? came : from + 1;
    int64_t quarter = came - (came - from) / 4;
    mean_numbers(v, quarter < came ? quarter : came - 1, came < BINS ? came : BINS, &out);

    int64_t middle = edge(v, (begin + end) / 2), to = edge(v, end), shift = edge(v, s);
    int64_t a_from = middle - shift > 0 ? middle - shift : 0, a_to = to - shift > 0 ? to - shift : 0;
    double c = (double)sum(v, middle, to).answered, a = (double)sum(v, a_from, a_to).offered;
    double seconds = (double)(to - middle) * (double)v->width_ns * 1e-9, chance = sqrt(a + c);
    if (seconds > 0) {
        out.offered_per_s = a / seconds;
        out.answered_per_s = c / seconds;
    }
    if (last - begin >= s && a - c > 3 * chance && a - c > a / 50)
        out.name = VERDICT_OVERLOADED;
    else if (out.waiting > chance / 2 && out.waiting > out.in_system / 10)
        out.name = VERDICT_BACKLOGGED;
    return out;
}
