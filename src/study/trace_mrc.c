/*
 * trace_mrc.c - the miss-ratio curve of a trace as text or JSON: sizes from one block on, each twice the one before, up to
 * where nothing more is gained; and the sizes that have a half and so on of all there is to gain.
 */
#include <inttypes.h>
#include <math.h>

#include "report/json.h"
#include "study/mrc.h"
#include "study/trace_describe.h"
#include "workload/trace_file.h"

static const double shares[] = {0.5, 0.75, 0.9, 0.95, 0.99, 1};
enum { SHARES = sizeof shares / sizeof *shares };

struct curve {
    const char *path;
    struct mrc m;
    int64_t block_tokens;
    double token_bytes;
};

static double gb(const struct curve *c, int64_t blocks)
{
    return (double)(blocks * c->block_tokens) * c->token_bytes / 1e9;
}

static void size_text(const struct curve *c, int64_t blocks, FILE *out)
{
    fprintf(out, "%12" PRId64 " %14" PRId64, blocks, blocks * c->block_tokens);
    if (c->token_bytes > 0)
        fprintf(out, " %12.6g", gb(c, blocks));
}

static void print_text(const struct curve *c, FILE *out)
{
    const struct mrc *m = &c->m;
    int64_t all = mrc_capacity(m, 1);

    fprintf(out, "trace        %s\n", c->path);
    fprintf(out, "blocks       %" PRId64 " of %" PRId64 " tokens, %" PRId64 " distinct; %" PRId64 " prompt tokens\n", m->blocks,
            c->block_tokens, m->n, m->tokens);
    fprintf(out, "cache        least recently used, prefixes whole; misses are computed\n\n");
    fprintf(out, "%12s %14s%s %12s %12s\n", "blocks", "tokens", c->token_bytes > 0 ? "           GB" : "", "block misses",
            "token misses");
    for (int64_t size = 1;; size = 2 * size < all ? 2 * size : all) {
        struct mrc_hits h = mrc_at(m, size);
        size_text(c, size, out);
        fprintf(out, " %11.4f%% %11.4f%%\n", 100 - 100 * (double)h.blocks / (double)m->blocks,
                100 - 100 * (double)h.tokens / (double)m->tokens);
        if (size >= all)
            break;
    }
    fprintf(out, "\nof all that an unlimited one hits, in tokens\n");
    for (int i = 0; i < SHARES; i++) {
        size_text(c, mrc_capacity(m, shares[i]), out);
        fprintf(out, " %11.4g%%\n", 100 * shares[i]);
    }
}

static void size_json(const struct curve *c, struct json *j, int64_t blocks)
{
    json_int(j, "blocks", blocks);
    json_int(j, "tokens", blocks * c->block_tokens);
    json_real(j, "gb", c->token_bytes > 0 ? gb(c, blocks) : NAN);
}

static void print_json(const struct curve *c, FILE *out)
{
    const struct mrc *m = &c->m;
    struct json j = {.out = out};
    int64_t all = mrc_capacity(m, 1);

    json_open(&j, NULL, '{');
    json_text(&j, "trace", c->path);
    json_int(&j, "block_tokens", c->block_tokens);
    json_int(&j, "blocks", m->blocks);
    json_int(&j, "blocks_distinct", m->n);
    json_int(&j, "prompt_tokens", m->tokens);
    json_open(&j, "curve", '[');
    for (int64_t size = 1;; size = 2 * size < all ? 2 * size : all) {
        struct mrc_hits h = mrc_at(m, size);
        json_open(&j, NULL, '{');
        size_json(c, &j, size);
        json_int(&j, "hit_blocks", h.blocks);
        json_int(&j, "hit_tokens", h.tokens);
        json_close(&j, '}');
        if (size >= all)
            break;
    }
    json_close(&j, ']');
    json_open(&j, "gain", '[');
    for (int i = 0; i < SHARES; i++) {
        json_open(&j, NULL, '{');
        json_real(&j, "share", shares[i]);
        size_json(c, &j, mrc_capacity(m, shares[i]));
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

int trace_describe_mrc(const struct workload_options *o, double token_bytes, bool json, FILE *out, struct err *e)
{
    struct trace_row row;
    struct trace_file *t = trace_file_open(NULL, o, "", e);
    int got = 0;

    if (t == NULL)
        return -1;
    const struct trace_about *about = trace_file_about(t);
    struct curve c = {.path = o->trace, .block_tokens = about->block_tokens, .token_bytes = token_bytes};
    if (c.block_tokens <= 0)
        got = err_set(e, EXIT_CODE_FAILED, "%s: its format names no blocks: nothing is known of what prompts share", o->trace);
    while (got == 0 && (got = trace_file_next(t, &row, e)) == 1) {
        mrc_add(&c.m, &row, about->graphs ? row.prompt_blocks : INT64_MAX, c.block_tokens);
        got = 0;
    }
    if (got == 0 && c.m.blocks == 0)
        got = err_set(e, EXIT_CODE_FAILED, "%s: no prompt in it names a block", o->trace);
    if (got == 0)
        (json ? print_json : print_text)(&c, out);
    mrc_free(&c.m);
    trace_file_close(t);
    return got;
}
