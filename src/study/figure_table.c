#include <inttypes.h>
#include <string.h>

#include "study/figure.h"
#include "study/query.h"

void figure_label(char *text, size_t size, const char *column)
{
    static const char *const units[] = {"_per_s", "_ms", "_s", "_share"};

    snprintf(text, size, "%s", column);
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t m = strlen(units[i]);
        if (n > m && strcmp(text + n - m, units[i]) == 0)
            text[n - m] = '\0';
    }
    for (char *c = text; *c; c++)
        if (*c == '_')
            *c = ' ';
}

static void put_cell(FILE *out, const struct query_cell *c)
{
    char number[32];

    switch (c->type) {
    case QUERY_INTEGER:
        fprintf(out, "<td>%" PRId64 "</td>", c->integer);
        break;
    case QUERY_REAL:
        page_figure(number, sizeof number, c->number);
        fprintf(out, "<td>%s</td>", number);
        break;
    case QUERY_TEXT:
        fputs("<td class=\"t\">", out);
        page_text(out, c->text);
        fputs("</td>", out);
        break;
    default:
        fputs("<td></td>", out);
    }
}

void figure_table(FILE *out, const struct query_table *t)
{
    fputs("<div class=\"scroll\"><table><thead><tr>", out);
    for (int i = 0; i < t->n_columns; i++) {
        fprintf(out, "<th scope=\"col\"%s>", t->n_rows && query_at(t, 0, i)->type == QUERY_TEXT ? " class=\"t\"" : "");
        page_text(out, t->names[i]);
        fputs("</th>", out);
    }
    fputs("</tr></thead><tbody>\n", out);
    for (int row = 0; row < t->n_rows; row++) {
        fputs("<tr>", out);
        for (int i = 0; i < t->n_columns; i++)
            put_cell(out, query_at(t, row, i));
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}
