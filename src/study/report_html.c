#include "study/report_html.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/bug.h"
#include "report/load.h"
#include "study/figure.h"
#include "study/page.h"
#include "study/query.h"
#include "study/report_run.h"

enum { VALUE_BYTES = 64, NOTE_BYTES = 160, WHY_BYTES = 300 };

/* ---- sections ---- */

struct left_out {
    const char *title;
    char why[WHY_BYTES];
};

static void id_of(char *id, size_t size, const char *section)
{
    snprintf(id, size, "%s", section);
    for (char *c = id; *c; c++)
        if (*c == ' ')
            *c = '-';
}

static void put_heading(FILE *body, FILE *nav, const char *section)
{
    char id[VALUE_BYTES];

    id_of(id, sizeof id, section);
    fprintf(body, "<h2 id=\"%s\">%s</h2>\n", id, section);
    fprintf(nav, "<a href=\"#%s\">%s</a>\n", id, section);
}

static void put_figures(FILE *body, FILE *nav, const struct figure_context *c, const struct figure *figures)
{
    const char *section = "";
    struct left_out *left = NULL;
    size_t n = 0;

    for (const struct figure *f = figures; f->sql; f++) {
        char *text = NULL, why[WHY_BYTES] = "";
        size_t size;
        FILE *out = open_memstream(&text, &size);
        sim_assert(out);
        bool any = figure_put(out, c, f, why, sizeof why);
        sim_assert(fclose(out) == 0);
        if (any && strcmp(section, f->section) != 0)
            put_heading(body, nav, section = f->section);
        if (any) {
            fwrite(text, 1, size, body);
        } else {
            left = mem_realloc(left, (n + 1) * sizeof *left);
            left[n].title = f->title;
            snprintf(left[n++].why, WHY_BYTES, "%s", why);
        }
        free(text);
    }
    if (n)
        put_heading(body, nav, "Left out");
    for (size_t i = 0; i < n; i++) {
        fprintf(body, "%s<li>%s: ", i ? "" : "<ul>\n", left[i].title);
        page_text(body, left[i].why);
        fprintf(body, "</li>\n%s", i + 1 < n ? "" : "</ul>\n");
    }
    free(left);
}

/* ---- the scenario ---- */

/* sql: a row of two texts, the first of which may be NULL. */
static void put_scenario(FILE *out, const struct figure_context *c, const char *sql)
{
    static const char *const titles[] = {"In normal form: every key with its value", "As it was written"};
    struct query_table t;
    struct err e = {0};

    if (query_run(c->db, sql, c->timeout_s, &t, &e) == QUERY_OK && t.n_rows == 1)
        for (int i = 0; i < 2; i++)
            if (query_at(&t, 0, i)->type == QUERY_TEXT) {
                bool only = query_at(&t, 0, 0)->type != QUERY_TEXT;
                fprintf(out, "<details%s><summary>%s</summary>\n<pre class=\"columns\">",
                        i && !only ? ""
                                   : " "
                                     "open=\"open\"",
                        titles[i]);
                page_text(out, query_at(&t, 0, i)->text);
                fputs("</pre></details>\n", out);
            }
    query_free(&t);
}

/* ---- the page ---- */

struct body { /* written before the head, which has the links to its sections */
    FILE *out, *nav;
    char *text, *nav_text;
    size_t size, nav_size;
};

static void body_begin(struct body *b)
{
    b->out = open_memstream(&b->text, &b->size);
    b->nav = open_memstream(&b->nav_text, &b->nav_size);
    sim_assert(b->out && b->nav);
}

static void body_end(struct body *b)
{
    int failed = fclose(b->out) != 0;

    failed |= fclose(b->nav) != 0;
    sim_assert(!failed);
}

static void body_free(struct body *b)
{
    free(b->text);
    free(b->nav_text);
}

static int run_page(const char *path, double timeout_s, FILE *out, struct err *e)
{
    struct results r;
    struct sqlite3 *db = NULL;
    struct body b;
    int rc = results_load(&r, path, e);

    if (rc == 0 && (rc = query_open(path, &db, e)) == 0) {
        struct figure_context c = {db, fmax((double)r.t_end_ns, 1) / 1e9, (double)r.warmup_ns / 1e9, timeout_s};
        body_begin(&b);
        put_figures(b.out, b.nav, &c, figures_run);
        put_heading(b.out, b.nav, "All metrics");
        report_run_metrics(b.out, &r);
        put_heading(b.out, b.nav, "Scenario");
        put_scenario(b.out, &c, "SELECT resolved, scenario_text FROM run LIMIT 1");
        body_end(&b);
        page_begin(out, "Run", r.scenario_path ? r.scenario_path : path);
        report_run_head(out, &r, path);
        fprintf(out, "<nav>%s</nav>\n", b.nav_text);
        report_run_cards(out, &r, path);
        fwrite(b.text, 1, b.size, out);
        page_end(out);
        body_free(&b);
    }
    sqlite3_close(db);
    results_free(&r);
    return rc;
}

/* ---- of a study ---- */

static void study_head(FILE *out, const struct query_table *t, const char *path)
{
    char value[VALUE_BYTES];
    static const char *const names[] = {"Parameter sets", "Repetitions of each", "Points", "Runs in the file"};

    fputs("<p>", out);
    page_text(out, path);
    fputs("; tiersim ", out);
    page_text(out, query_at(t, 0, 6)->type == QUERY_TEXT ? query_at(t, 0, 6)->text : "?");
    fputs("</p>\n", out);
    if (query_at(t, 0, 5)->number != 1)
        fputs("<p class=\"bad\">The study is not complete: runs are missing.</p>\n", out);
    fputs("<dl class=\"cards\">\n", out);
    for (int i = 0; i < 4; i++) {
        page_number(value, sizeof value, query_at(t, 0, 1 + i)->number);
        report_card(out, names[i], value, "", "", "");
    }
    fputs("</dl>\n<p>Bars and \xc2\xb1 are 95 % intervals by Student's t over the repetitions; none where there is "
          "one. What the model "
          "leaves out, and what a calibration is off by, come on top.</p>\n",
          out);
}

static int study_page(const char *path, double timeout_s, FILE *out, struct err *e)
{
    struct figure_context c = {NULL, 1, 0, timeout_s};
    struct query_table t;
    struct body b;

    if (query_open_study(path, &c.db, e) != 0)
        return -1;
    int rc = query_run(c.db,
                       "SELECT scenario_path, n_params, repeat, n_points, (SELECT count(*) FROM run), complete, "
                       "version FROM study LIMIT 1",
                       timeout_s, &t, e) == QUERY_OK &&
                     t.n_rows == 1 && query_at(&t, 0, 0)->type == QUERY_TEXT
                 ? 0
                 : err_set(e, EXIT_CODE_IO, "%s: damaged: table study", path);
    if (rc == 0) {
        body_begin(&b);
        put_figures(b.out, b.nav, &c, figures_study);
        put_heading(b.out, b.nav, "Scenario");
        put_scenario(b.out, &c, "SELECT NULL, scenario_text FROM study LIMIT 1");
        body_end(&b);
        page_begin(out, "Study", query_at(&t, 0, 0)->text);
        fprintf(out, "<nav>%s</nav>\n", b.nav_text);
        study_head(out, &t, path);
        fwrite(b.text, 1, b.size, out);
        page_end(out);
        body_free(&b);
    }
    query_free(&t);
    sqlite3_close(c.db);
    return rc;
}

int report_html(const char *path, double timeout_s, FILE *out, struct err *e)
{
    return results_is_study(path) ? study_page(path, timeout_s, out, e) : run_page(path, timeout_s, out, e);
}
