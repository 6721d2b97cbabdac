#include "study/slurm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "study/sweep.h"

enum { PATH_BYTES = 4096 };

/* ---- files ---- */

/* As a shell takes it for one word. */
static const char *quote(const char *s, struct arena *a)
{
    char *out = arena_alloc(a, 4 * strlen(s) + 3), *at = out;

    *at++ = '\'';
    for (; *s; s++)
        if (*s == '\'')
            at += sprintf(at, "'\\''");
        else
            *at++ = *s;
    *at++ = '\'';
    return out;
}

static FILE *create(const char *path, struct err *e)
{
    FILE *f = fopen(path, "w");

    if (f == NULL)
        err_set(e, EXIT_CODE_IO, "%s: cannot be written: %s", path, strerror(errno));
    return f;
}

static int finish(FILE *f, const char *path, struct err *e)
{
    bool bad = ferror(f) != 0;

    if (fclose(f) == 0 && !bad)
        return 0;
    return err_set(e, EXIT_CODE_IO, "%s: cannot be written: %s", path, strerror(errno));
}

/* The points that are to be run, one a line with its values. */
static int write_points(struct plan *p, int64_t *n, struct err *e)
{
    const char *path = arena_printf(&p->arena, "%s/points.txt", p->dir);
    FILE *f = create(path, e);

    if (f == NULL)
        return -1;
    *n = 0;
    for (int64_t i = 0; i < p->n; i++)
        if (p->at[i].state != SHARD_DONE) {
            struct point x = study_point(&p->study, p->at[i].index);
            fprintf(f, "%" PRId64 " %s\n", x.index, study_label(&p->study, x.set, &p->arena));
            ++*n;
        }
    return finish(f, path, e);
}

struct script {
    struct plan *p;
    const char *program, *folder, *dir; /* as all nodes see them */
    const struct slurm *how;
    struct err *e;
};

/* "#SBATCH" lines that both scripts have, and the way to the folder. */
static void write_head(const struct script *s, FILE *f, const char *name, const char *log)
{
    fprintf(f, "#!/bin/bash\n#SBATCH --job-name=%s\n#SBATCH --output=%s/%s.log\n#SBATCH --open-mode=append\n", name,
            s->dir, log);
    for (size_t i = 0; i < s->how->n_options; i++)
        fprintf(f, "#SBATCH %s\n", s->how->options[i]);
}

static void write_command(const struct script *s, FILE *f, const char *command)
{
    struct arena *a = &s->p->arena;
    const struct sweep *ask = s->p->ask;

    fprintf(f, "cd %s || exit %d\n%s %s -o %s --quiet", quote(s->folder, a), EXIT_CODE_IO, quote(s->program, a),
            command, quote(ask->out, a));
    if (ask->force)
        fputs(" --force", f);
    for (size_t i = 0; i < ask->n_sets; i++)
        fprintf(f, " -s %s", quote(ask->sets[i], a));
}

static const char *write_array(const struct script *s, int64_t chunk, int64_t tasks)
{
    const char *path = arena_printf(&s->p->arena, "%s/array.sh", s->p->dir);
    FILE *f = create(path, s->e);

    if (f == NULL)
        return NULL;
    write_head(s, f, "tiersim", "task-%a");
    fprintf(f, "#SBATCH --array=0-%" PRId64 "\n#SBATCH --ntasks=1\n#SBATCH --requeue\n", tasks - 1);
    write_command(s, f, "sweep task");
    fprintf(
        f,
        " --chunk %" PRId64 " --task \"${SLURM_ARRAY_TASK_ID:?}\" -- %s\ncode=$?\n"
        "# Killed: once more, from where it was.\n"
        "if [ $code -ge 128 ] && [ -n \"${SLURM_ARRAY_JOB_ID:-}\" ] && [ \"${SLURM_RESTART_COUNT:-0}\" -lt %d ]; then\n"
        "    scontrol requeue \"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\" && sleep 300 # it ends this script\n"
        "fi\nexit $code\n",
        chunk, quote(s->p->ask->study, &s->p->arena), SLURM_RESTARTS);
    return finish(f, path, s->e) ? NULL : path;
}

static const char *write_merge(const struct script *s)
{
    const char *path = arena_printf(&s->p->arena, "%s/merge.sh", s->p->dir);
    FILE *f = create(path, s->e);

    if (f == NULL)
        return NULL;
    write_head(s, f, "tiersim-merge", "merge");
    write_command(s, f, "merge");
    if (s->p->ask->filter)
        fprintf(f, " --filter %s", quote(s->p->ask->filter, &s->p->arena));
    fprintf(f, " -- %s\n", quote(s->p->ask->study, &s->p->arena));
    return finish(f, path, s->e) ? NULL : path;
}

/* ---- submitting ---- */

/* The job's number, or 0 with err. */
static int64_t sbatch(struct plan *p, const char *options, const char *script, struct err *e)
{
    char line[256] = "";
    const char *command = arena_printf(&p->arena, "sbatch --parsable %s %s", options, quote(script, &p->arena));
    FILE *f = popen(command, "r");

    if (f == NULL || fgets(line, sizeof line, f) == NULL)
        line[0] = '\0';
    int status = f ? pclose(f) : -1;
    int64_t job = strtoll(line, NULL, 10);
    if (status != 0 || job <= 0) {
        err_set(e, EXIT_CODE_FAILED, "%s: sbatch did not take it (what it said stands above)", script);
        return 0;
    }
    return job;
}

/* Slurm's own limit on the tasks of an array; 0: it does not say. */
static int64_t array_limit(void)
{
    FILE *f = popen("scontrol show config 2>/dev/null", "r");
    char line[512];
    long long n = 0;

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "MaxArraySize", 12) == 0 && strchr(line, '='))
            n = strtoll(strchr(line, '=') + 1, NULL, 10);
    if (f)
        pclose(f);
    return n;
}

static int submit(struct plan *p, const char *array, const char *merge, int64_t tasks, int64_t n, int64_t chunk,
                  FILE *out, struct err *e)
{
    int64_t limit = array_limit(), job, last;

    if (limit > 0 && tasks > limit - 1)
        return err_set(e, EXIT_CODE_USAGE,
                       "%" PRId64 " tasks are more than this Slurm takes (MaxArraySize %" PRId64
                       "): want --chunk %" PRId64 " or more",
                       tasks, limit, (n + limit - 2) / (limit - 1));
    if ((job = sbatch(p, "", array, e)) == 0)
        return -1;
    if ((last = sbatch(p, arena_printf(&p->arena, "--dependency=afterany:%" PRId64, job), merge, e)) == 0)
        return -1;
    fprintf(out,
            "job %" PRId64 ": %" PRId64 " points in %" PRId64 " tasks of up to %" PRId64 "; job %" PRId64
            " merges them into %s (%s/merge.log says how it went)\n",
            job, n, tasks, chunk, last, p->ask->out, p->dir);
    return 0;
}

static const char *absolute(const char *path, struct arena *a)
{
    char full[PATH_BYTES];

    return arena_strdup(a, realpath(path, full) ? full : path);
}

static bool check_options(const struct slurm *how, struct err *e)
{
    for (size_t i = 0; i < how->n_options; i++)
        if (how->options[i][0] != '-' || strpbrk(how->options[i], "\n\r")) {
            err_set(e, EXIT_CODE_USAGE, "--sbatch: \"%s\" is no option of sbatch (want e.g. --partition=long)",
                    how->options[i]);
            return false;
        }
    return true;
}

static int write_and_submit(struct plan *p, const struct slurm *how, FILE *out, struct err *e)
{
    struct script s = {.p = p, .how = how, .e = e};
    int64_t n, chunk, tasks;

    if (!check_options(how, e))
        return -1;
    if (mkdir(p->dir, 0777) != 0 && errno != EEXIST)
        return err_set(e, EXIT_CODE_IO, "%s: cannot be made: %s", p->dir, strerror(errno));
    if (sweep_look(p, e) || write_points(p, &n, e))
        return -1;
    chunk = how->chunk > 0 ? how->chunk : n < SLURM_TASKS ? 1 : (n + SLURM_TASKS - 1) / SLURM_TASKS;
    tasks = (n + chunk - 1) / chunk;
    s.program = absolute("/proc/self/exe", &p->arena);
    s.folder = absolute(".", &p->arena);
    s.dir = absolute(p->dir, &p->arena);
    if (s.dir[strcspn(s.dir, " \t\n%\\")] != '\0')
        return err_set(e, EXIT_CODE_USAGE,
                       "%s: a folder with blanks, %% or \\ in its name is not for Slurm's log files", s.dir);
    const char *array = tasks > 0 ? write_array(&s, chunk, tasks) : "", *merge = write_merge(&s);
    if (array == NULL || merge == NULL)
        return -1;
    if (how->dry_run) {
        fprintf(out, "%s: %" PRId64 " points in %" PRId64 " tasks of up to %" PRId64 "; %s; nothing was submitted\n",
                tasks > 0 ? array : p->dir, n, tasks, chunk, merge);
        return 0;
    }
    if (tasks == 0)
        return err_set(e, EXIT_CODE_USAGE, "all points are there; `tiersim merge` puts them together");
    return submit(p, array, merge, tasks, n, chunk, out, e);
}

int slurm_submit(const struct sweep *ask, const struct slurm *how, FILE *out)
{
    struct plan p;
    struct err e = {0};
    int code = EXIT_CODE_USAGE;

    if (sweep_plan(&p, ask)) {
        if (access(ask->out, F_OK) == 0 && !ask->force)
            err_set(&e, EXIT_CODE_USAGE, "%s: exists; --force replaces it", ask->out);
        else
            write_and_submit(&p, how, out, &e);
        if (e.code)
            fprintf(stderr, "tiersim: %s\n", e.msg);
        code = e.code;
    }
    plan_free(&p);
    return code;
}

/* ---- a task ---- */

/* The chunk's points; their number, or -1 with err. */
static int64_t read_points(const char *path, int64_t chunk, int64_t task, int64_t *points, struct err *e)
{
    FILE *f = fopen(path, "r");
    char line[64];
    int64_t at = 0, n = 0;
    bool begins = true;

    if (f == NULL)
        return err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s (`tiersim sweep submit` writes it)", path,
                       strerror(errno));
    for (; fgets(line, sizeof line, f); begins = strchr(line, '\n') != NULL) {
        if (!begins)
            continue; /* the rest of a long line */
        if (at / chunk == task)
            points[n++] = strtoll(line, NULL, 10);
        at++;
    }
    fclose(f);
    if (n == 0)
        err_set(e, EXIT_CODE_USAGE, "%s: has no points for task %" PRId64, path, task);
    return n > 0 ? n : -1;
}

int slurm_task(const struct sweep *ask, int64_t chunk, int64_t task)
{
    int64_t *points = mem_zalloc((size_t)chunk, sizeof *points);
    struct sweep own = *ask;
    struct arena a;
    struct err e = {0};

    arena_init(&a);
    own.only = points;
    own.n_only = read_points(arena_printf(&a, "%s/points.txt", plan_folder(ask->out, &a)), chunk, task, points, &e);
    int code = e.code ? e.code : sweep_part(&own);
    if (e.code)
        fprintf(stderr, "tiersim: %s\n", e.msg);
    arena_free(&a);
    free(points);
    return code;
}
