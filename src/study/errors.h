/*
 * errors.h - predicted against measured: per cent errors by slice.
 *
 *   error = 100 (predicted / measured - 1) of a row's mean TTFT or TPOT
 *
 * Of each slice: n rows measured; median, mean and 90th percentile of |error|; bias, the median of the signed error;
 * and how many rows lie within the engine's 90% interval, measured / predicted in [low, high], where it states one.
 * Percentiles are linear (report/quantile.h). A row without a measurement is in no n.
 *
 * Three sets of rows, apart on purpose (the columns' README): headline, InferenceX runs without a flag; saturated,
 * where requests wait longer than they run, so that a wrong KV capacity shows as a wrong latency; secondary, the rest:
 * other protocols, of which less is known, and other flags.
 */
#ifndef STUDY_ERRORS_H
#define STUDY_ERRORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/layout.h"
#include "report/json.h"
#include "study/predict.h"
#include "study/silicon.h"

enum errors_set { ERRORS_HEADLINE, ERRORS_SATURATED, ERRORS_SECONDARY, ERRORS_SETS };
extern const char *const errors_set_names[ERRORS_SETS];
extern const char *const errors_set_help[ERRORS_SETS];

enum errors_of { ERRORS_TTFT, ERRORS_TPOT, ERRORS_OF };

enum errors_by {
    ERRORS_ALL,
    ERRORS_MODEL,
    ERRORS_GPU,
    ERRORS_ENGINE,
    ERRORS_VERSION,
    ERRORS_PRECISION,
    ERRORS_MODE,
    ERRORS_CONCURRENCY,
    ERRORS_BYS
};
extern const char *const errors_by_names[ERRORS_BYS];

struct errors_row { /* one prediction; an array of them is what errors are made from */
    const struct silicon_row *row;
    enum errors_set set;
    char gpu[64];
    bool built; /* predicted; else why_not */
    const char *why_not;
    double predicted[ERRORS_OF];            /* ms */
    double measured[ERRORS_OF];             /* ms; NaN: none */
    double low[ERRORS_OF], high[ERRORS_OF]; /* the 90% interval of the prediction, ms; NaN: none stated */
    bool extrapolated;                      /* GPU or engine figures of another generation */
};

struct errors_stats {
    int64_t n;
    double median, mean, p90, bias; /* per cent; NaN where n = 0 */
    int64_t n_interval, inside;     /* rows with an interval, and those of them within it */
};

struct errors_slice {
    enum errors_by by;
    char value[64];
    int64_t rows; /* built */
    struct errors_stats of[ERRORS_OF];
};

/* The slices of a set, by kind and then by name; concurrency bands rising. */
struct errors {
    struct errors_slice *slices;
    int64_t n, rows;
    int64_t n_groups;               /* (model, GPU) pairs with a measured TPOT */
    double group_median[ERRORS_OF]; /* median over the pairs of their median |error| */
};

enum errors_set errors_set_of(const struct silicon_row *row);
/* The concurrency band's name: 1-8, 9-32, 33-128, >128. */
const char *errors_band(int64_t concurrency);
/* result NULL: not built, for the reason why_not (kept). */
void errors_fill(struct errors_row *out, const struct silicon_row *row, const struct predict_result *result,
                 const struct scenario *sc, const char *why_not);

/* signed per cent; NaN without a measurement or prediction */
double errors_percent(const struct errors_row *r, enum errors_of of);

struct errors errors_make(const struct errors_row *rows, int64_t n, enum errors_set set);
void errors_free(struct errors *e);

/* How many rows are not built for which reason; most frequent first. */
struct errors_reason {
    const char *why;
    int64_t n;
};
int64_t errors_reasons(const struct errors_row *rows, int64_t n, struct errors_reason **out);

void errors_print(const struct errors_row *rows, int64_t n, FILE *out);
void errors_json(const struct errors_row *rows, int64_t n, FILE *out);
/* A page that needs nothing else (validate_html.c); title is what was compared. */
void errors_html(const struct errors_row *rows, int64_t n, const char *title, FILE *out);

#endif
