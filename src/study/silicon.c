#include "study/silicon.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"

#define COUNT_MAX 2e6 /* tp x dp x pp stays within int64 */

enum column {
    C_ID,
    C_PROTO,
    C_ENGINE,
    C_ENGINE_VERSION,
    C_MODEL,
    C_SYSTEM,
    C_PRECISION,
    C_GEMM_QUANT,
    C_MOE_QUANT,
    C_ISL,
    C_OSL,
    C_ISL_MEAN,
    C_OSL_MEAN,
    C_CONCURRENCY,
    C_GPUS,
    C_TP,
    C_DP,
    C_PP,
    C_MOE_TP,
    C_MOE_EP,
    C_P_WORKERS,
    C_P_TP,
    C_P_DP,
    C_P_MOE_TP,
    C_P_MOE_EP,
    C_D_WORKERS,
    C_D_TP,
    C_D_DP,
    C_D_MOE_TP,
    C_D_MOE_EP,
    C_MODE,
    C_SPEC,
    C_CURVE,
    C_FLAG,
    C_TTFT_MS,
    C_TPOT_MS,
    COLUMNS
};

static const char *const names[COLUMNS] = {
    "id",        "proto",     "engine", "engine_version", "model",     "system",      "precision", "gemm_quant",
    "moe_quant", "isl",       "osl",    "isl_mean",       "osl_mean",  "concurrency", "gpus",      "tp",
    "dp",        "pp",        "moe_tp", "moe_ep",         "p_workers", "p_tp",        "p_dp",      "p_moe_tp",
    "p_moe_ep",  "d_workers", "d_tp",   "d_dp",           "d_moe_tp",  "d_moe_ep",    "mode",      "spec",
    "curve",     "flag",      "ttft_ms", "tpot_ms"};

struct reader {
    const struct csv *csv;
    int at[COLUMNS];
    size_t row;
    struct silicon_row *out;
};

static void cannot(struct silicon_row *row, const char *why)
{
    if (*row->why_not == '\0')
        snprintf(row->why_not, sizeof row->why_not, "%s", why);
}

static const char *text(const struct reader *r, enum column c)
{
    return r->at[c] < 0 ? "" : csv_text(r->csv, r->row, r->at[c]);
}

static const char *text_or(const struct reader *r, enum column c, const char *deflt)
{
    const char *s = text(r, c);

    return *s ? s : deflt;
}

/* False where the field is empty, missing or no number. */
static bool number(const struct reader *r, enum column c, double *value)
{
    const char *end;

    return *text(r, c) && units_number(text(r, c), value, &end) && *end == '\0';
}

/* A whole number from 1, deflt where there is none; what is neither keeps the row from being built. */
static int64_t count(const struct reader *r, enum column c, int64_t deflt)
{
    double value;
    char why[64];

    if (*text(r, c) == '\0')
        return deflt;
    if (number(r, c, &value) && value >= 1 && value <= COUNT_MAX && value == floor(value))
        return (int64_t)value;
    snprintf(why, sizeof why, "%s is not a whole number from 1", names[c]);
    cannot(r->out, why);
    return deflt;
}

static int64_t needed(const struct reader *r, enum column c)
{
    int64_t n = count(r, c, 0);
    char why[64];

    snprintf(why, sizeof why, "no %s", names[c]);
    if (n == 0)
        cannot(r->out, why);
    return n;
}

static double mean(const struct reader *r, enum column c)
{
    double value = 0;

    if (*text(r, c) && (!number(r, c, &value) || value < 1 || value > COUNT_MAX)) {
        char why[64];
        snprintf(why, sizeof why, "%s is not a number of tokens", names[c]);
        cannot(r->out, why);
        return 0;
    }
    return value;
}

static double measurement(const struct reader *r, enum column c)
{
    double value;

    return number(r, c, &value) && value > 0 ? value : NAN;
}

static bool check_kind(struct reader *r)
{
    bool pools = *text(r, C_P_WORKERS) || strcmp(text(r, C_MODE), "disagg") == 0;
    const char *spec = text(r, C_SPEC);

    r->out->mode = pools ? "disagg" : text_or(r, C_MODE, "agg");
    if (*spec && strcmp(spec, "none") != 0)
        cannot(r->out, "speculative decoding, but no acceptance rate is given");
    return pools;
}

/* first: its p_workers or d_workers; the others follow in the order of enum column. */
static struct silicon_pool read_pool(const struct reader *r, enum column first)
{
    return (struct silicon_pool){
        .workers = needed(r, first),
        .tp = needed(r, first + C_P_TP - C_P_WORKERS),
        .dp = count(r, first + C_P_DP - C_P_WORKERS, 1),
        .moe_tp = count(r, first + C_P_MOE_TP - C_P_WORKERS, 0),
        .moe_ep = count(r, first + C_P_MOE_EP - C_P_WORKERS, 0),
    };
}

static void read_pools(const struct reader *r, struct silicon_config *c)
{
    c->prefill = read_pool(r, C_P_WORKERS);
    c->decode = read_pool(r, C_D_WORKERS);
    c->tp = c->prefill.tp;
    c->dp = c->prefill.dp;
    c->moe_tp = c->prefill.moe_tp;
    c->moe_ep = c->prefill.moe_ep;
}

static void read_layout(const struct reader *r, struct silicon_config *c)
{
    c->tp = needed(r, C_TP);
    c->dp = count(r, C_DP, 1);
    c->moe_tp = count(r, C_MOE_TP, 0);
    c->moe_ep = count(r, C_MOE_EP, 0);
}

static void read_config(struct reader *r, bool pools, struct silicon_config *c)
{
    *c = (struct silicon_config){
        .id = text(r, C_ID),
        .proto = text(r, C_PROTO),
        .engine = text(r, C_ENGINE),
        .engine_version = text(r, C_ENGINE_VERSION),
        .model = text(r, C_MODEL),
        .system = text(r, C_SYSTEM),
        .precision = text(r, C_PRECISION),
        .gemm_quant = text(r, C_GEMM_QUANT),
        .moe_quant = text(r, C_MOE_QUANT),
        .concurrency = needed(r, C_CONCURRENCY),
        .isl = needed(r, C_ISL),
        .osl = needed(r, C_OSL),
        .isl_mean = mean(r, C_ISL_MEAN),
        .osl_mean = mean(r, C_OSL_MEAN),
        .gpus = count(r, C_GPUS, 0),
        .pp = count(r, C_PP, 1),
    };
    (pools ? read_pools : read_layout)(r, c);
    if (*c->id == '\0')
        cannot(r->out, "no id");
}

static void read_row(struct reader *r)
{
    struct silicon_row *row = r->out;

    bool pools = check_kind(r); /* first: of several reasons, this one says most */
    read_config(r, pools, &row->config);
    row->curve = text(r, C_CURVE);
    row->flag = text(r, C_FLAG);
    row->ttft_ms = measurement(r, C_TTFT_MS);
    row->tpot_ms = measurement(r, C_TPOT_MS);
}

/* The same curve: of the table's rows, which are some thousands at most. */
static void find_most(struct silicon *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct silicon_row *row = &s->rows[i];
        row->config.users_most = row->config.concurrency;
        for (size_t j = 0; *row->curve && j < s->n; j++)
            if (strcmp(s->rows[j].curve, row->curve) == 0 && s->rows[j].config.concurrency > row->config.users_most)
                row->config.users_most = s->rows[j].config.concurrency;
    }
}

static bool find_columns(struct reader *r, struct diags *d)
{
    static const enum column must[] = {C_ID, C_MODEL, C_SYSTEM, C_ENGINE, C_CONCURRENCY, C_ISL, C_OSL};
    size_t mistakes = d->n;

    for (int c = 0; c < COLUMNS; c++)
        r->at[c] = csv_column(r->csv, names[c]);
    for (size_t i = 0; i < sizeof must / sizeof *must; i++)
        csv_need(r->csv, names[must[i]], d);
    if (r->at[C_P_WORKERS] < 0 && r->at[C_MODE] < 0)
        csv_need(r->csv, names[C_TP], d);
    return d->n == mistakes;
}

bool silicon_read(struct silicon *s, const char *path, struct diags *d)
{
    *s = (struct silicon){.csv = csv_read(path, d)};
    struct reader r = {.csv = s->csv};

    if (r.csv == NULL || !find_columns(&r, d)) {
        silicon_free(s);
        return false;
    }
    s->n = csv_rows(r.csv);
    s->rows = mem_zalloc(s->n, sizeof *s->rows);
    for (r.row = 0; r.row < s->n; r.row++) {
        r.out = &s->rows[r.row];
        read_row(&r);
    }
    find_most(s);
    return true;
}

void silicon_free(struct silicon *s)
{
    csv_free(s->csv);
    free(s->rows);
    *s = (struct silicon){0};
}

bool silicon_has_flag(const struct silicon_row *row, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = row->flag; *at; at += strcspn(at, ";"), at += *at == ';')
        if (strncmp(at, name, n) == 0 && (at[n] == ';' || at[n] == '\0'))
            return true;
    return false;
}
