#include "study/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "study/merge.h"
#include "study/pool.h"

enum { FAILURES_SHOWN = 10 };

struct progress {
    struct plan *p;
    int64_t next;                /* of the plan's points */
    int64_t to_run, run, failed; /* in this sweep */
    int64_t found;               /* complete before it */
    double start, work_s, shown; /* work_s: of the points that ended */
    int killed;                  /* the exit code of a point that a signal killed */
    int workers;
    bool tty;
    struct arena job; /* of argument vectors */
};

static const char *log_path(struct progress *g, const struct plan_point *x)
{
    return arena_printf(&g->job, "%s.log", x->shard);
}

static void clear_line(const struct progress *g)
{
    if (g->tty)
        fprintf(stderr, "\r\033[K");
}

static void show(void *ctx, int running)
{
    struct progress *g = ctx;
    double now = g->tty ? pool_clock_s() : 0;
    int64_t left = g->to_run - g->run - g->failed;

    if (!g->tty || now < g->shown + 0.25)
        return;
    g->shown = now;
    fprintf(stderr, "\r%" PRId64 " of %" PRId64 " points, %d running", g->found + g->run, g->p->n, running);
    if (g->failed)
        fprintf(stderr, ", %" PRId64 " failed", g->failed);
    if (g->run > 0)
        fprintf(stderr, ", %.0f s to go", g->work_s / (double)g->run * (double)left / g->workers);
    fprintf(stderr, "\033[K");
}

static bool next_job(void *ctx, struct pool_job *out)
{
    struct progress *g = ctx;

    for (; g->next < g->p->n; g->next++) {
        const struct plan_point *x = &g->p->at[g->next];
        if (x->state == SHARD_DONE)
            continue;
        *out = (struct pool_job){
            .id = g->next, .argv = study_argv(&g->p->study, x->index, x->shard, NULL, &g->job), .log = log_path(g, x)};
        g->next++;
        return true;
    }
    return false;
}

/* What the run said last, without "tiersim: ". */
static void print_last_line(const char *log)
{
    FILE *f = fopen(log, "r");
    char line[512], last[512] = "";
    static const char prefix[] = "tiersim: ";

    while (f && fgets(line, sizeof line, f))
        if (line[strspn(line, " \n")] != '\0')
            snprintf(last, sizeof last, "%s", line);
    if (f)
        fclose(f);
    last[strcspn(last, "\n")] = '\0';
    if (*last)
        fprintf(stderr, ": %s", last + (strncmp(last, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0));
}

static void ended(void *ctx, const struct pool_end *end)
{
    struct progress *g = ctx;
    struct plan_point *x = &g->p->at[end->id];
    const char *log = log_path(g, x);
    struct stat st;
    char why[64];

    if (end->exit_code == EXIT_CODE_OK) {
        g->run++;
        g->work_s += end->wall_s;
        if (stat(log, &st) == 0 && st.st_size == 0)
            unlink(log);
        return;
    }
    if (end->exit_code == EXIT_CODE_SIGINT || end->exit_code == EXIT_CODE_SIGTERM)
        return; /* the sweep's own end, most often; if not, the point is counted as missing */
    if (end->exit_code > 128)
        g->killed = end->exit_code;
    if (++g->failed > FAILURES_SHOWN)
        return;
    clear_line(g);
    fprintf(stderr, "tiersim: %s: %s", plan_name(g->p, x->index), pool_why(end->exit_code, why, sizeof why));
    print_last_line(log);
    fputc('\n', stderr);
}

/* -1 with err; else the locked folder. */
static int lock_folder(const char *dir, bool shared, struct err *e)
{
    int fd;

    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return err_set(e, EXIT_CODE_IO, "%s: cannot be made: %s", dir, strerror(errno));
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, EXIT_CODE_IO, "%s: %s", dir, strerror(errno));
    if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return err_set(e, EXIT_CODE_IO, "%s: another sweep is at work in it", dir);
    }
    return fd;
}

/* Shards of something else are only replaced by force. */
static int check_others(struct plan *p, struct err *e)
{
    int64_t others = 0;
    const struct plan_point *first = NULL;

    for (int64_t i = 0; i < p->n; i++)
        if (p->at[i].state == SHARD_OTHER) {
            others++;
            first = first ? first : &p->at[i];
        }
    if (others == 0 || p->ask->force)
        return 0;
    return err_set(e, EXIT_CODE_USAGE,
                   "%s: holds %" PRId64 " file%s of another configuration or version, e.g. %s; --force replaces them",
                   p->dir, others, others == 1 ? "" : "s", first->shard);
}

static int run_points(struct plan *p, int64_t done, bool part, struct err *e)
{
    struct progress g = {.p = p, .to_run = p->n - done, .found = done, .start = pool_clock_s()};
    struct pool pool = {.workers = p->ask->workers, .next = next_job, .done = ended, .tick = show, .ctx = &g};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    g.workers = pool.workers > 0 ? pool.workers : cores > 0 ? (int)cores : 1;
    g.workers = g.workers > g.to_run ? (int)g.to_run : g.workers;
    g.tty = !p->ask->quiet && isatty(STDERR_FILENO);
    arena_init(&g.job);
    int sig = pool_run(&pool);
    arena_free(&g.job);
    clear_line(&g);
    if (sig)
        return err_set(e, 128 + sig,
                       "interrupted: %" PRId64 " of %" PRId64 " points are there; the same command goes on",
                       done + g.run, p->n);
    if (done + g.run < p->n)
        return err_set(e, part && g.killed ? g.killed : EXIT_CODE_INCOMPLETE,
                       "%" PRId64 " of %" PRId64 " points failed; what they said is in %s/*.log", p->n - done - g.run,
                       p->n, p->dir);
    return 0;
}

int sweep_look(struct plan *p, struct err *e)
{
    plan_look(p);
    for (int64_t i = 0; p->ask->fresh && i < p->n; i++)
        if (p->at[i].state == SHARD_DONE)
            p->at[i].state = SHARD_NONE;
    return check_others(p, e);
}

static int64_t count_done(const struct plan *p)
{
    int64_t done = 0;

    for (int64_t i = 0; i < p->n; i++)
        done += p->at[i].state == SHARD_DONE;
    return done;
}

static int sweep(struct plan *p, bool part, struct err *e)
{
    int fd = lock_folder(p->dir, part, e);

    if (fd < 0)
        return -1;
    int rc = sweep_look(p, e);
    if (!rc && count_done(p) < p->n)
        rc = run_points(p, count_done(p), part, e);
    if (!rc && !part)
        rc = merge_write(p, e);
    close(fd);
    return rc;
}

/* Mistakes of the study end it here. */
bool sweep_plan(struct plan *p, const struct sweep *ask)
{
    struct diags d;

    diags_init(&d);
    bool ok = plan_make(p, ask, &d);
    if (!ok) {
        diags_print(&d, stderr);
        fprintf(stderr, "%zu mistake%s; nothing was run\n", d.n, d.n == 1 ? "" : "s");
    }
    diags_free(&d);
    return ok;
}

static int told(const struct err *e)
{
    if (e->code)
        fprintf(stderr, "tiersim: %s\n", e->msg);
    return e->code;
}

int sweep_run(const struct sweep *ask)
{
    struct plan p;
    struct err e = {0};
    int code = EXIT_CODE_USAGE;

    if (sweep_plan(&p, ask)) {
        bool exists = access(ask->out, F_OK) == 0;
        if (exists && !ask->force && !ask->fresh && merge_is_current(&p))
            fprintf(stderr, "tiersim: %s: is complete already\n", ask->out);
        else if (exists && !ask->force)
            err_set(&e, EXIT_CODE_USAGE, "%s: exists; --force replaces it", ask->out);
        else
            sweep(&p, false, &e);
        code = told(&e);
    }
    plan_free(&p);
    return code;
}

int sweep_part(const struct sweep *ask)
{
    struct plan p;
    struct err e = {0};
    int code = EXIT_CODE_USAGE;

    if (sweep_plan(&p, ask)) {
        sweep(&p, true, &e);
        code = told(&e);
    }
    plan_free(&p);
    return code;
}

int sweep_merge(const struct sweep *ask)
{
    struct plan p;
    struct err e = {0};
    int code = EXIT_CODE_USAGE;

    if (sweep_plan(&p, ask)) {
        merge_write(&p, &e);
        code = told(&e);
    }
    plan_free(&p);
    return code;
}

int sweep_list(const struct sweep *ask, FILE *out)
{
    static const char *const words[] = {[SHARD_NONE] = "to run", [SHARD_OTHER] = "other", [SHARD_DONE] = "done"};
    struct plan p;
    int code = EXIT_CODE_USAGE;

    if (sweep_plan(&p, ask)) {
        int64_t done = plan_look(&p);
        code = EXIT_CODE_OK;
        for (int64_t i = 0; i < p.n; i++) {
            struct point x = study_point(&p.study, p.at[i].index);
            fprintf(out, "%6" PRId64 "  repetition %" PRId64 "  %-6s  %s\n", x.index, x.repetition,
                    words[p.at[i].state], study_label(&p.study, x.set, &p.arena));
        }
        fprintf(out, "%" PRId64 " of %" PRId64 " points, %" PRId64 " complete in %s\n", p.n, p.study.n_points, done,
                p.dir);
    }
    plan_free(&p);
    return code;
}
