/*
 * requests.h - single requests of a real server, replayed through the simulator: distributions against distributions.
 *
 *   requests_read     the table: when each request arrived, its lengths, when its first and last token were there
 *   requests_setup    the server, from the JSON beside it: vLLM's own arguments (engine_kwargs)
 *   requests_replay   a scenario with these arrivals and lengths; its requests' times
 *   requests_compare  quantiles, Wasserstein-1 distance
 *
 * Table, columns by name: input_tokens, output_tokens, arrival_s, first_token_s, last_token_s; others are ignored.
 *   TTFT = first - arrival   TPOT = (last - first)/(output_tokens - 1), of answers of two tokens or more
 *   E2EL = last - arrival
 * The prediction reads the first three columns alone.
 *
 * JSON: gpu, engine, engine_version, model, and in engine_kwargs model, tensor_parallel_size, pipeline_parallel_size,
 * data_parallel_size, enable_expert_parallel, max_num_seqs, max_num_batched_tokens, dtype, quantization,
 * kv_cache_dtype; what is missing has the engine's default by the recipes (build.h). Data parallel ranks of a dense
 * model share nothing, so they are replicas.
 *
 * The Wasserstein-1 distance of two samples is the area between their quantile functions (Villani, Optimal Transport,
 * 2009, remark 6.5 and chapter 5): the mean distance a request must be moved, in the measure's own unit.
 *
 * Not modelled: prefix caching, clients' own delays; requests of one instant keep the table's order.
 */
#ifndef STUDY_REQUESTS_H
#define STUDY_REQUESTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/diag.h"
#include "study/build.h"
#include "study/predict.h"
#include "study/silicon.h"

enum requests_of { REQUESTS_TTFT, REQUESTS_TPOT, REQUESTS_E2EL, REQUESTS_OF };

struct requests_row {
    int64_t input_tokens, output_tokens;
    double arrival_s;
    double first_s, last_s; /* negative: never */
    int64_t line;           /* of the table; keeps the order of one instant */
};

struct requests {
    struct requests_row *rows; /* by arrival, which counts from the first */
    size_t n;
};

enum { REQUESTS_SETS_MAX = 8 };

struct requests_setup {
    struct silicon_config config;
    char *sets[REQUESTS_SETS_MAX]; /* -s assignments: what the JSON says and no recipe knows */
    size_t n_sets;
};

struct requests_sample { /* one measure; sorted; ms */
    double *measured, *simulated;
    size_t n_measured, n_simulated;
    double w1_ms;      /* NaN where either is empty */
    double each_error; /* median of |simulated/measured - 1| of the same request, per cent */
};

struct requests_report {
    const char *title; /* the table's path */
    const struct requests_setup *setup;
    const char *engine; /* what [engine] calls itself */
    bool extrapolated;
    int64_t n, completed, preemptions;
    double measured_tokens_s, simulated_tokens_s; /* answers' tokens over the time from first arrival to last token */
    struct requests_sample of[REQUESTS_OF];
};

/* False with diags. */
bool requests_read(struct requests *r, const char *path, struct diags *d);
void requests_free(struct requests *r);

/* meta NULL: TABLE.meta.json beside TABLE.requests.csv. Strings live in the arena. */
bool requests_setup_read(struct requests_setup *s, const char *meta, const char *table, struct arena *a,
                         struct diags *d);

/* simulated: [r->n], the same order, times negative where the request did not end. sets: -s, after the setup's own. */
bool requests_replay(const struct requests *r, const struct requests_setup *s, const struct build *b, char *const *sets,
                     size_t n_sets, struct requests_row *simulated, struct requests_report *report, struct arena *a,
                     struct diags *d);

void requests_compare(const struct requests *r, const struct requests_row *simulated, struct requests_report *report);
void requests_report_free(struct requests_report *report);

/* The area between two samples' quantile functions; both sorted. */
double requests_wasserstein(const double *x, size_t n, const double *y, size_t m);

/* requests_report.c */
void requests_print(const struct requests_report *r, FILE *out);
void requests_json(const struct requests_report *r, FILE *out);
void requests_html(const struct requests_report *r, FILE *out);

#endif
