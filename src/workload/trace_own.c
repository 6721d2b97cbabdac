/*
 * trace_own.c - reader of tiersim's own traces, one JSON object a line; trace_own_csv.c reads the same columns as CSV.
 * `tiersim export --trace` writes both.
 *
 *   {"tiersim_trace": 1, "block_tokens": 16}
 *   {"id": 0, "t_ns": 0, "class": "coding", "input_tokens": 2000, "output_tokens": 40, "session": 0, "step": 0,
 *    "prompt_blocks": 125, "blocks": [[4611686018427387904, 31], [4611686018444165151, 96]]}
 *   {"id": 4, "t_ns": 1100000000, "class": "coding", "input_tokens": 2340, "output_tokens": 40, "session": 0, "step":
 * 1, "parents": [0], "tool": "shell", "tool_ns": 700000000, "gap_ns": 0, ...}
 *
 * (each on one line.) A row without parents comes at t_ns, from the start of the run, and begins a graph. Rows with
 * parents follow it, each after its parents, until the next row without: such a call comes gap_ns after both its
 * parents have all ended and tool_ns has passed since the first of them ended; its own t_ns only records when it came.
 * So a graph is a task or session, and whoever replays needs no more of the file than the graphs that have begun.
 *
 * id: unique in its graph, whose ids are kept while it is read (those of other graphs are not compared). class: a [class NAME] of the scenario; without it, drawn by weight. session, step (default:
 * no session; 0): what the row says; step is 0 where there are no parents, and only there. blocks: runs [FIRST, COUNT]
 * of ids of the content of prompt and answer, the first prompt_blocks of them the prompt's; without them nothing is
 * known. block_tokens: theirs. tool: what the first parent's answer called, several joined by +; it changes nothing of
 * a replay's times, and `describe trace` counts it. id, t_ns, input_tokens and output_tokens must be there.
 *
 * Of agents, for the tables of tasks that a replay leaves (graph_agents.h), and for nothing else: agent, the name of its
 * kind; task, of the session, from 0; branch, of the task, 0 or a sub-agent's number. Rows without all three are of no
 * agent. Besides: deadline_ns, of the task, in its first row; compaction, 1 where the context is summed up;
 * reasoning_tokens, of output_tokens; repeated_tokens, of input_tokens: what a cache that forgets nothing has (without it
 * alone_ns is of whole prompts); tool_calls, of each name in tool [latency ns, attempts, 1 if it failed, result tokens].
 *
 * Any other key is a mistake.
 *
 * Roots are in order of time. Nothing is skipped: a line that is no such object is an error. Bounded memory: one line,
 * of 16 MiB at most.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bug.h"
#include "workload/trace_own.h"

#define KEY "tiersim_trace"

static const char *const first_names[] = {KEY, "block_tokens"};

/* ---- fields ---- */

static int64_t number(const json_t *v)
{
    return json_is_integer(v) ? json_integer_value(v) : -1;
}

/* The list of that key; its size. */
static int take_list(const struct own_reader *r, const json_t *o, int column, const json_t **list, size_t *n,
                     struct err *e)
{
    *list = json_object_get(o, own_names[column]);
    *n = json_array_size(*list);
    if (*list && !json_is_array(*list))
        return lines_bad(r->in, e, "%s is no list", own_names[column]);
    return 0;
}

static int take_lists(struct own_reader *r, const json_t *o, struct err *e)
{
    const json_t *list;
    size_t n;

    if (take_list(r, o, OWN_PARENTS, &list, &n, e) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        own_line_add_parent(&r->line, number(json_array_get(list, i)));
    if (take_list(r, o, OWN_BLOCKS, &list, &n, e) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(list, i);
        bool two = json_array_size(pair) == 2;
        own_line_add_run(&r->line, two ? number(json_array_get(pair, 0)) : -1,
                         two ? number(json_array_get(pair, 1)) : -1);
    }
    if (take_list(r, o, OWN_TOOL_CALLS, &list, &n, e) != 0)
        return -1;
    r->line.has[OWN_TOOL_CALLS] = list != NULL;
    for (size_t i = 0; i < n; i++) {
        const json_t *call = json_array_get(list, i);
        own_line_add_tool_call(&r->line, &(struct trace_tool){.latency_ns = number(json_array_get(call, 0)),
                                                              .attempts = number(json_array_get(call, 1)),
                                                              .failed = number(json_array_get(call, 2)),
                                                              .result_tokens = number(json_array_get(call, 3))});
    }
    return 0;
}

static int check_keys(const struct own_reader *r, json_t *o, const char *const *names, size_t n, struct err *e)
{
    const char *key;
    json_t *v;

    json_object_foreach(o, key, v) if (own_check_name(r, "key", key, names, n, e) != 0) return -1;
    return 0;
}

static int take_row(struct own_reader *r, json_t *o, struct trace_row *row, struct err *e)
{
    struct own_line *l = &r->line;

    if (!json_is_object(o))
        return lines_bad(r->in, e, "the line is no JSON object");
    if (check_keys(r, o, own_names, OWN_COLUMNS, e) != 0)
        return -1;
    own_line_clear(l);
    for (int i = 0; i < OWN_PARENTS; i++) {
        const json_t *v = json_object_get(o, own_names[i]);
        l->has[i] = v != NULL;
        if (i < OWN_NUMBERS)
            l->number[i] = number(v);
        else
            l->text[i - OWN_NUMBERS] = json_string_value(v);
    }
    return take_lists(r, o, e) == 0 ? own_row(r, row, e) : -1;
}

static int next_object(const struct own_reader *r, json_t **o, struct err *e)
{
    json_error_t mistake;
    size_t n = 0;
    char *text;
    int got = lines_next(r->in, &text, &n, e);

    if (got <= 0)
        return got;
    *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &mistake);
    return *o ? 1 : lines_bad(r->in, e, "bad JSON at byte %d: %s", mistake.position, mistake.text);
}

static int next(void *reader, struct trace_row *row, struct err *e)
{
    struct own_reader *r = reader;
    json_t *o;
    int got = next_object(r, &o, e);

    if (got <= 0)
        return got;
    got = take_row(r, o, row, e);
    json_decref(o);
    return got;
}

/* ---- life ---- */

static bool sniff(const char *text, size_t n)
{
    static const char begin[] = "{\"" KEY "\"";

    return n >= sizeof begin - 1 && memcmp(text, begin, sizeof begin - 1) == 0;
}

static int take_first_line(struct own_reader *r, struct err *e)
{
    json_t *o = NULL;

    if (next_object(r, &o, e) <= 0)
        return -1;
    int64_t version = number(json_object_get(o, KEY));
    r->block_tokens = number(json_object_get(o, "block_tokens"));
    int known = check_keys(r, o, first_names, sizeof first_names / sizeof *first_names, e);
    json_decref(o);
    if (known != 0)
        return -1;
    if (version != 1)
        return lines_bad(r->in, e, KEY " is not 1");
    if (r->block_tokens < 1 || r->block_tokens > OWN_BLOCK_TOKENS_MAX)
        return lines_bad(r->in, e, "block_tokens is no whole number from 1 to %d", OWN_BLOCK_TOKENS_MAX);
    return 0;
}

static void close(void *reader)
{
    own_free(reader);
    free(reader);
}

static void *open(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    struct own_reader *r = mem_zalloc(1, sizeof *r);

    (void)o;
    r->in = in;
    lines_expect(in, OWN_LINE_MAX, OWN_LINE_LIMIT, "a call as tiersim export --trace writes it");
    if (take_first_line(r, e) != 0) {
        close(r);
        return NULL;
    }
    *about = (struct trace_about){.times = true, .sessions = true, .graphs = true, .block_tokens = r->block_tokens};
    return r;
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
