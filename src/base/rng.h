/*
 * rng.h - named streams of random bits.
 *
 * A stream is keyed by (seed, replication, entity, purpose); adding a stream disturbs no other, so two
 * policies meet the same arrivals (common random numbers). The generator is counter-based: Philox4x64-10
 * (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC'11). The key is
 * (seed, purpose) and the counter is (block, 0, replication, entity), so distinct names can never meet.
 *
 * Each stream keeps a digest of the values its user drew (not of the raw bits only: a sampler that
 * rounds differently must show), which the run's fingerprint takes in. A change in any bit of any value, an
 * exchange of two values or one more value changes it.
 *
 * Bits to values: rng_u01 is ((u >> 12) + 0.5) / 2^52, which is exact and in (0, 1): never 0, never 1. (With 53 bits
 * the half could not be held, and the largest would round to 1.)
 *
 * Speed: four blocks are made at once, since a block's ten rounds wait for each other and different blocks do not; what
 * a draw does is in line here. Not thread-safe: a stream belongs to one thread.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>
#include <string.h>

#include <gsl/gsl_rng.h>

/* Append only: the numbers are part of a stream's name. */
enum rng_purpose {
    RNG_TEST = 0,
    RNG_ARRIVAL = 1,
    RNG_CLASS = 2,
    RNG_INPUT = 3,
    RNG_OUTPUT = 4,
    RNG_ROUTER = 5,
    RNG_THINK = 6,
    RNG_TURNS = 7,
    RNG_APPEND = 8,
    RNG_TURN_GAP = 9,
    RNG_TURN_OUTPUT = 10,
    RNG_EXPERT = 11,
    RNG_GC = 12,
    RNG_FAULT = 13,
    RNG_PREDICT = 14,
    RNG_RETRY = 15,
    RNG_SPECULATION = 16,
    RNG_CALIBRATION = 17,
    RNG_AGENT_TASKS = 32, /* of agents: workload/agents.h */
    RNG_AGENT_FIRST = 33,
    RNG_AGENT_REQUEST = 34,
    RNG_AGENT_STEPS = 35,
    RNG_AGENT_OUTPUT = 36,
    RNG_AGENT_REASONING = 37,
    RNG_AGENT_CALLS = 38,
    RNG_AGENT_TOOL = 39,
    RNG_AGENT_RESULT = 40,
    RNG_AGENT_LATENCY = 41,
    RNG_AGENT_SUBS = 42,
    RNG_AGENT_THINK = 43,
    RNG_AGENT_FAILURE = 44,
};

enum { RNG_BATCH = 16 };

struct rng {
    uint64_t key[2];
    uint64_t counter[4];     /* of the next block to be made */
    uint64_t out[RNG_BATCH]; /* out[RNG_BATCH - left ...] are still to be given */
    unsigned left;
    uint64_t digest; /* of the values drawn, in order */
    uint64_t draws;  /* how many values those are */
};

void rng_init(struct rng *r, uint64_t seed, uint64_t replication, uint64_t entity, enum rng_purpose purpose);

/* One block of Philox4x64-10. */
void rng_philox(const uint64_t counter[4], const uint64_t key[2], uint64_t out[4]);

void rng_refill(struct rng *r); /* makes the next RNG_BATCH values; rng_u64 calls it */

/* Takes v into the hash h: a bijection in either, one multiplication. */
static inline uint64_t rng_hash(uint64_t h, uint64_t v)
{
    uint64_t m = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);

    return m << 29 | m >> 35; /* else the upper bits of v would reach no lower bit */
}

/* Not mixed into the digest: samplers call it. */
static inline uint64_t rng_u64(struct rng *r)
{
    if (__builtin_expect(r->left == 0, 0))
        rng_refill(r);
    return r->out[RNG_BATCH - r->left--];
}

/* Likewise. */
static inline double rng_u01(struct rng *r)
{
    return ((double)(int64_t)(rng_u64(r) >> 12) + 0.5) * 0x1p-52;
}

/* Samplers: take a drawn value into the digest. */
static inline void rng_mix_u64(struct rng *r, uint64_t value)
{
    r->digest = rng_hash(r->digest, value);
    r->draws++;
}

static inline void rng_mix_double(struct rng *r, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    rng_mix_u64(r, bits);
}

uint64_t rng_below(struct rng *r, uint64_t n);               /* uniform in [0, n), unbiased; mixed; n >= 1 */
int64_t rng_range(struct rng *r, int64_t low, int64_t high); /* uniform from low to high, both included; mixed */

/* The same generator for GSL's own distributions (tests use them as oracles). gsl_rng_set(seed) gives the
 * stream (seed, 0, 0, RNG_TEST). */
extern const gsl_rng_type *const rng_gsl_type;

#endif
