/*
 * trace_mooncake.c - reader of Mooncake's traces (Qin et al., FAST'25): one JSON object a line.
 *
 *   {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 48, ..., 2353, 2354]}
 *
 * Schema: https://github.com/kvcache-ai/Mooncake, FAST25-release/traces. timestamp is in ms, whole or with a fraction,
 * and counts from the first row's. hash_ids names each block of the prompt, 512 tokens or what the scenario says; equal
 * ids are equal content after an equal prefix, and the last block may be partial (its id is then that of the partial
 * content). Consecutive ids become one run of the row's chain. Fields beside these four are not looked at.
 *
 * Rows are in order of time; equal timestamps are fine. Nothing is skipped: a line that is not such an object (bad
 * JSON, a field missing, twice or of another type, tokens not from 1 to TRACE_TOKENS_MAX, other than one id a block, a
 * time before the last row's, JSON nested deeper than jansson allows, 2048) is an error. A line has 16 MiB at most: ids
 * of some 10^6 blocks.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bug.h"
#include "workload/trace_format.h"
#include "workload/trace_time.h"

#define WANT_ROW "{\"timestamp\": ms, \"input_length\": tokens, \"output_length\": tokens, \"hash_ids\": [id, ...]}"

enum { NS_PER_MS = 1000000, LINE_MAX_BYTES = 1 << 24 };

#define MS_MAX INT64_C(9000000000000) /* keeps ns within int64; 285 years */
#define ID_MAX (INT64_MAX / 2)        /* so that the end of a run is an id too */

struct reader {
    struct lines *in;
    int64_t block_tokens;
    struct trace_clock clock;
    struct block_run *run;
    int64_t n_runs, cap_runs;
};

/* ---- fields ---- */

static int take_time(struct reader *t, const json_t *o, int64_t *t_ns, struct err *e)
{
    const json_t *v = json_object_get(o, "timestamp");
    double ms = json_number_value(v);

    if (!json_is_number(v) || !(ms >= 0 && ms <= (double)MS_MAX))
        return lines_bad(t->in, e, "timestamp is %s", v ? "no time in ms from 0 to 9e12" : "missing");
    int64_t ns = json_is_integer(v) ? json_integer_value(v) * NS_PER_MS : (int64_t)(ms * NS_PER_MS + 0.5);
    if (!trace_clock_take(&t->clock, ns, t_ns))
        return lines_bad(t->in, e, "timestamp %.17g is before that of the last line", ms);
    return 0;
}

static int take_tokens(const struct reader *t, const json_t *o, const char *key, int64_t *tokens, struct err *e)
{
    const json_t *v = json_object_get(o, key);

    *tokens = json_integer_value(v);
    if (json_is_integer(v) && *tokens >= 1 && *tokens <= TRACE_TOKENS_MAX)
        return 0;
    return lines_bad(t->in, e, "%s is %s", key, v ? "no whole number of tokens from 1 to 2147483647" : "missing");
}

static void add_block(struct reader *t, int64_t id)
{
    if (t->n_runs > 0 && t->run[t->n_runs - 1].id + t->run[t->n_runs - 1].n == id) {
        t->run[t->n_runs - 1].n++;
        return;
    }
    if (t->n_runs == t->cap_runs) {
        t->cap_runs = t->cap_runs ? 2 * t->cap_runs : 16;
        t->run = mem_realloc(t->run, (size_t)t->cap_runs * sizeof *t->run);
    }
    t->run[t->n_runs++] = (struct block_run){id, 1};
}

static int take_blocks(struct reader *t, const json_t *o, int64_t input_tokens, struct err *e)
{
    const json_t *ids = json_object_get(o, "hash_ids");
    int64_t blocks = (input_tokens + t->block_tokens - 1) / t->block_tokens;

    if (!json_is_array(ids))
        return lines_bad(t->in, e, "hash_ids is %s", ids ? "no list" : "missing");
    if ((int64_t)json_array_size(ids) != blocks)
        return lines_bad(t->in, e,
                         "hash_ids has %zu ids, but %" PRId64 " tokens are %" PRId64 " blocks of %" PRId64
                         " (workload.trace_block_tokens)",
                         json_array_size(ids), input_tokens, blocks, t->block_tokens);
    t->n_runs = 0;
    for (size_t i = 0; i < (size_t)blocks; i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > ID_MAX)
            return lines_bad(t->in, e, "hash_ids holds something else than whole numbers from 0 to 2^62 - 1");
        add_block(t, json_integer_value(id));
    }
    return 0;
}

static int take_row(struct reader *t, const json_t *o, struct trace_row *row, struct err *e)
{
    if (!json_is_object(o))
        return lines_bad(t->in, e, "the line is no JSON object");
    if (take_time(t, o, &row->t_ns, e) != 0 || take_tokens(t, o, "input_length", &row->input_tokens, e) != 0 ||
        take_tokens(t, o, "output_length", &row->output_tokens, e) != 0 || take_blocks(t, o, row->input_tokens, e) != 0)
        return -1;
    row->chain = (struct chain){t->run, t->n_runs};
    return 1;
}

/* ---- life ---- */

static bool sniff(const char *line, size_t n)
{
    return n > 0 && line[0] == '{';
}

static void *open_reader(struct lines *in, const struct workload_options *o, struct trace_about *about, struct err *e)
{
    struct reader *t = mem_zalloc(1, sizeof *t);

    (void)e;
    sim_assert(o->trace_block_tokens >= 1);
    lines_expect(in, LINE_MAX_BYTES, "16 MiB", WANT_ROW);
    t->in = in;
    t->block_tokens = o->trace_block_tokens;
    *about = (struct trace_about){.times = true, .block_tokens = t->block_tokens};
    return t;
}

static void close_reader(void *reader)
{
    struct reader *t = reader;

    free(t->run);
    free(t);
}

static int next_row(void *reader, struct trace_row *row, struct err *e)
{
    struct reader *t = reader;
    json_error_t mistake;
    char *text;
    size_t n = 0;
    int got = lines_next(t->in, &text, &n, e);

    if (got <= 0)
        return got;
    json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &mistake);
    if (o == NULL)
        return lines_bad(t->in, e, "bad JSON at byte %d: %s", mistake.position, mistake.text);
    got = take_row(t, o, row, e);
    json_decref(o);
    return got;
}

const struct trace_kind trace_mooncake = {
    .name = "mooncake",
    .is = "Mooncake's traces",
    .first_line = WANT_ROW,
    .sniff = sniff,
    .open = open_reader,
    .next = next_row,
    .close = close_reader,
};
