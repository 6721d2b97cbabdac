#include "study/outcome.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "report/load.h"

bool outcome_is_file(const char *operand)
{
    static const char magic[] = "SQLite format 3";
    const char *at = access(operand, F_OK) == 0 ? NULL : strrchr(operand, '@');
    char *path = at ? strndup(operand, (size_t)(at - operand)) : strdup(operand), head[sizeof magic] = "";
    FILE *f = fopen(path, "rb");
    bool is = f && fread(head, 1, sizeof head, f) == sizeof head && memcmp(head, magic, sizeof magic) == 0;

    if (f)
        fclose(f);
    free(path);
    return is;
}

static int read_run(struct outcome *o, struct err *e)
{
    struct results r;
    int rc = results_load(&r, o->path, e);

    if (rc == 0 && strcmp(r.status, "complete") != 0)
        rc = err_set(e, EXIT_CODE_FAILED, "%s: its run is not complete (%s)", o->path, r.status);
    if (rc == 0) {
        o->runs = arena_alloc(&o->arena, sizeof *o->runs);
        o->n_runs = 1;
        *o->runs = (struct outcome_run){1, r.seed, r.replication, arena_strdup(&o->arena, r.fingerprint ? r.fingerprint : ""), ""};
        o->metrics = arena_alloc(&o->arena, ((size_t)r.n_metrics + 1) * sizeof *o->metrics);
        o->n_metrics = r.n_metrics;
        for (int64_t i = 0; i < r.n_metrics; i++) {
            const struct store_metric *m = &r.metrics[i];
            const char *class = m->class_id < 0 ? "" : r.classes[m->class_id].name;
            o->metrics[i] = (struct outcome_metric){arena_printf(&o->arena, "%s%s%s", class, *class ? ":" : "", m->name),
                                                    arena_strdup(&o->arena, m->unit), arena_alloc(&o->arena, sizeof(double)),
                                                    m->approximate};
            *o->metrics[i].value = m->value;
        }
    }
    results_free(&r);
    return rc;
}

int outcome_read(struct outcome *o, const char *operand, struct err *e)
{
    *o = (struct outcome){0};
    arena_init(&o->arena);
    o->path = arena_strdup(&o->arena, operand);
    return read_run(o, e);
}

static struct outcome_metric *metric_at(struct outcome *o, int64_t cap, const struct outcome_metric *like)
{
    struct outcome_metric *m = (struct outcome_metric *)outcome_metric(o, like->name);

    if (m || o->n_metrics == cap)
        return m;
    m = &o->metrics[o->n_metrics++];
    *m = (struct outcome_metric){arena_strdup(&o->arena, like->name), arena_strdup(&o->arena, like->unit),
                                 arena_alloc(&o->arena, (size_t)o->n_runs * sizeof(double)), like->approximate};
    for (int64_t i = 0; i < o->n_runs; i++)
        m->value[i] = NAN;
    return m;
}

void outcome_join(struct outcome *o, const char *path, const struct outcome *parts, int64_t n)
{
    int64_t cap = 0, run = 0;

    *o = (struct outcome){.is_study = true};
    arena_init(&o->arena);
    o->path = arena_strdup(&o->arena, path);
    for (int64_t k = 0; k < n; k++) {
        o->n_runs += parts[k].n_runs;
        cap += parts[k].n_metrics;
    }
    o->runs = arena_alloc(&o->arena, (size_t)o->n_runs * sizeof *o->runs);
    o->metrics = arena_alloc(&o->arena, (size_t)cap * sizeof *o->metrics);
    for (int64_t k = 0; k < n; run += parts[k++].n_runs) {
        for (int64_t i = 0; i < parts[k].n_runs; i++) {
            o->runs[run + i] = parts[k].runs[i];
            o->runs[run + i].fingerprint = arena_strdup(&o->arena, parts[k].runs[i].fingerprint);
            o->runs[run + i].params = arena_strdup(&o->arena, parts[k].runs[i].params);
        }
        for (int64_t i = 0; i < parts[k].n_metrics; i++) {
            struct outcome_metric *m = metric_at(o, cap, &parts[k].metrics[i]);
            memcpy(m->value + run, parts[k].metrics[i].value, (size_t)parts[k].n_runs * sizeof *m->value);
            m->approximate |= parts[k].metrics[i].approximate;
        }
    }
}

void outcome_free(struct outcome *o)
{
    arena_free(&o->arena);
    *o = (struct outcome){0};
}

const struct outcome_metric *outcome_metric(const struct outcome *o, const char *name)
{
    for (int64_t i = 0; i < o->n_metrics; i++)
        if (strcmp(o->metrics[i].name, name) == 0)
            return &o->metrics[i];
    return NULL;
}
