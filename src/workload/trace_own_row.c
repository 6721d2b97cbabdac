#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/rng.h"
#include "conf/opt.h"
#include "workload/trace_own.h"

#define ID_MAX       (INT64_MAX / 2)
#define BLOCK_ID_MAX (INT64_MAX - TRACE_TOKENS_MAX)
#define TIME_MAX_NS  (INT64_MAX / 4)

const char *const own_names[OWN_COLUMNS] = {[OWN_ID] = "id",
                                            [OWN_T] = "t_ns",
                                            [OWN_INPUT] = "input_tokens",
                                            [OWN_OUTPUT] = "output_tokens",
                                            [OWN_SESSION] = "session",
                                            [OWN_STEP] = "step",
                                            [OWN_TOOL_NS] = "tool_ns",
                                            [OWN_GAP] = "gap_ns",
                                            [OWN_PROMPT_BLOCKS] = "prompt_blocks",
                                            [OWN_TASK] = "task",
                                            [OWN_BRANCH] = "branch",
                                            [OWN_COMPACTION] = "compaction",
                                            [OWN_REASONING] = "reasoning_tokens",
                                            [OWN_REPEATED] = "repeated_tokens",
                                            [OWN_DEADLINE] = "deadline_ns",
                                            [OWN_CLASS] = "class",
                                            [OWN_TOOL] = "tool",
                                            [OWN_AGENT] = "agent",
                                            [OWN_PARENTS] = "parents",
                                            [OWN_BLOCKS] = "blocks",
                                            [OWN_TOOL_CALLS] = "tool_calls"};

/* ---- the line ---- */

void own_line_clear(struct own_line *l)
{
    memset(l->has, 0, sizeof l->has);
    l->n_parents = l->n_runs = l->n_calls = 0;
}

void own_line_add_parent(struct own_line *l, int64_t id)
{
    if (l->n_parents == l->cap_parents) {
        l->cap_parents = l->cap_parents ? 2 * l->cap_parents : 8;
        l->parent = mem_realloc(l->parent, l->cap_parents * sizeof *l->parent);
    }
    l->parent[l->n_parents++] = id;
}

void own_line_add_run(struct own_line *l, int64_t first, int64_t count)
{
    if (l->n_runs == l->cap_runs) {
        l->cap_runs = l->cap_runs ? 2 * l->cap_runs : 8;
        l->run = mem_realloc(l->run, l->cap_runs * sizeof *l->run);
    }
    l->run[l->n_runs++] = (struct block_run){first, count};
}

void own_line_add_tool_call(struct own_line *l, const struct trace_tool *call)
{
    if (l->n_calls == l->cap_calls) {
        l->cap_calls = l->cap_calls ? 2 * l->cap_calls : 8;
        l->call = mem_realloc(l->call, l->cap_calls * sizeof *l->call);
    }
    l->call[l->n_calls++] = *call;
}

void own_free(struct own_reader *r)
{
    free(r->line.parent);
    free(r->line.run);
    free(r->line.call);
    free(r->ids.at);
}

int own_check_name(const struct own_reader *r, const char *what, const char *name, const char *const *names, size_t n,
                   struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return 0;
    const char *near = opt_nearest(name, names, n);
    return near ? lines_bad(r->in, e, "there is no %s \"%.40s\"; did you mean %s?", what, name, near)
                : lines_bad(r->in, e, "there is no %s \"%.40s\"", what, name);
}

/* ---- ids ---- */

static size_t place(const struct own_ids *s, int64_t id)
{
    size_t i = rng_hash(0, (uint64_t)id) & (s->cap - 1);

    while (s->at[i].graph == s->graph && s->at[i].id != id)
        i = (i + 1) & (s->cap - 1);
    return i;
}

static void grow_ids(struct own_ids *s)
{
    struct own_ids old = *s;

    s->cap = old.cap ? 2 * old.cap : 64;
    s->at = mem_zalloc(s->cap, sizeof *s->at);
    for (size_t i = 0; i < old.cap; i++)
        if (old.at[i].graph == s->graph)
            s->at[place(s, old.at[i].id)] = old.at[i];
    free(old.at);
}

/* False: the graph has it already. */
static bool put_id(struct own_ids *s, int64_t id, bool root)
{
    if (root) {
        s->graph++;
        s->n = 0;
    }
    if (2 * s->n >= s->cap)
        grow_ids(s);
    size_t i = place(s, id);
    if (s->at[i].graph == s->graph)
        return false;
    s->at[i] = (struct own_id){id, s->graph};
    s->n++;
    return true;
}

/* ---- its columns ---- */

/* A whole number from least to most; without the column, `without`. */
static int take(const struct own_reader *r, int column, int64_t least, int64_t most, int64_t without, int64_t *out,
                struct err *e)
{
    *out = r->line.has[column] ? r->line.number[column] : without;
    if (r->line.has[column] && (*out < least || *out > most))
        return lines_bad(r->in, e, "%s is no whole number from %" PRId64 " to %" PRId64, own_names[column], least,
                         most);
    return 0;
}

static int take_needed(const struct own_reader *r, int column, int64_t least, int64_t most, int64_t *out, struct err *e)
{
    if (!r->line.has[column])
        return lines_bad(r->in, e, "%s is missing", own_names[column]);
    return take(r, column, least, most, 0, out, e);
}

static int take_text(struct own_reader *r, int column, const char **out, struct err *e)
{
    const char *text = r->line.text[column - OWN_CLASS];

    *out = NULL;
    if (!r->line.has[column])
        return 0;
    if (text == NULL || strlen(text) >= OWN_TEXT_MAX)
        return lines_bad(r->in, e, "%s is no short text", own_names[column]);
    *out = strcpy(r->text[column - OWN_CLASS], text);
    return 0;
}

static int take_parents(const struct own_reader *r, struct trace_row *row, struct err *e)
{
    for (size_t i = 0; i < r->line.n_parents; i++)
        if (r->line.parent[i] < 0)
            return lines_bad(r->in, e, "parents holds something else than whole numbers");
    row->parents = r->line.parent;
    row->n_parents = (int64_t)r->line.n_parents;
    return 0;
}

static int64_t blocks_of(const struct own_reader *r, int64_t tokens)
{
    return r->block_tokens > 0 ? (tokens + r->block_tokens - 1) / r->block_tokens : 0;
}

static int take_blocks(const struct own_reader *r, struct trace_row *row, struct err *e)
{
    const struct own_line *l = &r->line;
    int64_t all = 0, most = blocks_of(r, row->input_tokens + row->output_tokens);

    for (size_t i = 0; i < l->n_runs; i++) {
        if (l->run[i].id < 0 || l->run[i].id > BLOCK_ID_MAX || l->run[i].n < 1 || l->run[i].n > most - all)
            return lines_bad(
                r->in, e,
                "blocks holds something else than runs of FIRST and COUNT, or more blocks than there are tokens for");
        all += l->run[i].n;
    }
    row->chain = (struct chain){l->run, (int64_t)l->n_runs};
    if (all > 0 && !l->has[OWN_PROMPT_BLOCKS])
        return lines_bad(r->in, e, "prompt_blocks is missing");
    if (take(r, OWN_PROMPT_BLOCKS, 0, all, 0, &row->prompt_blocks, e) != 0)
        return -1;
    if (row->prompt_blocks > blocks_of(r, row->input_tokens))
        return lines_bad(r->in, e, "prompt_blocks are more than the prompt has");
    return 0;
}

static int64_t names_in(const char *joined)
{
    int64_t n = joined != NULL;

    for (; joined && *joined; joined++)
        n += *joined == '+';
    return n;
}

static int take_tool_calls(const struct own_reader *r, struct trace_row *row, struct err *e)
{
    const struct own_line *l = &r->line;

    for (size_t i = 0; i < l->n_calls; i++) {
        const struct trace_tool *t = &l->call[i];
        if (t->latency_ns < 0 || t->latency_ns > row->tool_ns || t->attempts < 1 || t->failed < 0 || t->failed > 1 ||
            t->result_tokens < 0)
            return lines_bad(r->in, e,
                             "tool_calls holds something else than latency (up to tool_ns), attempts, failed (0 or 1) "
                             "and result tokens");
    }
    if (l->has[OWN_TOOL_CALLS] && (int64_t)l->n_calls != names_in(row->tool))
        return lines_bad(r->in, e, "tool_calls are not as many as names of tools");
    row->tool_calls = l->call;
    row->n_tool_calls = (int64_t)l->n_calls;
    return 0;
}

/* Rows that lack agent, task or branch are of no agent (as exports were before they had tasks). */
static int take_agent(struct own_reader *r, struct trace_row *row, struct err *e)
{
    const struct own_line *l = &r->line;

    if (!l->has[OWN_AGENT] || !l->has[OWN_TASK] || !l->has[OWN_BRANCH])
        return 0;
    if (take_text(r, OWN_AGENT, &row->agent, e) != 0 ||
        take(r, OWN_TASK, 0, TRACE_TOKENS_MAX, 0, &row->task, e) != 0 ||
        take(r, OWN_BRANCH, 0, TRACE_TOKENS_MAX, 0, &row->branch, e) != 0 ||
        take(r, OWN_COMPACTION, 0, 1, 0, &row->compaction, e) != 0 ||
        take(r, OWN_REASONING, 0, row->output_tokens, 0, &row->reasoning_tokens, e) != 0 ||
        take(r, OWN_REPEATED, 0, row->input_tokens, 0, &row->repeated_tokens, e) != 0 ||
        take(r, OWN_DEADLINE, 0, TIME_MAX_NS, -1, &row->deadline_ns, e) != 0)
        return -1;
    return take_tool_calls(r, row, e);
}

static int take_time(struct own_reader *r, struct trace_row *row, struct err *e)
{
    int64_t t_ns = 0;

    if (take_needed(r, OWN_T, 0, TIME_MAX_NS, &t_ns, e) != 0)
        return -1;
    if (row->n_parents > 0) {
        if (!r->any)
            return lines_bad(r->in, e, "a row with parents comes before any without");
        if (row->step == 0)
            return lines_bad(r->in, e, "step is 0, but the row has parents");
    } else {
        if (row->step != 0)
            return lines_bad(r->in, e, "step is not 0, but the row has no parents");
        if (t_ns < r->root_ns)
            return lines_bad(r->in, e, "t_ns is before that of the last row without parents");
        r->any = true;
        r->root_ns = t_ns;
    }
    row->t_ns = r->root_ns;
    return 0;
}

int own_row(struct own_reader *r, struct trace_row *row, struct err *e)
{
    *row = (struct trace_row){.t_ns = 0};
    if (take_needed(r, OWN_ID, 0, ID_MAX, &row->id, e) != 0 ||
        take_needed(r, OWN_INPUT, 1, TRACE_TOKENS_MAX, &row->input_tokens, e) != 0 ||
        take_needed(r, OWN_OUTPUT, 1, TRACE_TOKENS_MAX, &row->output_tokens, e) != 0 ||
        take(r, OWN_SESSION, 0, ID_MAX, TRACE_NO_SESSION, &row->session, e) != 0 ||
        take(r, OWN_STEP, 0, TRACE_TOKENS_MAX, 0, &row->step, e) != 0 ||
        take(r, OWN_TOOL_NS, 0, TIME_MAX_NS, 0, &row->tool_ns, e) != 0 ||
        take(r, OWN_GAP, 0, TIME_MAX_NS, 0, &row->gap_ns, e) != 0 ||
        take_text(r, OWN_CLASS, &row->class_name, e) != 0 || take_text(r, OWN_TOOL, &row->tool, e) != 0 ||
        take_parents(r, row, e) != 0 || take_blocks(r, row, e) != 0 || take_agent(r, row, e) != 0 ||
        take_time(r, row, e) != 0)
        return -1;
    if (row->n_parents == 0 && (row->tool || row->tool_ns > 0))
        return lines_bad(r->in, e, "%s without parents: nothing is there whose tools they are",
                         row->tool ? "tool" : "tool_ns");
    if (!put_id(&r->ids, row->id, row->n_parents == 0))
        return lines_bad(r->in, e, "id %" PRId64 " is there twice since the last row without parents", row->id);
    return 1;
}
