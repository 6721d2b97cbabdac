#include "policy/ranks.h"

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
