/*
 * token_bucket - a rate that may be kept by and large: up to `burst` at once, refilled at `rate`.
 *
 *   spent += cost        where spent + cost <= burst, else it is refused
 *   spent -= rate * t    but never below 0
 *
 * so that what is let in from any instant t0 to t1 costs at most burst + rate * (t1 - t0) (the leaky bucket as a meter,
 * ITU-T I.371). A request costs 1, or its prompt tokens; one that costs more than the burst is never let in.
 */
#include "policy/admission.h"

enum what { OF_REQUESTS, OF_TOKENS };
enum per { PER_ALL, PER_CLASS };

struct options {
    double rate_per_s, burst;
    int of, per; /* enums above */
};

struct bucket {
    double spent;
    int64_t t_ns; /* as of */
};

static const char *const whats[] = {"requests", "tokens", NULL};
_Static_assert(OF_REQUESTS == 0 && OF_TOKENS == 1, "the order of whats");
static const char *const pers[] = {"all", "class", NULL};
_Static_assert(PER_ALL == 0 && PER_CLASS == 1, "the order of pers");

static const struct opt rows[] = {
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct options, rate_per_s), 1e-9, 1e12, NULL, NULL,
     "what is let in in the long run, per second"},
    {"burst", OPT_REAL, UNIT_NONE, offsetof(struct options, burst), 1, 1e15, NULL, NULL,
     "what may be let in at once after a quiet time"},
    {"of", OPT_CHOICE, UNIT_NONE, offsetof(struct options, of), OPT_NO_LIMITS, "requests", whats,
     "what both count: requests or prompt tokens"},
    {"per", OPT_CHOICE, UNIT_NONE, offsetof(struct options, per), OPT_NO_LIMITS, "all", pers,
     "one bucket for all, or one of that size for each class"},
};

static bool admit(const void *options, void *state, void *of_class, const struct admission_view *v)
{
    const struct options *o = options;
    struct bucket *b = o->per == PER_CLASS ? of_class : state;
    double cost = o->of == OF_TOKENS ? (double)v->input_tokens : 1;

    b->spent -= o->rate_per_s * ((double)(v->now_ns - b->t_ns) * 1e-9);
    b->t_ns = v->now_ns;
    if (b->spent < 0)
        b->spent = 0;
    if (b->spent + cost > o->burst)
        return false;
    b->spent += cost;
    return true;
}

const struct admission_ops admit_token_bucket_ops = {
    .policy = {.name = "token_bucket",
               .help = "a rate of requests or prompt tokens, and a burst",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .state_size = sizeof(struct bucket),
    .class_size = sizeof(struct bucket),
    .admit = admit,
};
