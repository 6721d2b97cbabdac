#include "study/kernel_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

enum { TABLES_MAX = 32, PATH_MAX_BYTES = 4096 };

/*
 * Dense peaks and bandwidths, those of the presets in data/gpus: NVIDIA's data sheets via InferenceX gpu-specs.ts
 * (2026-04) for H100, H200, B200, via aiconfigurator commit 095f58a systems/ (Apache-2.0) for the others. An efficiency
 * is a share of these figures, so a preset that changes one wants a new fit.
 */
const struct kernel_gpu kernel_gpus[] = {
    {"a100", "a100", "A100 SXM", {NULL}, {NULL}, 312e12, 0, 0, 2.039e12, 300e9, 25e9},
    {"h100", "h100", "H100 SXM", {"h200"}, {NULL}, 989e12, 1979e12, 0, 3.35e12, 450e9, 50e9},
    {"h200", "h200", "H200 SXM", {"h100"}, {"h100"}, 989e12, 1979e12, 0, 4.8e12, 450e9, 50e9},
    {"b200",
     "b200",
     "B200 SXM",
     {"gb200", "gb300"},
     {"rtx-pro-6000", "h100"},
     2250e12,
     4500e12,
     9000e12,
     7.7e12,
     900e9,
     100e9},
    {"gb200",
     "gb200",
     "GB200",
     {"b200", "gb300"},
     {"rtx-pro-6000", "h100"},
     2500e12,
     5000e12,
     10000e12,
     8e12,
     900e9,
     100e9},
    {"gb300",
     "gb300",
     "GB300",
     {"gb200", "b200"},
     {"rtx-pro-6000", "h100"},
     2500e12,
     5000e12,
     15000e12,
     8e12,
     900e9,
     100e9},
    {"rtxpro6000",
     "rtx-pro-6000",
     "RTX PRO 6000 Server",
     {NULL},
     {"h100"},
     467.8e12,
     935.6e12,
     1871.2e12,
     1.792e12,
     64e9,
     50e9},
};
const size_t kernel_n_gpus = sizeof kernel_gpus / sizeof *kernel_gpus;

struct named_table {
    char *name;
    struct csv *csv;
};

struct kernel_folder {
    char *path;
    struct diags *diags;
    struct named_table tables[TABLES_MAX];
    size_t n;
};

void kernel_rows_add(struct kernel_rows *rows, const struct kernel_row *row)
{
    if (rows->n == rows->cap) {
        rows->cap = rows->cap ? 2 * rows->cap : 1024;
        rows->at = mem_realloc(rows->at, rows->cap * sizeof *rows->at);
    }
    rows->at[rows->n++] = *row;
}

static int compare(const void *a, const void *b)
{
    const struct kernel_row *x = a, *y = b;

    if (x->aside != y->aside)
        return x->aside - y->aside;
    for (size_t i = 0; i < sizeof x->shape / sizeof *x->shape; i++)
        if (x->shape[i] != y->shape[i])
            return x->shape[i] < y->shape[i] ? -1 : 1;
    return 0;
}

static int compare_time(const void *a, const void *b)
{
    const struct kernel_row *x = a, *y = b;
    int by_shape = compare(a, b);

    return by_shape ? by_shape : (x->measured_s > y->measured_s) - (x->measured_s < y->measured_s);
}

void kernel_rows_fastest(struct kernel_rows *rows)
{
    size_t kept = 0;

    if (rows->n == 0)
        return;
    qsort(rows->at, rows->n, sizeof *rows->at, compare_time);
    for (size_t i = 1; i < rows->n; i++)
        if (compare(&rows->at[kept], &rows->at[i]) != 0)
            rows->at[++kept] = rows->at[i];
    rows->n = kept + 1;
}

void kernel_rows_join(struct kernel_rows *rows, struct kernel_rows *other)
{
    size_t kept = 0;

    kernel_rows_fastest(rows);
    kernel_rows_fastest(other);
    for (size_t i = 0; i < rows->n; i++) {
        const struct kernel_row *more =
            other->n ? bsearch(&rows->at[i], other->at, other->n, sizeof *other->at, compare) : NULL;
        if (more == NULL)
            continue;
        rows->at[kept] = rows->at[i];
        rows->at[kept++].measured_s += more->measured_s;
    }
    rows->n = kept;
}

void kernel_rows_free(struct kernel_rows *rows)
{
    free(rows->at);
    *rows = (struct kernel_rows){0};
}

static char *copy(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(mem_alloc(n), s, n);
}

struct kernel_folder *kernel_folder_open(const char *path, struct diags *d)
{
    struct kernel_folder *f = mem_zalloc(1, sizeof *f);

    f->path = copy(path);
    f->diags = d;
    return f;
}

void kernel_folder_close(struct kernel_folder *f)
{
    for (size_t i = 0; i < f->n; i++) {
        csv_free(f->tables[i].csv);
        free(f->tables[i].name);
    }
    free(f->path);
    free(f);
}

/* NULL where the file cannot be read, which is said once. */
static const struct csv *table(struct kernel_folder *f, const char *name)
{
    char path[PATH_MAX_BYTES];

    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->tables[i].name, name) == 0)
            return f->tables[i].csv;
    sim_assert(f->n < TABLES_MAX);
    snprintf(path, sizeof path, "%s/%s.csv", f->path, name);
    struct named_table *t = &f->tables[f->n++];
    t->name = copy(name);
    t->csv = csv_read(path, f->diags);
    return t->csv;
}

bool kernel_folder_table(struct kernel_folder *f, const char *name, const char *const *columns,
                         struct kernel_table *out)
{
    bool ok = true;

    out->csv = table(f, name);
    if (out->csv == NULL)
        return false;
    for (int i = 0; columns[i]; i++) {
        sim_assert(i < KERNEL_COLUMNS_MAX);
        out->column[i] = csv_need(out->csv, columns[i], f->diags);
        ok = ok && out->column[i] >= 0;
    }
    return ok;
}

double kernel_number(struct kernel_folder *f, const struct kernel_table *t, size_t row, int column)
{
    double value = 0;

    return csv_number(t->csv, row, t->column[column], &value, f->diags) ? value : 0;
}
