#include "study/figure.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "study/figure_parts.h"

const char *figure_text(const struct query_table *t, int row, int column)
{
    const struct query_cell *c = query_at(t, row, column);

    return c->type == QUERY_TEXT ? c->text : "";
}

static int find(const struct figure_names *l, const char *name)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->name[i], name) == 0)
            return i;
    return -1;
}

struct figure_names figure_distinct(const struct query_table *t, int column, int max)
{
    struct figure_names l = {0};

    for (int row = 0; column != FIGURE_NONE && row < t->n_rows; row++) {
        const char *name = figure_text(t, row, column);
        if (find(&l, name) >= 0)
            continue;
        if (l.n < max)
            l.name[l.n++] = name;
        else
            l.more = true;
    }
    return l;
}
static bool put_kind(FILE *out, const struct figure_context *c, const struct query_table *t, const struct figure *f)
{
    switch (f->kind) {
    case FIGURE_BARS:
        return figure_bars(out, t, f);
    case FIGURE_SPANS:
        return figure_spans(out, c, t);
    case FIGURE_TABLE:
        figure_table(out, t);
        return true;
    default:
        return figure_plots(out, c, t, f);
    }
}

static void put_source(FILE *out, const struct query_table *t, const struct figure *f)
{
    fprintf(out, "<details><summary>%s", f->kind == FIGURE_TABLE ? "SQL" : "SQL and data");
    if (f->kind != FIGURE_TABLE)
        fprintf(out, ": %d rows%s", t->n_rows, t->cut ? ", and more" : "");
    fputs("</summary>\n<pre>", out);
    page_text(out, f->sql);
    fputs("</pre>\n", out);
    if (f->kind != FIGURE_TABLE)
        figure_table(out, t);
    fputs("</details>\n", out);
}

static bool impossible(const struct figure_context *c, const struct figure *f, char *why, size_t why_size)
{
    struct query_table t;
    struct err e = {0};
    bool is = false;

    if (f->unless == NULL)
        return false;
    if (query_run(c->db, f->unless, c->timeout_s, &t, &e) != QUERY_OK) {
        snprintf(why, why_size, "%s", e.code ? e.msg : "it took too long to find out whether there is one");
        is = true;
    } else if (t.n_rows > 0 && query_at(&t, 0, 0)->type == QUERY_TEXT) {
        snprintf(why, why_size, "%s", query_at(&t, 0, 0)->text);
        is = true;
    }
    query_free(&t);
    return is;
}

bool figure_put(FILE *out, const struct figure_context *c, const struct figure *f, char *why, size_t why_size)
{
    struct query_table t;
    struct err e = {0};
    char *text = NULL;
    size_t size;
    bool any = false;

    if (impossible(c, f, why, why_size))
        return false;
    enum query_end end = query_run(c->db, f->sql, c->timeout_s, &t, &e);
    FILE *plots = open_memstream(&text, &size); /* written only where there is something */
    sim_assert(plots);
    if (end == QUERY_SLOW)
        snprintf(why, why_size, "its query took more than %g s (--timeout)", c->timeout_s);
    else if (end == QUERY_FAILED)
        snprintf(why, why_size, "its query failed: %s", e.msg);
    else if (t.n_rows > 0)
        any = put_kind(plots, c, &t, f);
    if (end == QUERY_OK && !any)
        snprintf(why, why_size, "%s", f->none);
    sim_assert(fclose(plots) == 0);
    if (any) {
        fputs("<h3>", out);
        page_text(out, f->title);
        fputs("</h3>\n<p>", out);
        page_text(out, f->text);
        fprintf(out, "</p>\n%s", text);
        put_source(out, &t, f);
    }
    free(text);
    query_free(&t);
    return any;
}
