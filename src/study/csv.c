#include "study/csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"

enum { QUOTED_MAX = 40 };

struct csv {
    char *path;
    char *names[CSV_COLUMNS_MAX];
    int columns;
    char **cells; /* rows * columns, row by row; each points into a row's text */
    char **texts; /* what holds them: one line each */
    int *lines;
    size_t rows, cap;
    char *header;
};

/* A field as it may stand in a message: cut, and without control characters. */
struct quoted {
    char text[QUOTED_MAX + 4];
};

static struct quoted quote(const char *s)
{
    struct quoted q;
    size_t n = strlen(s), keep = n > QUOTED_MAX ? QUOTED_MAX : n;

    for (size_t i = 0; i < keep; i++)
        q.text[i] = s[i] < ' ' || s[i] > '~' ? '?' : s[i];
    strcpy(q.text + keep, n > keep ? "..." : "");
    return q;
}

static char *copy(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(mem_alloc(n), s, n);
}

/* Takes one quoted field at *p (on the quote), unquotes it in place; false if it does not end well. */
static bool take_quoted(char **p, char **field)
{
    char *from = *p + 1, *to = from;

    *field = from;
    for (; *from; *to++ = *from++) {
        if (*from != '"')
            continue;
        if (*++from == '"')
            continue; /* doubled: the second one is kept */
        if (*from != ',' && *from != '\0')
            return false;
        *p = from;
        *to = '\0'; /* to < from: the closing quote lies between them */
        return true;
    }
    return false;
}

/* Cuts a line into fields, in place. How many, or -1 (told in d). At most max are kept, all are counted. */
static int split(const char *path, int line, char *text, char **fields, int max, struct diags *d)
{
    int n = 0;
    char *p = text;

    for (;; n++) {
        char *field = p;
        if (*p == '"') {
            if (!take_quoted(&p, &field)) {
                diags_add(d, path, line,
                          "field %d: a quoted field must end with a quote and then a comma or the line's end", n + 1);
                return -1;
            }
        } else {
            p += strcspn(p, ",");
            if (memchr(field, '"', (size_t)(p - field))) {
                diags_add(d, path, line,
                          "field %d: a quote inside an unquoted field (want \"...\" around the whole field)", n + 1);
                return -1;
            }
        }
        bool last = *p == '\0';
        *p++ = '\0';
        if (n < max)
            fields[n] = field;
        if (last)
            return n + 1;
    }
}

static void take_header(struct csv *t, const char *text, int line, struct diags *d)
{
    t->header = copy(text);
    int n = split(t->path, line, t->header, t->names, CSV_COLUMNS_MAX, d);
    if (n < 0)
        return;
    if (n > CSV_COLUMNS_MAX) {
        diags_add(d, t->path, line, "%d columns (at most %d)", n, CSV_COLUMNS_MAX);
        return;
    }
    t->columns = n;
    for (int i = 0; i < n; i++) {
        if (*t->names[i] == '\0')
            diags_add(d, t->path, line, "column %d has no name", i + 1);
        else if (csv_column(t, t->names[i]) != i)
            diags_add(d, t->path, line, "column \"%s\" is there twice", quote(t->names[i]).text);
    }
}

static void grow(struct csv *t)
{
    if (t->rows < t->cap)
        return;
    t->cap = t->cap ? 2 * t->cap : 256;
    t->cells = mem_realloc(t->cells, t->cap * (size_t)t->columns * sizeof *t->cells);
    t->texts = mem_realloc(t->texts, t->cap * sizeof *t->texts);
    t->lines = mem_realloc(t->lines, t->cap * sizeof *t->lines);
}

static void take_row(struct csv *t, const char *text, int line, struct diags *d)
{
    char *fields[CSV_COLUMNS_MAX], *own = copy(text);
    int n = split(t->path, line, own, fields, CSV_COLUMNS_MAX, d);

    if (n != t->columns) {
        if (n >= 0)
            diags_add(d, t->path, line, "%d field%s, the header has %d", n, n == 1 ? "" : "s", t->columns);
        free(own);
        return;
    }
    grow(t);
    memcpy(t->cells + t->rows * (size_t)n, fields, (size_t)n * sizeof *fields);
    t->texts[t->rows] = own;
    t->lines[t->rows++] = line;
}

/* Reads one line without its end. 1, 0 at the end of the file, -1 where nothing after it can be trusted (told in d). */
static int read_line(FILE *f, const char *path, int line, char *text, struct diags *d)
{
    size_t n = 0;
    int c;

    while ((c = getc(f)) != EOF && c != '\n') {
        if (n == CSV_LINE_MAX || c == '\0') {
            diags_add(d, path, line,
                      c ? "longer than %d bytes" : "a NUL byte: is this text? (lines have at most %d bytes)",
                      CSV_LINE_MAX);
            return -1;
        }
        text[n++] = (char)c;
    }
    if (ferror(f)) {
        diags_add(d, path, line, "cannot read: %s", strerror(errno));
        return -1;
    }
    if (n && text[n - 1] == '\r')
        n--;
    text[n] = '\0';
    return n || c != EOF;
}

static void read_lines(struct csv *t, FILE *f, struct diags *d)
{
    char text[CSV_LINE_MAX + 1];
    size_t before = d->n;
    int got;

    for (int line = 1; d->n - before < DIAGS_SHOWN && (got = read_line(f, t->path, line, text, d)) > 0; line++) {
        if (*text == '\0')
            diags_add(d, t->path, line, "an empty line");
        else if (t->header == NULL)
            take_header(t, text, line, d);
        else
            take_row(t, text, line, d);
        if (t->columns == 0)
            break; /* a bad header: no row can be judged */
    }
    if (t->header == NULL && d->n == before)
        diags_add(d, t->path, 1, "empty (want a header line with the columns' names)");
}

struct csv *csv_read(const char *path, struct diags *d)
{
    size_t before = d->n;
    FILE *f = fopen(path, "r");

    if (f == NULL) {
        diags_add(d, path, 0, "cannot read: %s", strerror(errno));
        return NULL;
    }
    struct csv *t = mem_zalloc(1, sizeof *t);
    t->path = copy(path);
    read_lines(t, f, d);
    fclose(f);
    if (d->n == before)
        return t;
    csv_free(t);
    return NULL;
}

void csv_free(struct csv *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->rows; i++)
        free(t->texts[i]);
    free(t->texts);
    free(t->cells);
    free(t->lines);
    free(t->header);
    free(t->path);
    free(t);
}

const char *csv_path(const struct csv *t)
{
    return t->path;
}

size_t csv_rows(const struct csv *t)
{
    return t->rows;
}

int csv_line(const struct csv *t, size_t row)
{
    sim_assert(row < t->rows);
    return t->lines[row];
}

int csv_column(const struct csv *t, const char *name)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->names[i], name) == 0)
            return i;
    return -1;
}

int csv_need(const struct csv *t, const char *name, struct diags *d)
{
    int i = csv_column(t, name);

    if (i < 0)
        diags_add(d, t->path, 1, "no column \"%s\"", name);
    return i;
}

const char *csv_text(const struct csv *t, size_t row, int column)
{
    sim_assert(row < t->rows && column >= 0 && column < t->columns);
    return t->cells[row * (size_t)t->columns + (size_t)column];
}

bool csv_is(const struct csv *t, size_t row, int column, const char *text)
{
    return strcmp(csv_text(t, row, column), text) == 0;
}

bool csv_empty(const struct csv *t, size_t row, int column)
{
    return *csv_text(t, row, column) == '\0';
}

bool csv_number(const struct csv *t, size_t row, int column, double *value, struct diags *d)
{
    const char *text = csv_text(t, row, column), *end;

    if (units_number(text, value, &end) && *end == '\0')
        return true;
    diags_add(d, t->path, csv_line(t, row), "%s \"%s\" is not a number", t->names[column], quote(text).text);
    return false;
}
