/*
 * load.h - a results file, read: what a report shows, and nothing else.
 *
 * The file is untrusted: the connection is defensive, schema functions are not trusted, names must be real tables,
 * every value is checked for type and range, counts are capped. What does not fit is an error, never a crash.
 *
 * FILE.part is opened read-write, so that SQLite rolls back what a killed run left half done. Where a run was
 * killed there are no metrics in the file: they are computed from its rows as the run itself would have, over
 * [warm-up, last instant recorded], and `recomputed` is set. Kinds that its log level left out give NaN.
 */
#ifndef REPORT_LOAD_H
#define REPORT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "report/verdict.h"
#include "store/store.h"

/* What calibration says of a run like this: measured over simulated means, 90% interval, of systems that the engine's
 * figures were not fitted on (engine_options). NaN: not known. */
struct calibration {
    double tpot_low, tpot_high, ttft_low, ttft_high;
    const char *at; /* [engine] calibration, where it is not best: low, high or drawn */
    bool gpu_extrapolated, engine_extrapolated; /* figures carried over from another GPU, another generation */
};

struct sqlite3;

struct results { /* texts and arrays live in the arena; a text that the file leaves NULL is NULL */
    const char *status, *message, *fingerprint, *version, *scenario_path, *config_hash, *log;
    int64_t seed, replication, warmup_ns, horizon_ns /* 0: none */, t_end_ns, events;
    double wall_s; /* NaN: unknown */
    bool recomputed;
    int64_t slo_window_ns; /* 0: none */
    bool mser5; /* the warm-up was found by MSER-5 */

    struct store_class *classes;
    struct store_metric *metrics;
    struct store_counter *counters;
    struct store_pool *pools; /* of them: name and number of replicas */
    int64_t n_classes, n_metrics, n_counters, n_pools;
    struct calibration calibration;
    struct verdict_front front;
    int64_t n_replicas, n_members, gpus, kv_blocks; /* rows of table replica; GPUs of all; blocks of the largest */
    struct arena arena;
};

/* The file itself, checked as far as its schema, for who reads it by SQL; sqlite3_close it. -1 with err. */
int results_open(const char *path, struct sqlite3 **db, struct err *e);

/* The same for a study file (store/study_schema.h): only its own tables are real ones; views are not to be trusted. */
int results_open_study(const char *path, struct sqlite3 **db, struct err *e);
/* Whether the file says that it is a study file; false also for what cannot be read. */
bool results_is_study(const char *path);

/* Frees nothing on failure but the caller must call results_free in any case. */
int results_load(struct results *r, const char *path, struct err *e);
void results_free(struct results *r);

/* NaN when there is no such metric; *approximate may be NULL. class_id -1: all classes. */
double results_metric(const struct results *r, int64_t class_id, const char *name, bool *approximate);
bool results_counter(const struct results *r, const char *name, int64_t *value);

#endif
