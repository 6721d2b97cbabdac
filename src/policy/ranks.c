#include "policy/ranks.h"

#include "base/bug.h"

void sched_ranks_init(struct sched_ranks *r, int64_t n, int64_t tokens)
{
    sim_assert(n <= RANKS_MAX);
    r->n = n > 1 ? n : 0;
    r->most = 0;
    r->limit = n > 1 ? tokens / n : tokens;
    for (int64_t i = 0; i < r->n; i++)
        r->used[i] = 0;
}

void sched_ranks_add(struct sched_ranks *r, int64_t tokens)
{
    int64_t at = 0, used;

    if (r->n == 0)
        return;
    used = r->used[0] + tokens;
    r->most = used > r->most ? used : r->most;
    for (int64_t child; (child = 2 * at + 1) < r->n; at = child) {
        child += child + 1 < r->n && r->used[child + 1] < r->used[child];
        if (r->used[child] >= used)
            break;
        r->used[at] = r->used[child];
    }
    r->used[at] = used;
}
