#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "store/store.h"
#include "trace/trace.h"

struct column {
    const char *name, *decl, *help;
};

struct table {
    const char *name, *help;
    const struct column *columns; /* ends at name NULL */
};

static const struct column run_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "1: a file holds one run"},
    {"status", "TEXT NOT NULL CHECK (status IN ('running', 'complete', 'interrupted', 'failed'))",
     "running: being written, or killed; else how it ended"},
    {"message", "TEXT", "why it failed"},
    {"fingerprint", "TEXT", "digest of the ordered records and of every draw, 16 hex digits"},
    {"version", "TEXT NOT NULL", "of the program that wrote the file"},
    {"scenario_path", "TEXT NOT NULL", "the scenario as it was named"},
    {"config_hash", "TEXT NOT NULL", "hash of the resolved scenario, 16 hex digits"},
    {"seed", "INTEGER NOT NULL", "run.seed"},
    {"replication", "INTEGER NOT NULL", "run.replication"},
    {"log", "TEXT NOT NULL", "all, step, request or summary: which record tables are filled"},
    {"warmup_ns", "INTEGER NOT NULL", "metrics leave out what came before"},
    {"horizon_ns", "INTEGER", "the run was cut here; NULL: no horizon"},
    {"t_end_ns", "INTEGER", "the last instant simulated; NULL while running"},
    {"content_block_tokens", "INTEGER NOT NULL", "tokens of each block of table content"},
    {"events", "INTEGER", "events handled by the engine"},
    {"wall_s", "REAL", "wall time of the simulation"},
    {"scenario_text", "TEXT NOT NULL", "the scenario file as it was"},
    {"resolved", "TEXT NOT NULL", "the scenario in normal form: every option with its value"},
    {0},
};
static const struct column run_param_columns[] = {
    {"run_id", "INTEGER NOT NULL REFERENCES run(id)", "the run"},
    {"key", "TEXT NOT NULL", "section.key"},
    {"value_text", "TEXT NOT NULL", "the value as in the normal form"},
    {"value_num", "REAL", "the value in its base unit, where it is a number"},
    {"is_iter", "INTEGER NOT NULL", "1: a study varies this key"},
    {0},
};
static const struct column class_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "classes are numbered in the order of the scenario, from 0"},
    {"name", "TEXT NOT NULL", "[class NAME]"},
    {"weight", "REAL NOT NULL", "its share of the requests, relative to the others"},
    {"slo_ttft_ns", "INTEGER", "objective for the time to first token; NULL: none"},
    {"slo_tpot_ns", "INTEGER", "objective for the time per output token; NULL: none"},
    {"slo_e2el_ns", "INTEGER", "objective for the end-to-end latency; NULL: none"},
    {0},
};
static const struct column agent_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "agents are numbered in the order of the scenario, from 0"},
    {"name", "TEXT NOT NULL", "[agent NAME]"},
    {0},
};
static const struct column tool_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "tools are numbered in the order of the scenario, from 0"},
    {"name", "TEXT NOT NULL", "[tool NAME]"},
    {0},
};
static const struct column replica_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "replicas are numbered from 0"},
    {"gpus", "INTEGER NOT NULL", "GPUs it runs on"},
    {"kv_blocks", "INTEGER NOT NULL", "capacity of its KV cache in blocks"},
    {"kv_block_tokens", "INTEGER NOT NULL", "tokens a block holds"},
    {"pool", "TEXT NOT NULL", "[pool NAME] that it belongs to; all: there are no pools"},
    {"role", "TEXT NOT NULL", "what the pool does: both, prefill or decode"},
    {"first_member", "INTEGER NOT NULL REFERENCES replica(id)",
     "attention ranks and micro-batches with batches of their own (ranks, micro_batches = apart) have a row each, with "
     "their part of GPUs and KV: the first of those that are one replica; else the id itself"},
    {0},
};
static const struct column tier_columns[] = {
    {"id", "INTEGER PRIMARY KEY",
     "0: HBM; then those in use, warmest first; then those that others only bounce through"},
    {"name", "TEXT NOT NULL", "[tier NAME]; hbm"},
    {"kind", "TEXT NOT NULL", "hbm, dram or nand"},
    {"units", "INTEGER NOT NULL", "how many there are in the run: of HBM, one a replica"},
    {"gpus", "INTEGER NOT NULL", "GPUs that share a unit"},
    {"capacity_bytes", "INTEGER NOT NULL", "room for KV in a unit"},
    {"hardware_bytes", "INTEGER NOT NULL", "all that a unit holds"},
    {"read_Bps", "REAL NOT NULL", "read bandwidth of a unit in bytes per second, as reached"},
    {"write_Bps", "REAL NOT NULL", "write bandwidth of a unit in bytes per second, as reached"},
    {"latency_ns", "INTEGER NOT NULL", "time of a transfer beside its bytes"},
    {"usd_per_gb", "REAL", "price in US$/GB; NULL: unknown"},
    {"caches", "INTEGER NOT NULL", "1: KV of earlier requests is kept there for later ones"},
    {"write_amplification", "REAL", "bytes programmed for each byte written; NULL: does not wear"},
    {"drive_writes_per_day", "REAL", "hardware_bytes that may be programmed each day of the warranty; NULL: unknown"},
    {"warranty_years", "REAL", "how long that is promised for; NULL: unknown"},
    {0},
};
static const struct column port_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "ports are numbered from 0: HBM of each replica, links, tiers"},
    {"name", "TEXT NOT NULL", "[link NAME], [tier NAME], or hbm"},
    {"unit", "INTEGER NOT NULL", "which of those of the name: of hbm, the replica"},
    {"kind", "TEXT NOT NULL", "hbm, link or tier"},
    {"direction", "TEXT", "of a link: up (towards HBM), down, or both (what both directions reach together)"},
    {"tier", "INTEGER REFERENCES tier(id)", "whose port; NULL: a link"},
    {0},
};
static const struct column move_kind_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "what uses a port"},
    {"name", "TEXT NOT NULL", "in a word"},
    {"help", "TEXT NOT NULL", "in more"},
    {0},
};
static const struct column bill_columns[] = {
    {"id", "INTEGER PRIMARY KEY", "parts are numbered from 0"},
    {"name", "TEXT NOT NULL", "gpu, hbm, nic, node, power, or the tier's"},
    {"kind", "TEXT NOT NULL", "gpu, hbm, warm (a tier of DRAM), cold (of NAND), nic, node or power"},
    {"product", "TEXT", "which GPU or memory; NULL: neither"},
    {"pool", "INTEGER", "whose: pools are numbered from 0; NULL: all share it"},
    {"tier", "INTEGER REFERENCES tier(id)", "which memory; NULL: none"},
    {"by_replica", "INTEGER NOT NULL", "1: paid while the pool's replicas are there, 0: always"},
    {"count", "REAL NOT NULL", "of GPUs, or of units of a tier"},
    {"bytes", "REAL NOT NULL", "of memory, all together"},
    {"unit_usd", "REAL NOT NULL", "price of one in US$, of memory a GB; 0: not bought"},
    {"capex_usd", "REAL NOT NULL", "of all; 0: not bought"},
    {"usd_per_h", "REAL NOT NULL", "of all, for each hour, used or not"},
    {0},
};
static const struct column bill_pool_columns[] = {
    {"pool", "INTEGER PRIMARY KEY", "pools are numbered from 0"},
    {"replicas", "INTEGER NOT NULL", "of the pool, at most"},
    {"members", "INTEGER NOT NULL", "rows of table replica that are one of them"},
    {"gpus", "REAL NOT NULL", "GPUs that are paid, of all replicas"},
    {"idle_w", "REAL NOT NULL", "watts of a GPU without a step"},
    {"busy_w", "REAL NOT NULL", "watts of a GPU in a step"},
    {"node_w", "REAL NOT NULL", "watts of the rest of the system, per GPU"},
    {"kv_share", "REAL NOT NULL", "room for KV over all HBM"},
    {"pue", "REAL NOT NULL", "power of the building over that of the machines in it"},
    {"usd_per_kwh", "REAL NOT NULL", "that the bill pays beside its parts, for power above idle; 0: the price has it"},
    {0},
};
static const struct column cost_columns[] = {
    {"part", "INTEGER NOT NULL REFERENCES bill(id)", "of the bill"},
    {"who", "TEXT NOT NULL",
     "input, cached, output: prompts, cached tokens and answers of requests that were answered; lost: requests that were "
     "not; other: requests that came before warm-up or were in flight at the end; idle: nobody"},
    {"usd", "REAL NOT NULL", "US$ of what it used; the sum over all is the bill"},
    {"full_usd", "REAL NOT NULL", "US$ with its share of the part's idle; the same sum"},
    {0},
};
static const struct column cost_rate_columns[] = {
    {"pool", "INTEGER", "in whose steps; NULL: in all"},
    {"what", "TEXT NOT NULL",
     "prefill_ns, decode_ns, prefill_token_us, decode_token_us (columns of request_cost), cached_tokens"},
    {"usd", "REAL NOT NULL", "US$ of one, idle included"},
    {0},
};
static const struct column metric_columns[] = {
    {"class", "INTEGER REFERENCES class(id)", "NULL: all classes"},
    {"name", "TEXT NOT NULL", "vLLM's key where it has one"},
    {"value", "REAL", "NULL where it is not defined (a mean of nothing)"},
    {"unit", "TEXT NOT NULL", "of the value"},
    {"approximate", "INTEGER NOT NULL", "1: from a log histogram, within 0.1 %"},
    {0},
};
static const struct column counter_columns[] = {
    {"name", "TEXT NOT NULL", "what the model counted, by itself, for v_conservation"},
    {"value", "INTEGER NOT NULL", "the count at the end of the run"},
    {0},
};
static const struct column doc_columns[] = {
    {"table_name", "TEXT NOT NULL", "a table or view of this file"},
    {"column_name", "TEXT", "one of its columns; NULL: the row tells of the table"},
    {"help", "TEXT NOT NULL", "what it holds"},
    {0},
};
static const struct column reserve_columns[] = {
    {"room", "BLOB NOT NULL", "zeros"},
    {0},
};

static const struct table fixed_tables[] = {
    {"run", "the run: what was asked, how it ended", run_columns},
    {"run_param", "every option of the scenario, one a row", run_param_columns},
    {"class", "request classes and their objectives (SLOs)", class_columns},
    {"agent", "kinds of agents", agent_columns},
    {"tool", "what agents call", tool_columns},
    {"replica", "the replicas that serve", replica_columns},
    {"tier", "memories: HBM and what lies below it", tier_columns},
    {"port", "where transfers and steps share bandwidth: each memory, and each direction of each link", port_columns},
    {"move_kind", "what uses ports: transfers by purpose, and steps", move_kind_columns},
    {"bill", "with [prices]: what the fleet costs by the hour, part by part", bill_columns},
    {"bill_pool", "with [prices]: GPUs and watts of each pool", bill_pool_columns},
    {"cost", "with [prices]: the bill from warm-up to the end, and whose it is", cost_columns},
    {"cost_rate", "with [prices]: US$ of a unit of what requests take", cost_rate_columns},
    {"metric", "the results, computed from the records when the run ended", metric_columns},
    {"counter", "the model's own counts", counter_columns},
    {"doc", "what tables and columns mean", doc_columns},
    {"reserve", "room given up at the end, so that a full disk can still take the run's status", reserve_columns},
};
enum { N_FIXED = sizeof fixed_tables / sizeof fixed_tables[0] };

static int exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int document(sqlite3_stmt *doc, const char *table, const char *column, const char *help)
{
    sqlite3_bind_text(doc, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(doc, 2, column, -1, SQLITE_STATIC);
    sqlite3_bind_text(doc, 3, help, -1, SQLITE_STATIC);
    sqlite3_step(doc);
    return sqlite3_reset(doc);
}

static void record_column(FILE *ddl, const struct ev_field *f)
{
    fprintf(ddl, "%s %s", f->name, f->type == FIELD_STATUS ? "TEXT" : "INTEGER");
    if (f->type == FIELD_INT || f->type == FIELD_STATUS)
        fputs(" NOT NULL", ddl);
    if (f->reference[0])
        fprintf(ddl, " %s", f->reference);
}

/* Which TIMEs may be missing is not said in events.def, so none is NOT NULL. */
static void record_tables(FILE *ddl)
{
    for (int k = 0; k < EV_KINDS; k++) {
        fprintf(ddl, "CREATE TABLE %s(", ev_info[k].table);
        for (int f = 0; f < ev_info[k].n_fields; f++) {
            fputs(f ? ",\n  " : "\n  ", ddl);
            record_column(ddl, &ev_info[k].fields[f]);
        }
        fputs("\n) STRICT;\n", ddl);
    }
}

char *schema_record_tables(void)
{
    char *text = NULL;
    size_t size;
    FILE *ddl = open_memstream(&text, &size);

    sim_assert(ddl);
    record_tables(ddl);
    sim_assert(fclose(ddl) == 0);
    return text;
}

static char *all_ddl(void)
{
    char *text = NULL;
    size_t size;
    FILE *ddl = open_memstream(&text, &size);

    sim_assert(ddl);
    for (int t = 0; t < N_FIXED; t++) {
        fprintf(ddl, "CREATE TABLE %s(", fixed_tables[t].name);
        for (const struct column *c = fixed_tables[t].columns; c->name; c++)
            fprintf(ddl, "%s\n  %s %s", c == fixed_tables[t].columns ? "" : ",", c->name, c->decl);
        fputs("\n) STRICT;\n", ddl);
    }
    record_tables(ddl);
    sim_assert(fclose(ddl) == 0);
    return text;
}

static int document_all(sqlite3 *db)
{
    sqlite3_stmt *doc;
    int rc = sqlite3_prepare_v2(db, "INSERT INTO doc VALUES(?,?,?)", -1, &doc, NULL);

    for (int t = 0; !rc && t < N_FIXED; t++) {
        rc = document(doc, fixed_tables[t].name, NULL, fixed_tables[t].help);
        for (const struct column *c = fixed_tables[t].columns; !rc && c->name; c++)
            rc = document(doc, fixed_tables[t].name, c->name, c->help);
    }
    for (int k = 0; !rc && k < EV_KINDS; k++) {
        rc = document(doc, ev_info[k].table, NULL, ev_info[k].help);
        for (int f = 0; !rc && f < ev_info[k].n_fields; f++)
            rc = document(doc, ev_info[k].table, ev_info[k].fields[f].name, ev_info[k].fields[f].help);
    }
    sqlite3_finalize(doc);
    return rc;
}

int schema_create(sqlite3 *db)
{
    char pragmas[96];
    char *ddl = all_ddl();
    int rc;

    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d; PRAGMA user_version=%d", STORE_APPLICATION_ID,
             STORE_SCHEMA_VERSION);
    rc = exec(db, pragmas);
    if (!rc)
        rc = exec(db, ddl);
    if (!rc)
        rc = document_all(db);
    if (!rc)
        rc = exec(db, store_views_sql);
    free(ddl);
    return rc;
}
