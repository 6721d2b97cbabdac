/*
 * digest.c - the run's records as one number.
 *
 * A record of n fields gives sum of field_i * K_i with fixed odd 64-bit K_i (a multilinear hash: the multiplications
 * are independent, so a record costs about as much as its loads); the running hash takes the sum in by a rotation, an
 * exclusive or and one multiplication. One running hash a kind; the value mixes those with the counts. What a
 * request's context is (CONTENT) is an input and left out, so that it need not be put where nobody stores it.
 * In-flight request rows (status waiting or running) are left out: they depend on where commits fall.
 */
#include "trace/trace.h"

enum { FIELDS_MAX = 32 };

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h << 23 | h >> 41) ^ v;
    return h * UINT64_C(0x9e3779b97f4a7c15);
}

/* splitmix64 of i, made odd: fixed multipliers without a table to keep. */
static uint64_t multiplier(uint64_t i)
{
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) | 1;
}

#define COUNT_FIELDS(id, table, level, fields, help)                                                                   \
    _Static_assert(sizeof(struct ev_##table) <= FIELDS_MAX * sizeof(int64_t), #table ": raise FIELDS_MAX");
EVENTS(COUNT_FIELDS)

/* Inlined for each kind, so that the loop over its fields has none at run time. */
static inline __attribute__((always_inline)) void take(struct digest_sink *d, const struct trace_unit *u,
                                                       enum ev_kind kind, int n_fields, const uint64_t *k)
{
    const int64_t *rec = u->rec[kind];
    uint64_t h = d->hash[kind];

    for (uint32_t i = 0; i < u->n[kind]; i++, rec += n_fields) {
        uint64_t sum = 0;
        if (kind == EV_REQUEST && ((const struct ev_request *)rec)->t_end_ns < 0)
            continue;
#pragma GCC unroll 32
        for (int f = 0; f < n_fields; f++)
            sum += (uint64_t)rec[f] * k[f];
        h = mix(h, sum);
        d->count[kind]++;
    }
    d->hash[kind] = h;
}

static int digest_consume(struct sink *s, const struct trace_unit *u, struct err *e)
{
    struct digest_sink *d = (struct digest_sink *)s;
    uint64_t k[FIELDS_MAX];

    (void)e;
    for (int i = 0; i < FIELDS_MAX; i++)
        k[i] = multiplier((uint64_t)i);
#define TAKE(id, table, level, fields, help) take(d, u, EV_##id, sizeof(struct ev_##table) / sizeof(int64_t), k);
    EVENTS(TAKE)
    return 0;
}

static const struct sink_ops digest_ops = {"digest", digest_consume};

void digest_sink_init(struct digest_sink *d)
{
    *d = (struct digest_sink){.sink.ops = &digest_ops};
}

uint64_t digest_sink_value(const struct digest_sink *d)
{
    uint64_t h = 0;

    for (int k = 0; k < EV_KINDS; k++)
        if (k <= EV_ROOM_SAMPLE || (k != EV_CONTENT && d->count[k] > 0)) /* a run without later kinds keeps its fingerprint */
            h = mix(mix(h, d->hash[k]), d->count[k]);
    return h;
}
