#include "store/study_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "store/store.h"

static const struct column {
    const char *table, *name, *decl, *help; /* name NULL: the table itself */
} columns[] = {
    {"study", NULL, NULL, "the study: what was asked"},
    {"study", "version", "TEXT NOT NULL", "of the program that wrote the file"},
    {"study", "scenario_path", "TEXT NOT NULL", "the study as it was named"},
    {"study", "scenario_text", "TEXT NOT NULL", "its file as it was"},
    {"study", "sets", "TEXT NOT NULL", "what -s set, a JSON array of texts"},
    {"study", "filter", "TEXT", "the expression that chose points; NULL: all were run"},
    {"study", "n_points", "INTEGER NOT NULL", "points of the study, chosen or not"},
    {"study", "n_params", "INTEGER NOT NULL", "its parameter sets: sets of values of the variables"},
    {"study", "repeat", "INTEGER NOT NULL", "repetitions of each; n_points = n_params * repeat"},
    {"study", "complete", "INTEGER NOT NULL", "1: a run for each point that was chosen"},
    {"variable", NULL, NULL, "iteration variables, in the order in which they stand"},
    {"variable", "id", "INTEGER PRIMARY KEY", "from 0"},
    {"variable", "name", "TEXT NOT NULL UNIQUE", "${name=...}"},
    {"variable", "key", "TEXT NOT NULL", "section.key where it is defined"},
    {"variable", "in_step", "INTEGER REFERENCES variable(id)", "the variable whose values it goes in step with"},
    {"param", NULL, NULL, "values of the variables in each parameter set"},
    {"param", "param_set", "INTEGER NOT NULL", "counted from 0, the last variable changing fastest"},
    {"param", "name", "TEXT NOT NULL REFERENCES variable(name)", "the variable"},
    {"param", "value_text", "TEXT NOT NULL", "the value as the scenario has it"},
    {"param", "value_num", "REAL", "in its base unit, where it is a number"},
    {"run", NULL, NULL, "one row a point that was run"},
    {"run", "id", "INTEGER PRIMARY KEY", "point + 1"},
    {"run", "point", "INTEGER NOT NULL", "param_set * repeat + repetition"},
    {"run", "param_set", "INTEGER NOT NULL", "which values the variables have"},
    {"run", "repetition", "INTEGER NOT NULL", "from 0"},
    {"run", "params", "TEXT NOT NULL", "the values of the variables, \"rate=10/s gpus=8\""},
    {"run", "shard", "TEXT NOT NULL", "its results file, as seen from this file's folder: ATTACH it for the records"},
    {"run", "status", "TEXT NOT NULL", "complete"},
    {"run", "fingerprint", "TEXT", "digest of the ordered records and of every draw, 16 hex digits"},
    {"run", "version", "TEXT NOT NULL", "of the program that ran it"},
    {"run", "config_hash", "TEXT NOT NULL", "hash of the resolved scenario, 16 hex digits"},
    {"run", "seed", "INTEGER NOT NULL", "run.seed"},
    {"run", "replication", "INTEGER NOT NULL", "run.replication"},
    {"run", "log", "TEXT NOT NULL", "which record tables of the shard are filled"},
    {"run", "warmup_ns", "INTEGER NOT NULL", "metrics leave out what came before"},
    {"run", "horizon_ns", "INTEGER", "the run was cut here; NULL: no horizon"},
    {"run", "t_end_ns", "INTEGER", "the last instant simulated"},
    {"run", "events", "INTEGER", "events handled by the engine"},
    {"run", "resolved", "TEXT NOT NULL", "the scenario in normal form"},
    {"run_param", NULL, NULL, "every option of each run's scenario"},
    {"run_param", "run_id", "INTEGER NOT NULL REFERENCES run(id)", "the run"},
    {"run_param", "key", "TEXT NOT NULL", "section.key"},
    {"run_param", "value_text", "TEXT NOT NULL", "the value as in the normal form"},
    {"run_param", "value_num", "REAL", "the value in its base unit, where it is a number"},
    {"run_param", "is_iter", "INTEGER NOT NULL", "1: the study varies this key"},
    {"metric", NULL, NULL, "the results of each run"},
    {"metric", "run_id", "INTEGER NOT NULL REFERENCES run(id)", "the run"},
    {"metric", "class", "TEXT", "[class NAME]; NULL: all classes"},
    {"metric", "name", "TEXT NOT NULL", "vLLM's key where it has one"},
    {"metric", "value", "REAL", "NULL where it is not defined (a mean of nothing)"},
    {"metric", "unit", "TEXT NOT NULL", "of the value"},
    {"metric", "approximate", "INTEGER NOT NULL", "1: from a log histogram, within 0.1 %"},
    {"student", NULL, NULL, "Student's t for two-sided 95 % intervals"},
    {"student", "df", "INTEGER PRIMARY KEY", "degrees of freedom: repetitions less one"},
    {"student", "t", "REAL NOT NULL", "the 0.975 quantile"},
    {"doc", NULL, NULL, "what tables and columns mean"},
    {"doc", "table_name", "TEXT NOT NULL", "a table or view of this file"},
    {"doc", "column_name", "TEXT", "one of its columns; NULL: the row tells of the table"},
    {"doc", "help", "TEXT NOT NULL", "what it holds"},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

const char study_points_sql[] =
    "WITH x AS (\n"
    "  SELECT r.param_set, r.params, m.class, m.name, m.unit, m.value, m.approximate,\n"
    "    avg(m.value) OVER (PARTITION BY r.param_set, m.class, m.name) AS mean\n"
    "  FROM metric m JOIN run r ON r.id = m.run_id),\n"
    "g AS (\n"
    "  SELECT param_set, params, class, name, min(unit) AS unit, count(value) AS n, max(mean) AS mean,\n"
    "    sqrt(sum((value - mean) * (value - mean)) / nullif(count(value) - 1, 0)) AS sd,\n"
    "    max(approximate) AS approximate\n"
    "  FROM x GROUP BY param_set, class, name)\n"
    "SELECT param_set, params, class, g.name, unit, n, mean, sd,\n"
    "  mean - t * sd / sqrt(n) AS ci95_low, mean + t * sd / sqrt(n) AS ci95_high, approximate\n"
    "FROM g LEFT JOIN student ON df = n - 1\n";

/* What one would give up for the other. A metric that the study has not is NULL, and decides nothing. */
static const char pareto_sql[] =
    "CREATE VIEW v_pareto AS\n"
    "WITH p AS (\n"
    "  SELECT param_set, params,\n"
    "    max(CASE WHEN name = 'usd_per_m_output' THEN mean END) AS usd_per_m_output,\n"
    "    1000 / max(CASE WHEN name = 'mean_tpot_ms' THEN mean END) AS tokens_per_s_per_user,\n"
    "    max(CASE WHEN name = 'output_throughput_per_gpu' THEN mean END) AS tokens_per_s_per_gpu,\n"
    "    max(CASE WHEN name = 'slo_attainment' THEN mean END) AS slo_attainment\n"
    "  FROM v_point WHERE class IS NULL GROUP BY param_set)\n"
    "SELECT *, NOT EXISTS (SELECT 1 FROM p q\n"
    "    WHERE coalesce(q.usd_per_m_output <= p.usd_per_m_output, 1)\n"
    "      AND coalesce(q.tokens_per_s_per_user >= p.tokens_per_s_per_user, 1)\n"
    "      AND coalesce(q.tokens_per_s_per_gpu >= p.tokens_per_s_per_gpu, 1)\n"
    "      AND (q.usd_per_m_output < p.usd_per_m_output OR q.tokens_per_s_per_user > p.tokens_per_s_per_user\n"
    "        OR q.tokens_per_s_per_gpu > p.tokens_per_s_per_gpu)) AS on_front\n"
    "FROM p;\n";

static const char *const view_docs[][2] = {
    {"v_point", "a parameter set and metric a row: over repetitions the mean, the standard deviation (n - 1) and "
                "Student's 95 % interval; n: repetitions that have a value; NULL from one repetition"},
    {"v_set", "a parameter set a row, with a column for each variable: JOIN v_point USING (param_set)"},
    {"v_pareto", "a parameter set a row, means over repetitions: US$ per million output tokens, tokens/s of a user (1000 / mean TPOT "
                 "in ms), output tokens/s of a GPU; on_front: no set is better in one and no worse in the others"},
    {"v_param", "a run a row, with a column for each variable: a number in base units, or a text"},
};

static int exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* Writes text through f to one SQL text, runs it. */
static int exec_stream(sqlite3 *db, void (*f)(FILE *out, const char *const *names, int n), const char *const *names,
                       int n)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    sim_assert(out);
    f(out, names, n);
    int failed = fclose(out);
    sim_assert(failed == 0);
    int rc = exec(db, text);
    free(text);
    return rc;
}

static void tables(FILE *out, const char *const *names, int n)
{
    (void)names, (void)n;
    fprintf(out, "PRAGMA application_id=%d; PRAGMA user_version=%d;\n", STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
    for (int i = 0; i < COLUMNS; i++) {
        const struct column *c = &columns[i];
        if (c->name == NULL)
            fprintf(out, "%sCREATE TABLE %s(\n", i ? "\n) STRICT;\n" : "", c->table);
        else
            fprintf(out, "%s  %s %s", columns[i - 1].name ? ",\n" : "", c->name, c->decl);
    }
    fputs("\n) STRICT;\nCREATE INDEX run_param_of ON run_param(run_id, key);\n", out);
}

int study_schema_create(sqlite3 *db)
{
    return exec_stream(db, tables, NULL, 0);
}

/* A column each. Names of variables are made of letters, digits and _. */
static void variables(FILE *out, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        fprintf(out,
                ",\n  (SELECT coalesce(value_num, value_text) FROM param p WHERE p.param_set = r.param_set"
                " AND p.name = '%s') AS \"%s\"",
                names[i], names[i]);
}

static void views(FILE *out, const char *const *names, int n)
{
    fputs("CREATE INDEX metric_name ON metric(name, run_id);\nCREATE INDEX param_of ON param(param_set, name);\n", out);
    fprintf(out, "CREATE VIEW v_point AS\n%s;\n", study_points_sql);
    fputs(pareto_sql, out);
    fputs("CREATE VIEW v_param AS\nSELECT r.id AS run_id, r.point, r.param_set, r.repetition, r.params", out);
    variables(out, names, n);
    fputs("\nFROM run r;\nCREATE VIEW v_set AS\nSELECT r.param_set, r.params", out);
    variables(out, names, n);
    fputs("\nFROM run r GROUP BY r.param_set;\n", out);
}

static int document(sqlite3_stmt *doc, const char *table, const char *column, const char *help)
{
    sqlite3_bind_text(doc, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(doc, 2, column, -1, SQLITE_STATIC);
    sqlite3_bind_text(doc, 3, help, -1, SQLITE_STATIC);
    sqlite3_step(doc);
    return sqlite3_reset(doc);
}

int study_schema_finish(sqlite3 *db, const char *const *variables, int n)
{
    sqlite3_stmt *doc = NULL;
    int rc = exec_stream(db, views, variables, n);

    if (!rc)
        rc = sqlite3_prepare_v2(db, "INSERT INTO doc VALUES(?, ?, ?)", -1, &doc, NULL);
    for (int i = 0; !rc && i < COLUMNS; i++)
        rc = document(doc, columns[i].table, columns[i].name, columns[i].help);
    for (size_t i = 0; !rc && i < sizeof view_docs / sizeof *view_docs; i++)
        rc = document(doc, view_docs[i][0], NULL, view_docs[i][1]);
    sqlite3_finalize(doc);
    return rc;
}
