#include "workload/lengths.h"

int64_t length_draw(const struct length_choice *choice, struct rng *r, int64_t from_trace)
{
    int64_t tokens = from_trace;

    if (choice->ops->draw) {
        double x = choice->ops->draw(choice->options, r);
        tokens = x < LENGTH_CAP ? (int64_t)(x + 0.5) : LENGTH_CAP;
    }
    return tokens < 1 ? 1 : tokens;
}

int64_t length_scaled(const struct length_choice *choice, struct rng *r, int64_t from_trace, double scale)
{
    int64_t tokens = length_draw(choice, r, from_trace);

    if (scale == 1)
        return tokens;
    rng_mix_u64(r, (uint64_t)tokens);
    double u = (double)(int64_t)(rng_hash(r->digest, r->draws) >> 12) * 0x1p-52, scaled = (double)tokens * scale + u;
    tokens = scaled < LENGTH_CAP ? (int64_t)scaled : LENGTH_CAP;
    return tokens < 1 ? 1 : tokens;
}

int64_t length_clamp(int64_t tokens, int64_t min, int64_t max)
{
    if (tokens < min)
        tokens = min;
    return max > 0 && tokens > max ? max : tokens;
}
