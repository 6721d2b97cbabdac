/*
 * trace_own.h - what a line of tiersim's own traces says, whether it is JSON (trace_own.c) or CSV (trace_own_csv.c).
 *
 * Each of the two fills the columns of a line; trace_own_row says whether they are a call, so that both forms mean the
 * same and are refused alike. trace_own.c describes the columns.
 *
 * Ownership: the reader owns its lists and texts; rows borrow them until the next.
 */
#ifndef WORKLOAD_TRACE_OWN_H
#define WORKLOAD_TRACE_OWN_H

#include "workload/trace_format.h"

enum { OWN_LINE_MAX = 1 << 24 }; /* bytes */
#define OWN_LINE_LIMIT       "16 MiB"
#define OWN_BLOCK_TOKENS_MAX 1000000

enum own_column {
    OWN_ID, OWN_T, OWN_INPUT, OWN_OUTPUT, OWN_SESSION, OWN_STEP, OWN_TOOL_NS, OWN_GAP, OWN_PROMPT_BLOCKS, OWN_TASK,
    OWN_BRANCH, OWN_COMPACTION, OWN_REASONING, OWN_REPEATED, OWN_DEADLINE, /* numbers */
    OWN_CLASS, OWN_TOOL, OWN_AGENT, /* texts */
    OWN_PARENTS, OWN_BLOCKS, OWN_TOOL_CALLS, OWN_COLUMNS,
    OWN_NUMBERS = OWN_CLASS, OWN_TEXTS = OWN_PARENTS - OWN_CLASS
};

extern const char *const own_names[OWN_COLUMNS];

struct own_line {
    bool has[OWN_COLUMNS];
    int64_t number[OWN_NUMBERS];  /* below 0: what stands there is none */
    const char *text[OWN_TEXTS];  /* NULL: what stands there is none */
    int64_t *parent;              /* below 0: so, too */
    struct block_run *run;        /* of n below 1: so, too */
    struct trace_tool *call;      /* with a number below 0: so, too */
    size_t n_parents, n_runs, n_calls, cap_parents, cap_runs, cap_calls;
};

enum { OWN_TEXT_MAX = 256 }; /* bytes, with the NUL */

/* Ids of the rows of a graph, to find one that comes twice: a table whose entries of other graphs count as empty. */
struct own_ids {
    struct own_id {
        int64_t id, graph;
    } *at;
    size_t cap, n; /* a power of 2; of the graph */
    int64_t graph; /* from 1 */
};

struct own_reader {
    struct lines *in; /* not owned */
    int64_t block_tokens; /* 0: no row has blocks */
    bool any;             /* a root was read */
    int64_t root_ns;
    char text[OWN_TEXTS][OWN_TEXT_MAX];
    struct own_line line;
    struct own_ids ids;
};

/* Forgets the line before. */
void own_line_clear(struct own_line *l);
void own_line_add_parent(struct own_line *l, int64_t id);
void own_line_add_run(struct own_line *l, int64_t first, int64_t count);
void own_line_add_tool_call(struct own_line *l, const struct trace_tool *call);

/* Whether the name of a key or column (`what`) is one of those known; -1: err, which tells the nearest. */
int own_check_name(const struct own_reader *r, const char *what, const char *name, const char *const *names, size_t n,
                   struct err *e);

/* 1: the line is a call, the row; -1: err. */
int own_row(struct own_reader *r, struct trace_row *row, struct err *e);

void own_free(struct own_reader *r); /* what r holds, not r */

#endif
