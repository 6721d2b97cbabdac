#include "study/trials.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "study/pool.h"

struct batch {
    struct trial *at;
    int64_t n, given;
    const char *dir;
    struct arena arena; /* strings of jobs */
    struct err *e;
};

static const char *file_of(struct batch *b, int64_t i, const char *suffix)
{
    return arena_printf(&b->arena, "%s/t%06" PRId64 "%s", b->dir, i, suffix);
}

static bool says_log(const struct study *s)
{
    for (size_t i = 0; i < s->n_sets; i++)
        if (strncmp(s->sets[i], "run.log", 7) == 0)
            return true;
    return false;
}

static const char *results_of(struct batch *b, int64_t i)
{
    return b->at[i].file ? b->at[i].file : file_of(b, i, ".db");
}

static bool next(void *ctx, struct pool_job *out)
{
    static char set[] = "-s", level[] = "run.log=request";
    struct batch *b = ctx;

    for (; b->given < b->n && b->e->code == 0; b->given++) {
        const struct trial *t = &b->at[b->given];
        char *const extra[] = {set, level, NULL};
        if (t->file && shard_state(t->file, &t->want) == SHARD_DONE) {
            outcome_read(&b->at[b->given].of, t->file, b->e);
            continue;
        }
        *out = (struct pool_job){b->given,
                                 study_argv(t->study, t->point, results_of(b, b->given),
                                            t->file || says_log(t->study) ? NULL : extra, &b->arena),
                                 file_of(b, b->given, ".log")};
        b->given++;
        return true;
    }
    return false;
}

/* The first line that the run said, which names the mistake. */
static void why(struct batch *b, const struct pool_end *end)
{
    char line[400] = "", reason[64];
    FILE *f = fopen(file_of(b, end->id, ".log"), "r");

    if (f) {
        if (fgets(line, sizeof line, f) == NULL)
            *line = '\0';
        fclose(f);
    }
    line[strcspn(line, "\n")] = '\0';
    const char *text = strncmp(line, "tiersim: ", 9) == 0 ? line + 9 : line;
    err_set(b->e, end->exit_code > 0 && end->exit_code < 128 ? end->exit_code : EXIT_CODE_FAILED, "%s%s%s",
            *text ? text : b->at[end->id].study->path,
            *text ? "" : ": its run failed: ", *text ? "" : pool_why(end->exit_code, reason, sizeof reason));
}

static void done(void *ctx, const struct pool_end *end)
{
    struct batch *b = ctx;

    if (end->exit_code != 0)
        why(b, end);
    else if (b->e->code == 0)
        outcome_read(&b->at[end->id].of, results_of(b, end->id), b->e);
    unlink(file_of(b, end->id, ".db"));
    unlink(file_of(b, end->id, ".db.part"));
    unlink(file_of(b, end->id, ".db.part-journal"));
    unlink(file_of(b, end->id, ".log"));
}

int trials_run(struct trial *at, int64_t n, int workers, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    struct batch b = {.at = at, .n = n, .e = e};
    int sig;

    arena_init(&b.arena);
    for (int64_t i = 0; i < n; i++)
        at[i].of = (struct outcome){0};
    char *dir = arena_printf(&b.arena, "%s/tiersim-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL) {
        err_set(e, EXIT_CODE_IO, "%s: %s", dir, strerror(errno));
    } else {
        b.dir = dir;
        sig = pool_run(&(struct pool){.workers = workers, .next = next, .done = done, .ctx = &b});
        rmdir(dir);
        if (sig) { /* whatever the runs that it ended said */
            *e = (struct err){0};
            err_set(e, 128 + sig, "interrupted");
        }
    }
    arena_free(&b.arena);
    return e->code ? -1 : 0;
}

void trials_free(struct trial *at, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        outcome_free(&at[i].of);
}

static const char *label_of(const char *path, char *const *sets, size_t n_sets, struct arena *a)
{
    for (size_t i = 0; i < n_sets; i++)
        path = arena_printf(a, "%s -s '%s'", path, sets[i]);
    return path;
}

void trials_mistake(const struct diags *d, struct err *e)
{
    const struct diag *m = &d->at[0];

    if (m->file && m->line > 0)
        err_set(e, EXIT_CODE_USAGE, "%s:%d: %s", m->file, m->line, m->text);
    else
        err_set(e, EXIT_CODE_USAGE, "%s%s%s", m->file ? m->file : "", m->file ? ": " : "", m->text);
}

int trials_replicate(struct outcome *o, const char *path, char *const *sets, size_t n_sets, int64_t n, int workers,
                     struct err *e)
{
    char repeat[64], **all = mem_zalloc(n_sets + 1, sizeof *all);
    struct trial *at = mem_zalloc((size_t)n, sizeof *at);
    struct outcome *parts = mem_zalloc((size_t)n, sizeof *parts);
    struct study s;
    struct diags d;

    *o = (struct outcome){0};
    for (size_t i = 0; i < n_sets; i++)
        all[i] = sets[i];
    snprintf(repeat, sizeof repeat, "sweep.repeat=%" PRId64, n);
    all[n_sets] = repeat;
    diags_init(&d);
    if (!study_open(&s, path, all, n_sets + 1, &d))
        trials_mistake(&d, e);
    else if (s.n_params != 1)
        err_set(e, EXIT_CODE_USAGE,
                "%s: is a study of %" PRId64 " parameter sets, and one is wanted: set its variables (-s), "
                "or sweep it and name FILE.db@rate=10/s",
                path, s.n_params);
    for (int64_t i = 0; e->code == 0 && i < n; i++)
        at[i] = (struct trial){.study = &s, .point = i};
    if (e->code == 0 && trials_run(at, n, workers, e) == 0) {
        for (int64_t i = 0; i < n; i++)
            parts[i] = at[i].of;
        outcome_join(o, label_of(path, sets, n_sets, &s.arena), parts, n);
    }
    trials_free(at, n);
    study_free(&s);
    diags_free(&d);
    free(parts);
    free(all);
    free(at);
    return e->code ? -1 : 0;
}
