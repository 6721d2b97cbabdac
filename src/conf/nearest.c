/* nearest.c - the name a user probably meant. */
#include <stdlib.h>
#include <string.h>
#include <ctype.h>

#include "conf/opt.h"

enum { WORD_MAX = 64 };

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Case and the kind of dash are slips of their own that cost nothing. */
static int same(char a, char b)
{
    if (a == '-' || a == ' ')
        a = '_';
    if (b == '-' || b == ' ')
        b = '_';
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edit distance where two neighbours swapped count once (optimal string alignment). */
static int distance(const char *a, const char *b)
{
    int la = (int)strlen(a), lb = (int)strlen(b);
    int d[3][WORD_MAX + 1];

    if (la > WORD_MAX || lb > WORD_MAX)
        return 2 * WORD_MAX;
    for (int j = 0; j <= lb; j++)
        d[0][j] = j;
    for (int i = 1; i <= la; i++) {
        int *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= lb; j++) {
            row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + !same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) && up2[j - 2] + 1 < row[j])
                row[j] = up2[j - 2] + 1;
        }
    }
    return d[la % 3][lb];
}

const char *opt_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    int best_distance = 0, length = (int)strlen(word);
    int near = length < 6 ? 1 : length / 3;

    for (size_t i = 0; i < n; i++) {
        int k = distance(word, names[i]);
        if (k <= near && k < length && (best == NULL || k < best_distance)) {
            best = names[i];
            best_distance = k;
        }
    }
    if (best || length < 4)
        return best;
    /* A name left unfinished is far by edits: "max_num_batched". */
    for (size_t i = 0; i < n; i++)
        if (strncmp(names[i], word, strlen(word)) == 0)
            return names[i];
    return NULL;
}
