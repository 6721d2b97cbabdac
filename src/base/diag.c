#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

void diags_init(struct diags *d)
{
    *d = (struct diags){0};
}

void diags_free(struct diags *d)
{
    for (size_t i = 0; i < d->n; i++) {
        free((char *)d->at[i].file);
        free(d->at[i].text);
    }
    free(d->at);
    diags_init(d);
}

static char *copy(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(mem_alloc(n), s, n);
}

void diags_add(struct diags *d, const char *file, int line, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 8;
        d->at = mem_realloc(d->at, d->cap * sizeof *d->at);
    }
    d->at[d->n++] = (struct diag){.file = file ? copy(file) : NULL, .line = line, .text = copy(text)};
}

/* Position in which a message's file was first seen; those without a place come last. */
static size_t file_rank(const struct diags *d, const struct diag *m)
{
    size_t i = 0;

    if (m->file == NULL)
        return d->n;
    while (d->at[i].file == NULL || strcmp(d->at[i].file, m->file) != 0)
        i++;
    return i;
}

static int before(const struct diags *d, size_t a, size_t b)
{
    size_t fa = file_rank(d, &d->at[a]), fb = file_rank(d, &d->at[b]);

    if (fa != fb)
        return fa < fb;
    if (d->at[a].line != d->at[b].line)
        return d->at[a].line < d->at[b].line;
    return a < b;
}

void diags_print(const struct diags *d, FILE *out)
{
    size_t *order = mem_alloc(d->n * sizeof *order);

    for (size_t i = 0; i < d->n; i++) { /* insertion sort: a scenario has few mistakes */
        size_t k = i;
        for (; k > 0 && before(d, i, order[k - 1]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    for (size_t i = 0; i < d->n && i < DIAGS_SHOWN; i++) {
        const struct diag *m = &d->at[order[i]];
        if (m->file && m->line)
            fprintf(out, "%s:%d: %s\n", m->file, m->line, m->text);
        else if (m->file)
            fprintf(out, "%s: %s\n", m->file, m->text);
        else
            fprintf(out, "%s\n", m->text);
    }
    free(order);
}
