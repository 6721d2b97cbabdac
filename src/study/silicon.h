/*
 * silicon.h - measured load points of real deployments: one row is one deployment under one concurrency.
 *
 * What a row says falls in two parts, kept apart on purpose:
 *   struct silicon_config  what was run: a prediction is made from this and from nothing else
 *   the rest of the row    what was measured, and what the table's authors think of it: only errors are made from this
 * so that no prediction can read a measurement: build.h takes the first part alone.
 *
 * Columns by name, in any order; those that are not listed here are ignored:
 *   id model system engine tp concurrency isl osl   must be there; a table of prefill/decode pools needs no tp
 *   proto precision gemm_quant moe_quant isl_mean osl_mean gpus dp pp moe_tp moe_ep engine_version
 *                                           may be missing or empty: the default is said at the field
 *   curve                                   the same in rows that differ only in concurrency; empty or missing: alone
 *   p_workers p_tp p_dp p_moe_tp p_moe_ep   workers that compute prompts, apart from those that answer, and the layout
 *   d_workers d_tp d_dp d_moe_tp d_moe_ep   of each; where p_workers is, tp to moe_ep play no part
 *   mode                                    agg or disagg; without it, as p_workers says
 *   spec                                    tells what cannot be built
 *   ttft_ms tpot_ms flag                    the measurement; empty or missing: there is nothing to compare with
 *
 * A row that cannot be built has the reason why; the table is read on. A measured field that is no number counts as
 * empty.
 */
#ifndef STUDY_SILICON_H
#define STUDY_SILICON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "study/csv.h"

struct silicon_pool { /* of alike workers, each a server with its own GPUs */
    int64_t workers; /* 0: there is no such pool */
    int64_t tp, dp;  /* of one worker */
    int64_t moe_tp, moe_ep;
};

struct silicon_config {
    const char *id;
    const char *proto; /* ix10c: InferenceX; anything else: exact lengths */
    const char *engine, *engine_version;
    const char *model, *system;
    const char *precision;              /* of the large linear layers: bf16, fp8, fp4, int4 */
    const char *gemm_quant, *moe_quant; /* finer labels; empty: as precision */
    int64_t isl, osl;                   /* nominal prompt and answer, in tokens */
    double isl_mean, osl_mean;          /* 0: as proto says */
    int64_t concurrency;                /* requests in flight over the whole deployment */
    int64_t users_most;                 /* the most of that in its curve: what the deployment was set up for */
    int64_t gpus;                       /* of the deployment; 0: of one replica */
    int64_t tp, dp, pp;                 /* of one replica; dp, pp: 1 where not given */
    int64_t moe_tp, moe_ep;             /* 0: not given */
    struct silicon_pool prefill, decode; /* pools that hand over; tp to moe_ep above are then prefill's */
};

struct silicon_row {
    struct silicon_config config;
    char why_not[96];        /* why it cannot be built; empty: it can, as far as the row alone tells */
    const char *mode;        /* agg: one engine does prefill and decode; disagg: pools */
    const char *curve;       /* of which rows this is one load point; empty: alone */
    const char *flag;        /* the authors' doubts, separated by ; */
    double ttft_ms, tpot_ms; /* means; NaN: not measured */
};

struct silicon {
    struct csv *csv; /* owns the strings */
    struct silicon_row *rows;
    size_t n;
};

/* False with diags: the file cannot be read, or a column that must be there is not. */
bool silicon_read(struct silicon *s, const char *path, struct diags *d);
void silicon_free(struct silicon *s);

/* Whether one of the flags, separated by ;, is name. */
bool silicon_has_flag(const struct silicon_row *row, const char *name);

#endif
