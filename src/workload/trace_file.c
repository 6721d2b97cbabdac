#include "workload/trace_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* One line a format, in the order of enum trace_format. Whoever stands later is asked first what a file is: Mooncake's
 * takes whatever begins with a brace, so that the message on a damaged line is the right one. */
static const struct trace_kind *const formats[] = {
    [TRACE_AZURE] = &trace_azure,
    [TRACE_MOONCAKE] = &trace_mooncake,
    [TRACE_BURSTGPT] = &trace_burstgpt,
    [TRACE_VIDUR] = &trace_vidur,
    [TRACE_OWN] = &trace_own,
    [TRACE_OWN_CSV] = &trace_own_csv,
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

struct trace_file {
    struct lines *in;
    const struct trace_kind *format;
    void *reader;
    struct trace_about about;
    int64_t failed;
};

static const struct trace_kind *sniff(const char *line, size_t n)
{
    for (int i = N_FORMATS - 1; i > TRACE_AUTO; i--)
        if (formats[i]->sniff(line, n))
            return formats[i];
    return NULL;
}

static int unknown(const struct trace_file *t, const char *line, size_t n, struct err *e)
{
    char want[256] = "", first[64];
    size_t at = 0;

    for (int i = TRACE_AUTO + 1; i < N_FORMATS; i++)
        at += (size_t)snprintf(want + at, sizeof want - at, "%s%s", i > TRACE_AUTO + 1 ? " or " : "", formats[i]->is);
    sim_assert(at < sizeof want);
    snprintf(first, sizeof first, "%.*s", (int)(n < sizeof first ? n : sizeof first), line);
    return lines_bad_field(t->in, e, "the first line", first, "is that of no trace format known here", want);
}

static int choose(struct trace_file *t, int format, struct err *e)
{
    const char *line = "";
    size_t n = 0;
    int got = lines_peek(t->in, &line, &n, e);

    if (got < 0)
        return -1;
    t->format = format == TRACE_AUTO ? sniff(line, n) : formats[format];
    lines_expect(t->in, LINES_TABLE_MAX, "4095 bytes", t->format ? t->format->first_line : "a trace");
    if (got == 0)
        return lines_bad(t->in, e, "the file is empty");
    return t->format ? 0 : unknown(t, line, n, e);
}

struct trace_file *trace_file_open(FILE *file, const struct workload_options *o, const char *hint, struct err *e)
{
    struct lines *in = lines_open(file, o->trace, hint, e);

    if (in == NULL)
        return NULL;
    struct trace_file *t = mem_zalloc(1, sizeof *t);
    t->in = in;
    if (choose(t, o->trace_format, e) == 0)
        t->reader = t->format->open(in, o, &t->about, e);
    if (t->reader)
        return t;
    trace_file_close(t);
    return NULL;
}

void trace_file_close(struct trace_file *t)
{
    if (t == NULL)
        return;
    if (t->reader)
        t->format->close(t->reader);
    lines_close(t->in);
    free(t);
}

int trace_file_next(struct trace_file *t, struct trace_row *row, struct err *e)
{
    int got;

    *row = (struct trace_row){.session = TRACE_NO_SESSION};
    while ((got = t->format->next(t->reader, row, e)) == TRACE_ROW_FAILED)
        t->failed++;
    return got;
}

const struct trace_kind *trace_file_kind(const struct trace_file *t)
{
    return t->format;
}

const struct trace_about *trace_file_about(const struct trace_file *t)
{
    return &t->about;
}

int64_t trace_file_failed(const struct trace_file *t)
{
    return t->failed;
}
