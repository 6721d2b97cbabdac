/*
 * trace_own.c - reader of tiersim's own traces: one JSON object a line; `tiersim export --trace` writes them.
 *
 *   {"tiersim_trace": 1, "block_tokens": 16}
 *   {"id": 0, "t_ns": 0, "class": "coding", "input_tokens": 2000, "output_tokens": 40, "session": 0, "step": 0,
 *    "prompt_blocks": 125, "blocks": [[4611686018427387904, 31], [4611686018444165151, 96]]}
 *   {"id": 4, "t_ns": 1100000000, "class": "coding", "input_tokens": 2340, "output_tokens": 40, "session": 0, "step": 1,
 *    "parents": [0], "tool_ns": 700000000, "gap_ns": 0, ...}
 *
 * (each on one line.) A row without parents comes at t_ns, from the start of the run, and begins a graph. Rows with
 * parents follow it, each after its parents, until the next row without: such a call comes gap_ns after both its
 * parents have all ended and tool_ns has passed since the first of them ended; its own t_ns only records when it came.
 * So a graph is a task or session, and whoever replays needs no more of the file than the graphs that have begun.
 *
 * id: unique in its graph. class: a [class NAME] of the scenario; without it, drawn by weight. session, step (default:
 * no session; 0): what the row says; step is 0 where there are no parents, and only there. blocks: runs [FIRST, COUNT]
 * of ids of the content of prompt and answer, the first prompt_blocks of them the prompt's; without them nothing is
 * known. block_tokens: theirs. Other keys, such as agent and tool, tell people where a row comes from and are not
 * read.
 *
 * Roots are in order of time. Nothing is skipped: a line that is no such object is an error. Bounded memory: one line,
 * of 16 MiB at most.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bug.h"
#include "workload/trace_format.h"

enum { LINE_MAX_BYTES = 1 << 24, NAME_MAX_BYTES = 256 };

#define KEY          "tiersim_trace"
#define ID_MAX       (INT64_MAX / 2)
#define BLOCK_ID_MAX (INT64_MAX - TRACE_TOKENS_MAX)
#define TIME_MAX_NS  (INT64_MAX / 4)

struct trace_own {
    struct lines *in; /* not owned */
    int64_t block_tokens;
    bool any; /* a root was read */
    int64_t root_ns;
    char class[NAME_MAX_BYTES];
    struct block_run *run;
    int64_t *parent;
    size_t cap_runs, cap_parents;
};

/* ---- fields ---- */

/* A whole number from least to most; without the key, `without` (below least: it must be there). */
static int take(const struct trace_own *t, const json_t *o, const char *key, int64_t least, int64_t most,
                int64_t without, int64_t *out, struct err *e)
{
    const json_t *v = json_object_get(o, key);

    *out = v ? json_integer_value(v) : without;
    if (v == NULL && without < least && without != TRACE_NO_SESSION)
        return lines_bad(t->in, e, "%s is missing", key);
    if (v && (!json_is_integer(v) || *out < least || *out > most))
        return lines_bad(t->in, e, "%s is no whole number from %" PRId64 " to %" PRId64, key, least, most);
    return 0;
}

static int take_class(struct trace_own *t, const json_t *o, struct trace_row *row, struct err *e)
{
    const json_t *v = json_object_get(o, "class");

    row->class_name = NULL;
    if (v == NULL)
        return 0;
    if (!json_is_string(v) || json_string_length(v) >= NAME_MAX_BYTES)
        return lines_bad(t->in, e, "class is no short text");
    row->class_name = strcpy(t->class, json_string_value(v));
    return 0;
}

static int take_parents(struct trace_own *t, const json_t *o, struct trace_row *row, struct err *e)
{
    const json_t *v = json_object_get(o, "parents");
    size_t n = json_array_size(v);

    if (v && !json_is_array(v))
        return lines_bad(t->in, e, "parents is no list");
    if (n > t->cap_parents) {
        t->cap_parents = 2 * n;
        t->parent = mem_realloc(t->parent, t->cap_parents * sizeof *t->parent);
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(v, i);
        if (!json_is_integer(id))
            return lines_bad(t->in, e, "parents holds something else than whole numbers");
        t->parent[i] = json_integer_value(id);
    }
    row->parents = t->parent;
    row->n_parents = (int64_t)n;
    return 0;
}

static int take_blocks(struct trace_own *t, const json_t *o, struct trace_row *row, struct err *e)
{
    const json_t *v = json_object_get(o, "blocks");
    size_t n = json_array_size(v);
    int64_t all = 0, most = (row->input_tokens + row->output_tokens + t->block_tokens - 1) / t->block_tokens;

    if (v && !json_is_array(v))
        return lines_bad(t->in, e, "blocks is no list");
    if (n > t->cap_runs) {
        t->cap_runs = 2 * n;
        t->run = mem_realloc(t->run, t->cap_runs * sizeof *t->run);
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(v, i), *first = json_array_get(pair, 0), *count = json_array_get(pair, 1);
        int64_t id = json_integer_value(first), c = json_integer_value(count);
        if (json_array_size(pair) != 2 || !json_is_integer(first) || !json_is_integer(count) || id < 0 ||
            id > BLOCK_ID_MAX || c < 1 || c > most - all)
            return lines_bad(t->in, e,
                             "blocks holds something else than [FIRST, COUNT], or more blocks than there are tokens for");
        t->run[i] = (struct block_run){id, c};
        all += c;
    }
    row->chain = (struct chain){t->run, (int64_t)n};
    if (take(t, o, "prompt_blocks", 0, all, n > 0 ? -1 : 0, &row->prompt_blocks, e) != 0)
        return -1;
    if (row->prompt_blocks > (row->input_tokens + t->block_tokens - 1) / t->block_tokens)
        return lines_bad(t->in, e, "prompt_blocks are more than the prompt has");
    return 0;
}

static int take_time(struct trace_own *t, const json_t *o, struct trace_row *row, struct err *e)
{
    int64_t t_ns;

    if (take(t, o, "t_ns", 0, TIME_MAX_NS, -1, &t_ns, e) != 0)
        return -1;
    if (row->n_parents > 0) {
        if (!t->any)
            return lines_bad(t->in, e, "a row with parents comes before any without");
        if (row->step == 0)
            return lines_bad(t->in, e, "step is 0, but the row has parents");
    } else {
        if (row->step != 0)
            return lines_bad(t->in, e, "step is not 0, but the row has no parents");
        if (t_ns < t->root_ns)
            return lines_bad(t->in, e, "t_ns is before that of the last row without parents");
        t->any = true;
        t->root_ns = t_ns;
    }
    row->t_ns = t->root_ns;
    return 0;
}

static int take_row(struct trace_own *t, const json_t *o, struct trace_row *row, struct err *e)
{
    *row = (struct trace_row){.t_ns = 0};
    if (!json_is_object(o))
        return lines_bad(t->in, e, "the line is no JSON object");
    if (take(t, o, "id", 0, ID_MAX, -1, &row->id, e) != 0 ||
        take(t, o, "input_tokens", 1, TRACE_TOKENS_MAX, 0, &row->input_tokens, e) != 0 ||
        take(t, o, "output_tokens", 1, TRACE_TOKENS_MAX, 0, &row->output_tokens, e) != 0 ||
        take(t, o, "session", 0, ID_MAX, TRACE_NO_SESSION, &row->session, e) != 0 ||
        take(t, o, "step", 0, TRACE_TOKENS_MAX, 0, &row->step, e) != 0 ||
        take(t, o, "tool_ns", 0, TIME_MAX_NS, 0, &row->tool_ns, e) != 0 ||
        take(t, o, "gap_ns", 0, TIME_MAX_NS, 0, &row->gap_ns, e) != 0 || take_class(t, o, row, e) != 0 ||
        take_parents(t, o, row, e) != 0 || take_blocks(t, o, row, e) != 0 || take_time(t, o, row, e) != 0)
        return -1;
    return 1;
}

static int next_object(struct trace_own *t, json_t **o, struct err *e)
{
    json_error_t mistake;
    size_t n = 0;
    char *text;
    int got = lines_next(t->in, &text, &n, e);

    if (got <= 0)
        return got;
    *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &mistake);
    return *o ? 1 : lines_bad(t->in, e, "bad JSON at byte %d: %s", mistake.position, mistake.text);
}

static int next(void *reader, struct trace_row *row, struct err *e)
{
    struct trace_own *t = reader;
    json_t *o;
    int got = next_object(t, &o, e);

    if (got <= 0)
        return got;
    got = take_row(t, o, row, e);
    json_decref(o);
    return got;
}

/* ---- life ---- */

static bool sniff(const char *text, size_t n)
{
    static const char begin[] = "{\"" KEY "\"";

    return n >= sizeof begin - 1 && memcmp(text, begin, sizeof begin - 1) == 0;
}

static int take_first_line(struct trace_own *t, struct err *e)
{
    int64_t version;
    json_t *o = NULL;

    if (next_object(t, &o, e) <= 0)
        return -1;
    int got = take(t, o, KEY, 1, 1, 0, &version, e) | take(t, o, "block_tokens", 1, 1000000, 0, &t->block_tokens, e);
    json_decref(o);
    return got;
}

static void close(void *reader)
{
    struct trace_own *t = reader;

    free(t->run);
    free(t->parent);
    free(t);
}

static void *open(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    struct trace_own *t = mem_zalloc(1, sizeof *t);

    (void)o;
    t->in = in;
    lines_expect(in, LINE_MAX_BYTES, "16 MiB", "a call as tiersim export --trace writes it");
    if (take_first_line(t, e) != 0) {
        close(t);
        return NULL;
    }
    *about = (struct trace_about){.times = true, .sessions = true, .graphs = true, .block_tokens = t->block_tokens};
    return t;
}

const struct trace_kind trace_own = {
    .name = "tiersim",
    .is = "tiersim's own JSON lines",
    .first_line = "{\"" KEY "\": 1, \"block_tokens\": tokens}",
    .sniff = sniff,
    .open = open,
    .next = next,
    .close = close,
};
