/*
 * experts.c - what [experts] names: the tier of the experts that do not stay in HBM, the table of weights, and what
 * uniform popularity makes of replica.expert_skew. Not modelled: a table's popularity in the time of a step, whose
 * distinct experts stay those of Zipf's law with replica.expert_skew.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "scenario/check.h"

struct table {
    const struct check *c;
    const char *path;
    double *weight;
    int64_t rows, columns, cap;
};

static void resolve_tier(const struct check *c, struct scenario *sc)
{
    const struct memory_options *m = &sc->memory;
    struct expert_options *x = &sc->memory.experts;

    x->tier_at = -1;
    if (x->hot_share >= 1)
        return;
    if (m->n_tiers == 0) {
        check_wrong(c, "experts", "hot_share", "below 1, but no tier is in use where the others could lie ([memory])");
        return;
    }
    if (strcmp(x->tier, "warmest") == 0)
        x->tier_at = 0;
    const char **names = arena_alloc(&sc->arena, (size_t)m->n_tiers * sizeof *names);
    for (int64_t i = 0; i < m->n_tiers; i++) {
        names[i] = m->tier[i].name;
        if (strcmp(x->tier, names[i]) == 0)
            x->tier_at = i;
    }
    if (x->tier_at >= 0)
        return;
    const char *nearest = opt_nearest(x->tier, names, (size_t)m->n_tiers);
    check_wrong(c, "experts", "tier", "no tier in use is called \"%s\"%s%s%s", x->tier,
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* ---- the table ---- */

static void add_weight(struct table *t, int64_t column, double w)
{
    int64_t at = t->rows * t->columns + column;

    if (at >= t->cap) {
        t->cap = 2 * t->cap + t->columns;
        t->weight = mem_realloc(t->weight, (size_t)t->cap * sizeof *t->weight);
    }
    t->weight[at] = w;
}

/* False after a diag. A line without numbers is no row. */
static bool read_row(struct table *t, const char *line, int line_number)
{
    const struct model_options *m = &t->c->sc->layout.model;
    int64_t n = 0, above_zero = 0;

    for (;;) {
        line += strspn(line, " \t,\r\n");
        if (*line == '\0' || *line == '#')
            break;
        char *end;
        double w = strtod(line, &end);
        if (end == line || !isfinite(w) || w < 0 || (*end && !strchr(" \t,\r\n#", *end))) {
            diags_add(t->c->d, t->path, line_number, "\"%.*s\" is no weight (want a number of at least 0)",
                      (int)strcspn(line, " \t,\r\n"), line);
            return false;
        }
        if (n < t->columns)
            add_weight(t, n, w);
        above_zero += w > 0;
        n++;
        line = end;
    }
    if (n == 0)
        return true;
    if (n != t->columns)
        diags_add(t->c->d, t->path, line_number, "%" PRId64 " weights, but a layer has %" PRId64 " experts", n,
                  t->columns);
    else if (above_zero < m->topk)
        diags_add(t->c->d, t->path, line_number,
                  "%" PRId64 " weights above 0, but a token uses %" PRId64 " different experts", above_zero, m->topk);
    t->rows++;
    return n == t->columns && above_zero >= m->topk;
}

static bool read_rows(struct table *t, FILE *f)
{
    char *line = NULL;
    size_t size = 0;
    bool ok = true;

    for (int n = 1; ok && getline(&line, &size, f) >= 0; n++)
        ok = read_row(t, line, n);
    free(line);
    return ok;
}

static void read_table(const struct check *c, struct scenario *sc, int64_t layers)
{
    struct expert_options *x = &sc->memory.experts;
    struct table t = {.c = c, .path = x->table, .columns = sc->layout.model.experts};
    FILE *f = fopen(x->table, "r");

    if (f == NULL) {
        check_wrong(c, "experts", "table", "cannot open %s: %s", x->table, strerror(errno));
        return;
    }
    if (read_rows(&t, f) && t.rows != 1 && t.rows != layers)
        check_wrong(c, "experts", "table",
                    "%s has %" PRId64 " rows (want one, or one for each of the %" PRId64 " layers with experts)",
                    x->table, t.rows, layers);
    fclose(f);
    size_t bytes = (size_t)(t.rows * t.columns) * sizeof *t.weight;
    double *kept = arena_alloc(&sc->arena, bytes ? bytes : 1);
    if (bytes)
        memcpy(kept, t.weight, bytes);
    x->weight = kept;
    x->weight_rows = t.rows;
    free(t.weight);
}

void experts_resolve(struct scenario *sc, struct diags *d)
{
    const struct check c = {.sc = sc, .d = d};
    const struct model_options *m = &sc->layout.model;
    struct expert_options *x = &sc->memory.experts;
    int64_t layers = m->experts > 0 ? m->layers - m->dense_layers : 0;

    if (x->popularity == EXPERTS_UNIFORM)
        sc->layout.replica.expert_skew = 0; /* so that the time of a step counts the same experts as are drawn */
    if (x->hot_share < 1 && layers <= 0) {
        check_wrong(&c, "experts", "hot_share", "below 1, but the model has no routed experts");
        return;
    }
    resolve_tier(&c, sc);
    if (x->layers > layers && layers > 0)
        check_wrong(&c, "experts", "layers", "%" PRId64 ", but only %" PRId64 " layers have experts", x->layers,
                    layers);
    if (x->popularity == EXPERTS_TABLE && x->table == NULL)
        check_wrong(&c, "experts", "popularity", "table needs the key table = PATH");
    else if (x->popularity == EXPERTS_TABLE && layers > 0)
        read_table(&c, sc, layers);
    else if (x->popularity != EXPERTS_TABLE && x->table)
        check_wrong(&c, "experts", "table", "has no effect without popularity = table");
}
