/*
 * store.h - the results file: one SQLite database a run.
 *
 * Life of a file: FILE.part is written while the run goes (run.status = 'running'); each trace unit is one
 * commit, so that a cut file is a consistent prefix; store_close writes metrics and counters, builds indices, sets the
 * final status with one fully synced commit, and renames FILE.part to FILE if, and only if, the run is complete. An
 * existing FILE is untouched until then.
 *
 * Journal TRUNCATE, synchronous OFF during the run, FULL for the last commit. WAL is not used: on a full disk
 * it cannot even be opened read-only.
 *
 * Rows go in by `INSERT ... SELECT`: from an image of the unit in SQLite's own format (image.h), and the rows of
 * request, which replace earlier ones, from a virtual table over the unit's array (vtab.h).
 *
 * Who may write (part.h): the writer holds SQLite's exclusive lock on FILE.part, so two runs cannot write the same
 * file. A FILE, or a FILE.part that a dead run left (it may hold hours of results), is replaced only with force;
 * an empty FILE.part is nobody's.
 *
 * A full disk: the unit that found no room is rolled back, which gives its room back, and store_close records
 * status 'failed' with the reason; a reserve of 64 KiB inside the file is given up for that. No metrics are written
 * then, since they would tell of more than the rows do: the report computes them from the rows.
 *
 * Threads: one at a time. store_open and store_close belong to the main thread, the sink to the consumer.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "trace/trace.h"

enum { STORE_APPLICATION_ID = 0x54535231 /* "TSR1" */, STORE_SCHEMA_VERSION = 7 };

struct store_class {
    const char *name;
    double weight;
    int64_t slo_ttft_ns, slo_tpot_ns, slo_e2el_ns; /* 0: none, stored as NULL */
};

struct store_param { /* a row of run_param */
    const char *key, *value_text;
    double value_num; /* NaN: NULL */
    bool is_iter;     /* a study varies it */
};

struct store_pool {
    const char *name, *role;
    int64_t n_replicas, members;              /* so many after each other are one of the scenario's */
    int64_t gpus, kv_blocks, kv_block_tokens; /* of each replica */
};

struct store_config {
    const char *path; /* FILE */
    bool force;       /* replace an existing FILE or a dead run's FILE.part */
    enum log_level level;
    const char *scenario_path, *scenario_text, *resolved, *version;
    uint64_t config_hash;
    int64_t seed, replication, warmup_ns, horizon_ns;
    const struct store_class *classes;
    int64_t n_classes;
    const struct store_pool *pools; /* table replica */
    int64_t n_pools;
    const char *const *agents, *const *tools; /* tables agent and tool */
    int64_t n_agents, n_tools;
    int64_t content_block_tokens; /* of the blocks in table content */
    const struct store_param *params;
    int64_t n_params;
};

/* ---- memories: tables tier, port, move_kind ---- */

struct store_tier {                         /* ids count from 0, which is HBM */
    const char *name, *kind;                /* kind: hbm, dram, nand */
    int64_t units, gpus;                    /* units of the run; GPUs that share one */
    int64_t capacity_bytes, hardware_bytes; /* of a unit: for KV; all */
    double read_Bps, write_Bps;             /* of a unit, as reached */
    int64_t latency_ns;
    double usd_per_gb;          /* NaN: unknown, as for those below */
    bool caches;                /* KV of ended requests stays there */
    double write_amplification; /* NaN: does not wear */
    double drive_writes_per_day, warranty_years;
};

struct store_port {                      /* ids count from 0: the records' */
    const char *name, *kind, *direction; /* kind: hbm, link, tier; direction: up, down, both, or NULL */
    int64_t unit, tier;                  /* tier: -1 for a link */
};

struct store_move_kind {
    const char *name, *help;
};

struct store_memory {
    const struct store_tier *tiers;
    const struct store_port *ports;
    const struct store_move_kind *kinds;
    int64_t n_tiers, n_ports, n_kinds;
};

/* ---- what the run is charged, with [prices]: tables bill, cost, cost_rate ---- */

enum { STORE_BILL_POOLS_MAX = 2, STORE_BILL_TIERS_MAX = 16, STORE_BILL_PARTS_MAX = 32 };

struct store_bill_part { /* a row of bill */
    const char *name, *kind, *product; /* product may be NULL */
    bool is_hbm, is_power;
    int64_t pool, tier; /* pool -1: all share it; tier: of table tier, -1: none */
    bool by_replica;    /* paid while the pool's replicas are there */
    double count, bytes, unit_usd, capex_usd, usd_per_h;
};

struct store_bill_pool {
    int64_t replicas, members; /* of each */
    double gpus;               /* that are paid, of all replicas */
    double idle_W, busy_W, node_W;
    double kv_share; /* room for KV over all HBM */
};

struct store_bill {
    struct store_bill_part part[STORE_BILL_PARTS_MAX];
    struct store_bill_pool pool[STORE_BILL_POOLS_MAX];
    int64_t n_parts, n_pools; /* 0 parts: there are no prices */
    double pue, usd_per_kwh;
    double card_input, card_cached, card_output; /* US$ a million tokens; NaN: no price card */
};

struct store_cost { /* a row of cost */
    int64_t part;   /* row of bill */
    const char *who;
    double usd, full_usd;
};

struct store_rate { /* a row of cost_rate */
    int64_t pool;   /* -1: of tokens found cached */
    const char *what;
    double usd;
};

struct store_metric { /* a row of metric */
    int64_t class_id; /* -1: all classes, stored as NULL */
    const char *name; /* vLLM's JSON key, e.g. mean_ttft_ms */
    double value;     /* NaN: NULL */
    const char *unit;
    bool approximate; /* from the log histogram */
};

struct store_counter { /* a row of counter: the model's own counts, for v_conservation */
    const char *name;
    int64_t value;
};

struct store_end {
    const char *status;  /* "complete", "interrupted", "failed" */
    const char *message; /* why it failed, or NULL */
    uint64_t fingerprint;
    int64_t t_end_ns;
    uint64_t events;
    double wall_s;
    const struct store_metric *metrics;
    int64_t n_metrics;
    const struct store_counter *counters;
    int64_t n_counters;
    const char *const *agents, *const *tools; /* that came up after store_open: numbered after the config's */
    int64_t n_agents, n_tools;
    const struct store_cost *costs;
    const struct store_rate *rates;
    int64_t n_costs, n_rates;
};

struct store;

/* -1 with err: the path exists and force is off, cannot be written, ... */
int store_open(struct store **out, const struct store_config *c, struct err *e);
/* Before the first record. After a failure the run must not go on: the sink will not. */
int store_put_memory(struct store *s, const struct store_memory *m, struct err *e);
int store_put_bill(struct store *s, const struct store_bill *b, struct err *e); /* likewise */
struct sink *store_sink(struct store *s);
/* Writes the end, renames when complete, frees s. After a failure of the sink (disk full) it still tries to
 * record status 'failed' and the message in what was committed. */
int store_close(struct store *s, const struct store_end *end, struct err *e);
const char *store_file(const struct store *s); /* the file as it is now: FILE.part until the rename */

#endif
