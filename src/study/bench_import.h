/*
 * bench_import.h - a user's own load tests as measured rows: files of other programs, and what these do not say.
 *
 *   vLLM `bench serve --save-result`, SGLang's bench_serving: JSON objects, one or several in a file. Keys: model_id,
 *     backend, num_prompts, request_rate, burstiness, max_concurrency, duration, completed, total_input_tokens,
 *     total_output_tokens, input_lens, output_lens, mean_ttft_ms, mean_tpot_ms
 *   AIPerf (and genai-perf) CSV: "Metric,avg,..." with Time to First Token, Inter Token Latency (vLLM's TPOT), Input
 *     and Output Sequence Length, Request Throughput, Request Latency, Request Count
 *   tables of silicon.h, which say everything themselves
 *
 * Load: a closed loop of max_concurrency; or Poisson arrivals where a finite request_rate was held (0.9 of it was
 * served) or nothing limits it. AIPerf's CSV does not tell its concurrency: where none is given it is throughput times
 * mean latency (Little's law: the mean number in flight).
 * Lengths: mean and standard deviation, as constant, uniform (to a standard deviation of 0.55 means) or lognormal.
 *
 * What no file tells (GPU, layout, precision) is given; what is given outranks the file.
 */
#ifndef STUDY_BENCH_IMPORT_H
#define STUDY_BENCH_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "study/build.h"
#include "study/silicon.h"

enum { IMPORT_LOADS_MAX = 64 };

struct import_given { /* NULL, 0: not given */
    const char *gpu, *model, *engine, *engine_version, *precision;
    int64_t tp, dp, pp, moe_tp, moe_ep, gpus, isl, osl;
    int64_t concurrency[IMPORT_LOADS_MAX]; /* one for all runs, or one a run in order */
    size_t n_concurrency;
};

struct import_row {
    struct silicon_row row;
    bool table;  /* of a table: lengths and load as build_text has them; the rest plays no part */
    double rate; /* Poisson arrivals, 1/s; 0: closed loop */
    int64_t requests;
    double isl_sd, osl_sd; /* tokens */
};

struct import {
    struct import_row *rows;
    size_t n, runs; /* runs: rows that are not of tables, so far */
    struct silicon *tables;
    size_t n_tables;
    struct arena arena; /* owns the strings */
};

void import_init(struct import *im);
void import_free(struct import *im);

/* Adds a file's rows. False with diags. */
bool import_read(struct import *im, const char *path, const struct import_given *g, struct diags *d);

/* The row as a scenario, for the caller to free; NULL with why_not. Reads nothing that was measured but the load. */
char *import_text(const struct build *b, const struct import_row *r, char *why_not, size_t size);

#endif
