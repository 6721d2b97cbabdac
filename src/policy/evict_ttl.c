/*
 * ttl - what was not used for `ttl` has expired and goes first, or at once where the caller asks (prefix_expire); then
 * least recently used: key = tick of the last use, expiry = last use + ttl.
 *
 * As prompt caches are sold: an entry lives for minutes, and each use gives it another term.
 */
#include "policy/evict.h"

struct options {
    int64_t ttl_ns;
};

static const struct opt rows[] = {
    {"ttl", OPT_TIME, UNIT_SECOND, offsetof(struct options, ttl_ns), 1e-9, 1e9, "5min", NULL,
     "how long it may stay unused"},
};

static double key(const void *options, void *state, const struct evict_view *v)
{
    (void)options, (void)state;
    return (double)v->tick;
}

static int64_t expires_ns(const void *options, const struct evict_view *v)
{
    int64_t ttl_ns = ((const struct options *)options)->ttl_ns;

    return v->now_ns > INT64_MAX - ttl_ns ? INT64_MAX : v->now_ns + ttl_ns;
}

const struct evict_ops evict_ttl_ops = {
    .policy = {.name = "ttl",
               .help = "what was not used for a time expires; then what was used least recently goes first",
               .options = OPT_TABLE(rows),
               .options_size = sizeof(struct options)},
    .key = key,
    .expires_ns = expires_ns,
};
