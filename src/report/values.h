/*
 * values.h - all values of a latency, for exact percentiles: in memory up to a bound, beyond it in a file without a name.
 *
 *   values_add --> chunk being filled --full--> kept in memory, while the pool's bound has room
 *                                       \-----> written to the pool's file
 *   values_at_ranks: passes over all chunks
 *
 * Values are not sorted. What stands at some ranks is found by counting: the range of the values is cut in 2^14 bins, one
 * pass counts each bin's, a second gathers those of the bins in which wanted ranks lie, and these few are sorted. Where
 * too many share those bins, each is cut again (values that are all equal end that at once). So memory is bounded by
 * the pool's bound, a chunk for each `struct values`, and the 5 MiB of a look-up, however many values there are; and a
 * look-up reads them twice, seldom more often: less work than sorting them.
 *
 * A value is a pair: a key, by which it is ordered, and a weight, the number of times that it counts; or a key alone, which
 * counts once. `struct values` says which it has.
 *
 * The file is made when the bound is reached, in the folder given, and unlinked at once: nothing is left of it when the
 * process ends, however it does. It holds 16 KiB chunks, each with the place of the one before it. What goes wrong with it
 * is kept until asked for (value_pool_error); values that come later are dropped then, and the file's room is given back.
 *
 * Ownership: values borrow their pool, which must outlive them. Not thread-safe.
 */
#ifndef REPORT_VALUES_H
#define REPORT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct value_pool;

/* folder: of the file (copied); bound_bytes: of full chunks in memory, of all values of the pool. */
struct value_pool *value_pool_new(const char *folder, int64_t bound_bytes);
void value_pool_free(struct value_pool *p);
/* -1 with the first trouble of its file, if there was any. */
int value_pool_error(const struct value_pool *p, struct err *e);

enum { VALUE_CHUNK_BYTES = 16384, VALUE_CHUNK_WORDS = (VALUE_CHUNK_BYTES - 16) / 8 };

struct value_chunk {
    struct value_chunk *before; /* in memory */
    int64_t before_at;          /* in the file; -1: none */
    uint64_t word[VALUE_CHUNK_WORDS];
};

struct values {
    struct value_pool *pool;
    bool weighted;
    struct value_chunk *filling, *kept;
    int64_t filled_at;     /* the last one in the file; -1: none */
    uint32_t n_filling;    /* words */
    uint64_t n;            /* values */
    uint64_t least, most;  /* of the keys */
};

void values_init(struct values *v, struct value_pool *p, bool weighted);
void values_free(struct values *v);
void values_next_chunk(struct values *v);

/* The words of all of n_v values, in no order. -1 with err: the file cannot be read. */
typedef void values_words(void *ctx, const uint64_t *word, uint32_t n);
int values_each_chunk(const struct values *const *v, size_t n_v, values_words *f, void *ctx, struct err *e);

/* What stands at each of n rising ranks in the list of all values of n_v values, ordered by key, each as often as its weight
 * says. A rank is less than the sum of weights. All of one kind, of one pool. -1 with err: the file cannot be read. */
int values_at_ranks(const struct values *const *v, size_t n_v, const uint64_t *rank, size_t n, uint64_t *key,
                    struct err *e);

static inline uint64_t *values_room(struct values *v, uint32_t words)
{
    if (__builtin_expect(v->n_filling + words > VALUE_CHUNK_WORDS || !v->filling, 0))
        values_next_chunk(v);
    uint64_t *at = v->filling->word + v->n_filling;
    v->n_filling += words;
    v->n++;
    return at;
}

static inline void values_range(struct values *v, uint64_t key)
{
    v->least = key < v->least ? key : v->least;
    v->most = key > v->most ? key : v->most;
}

static inline void values_add(struct values *v, uint64_t key)
{
    values_range(v, key);
    *values_room(v, 1) = key;
}

static inline void values_add_weighted(struct values *v, uint64_t key, uint64_t weight)
{
    uint64_t *at = values_room(v, 2);

    values_range(v, key);
    at[0] = key;
    at[1] = weight;
}

#endif
