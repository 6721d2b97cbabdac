#include "workload/servegen_read.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "workload/servegen_lengths.h"

enum { LINE_LEN_MAX = 255, PATH_LEN_MAX = 4096 };

#define LINE_WANTED "start,rate,cv,Gamma or Weibull or nothing,shape,scale"

/* Shapes that no fit of real gaps reaches: a CV of 30 either way. */
static const double shape_min[] = {[GAPS_GAMMA] = 1e-3, [GAPS_WEIBULL] = 0.02}, shape_max = 1e3;

static void profile_free(struct servegen_profile *p)
{
    for (int64_t i = 0; i < p->n_lengths; i++) {
        servegen_law_free(&p->lengths[i].input);
        servegen_law_free(&p->lengths[i].output);
    }
    free(p->lengths);
    free(p->window);
}

void servegen_profiles_free(struct servegen_profiles *p)
{
    for (int64_t i = 0; i < p->n; i++)
        profile_free(&p->at[i]);
    free(p->at);
    *p = (struct servegen_profiles){0};
}

/* ---- chunk-N-trace.csv ---- */

struct csv_line {
    const char *path;
    int64_t number;
    struct err *e;
};

static int bad_line(const struct csv_line *l, const char *what, const char *want)
{
    return err_set(l->e, EXIT_CODE_FAILED, "%s:%" PRId64 ": %s (want %s)", l->path, l->number, what, want);
}

/* The next field, a number >= 0; *at moves behind its comma. */
static bool number_field(const char **at, double *x)
{
    const char *end;

    if (!units_number(*at, x, &end) || (*end != ',' && *end != '\0') || !(*x >= 0))
        return false;
    *at = end + (*end == ',');
    return true;
}

static int parse_law(const struct csv_line *l, const char *name, double shape, struct servegen_window *w)
{
    enum gaps_law law = GAPS_GAMMA;

    if (w->per_s == 0)
        return 0;
    if (strcmp(name, "Weibull") == 0)
        law = GAPS_WEIBULL;
    else if (strcmp(name, "Gamma") != 0)
        return bad_line(l, "a window with a rate has no law of gaps that is known", "Gamma or Weibull");
    if (!(shape >= shape_min[law] && shape <= shape_max))
        return bad_line(l, "the law's shape is out of range", "a Gamma from 0.001 or a Weibull from 0.02, to 1000");
    w->gaps = gaps_of_shape(law, shape);
    return 0;
}

static int parse_window(const struct csv_line *l, char *text, struct servegen_profile *p, double *last_start_s)
{
    double start, rate, cv, shape, scale;
    const char *at = text;

    if (!number_field(&at, &start) || !number_field(&at, &rate) || !number_field(&at, &cv))
        return bad_line(l, "start, rate or cv is not a number from 0 up", LINE_WANTED);
    char *name = text + (at - text), *end = strchr(name, ',');
    if (end == NULL)
        return bad_line(l, "fields are missing", LINE_WANTED);
    *end = '\0';
    at = end + 1;
    if (!number_field(&at, &shape) || !number_field(&at, &scale) || *at != '\0')
        return bad_line(l, "shape or scale is not a number from 0 up", LINE_WANTED);
    int64_t n = p->n_windows;
    if (n == 1)
        p->window_s = start - *last_start_s;
    if ((n == 0 && start != 0) || (n > 0 && (!(p->window_s > 0) || start - *last_start_s != p->window_s)))
        return bad_line(l, "the window does not begin where one more of equal length would", "starts 0, 600, ...");
    if (!(rate <= 1e9))
        return bad_line(l, "the rate is out of range", "at most 1e9");
    *last_start_s = start;
    p->window = mem_realloc(p->window, (size_t)(n + 1) * sizeof *p->window);
    p->window[n] = (struct servegen_window){.per_s = rate};
    p->n_windows++;
    p->mean_per_s += rate;
    return parse_law(l, name, shape, &p->window[n]);
}

static int read_windows(const char *path, struct servegen_profile *p, struct err *e)
{
    struct csv_line l = {path, 0, e};
    char text[LINE_LEN_MAX + 3];
    double start_s = 0;
    int got = 0;
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return err_set(e, EXIT_CODE_IO, "cannot read %s: %s", path, strerror(errno));
    while (got == 0 && fgets(text, sizeof text, f)) {
        size_t n = strcspn(text, "\r\n");
        l.number++;
        if (n > LINE_LEN_MAX)
            got = bad_line(&l, "the line is longer than 255 bytes", LINE_WANTED);
        text[n] = '\0';
        if (got == 0)
            got = parse_window(&l, text, p, &start_s);
    }
    if (got == 0 && ferror(f))
        got = err_set(e, EXIT_CODE_IO, "cannot read %s: %s", path, strerror(errno));
    fclose(f);
    if (got == 0 && p->n_windows < 2)
        got = bad_line(&l, "the file ends", "two windows or more");
    p->mean_per_s /= p->n_windows > 0 ? (double)p->n_windows : 1;
    return got;
}

/* ---- the folder ---- */

static int read_profile(const char *folder, struct servegen_profile *p, struct err *e)
{
    char path[PATH_LEN_MAX];

    snprintf(path, sizeof path, "%s/chunk-%" PRId64 "-trace.csv", folder, p->number);
    if (read_windows(path, p, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/chunk-%" PRId64 "-dataset.json", folder, p->number);
    return servegen_lengths_read(path, p, e);
}

/* N of chunk-N-trace.csv; -1: another file. */
static int64_t number_of(const char *name)
{
    char again[64];
    int64_t n;

    if (sscanf(name, "chunk-%" SCNd64, &n) != 1 || n < 0)
        return -1;
    snprintf(again, sizeof again, "chunk-%" PRId64 "-trace.csv", n);
    return strcmp(again, name) == 0 ? n : -1;
}

static int list_folder(const char *folder, struct servegen_profiles *p, struct err *e)
{
    DIR *d = strlen(folder) < PATH_LEN_MAX - 64 ? opendir(folder) : NULL;
    const struct dirent *entry;

    if (d == NULL)
        return err_set(e, EXIT_CODE_IO, "cannot read the folder %s: %s (set it with -s workload.servegen=FOLDER)",
                       folder, strerror(errno));
    while ((entry = readdir(d))) {
        int64_t n = number_of(entry->d_name);
        if (n < 0)
            continue;
        p->at = mem_realloc(p->at, (size_t)(p->n + 1) * sizeof *p->at);
        p->at[p->n++] = (struct servegen_profile){.number = n};
    }
    closedir(d);
    if (p->n == 0)
        return err_set(e, EXIT_CODE_FAILED, "%s: no client in it (want chunk-N-trace.csv and chunk-N-dataset.json)",
                       folder);
    return 0;
}

static int by_rate(const void *x, const void *y)
{
    const struct servegen_profile *a = x, *b = y;

    if (a->mean_per_s != b->mean_per_s)
        return a->mean_per_s < b->mean_per_s ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

int servegen_read(const char *folder, struct servegen_profiles *p, struct err *e)
{
    *p = (struct servegen_profiles){0};
    int got = list_folder(folder, p, e);
    /* No rate is known yet: by number, so that it is always the same mistake that shows. */
    qsort(p->at, (size_t)p->n, sizeof *p->at, by_rate);
    for (int64_t i = 0; i < p->n && got == 0; i++)
        got = read_profile(folder, &p->at[i], e);
    if (got < 0) {
        servegen_profiles_free(p);
        return -1;
    }
    qsort(p->at, (size_t)p->n, sizeof *p->at, by_rate);
    return 0;
}
