#include "base/rng.h"

#include <limits.h>

#include "base/bug.h"
#include "base/dist.h"

_Static_assert(ULONG_MAX == UINT64_MAX, "gsl_rng gives 64 bits a call only where long has them");

__extension__ typedef unsigned __int128 wide;

/* The multipliers and key increments are the paper's. */
void rng_philox(const uint64_t counter[4], const uint64_t key[2], uint64_t out[4])
{
    uint64_t a = counter[0], b = counter[1], c = counter[2], d = counter[3];
    uint64_t k = key[0], l = key[1];

    for (int round = 0; round < 10; round++) {
        wide p = (wide)UINT64_C(0xd2e7470ee14c6c93) * a;
        wide q = (wide)UINT64_C(0xca5a826395121157) * c;
        a = (uint64_t)(q >> 64) ^ b ^ k;
        b = (uint64_t)q;
        c = (uint64_t)(p >> 64) ^ d ^ l;
        d = (uint64_t)p;
        k += UINT64_C(0x9e3779b97f4a7c15);
        l += UINT64_C(0xbb67ae8584caa73b);
    }
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
}

void rng_refill(struct rng *r)
{
    for (int i = 0; i < RNG_BATCH; i += 4) {
        rng_philox(r->counter, r->key, r->out + i);
        r->counter[0]++; /* 2^64 blocks are never used up, so no carry */
    }
    r->left = RNG_BATCH;
}

void rng_init(struct rng *r, uint64_t seed, uint64_t replication, uint64_t entity, enum rng_purpose purpose)
{
    dist_tables_make(); /* here, so that no draw need ask whether they are made */
    memset(r, 0, sizeof *r);
    r->key[0] = seed;
    r->key[1] = purpose;
    r->counter[2] = replication;
    r->counter[3] = entity;
    r->digest = UINT64_C(0x5bd1e9955bd1e995);
}

/* Multiply and take the upper half; low halves below 2^64 mod n would be one too many for some results
 * (Lemire, "Fast random integer generation in an interval", 2019). */
static uint64_t below(struct rng *r, uint64_t n)
{
    sim_assert(n >= 1);
    wide p = (wide)rng_u64(r) * n;
    if ((uint64_t)p < n) {
        uint64_t spare = (0 - n) % n;
        while ((uint64_t)p < spare)
            p = (wide)rng_u64(r) * n;
    }
    return (uint64_t)(p >> 64);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    uint64_t v = below(r, n);

    rng_mix_u64(r, v);
    return v;
}

int64_t rng_range(struct rng *r, int64_t low, int64_t high)
{
    sim_assert(low <= high);
    uint64_t n = (uint64_t)high - (uint64_t)low + 1; /* 0 for all of int64 */
    uint64_t v = (uint64_t)low + (n ? below(r, n) : rng_u64(r));

    rng_mix_u64(r, v);
    return (int64_t)v;
}

static void gsl_set(void *state, unsigned long seed)
{
    rng_init(state, seed, 0, 0, RNG_TEST);
}

static unsigned long gsl_get(void *state)
{
    return rng_u64(state);
}

static double gsl_get_double(void *state)
{
    return rng_u01(state);
}

static const gsl_rng_type philox_type = {
    .name = "philox4x64-10",
    .max = ULONG_MAX,
    .min = 0,
    .size = sizeof(struct rng),
    .set = gsl_set,
    .get = gsl_get,
    .get_double = gsl_get_double,
};

const gsl_rng_type *const rng_gsl_type = &philox_type;
