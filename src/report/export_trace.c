#include "report/export_trace.h"

#include <inttypes.h>

#include <sqlite3.h>

#include "report/load.h"

/*
 * call: a request by its first attempt. edge: what it waited for, in the order of `place`. Agents' own come from
 * agent_step; `at` numbers a root branch's steps through its session's tasks.
 */
static const char prepare[] =
    "CREATE TEMP TABLE call AS"
    " SELECT f.id, f.class, f.session, f.turn, f.input_tokens, f.output_tokens, f.t_arrive_ns AS t_ns,"
    "        f.t_end_ns"
    " FROM main.request f WHERE f.attempt = 0;"
    "CREATE UNIQUE INDEX temp.call_id ON call(id);"
    "CREATE TEMP TABLE again AS SELECT retry_of AS id, max(t_end_ns) AS t FROM main.request WHERE retry_of IS NOT NULL GROUP BY 1;"
    "UPDATE call SET t_end_ns = (SELECT max(coalesce(call.t_end_ns, 0), a.t) FROM again a WHERE a.id = call.id)"
    "   WHERE id IN (SELECT id FROM again);"
    "CREATE TEMP TABLE tools AS SELECT task, branch, step, group_concat(name, '+') AS names,"
    "     group_concat((t_end_ns - t_start_ns) || ':' || attempts || ':' || failed || ':' || result_tokens, ' ') AS calls"
    "   FROM (SELECT c.*, t.name FROM main.tool_call c JOIN main.tool t ON t.id = c.tool ORDER BY c.rowid)"
    "   GROUP BY 1, 2, 3;"
    "CREATE UNIQUE INDEX temp.tools_step ON tools(task, branch, step);"
    "CREATE TEMP TABLE step AS"
    " SELECT s.task, s.branch, s.step, s.parent, s.parent_step, s.tool_ns, s.t_start_ns, s.t_end_ns, s.agent,"
    "        s.compaction, s.reasoning_tokens, s.repeated_tokens, t.deadline_ns, n.calls,"
    "        coalesce(q.retry_of, q.id) AS id, t.session, t.number, n.names AS tool,"
    "        row_number() OVER (PARTITION BY t.session, s.branch > 0, CASE WHEN s.branch > 0 THEN s.task END, s.branch"
    "                           ORDER BY t.number, s.step) AS at,"
    "        s.step = max(s.step) OVER (PARTITION BY s.task, s.branch) AS last"
    " FROM main.agent_step s JOIN main.agent_task t ON t.id = s.task JOIN main.request q ON q.id = s.request"
    "   LEFT JOIN tools n ON n.task = s.task AND n.branch = s.branch AND n.step = s.step;"
    "CREATE INDEX temp.step_at ON step(task, branch, step);"
    "CREATE INDEX temp.step_root ON step(session, branch, at);"
    "CREATE INDEX temp.step_id ON step(id);"
    "CREATE INDEX temp.step_parent ON step(task, parent, parent_step);"
    /* Calls of agents whose task has not ended have no row in it. */
    "CREATE TEMP TABLE gone AS SELECT id FROM call WHERE session IS NOT NULL AND id NOT IN (SELECT id FROM step)"
    "   AND EXISTS (SELECT 1 FROM main.run_param p, main.class c WHERE c.id = call.class AND p.key = 'class ' || c.name || '.agent');"
    "DELETE FROM call WHERE id IN (SELECT id FROM gone);"
    "CREATE TEMP TABLE edge(child INT, place INT, parent INT, tool_ns INT, gap_ns INT, tool TEXT, calls TEXT);"
    /* The step before in its branch. */
    "INSERT INTO edge SELECT s.id, 0, p.id, CASE WHEN p.task = s.task THEN p.tool_ns ELSE 0 END,"
    "     CASE WHEN p.task = s.task THEN 0 ELSE s.t_start_ns - p.t_end_ns END, CASE WHEN p.task = s.task THEN p.tool END,"
    "     CASE WHEN p.task = s.task THEN p.calls END"
    "   FROM step s JOIN step p ON s.branch = 0 AND p.session = s.session AND p.branch = 0 AND p.at = s.at - 1;"
    "INSERT INTO edge SELECT s.id, 0, p.id, p.tool_ns, 0, p.tool, p.calls"
    "   FROM step s JOIN step p ON s.branch > 0 AND p.task = s.task AND p.branch = s.branch AND p.step = s.step - 1;"
    /* A sub-agent's first, after the step that began it; a step after sub-agents, after their last. */
    "INSERT INTO edge SELECT s.id, 0, p.id, 0, 0, NULL, NULL FROM step s"
    "   JOIN step p ON p.task = s.task AND p.branch = s.parent AND p.step = s.parent_step WHERE s.branch > 0 AND s.step = 0;"
    "INSERT INTO edge SELECT s.id, 1 + b.branch, b.id, 0, 0, NULL, NULL FROM step s JOIN step b ON b.task = s.task AND b.parent = s.branch"
    "   AND b.parent_step = s.step - 1 AND b.last WHERE s.step > 0;"
    /* Sessions without agents. */
    "CREATE TEMP TABLE chat AS SELECT id, t_ns, session, lag(id) OVER w AS before, lag(t_end_ns) OVER w AS t_before FROM call"
    "   WHERE session IS NOT NULL AND id NOT IN (SELECT id FROM step) WINDOW w AS (PARTITION BY session ORDER BY turn);"
    "INSERT INTO edge SELECT id, 0, before, 0, t_ns - coalesce(t_before, t_ns + 1), NULL, NULL FROM chat WHERE before IS NOT NULL;"
    "CREATE INDEX temp.edge_child ON edge(child, place);"
    "CREATE TEMP TABLE runs AS SELECT request, max(prompt_blocks) AS prompt_blocks,"
    "     group_concat(first || ':' || count, ' ') AS text"
    "   FROM (SELECT * FROM main.content ORDER BY rowid) GROUP BY request;"
    "CREATE UNIQUE INDEX temp.runs_request ON runs(request);";

static const char all_rows[] =
    "SELECT c.id, c.t_ns, k.name, c.input_tokens, c.output_tokens, c.session, r.prompt_blocks, r.text,"
    "   (SELECT group_concat(parent, ' ') FROM (SELECT parent FROM edge WHERE child = c.id ORDER BY place)),"
    "   (SELECT tool_ns FROM edge WHERE child = c.id AND place = 0), (SELECT gap_ns FROM edge WHERE child = c.id AND place = 0),"
    "   s.branch, a.name, min(c.t_ns) OVER w AS t_root, c.turn,"
    "   (SELECT tool FROM edge WHERE child = c.id AND place = 0), (SELECT calls FROM edge WHERE child = c.id AND place = 0),"
    "   s.number, s.compaction, s.reasoning_tokens, s.repeated_tokens, s.deadline_ns"
    " FROM call c JOIN main.class k ON k.id = c.class LEFT JOIN runs r ON r.request = c.id LEFT JOIN step s ON s.id = c.id"
    "   LEFT JOIN main.agent a ON a.id = s.agent"
    " WINDOW w AS (PARTITION BY c.session, CASE WHEN c.session IS NULL THEN c.id END)"
    " ORDER BY t_root, coalesce(c.session, -1), CASE WHEN c.session IS NULL THEN c.id END, c.t_ns, c.id";

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t v = 0;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return v;
}

/* ---- rows ---- */

/* Columns of all_rows. */
enum {
    ID, T, CLASS, INPUT, OUTPUT, SESSION, PROMPT_BLOCKS, BLOCKS, PARENTS, TOOL_NS, GAP, BRANCH, AGENT, T_ROOT, STEP, TOOL,
    TOOL_CALLS, TASK, COMPACTION, REASONING, REPEATED, DEADLINE
};

/* A list of the query's (numbers, or numbers that colons join, a space between two) as JSON. */
static void put_list(FILE *out, const char *key, bool lists, const char *text)
{
    fprintf(out, ", \"%s\": [%s", key, lists ? "[" : "");
    for (; *text; text++)
        if (*text == ' ')
            fputs(lists ? "], [" : ", ", out);
        else if (*text == ':')
            fputs(", ", out);
        else
            fputc(*text, out);
    fputs(lists ? "]]" : "]", out);
}

static bool has(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) != SQLITE_NULL;
}

/* Names of sections hold nothing that JSON or CSV would have to quote (conf/ini.c). */
static const char *text(sqlite3_stmt *s, int column)
{
    return has(s, column) ? (const char *)sqlite3_column_text(s, column) : "";
}

static void put_agent(FILE *out, sqlite3_stmt *s)
{
    fprintf(out, ", \"agent\": \"%s\", \"branch\": %lld, \"task\": %lld", text(s, AGENT), sqlite3_column_int64(s, BRANCH),
            sqlite3_column_int64(s, TASK));
    fprintf(out, ", \"reasoning_tokens\": %lld, \"repeated_tokens\": %lld", sqlite3_column_int64(s, REASONING),
            sqlite3_column_int64(s, REPEATED));
    if (sqlite3_column_int64(s, COMPACTION))
        fputs(", \"compaction\": 1", out);
    if (has(s, DEADLINE))
        fprintf(out, ", \"deadline_ns\": %lld", sqlite3_column_int64(s, DEADLINE));
}

static void put_json(FILE *out, sqlite3_stmt *s)
{
    fprintf(out, "{\"id\": %lld, \"t_ns\": %lld, \"class\": \"%s\"", sqlite3_column_int64(s, ID),
            sqlite3_column_int64(s, T), text(s, CLASS));
    fprintf(out, ", \"input_tokens\": %lld, \"output_tokens\": %lld", sqlite3_column_int64(s, INPUT),
            sqlite3_column_int64(s, OUTPUT));
    if (has(s, SESSION))
        fprintf(out, ", \"session\": %lld, \"step\": %lld", sqlite3_column_int64(s, SESSION),
                sqlite3_column_int64(s, STEP));
    if (has(s, PARENTS)) {
        put_list(out, "parents", false, text(s, PARENTS));
        if (has(s, TOOL))
            fprintf(out, ", \"tool\": \"%s\"", text(s, TOOL));
        fprintf(out, ", \"tool_ns\": %lld, \"gap_ns\": %lld", sqlite3_column_int64(s, TOOL_NS),
                sqlite3_column_int64(s, GAP));
    }
    if (has(s, TOOL_CALLS))
        put_list(out, "tool_calls", true, text(s, TOOL_CALLS));
    if (has(s, AGENT))
        put_agent(out, s);
    if (has(s, BLOCKS)) {
        fprintf(out, ", \"prompt_blocks\": %lld", sqlite3_column_int64(s, PROMPT_BLOCKS));
        put_list(out, "blocks", true, text(s, BLOCKS));
    }
    fputs("}\n", out);
}

static const struct {
    const char *name;
    int column;
} csv[] = {
    {"id", ID}, {"t_ns", T}, {"class", CLASS}, {"input_tokens", INPUT}, {"output_tokens", OUTPUT}, {"session", SESSION},
    {"step", STEP}, {"parents", PARENTS}, {"tool", TOOL}, {"tool_ns", TOOL_NS}, {"gap_ns", GAP}, {"agent", AGENT},
    {"branch", BRANCH}, {"task", TASK}, {"compaction", COMPACTION}, {"reasoning_tokens", REASONING},
    {"repeated_tokens", REPEATED}, {"deadline_ns", DEADLINE}, {"tool_calls", TOOL_CALLS}, {"prompt_blocks", PROMPT_BLOCKS}, {"blocks", BLOCKS}, /* and block_tokens */
};
enum { CSV_COLUMNS = sizeof csv / sizeof *csv };

static void put_csv(FILE *out, sqlite3_stmt *s, int64_t block_tokens)
{
    for (int i = 0; i < CSV_COLUMNS; i++)
        fprintf(out, "%s,", csv[i].column == STEP && !has(s, SESSION) ? "" : text(s, csv[i].column));
    fprintf(out, "%" PRId64 "\n", block_tokens);
}

static void put_header(FILE *out, bool as_csv, int64_t block_tokens)
{
    for (int i = 0; as_csv && i < CSV_COLUMNS; i++)
        fprintf(out, "%s,", csv[i].name);
    if (as_csv)
        fputs("block_tokens\n", out);
    else
        fprintf(out, "{\"tiersim_trace\": 1, \"block_tokens\": %" PRId64 "}\n", block_tokens);
}

static int put_rows(sqlite3 *db, FILE *out, bool as_csv, int64_t *rows)
{
    int64_t block_tokens = number(db, "SELECT content_block_tokens FROM main.run");
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, all_rows, -1, &s, NULL);

    put_header(out, as_csv, block_tokens);
    for (*rows = 0; rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW; rc = SQLITE_OK, (*rows)++)
        if (as_csv)
            put_csv(out, s, block_tokens);
        else
            put_json(out, s);
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : -1;
}

/* What the file does not hold. */
static int check(sqlite3 *db, const char *path, struct err *e)
{
    if (number(db, "SELECT log = 'summary' FROM main.run"))
        return err_set(e, EXIT_CODE_FAILED, "%s: holds no requests (want run.log = all)", path);
    if (number(db, "SELECT log <> 'all' AND EXISTS (SELECT 1 FROM main.request WHERE blocks > 0 OR session IS NOT NULL) FROM main.run"))
        return err_set(e, EXIT_CODE_FAILED, "%s: does not tell what prompts share (want run.log = all)", path);
    return 0;
}

int export_trace(const char *results, bool as_csv, FILE *out, int64_t *rows, int64_t *left_out, struct err *e)
{
    sqlite3 *db = NULL;
    int rc = -1;

    if (results_open(results, &db, e) != 0)
        return -1;
    if (check(db, results, e) == 0) {
        if (sqlite3_exec(db, prepare, NULL, NULL, NULL) != SQLITE_OK) {
            err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", results, sqlite3_errmsg(db));
        } else if (number(db, "SELECT count(*) FROM edge WHERE gap_ns < 0") > 0) {
            err_set(e, EXIT_CODE_FAILED, "%s: calls of a session overlap, and it does not say which waited for which: replay "
                                         "the trace that it replayed", results);
        } else {
            *left_out = number(db, "SELECT count(*) FROM gone");
            if (put_rows(db, out, as_csv, rows) == 0)
                rc = 0;
            else
                err_set(e, EXIT_CODE_IO, "%s: cannot be read: %s", results, sqlite3_errmsg(db));
        }
    }
    sqlite3_close(db);
    return rc;
}
