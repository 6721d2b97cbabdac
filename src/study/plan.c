#include "study/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"

enum { MISTAKES_MAX = 20 };

const char *plan_folder(const char *out, struct arena *a)
{
    size_t n = strlen(out);

    return arena_printf(a, "%.*s.d", n > 3 && strcmp(out + n - 3, ".db") == 0 ? (int)n - 3 : (int)n, out);
}

const char *plan_name(struct plan *p, int64_t index)
{
    struct point x = study_point(&p->study, index);
    const char *label = study_label(&p->study, x.set, &p->arena);

    return arena_printf(&p->arena, "point %" PRId64 "%s%s%s", index, *label ? " (" : "", label, *label ? ")" : "");
}

/* Of the first n: one of the same line is enough, whatever other points' values make of it. */
static bool is_known(const struct diags *d, size_t n, const struct diag *x)
{
    for (size_t i = 0; i < n; i++) {
        const char *file = d->at[i].file;
        if (d->at[i].line == x->line && (x->line > 0 || strcmp(d->at[i].text, x->text) == 0) &&
            (file == x->file || (file && x->file && strcmp(file, x->file) == 0)))
            return true;
    }
    return false;
}

/* What point has wrong and no point before it had. seen: as they were said, without the point. */
static void add_new(struct plan *p, int64_t index, const struct diags *of_point, struct diags *seen, struct diags *d)
{
    size_t before = seen->n;

    for (size_t i = 0; i < of_point->n; i++) {
        const struct diag *x = &of_point->at[i];
        if (is_known(seen, before, x))
            continue;
        diags_add(seen, x->file, x->line, "%s", x->text);
        if (p->study.iter.n_vars > 0)
            diags_add(d, x->file, x->line, "%s [%s]", x->text, plan_name(p, index));
        else
            diags_add(d, x->file, x->line, "%s", x->text);
    }
}

static bool load_points(struct plan *p, struct diags *d)
{
    struct diags seen, of_point;
    struct scenario sc;

    diags_init(&seen);
    for (int64_t i = 0; i < p->n && seen.n < MISTAKES_MAX; i++) {
        diags_init(&of_point);
        if (study_load(&p->study, p->at[i].index, &sc, &of_point))
            p->at[i].want = shard_wanted(&sc);
        add_new(p, p->at[i].index, &of_point, &seen, d);
        scenario_free(&sc);
        diags_free(&of_point);
    }
    bool ok = seen.n == 0;
    diags_free(&seen);
    return ok;
}

static bool choose(struct plan *p, struct diags *d)
{
    int64_t *chosen = arena_alloc(&p->arena, (size_t)p->study.n_points * sizeof *chosen);
    const int64_t *indices = p->ask->only ? p->ask->only : chosen;
    char why[512];

    p->n = p->ask->only ? p->ask->n_only : study_filter(&p->study, p->ask->filter, chosen, why, sizeof why);
    for (int64_t i = 0; p->ask->only && i < p->n; i++)
        if (indices[i] < 0 || indices[i] >= p->study.n_points) {
            diags_add(d, p->ask->study, 0, "has no point %" PRId64 ": did it change?", indices[i]);
            return false;
        }
    if (p->n < 0)
        diags_add(d, "--filter", 0, "%s", why);
    else if (p->n == 0)
        diags_add(d, "--filter", 0, "no point is left of %" PRId64, p->study.n_points);
    if (p->n <= 0)
        return false;
    p->at = arena_alloc(&p->arena, (size_t)p->n * sizeof *p->at);
    for (int64_t i = 0; i < p->n; i++)
        p->at[i] = (struct plan_point){.index = indices[i], .shard = shard_path(p->dir, indices[i], &p->arena)};
    return true;
}

bool plan_make(struct plan *p, const struct sweep *ask, struct diags *d)
{
    *p = (struct plan){.ask = ask};
    arena_init(&p->arena);
    p->dir = plan_folder(ask->out, &p->arena);
    return study_open(&p->study, ask->study, ask->sets, ask->n_sets, d) && choose(p, d) && load_points(p, d);
}

void plan_free(struct plan *p)
{
    study_free(&p->study);
    arena_free(&p->arena);
}

int64_t plan_look(struct plan *p)
{
    int64_t done = 0;

    for (int64_t i = 0; i < p->n; i++) {
        p->at[i].state = shard_state(p->at[i].shard, &p->at[i].want);
        done += p->at[i].state == SHARD_DONE;
    }
    return done;
}
