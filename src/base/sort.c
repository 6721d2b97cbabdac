#include "base/sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

enum { DIGIT_BITS = 11, DIGITS = 6, BINS = 1 << DIGIT_BITS, SMALL = 48 };

static inline size_t digit_of(uint64_t key, int digit)
{
    return (size_t)(key >> (digit * DIGIT_BITS)) & (BINS - 1);
}

/* Counts become the places where each bin starts; false when one bin holds all, and the pass can be left out. */
static bool starts_from_counts(size_t *count, size_t n)
{
    size_t at = 0;

    for (size_t b = 0; b < BINS; b++) {
        size_t c = count[b];

        if (c == n)
            return false;
        count[b] = at;
        at += c;
    }
    return true;
}

/* One text for both element types: `key_of` is what it is sorted by. */
#define RADIX_SORT(name, type, key_of)                                                                                 \
    static void name##_small(type *a, size_t n)                                                                        \
    {                                                                                                                  \
        for (size_t i = 1; i < n; i++) {                                                                               \
            type x = a[i];                                                                                             \
            size_t j = i;                                                                                              \
            for (; j > 0 && key_of(a[j - 1]) > key_of(x); j--)                                                         \
                a[j] = a[j - 1];                                                                                       \
            a[j] = x;                                                                                                  \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    void name(type *a, size_t n)                                                                                       \
    {                                                                                                                  \
        if (n <= SMALL) {                                                                                              \
            name##_small(a, n);                                                                                        \
            return;                                                                                                    \
        }                                                                                                              \
        size_t(*count)[BINS] = mem_zalloc(DIGITS, sizeof *count);                                                      \
        type *tmp = mem_alloc(n * sizeof *tmp), *from = a, *to = tmp;                                                  \
                                                                                                                       \
        for (size_t i = 0; i < n; i++)                                                                                 \
            for (int d = 0; d < DIGITS; d++)                                                                           \
                count[d][digit_of(key_of(a[i]), d)]++;                                                                 \
        for (int d = 0; d < DIGITS; d++) {                                                                             \
            if (!starts_from_counts(count[d], n))                                                                      \
                continue;                                                                                              \
            for (size_t i = 0; i < n; i++)                                                                             \
                to[count[d][digit_of(key_of(from[i]), d)]++] = from[i];                                                \
            type *swap = from;                                                                                         \
            from = to;                                                                                                 \
            to = swap;                                                                                                 \
        }                                                                                                              \
        if (from != a)                                                                                                 \
            memcpy(a, from, n * sizeof *a);                                                                            \
        free(tmp);                                                                                                     \
        free(count);                                                                                                   \
    }

#define KEY_SELF(x) (x)
#define KEY_PAIR(x) ((x).key)
RADIX_SORT(sort_u64, uint64_t, KEY_SELF)
RADIX_SORT(sort_pairs, struct sort_pair, KEY_PAIR)

/* IEEE doubles order like sign-magnitude integers: negative ones are turned round, positive ones put above. */
void sort_doubles(double *values, size_t n)
{
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t *keys = mem_alloc(n * sizeof *keys);

    for (size_t i = 0; i < n; i++) {
        uint64_t bits;

        memcpy(&bits, &values[i], sizeof bits);
        keys[i] = bits & sign ? ~bits : bits | sign;
    }
    sort_u64(keys, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = keys[i] & sign ? keys[i] & ~sign : ~keys[i];

        memcpy(&values[i], &bits, sizeof bits);
    }
    free(keys);
}
