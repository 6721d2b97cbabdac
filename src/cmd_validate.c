/*
 * cmd_validate.c - tiersim validate: simulates each measured row of a table and says how far off the predictions are;
 * or, with --requests, replays one measured run and compares its requests' times.
 */
#include "config.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/err.h"
#include "cmd.h"
#include "study/build.h"
#include "study/errors.h"
#include "study/predict.h"
#include "study/requests.h"
#include "study/silicon.h"

enum { FILTERS_MAX = 32, SETS_MAX = 64 };

struct arguments {
    const char *file, *html, *scenario, *recipes;
    const char *requests, *meta;
    bool json, force;
    int only; /* enum errors_set, or ERRORS_SETS for all */
    int workers;
    char *filters[FILTERS_MAX];
    int n_filters;
    char *sets[SETS_MAX];
    size_t n_sets;
};

enum { OPT_JSON = 256, OPT_HTML, OPT_ONLY, OPT_FILTER, OPT_SCENARIO, OPT_RECIPES, OPT_REQUESTS, OPT_META };

static const struct argp_option options[] = {
    {"json", OPT_JSON, NULL, 0, "print rows and errors as JSON", 0},
    {"html", OPT_HTML, "FILE", 0, "write a page with plots and tables as well", 0},
    {"force", 'f', NULL, 0, "replace an existing page", 0},
    {"only", OPT_ONLY, "SET", 0, "headline, saturated, secondary or all (the default)", 0},
    {"filter", OPT_FILTER, "COLUMN=VALUE", 0, "only rows with this value; may be repeated", 0},
    {"set", 's', "SECTION.KEY=VALUE", 0, "set a key of every row's scenario; may be repeated", 0},
    {"recipes", OPT_RECIPES, "NAME", 0, "serving settings: a name of data/recipes or a path with a / (inferencex)", 0},
    {"scenario", OPT_SCENARIO, "ID", 0, "print the scenario of the row ID and run nothing", 0},
    {"requests", OPT_REQUESTS, "FILE.csv", 0, "replay the arrivals of this table of single requests instead", 0},
    {"meta", OPT_META, "FILE.json", 0, "the server of --requests (TABLE.meta.json beside TABLE.requests.csv)", 0},
    {"jobs", 'j', "N", 0, "simulate N rows at once (default: one a core)", 0},
    {0},
};

static int set_of(const char *name, struct argp_state *state)
{
    if (strcmp(name, "all") == 0)
        return ERRORS_SETS;
    for (int i = 0; i < ERRORS_SETS; i++)
        if (strcmp(name, errors_set_names[i]) == 0)
            return i;
    argp_error(state, "--only: \"%s\" is none of headline, saturated, secondary, all", name);
    return ERRORS_SETS;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case OPT_JSON:
        a->json = true;
        return 0;
    case OPT_HTML:
        if (*arg == '\0')
            argp_error(state, "--html needs the name of a file");
        a->html = arg;
        return 0;
    case 'f':
        a->force = true;
        return 0;
    case OPT_ONLY:
        a->only = set_of(arg, state);
        return 0;
    case OPT_FILTER:
        if (strchr(arg, '=') == NULL || a->n_filters == FILTERS_MAX)
            argp_error(state, "--filter \"%s\": want COLUMN=VALUE, e.g. model=gpt-oss-120b, at most %d times", arg,
                       FILTERS_MAX);
        a->filters[a->n_filters++] = arg;
        return 0;
    case 's':
        if (a->n_sets == SETS_MAX)
            argp_error(state, "-s: at most %d times", SETS_MAX);
        a->sets[a->n_sets++] = arg;
        return 0;
    case OPT_RECIPES:
        a->recipes = arg;
        return 0;
    case OPT_REQUESTS:
        a->requests = arg;
        return 0;
    case OPT_META:
        a->meta = arg;
        return 0;
    case OPT_SCENARIO:
        a->scenario = arg;
        return 0;
    case 'j':
        a->workers = cmd_workers(arg, state);
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one table at a time: \"%s\" is too many", arg);
        a->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->file == NULL && a->requests == NULL)
            argp_error(state, "which table? e.g. tiersim validate measured.csv");
        if (a->requests && (a->file || a->n_filters || a->only != ERRORS_SETS || a->scenario))
            argp_error(state, "--requests is a table of its own: no other, and no --only, --filter or --scenario");
        if (a->meta && a->requests == NULL)
            argp_error(state, "--meta tells of the server of --requests FILE.csv");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "FILE.csv\n--requests FILE.csv",
    "Simulates the deployment of each row of FILE.csv and compares mean TTFT and TPOT with the measured ones. With "
    "--requests, replays one run's arrivals and compares the distributions of its requests' TTFT, TPOT and E2EL."
    "\vColumns, by name: id, model, system, engine, concurrency, isl, osl, tp; and where there are: proto, precision, "
    "gemm_quant, moe_quant, isl_mean, osl_mean, gpus, dp, pp, moe_tp, moe_ep, engine_version, flag, ttft_ms, tpot_ms. "
    "No prediction reads the last three of these. Of separate prefill and decode workers, instead of tp to moe_ep: "
    "p_workers, p_tp, p_dp, p_moe_tp, p_moe_ep, and the same with d_.\n\n"
    "Of --requests: input_tokens, output_tokens, arrival_s, first_token_s, last_token_s. No prediction reads the last "
    "two.",
    NULL,
    NULL,
    NULL};

/* ---- rows ---- */

struct run {
    struct silicon table;
    struct build *build;
    const struct silicon_row **rows; /* those asked for */
    int64_t n;
    struct predict_case *cases;
    struct predict_result *results;
    struct errors_row *errors;
};

struct filter {
    int column;
    const char *value;
};

static bool find_filters(struct filter *f, const struct arguments *a, const struct csv *csv, struct diags *d)
{
    size_t mistakes = d->n;

    for (int i = 0; i < a->n_filters; i++) {
        char *equals = strchr(a->filters[i], '='), *name = strndup(a->filters[i], (size_t)(equals - a->filters[i]));
        f[i] = (struct filter){csv_need(csv, name, d), equals + 1};
        free(name);
    }
    return d->n == mistakes;
}

static bool keep(const struct arguments *a, const struct filter *f, const struct silicon *s, size_t row)
{
    if (a->only != ERRORS_SETS && errors_set_of(&s->rows[row]) != (enum errors_set)a->only)
        return false;
    for (int i = 0; i < a->n_filters; i++)
        if (!csv_is(s->csv, row, f[i].column, f[i].value))
            return false;
    return true;
}

static bool choose_rows(struct run *r, const struct arguments *a, struct diags *d)
{
    struct filter filters[FILTERS_MAX];

    if (!find_filters(filters, a, r->table.csv, d))
        return false;
    r->rows = mem_alloc(r->table.n * sizeof *r->rows);
    for (size_t i = 0; i < r->table.n; i++)
        if (keep(a, filters, &r->table, i))
            r->rows[r->n++] = &r->table.rows[i];
    return true;
}

static void prepare(struct predict_case *c, const struct build *b, const struct silicon_row *row,
                    const struct arguments *a)
{
    char *text = NULL;

    if (*row->why_not)
        snprintf(c->why_not, sizeof c->why_not, "%s", row->why_not);
    else
        text = build_text(b, &row->config, c->why_not, sizeof c->why_not);
    if (text)
        predict_prepare(c, row->config.id, text, a->sets, a->n_sets);
    free(text);
}

static void predict(struct run *r, const struct arguments *a)
{
    r->cases = mem_zalloc((size_t)r->n, sizeof *r->cases);
    r->results = mem_zalloc((size_t)r->n, sizeof *r->results);
    r->errors = mem_zalloc((size_t)r->n, sizeof *r->errors);
    for (int64_t i = 0; i < r->n; i++)
        prepare(&r->cases[i], r->build, r->rows[i], a);
    predict_all(r->cases, r->n, NULL, a->workers, r->results);
    for (int64_t i = 0; i < r->n; i++)
        errors_fill(&r->errors[i], r->rows[i], &r->results[i], r->cases[i].ready ? &r->cases[i].sc : NULL, "");
}

static void release(struct run *r)
{
    for (int64_t i = 0; r->cases && i < r->n; i++)
        predict_release(&r->cases[i]);
    free(r->cases);
    free(r->results);
    free(r->errors);
    free(r->rows);
    build_close(r->build);
    silicon_free(&r->table);
}

/* ---- what is said ---- */

static int print_scenario(const struct run *r, const char *id)
{
    char why_not[PREDICT_WHY_BYTES];

    for (size_t i = 0; i < r->table.n; i++) {
        const struct silicon_row *row = &r->table.rows[i];
        if (strcmp(row->config.id, id) != 0)
            continue;
        char *text = *row->why_not ? NULL : build_text(r->build, &row->config, why_not, sizeof why_not);
        if (text)
            fputs(text, stdout);
        else
            fprintf(stderr, "tiersim: %s: no scenario: %s\n", id, *row->why_not ? row->why_not : why_not);
        free(text);
        return text ? EXIT_CODE_OK : EXIT_CODE_USAGE;
    }
    fprintf(stderr, "tiersim: %s has no row with the id \"%s\"\n", csv_path(r->table.csv), id);
    return EXIT_CODE_USAGE;
}

/* write(of, a, out): what goes on the page. */
static int write_page(const struct arguments *a, void (*write)(const void *of, const struct arguments *a, FILE *out),
                      const void *of)
{
    FILE *f = fopen(a->html, a->force ? "w" : "wx");
    int failed = 1;

    if (f == NULL && errno == EEXIST) {
        fprintf(stderr, "tiersim: %s: exists (--force replaces it)\n", a->html);
        return EXIT_CODE_USAGE;
    }
    if (f) {
        write(of, a, f);
        failed = ferror(f);
        failed |= fclose(f);
    }
    if (failed)
        fprintf(stderr, "tiersim: %s: cannot be written: %s\n", a->html, strerror(errno));
    return failed ? EXIT_CODE_IO : EXIT_CODE_OK;
}

/* Before the work. */
static bool page_is_there(const struct arguments *a)
{
    if (a->html == NULL || a->force || access(a->html, F_OK) != 0)
        return false;
    fprintf(stderr, "tiersim: %s: exists (--force replaces it)\n", a->html);
    return true;
}

static void write_errors(const void *of, const struct arguments *a, FILE *out)
{
    const struct run *r = of;

    errors_html(r->errors, r->n, a->file, out);
}

/* A row that could be built but whose run failed is trouble of the run. */
static int outcome(const struct run *r)
{
    int64_t failed = 0;

    for (int64_t i = 0; i < r->n; i++)
        failed += r->cases[i].ready && !r->results[i].ok;
    if (failed)
        fprintf(stderr, "tiersim: %" PRId64 " run%s failed\n", failed, failed == 1 ? "" : "s");
    return failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

static int validate(struct run *r, const struct arguments *a)
{
    if (a->scenario)
        return print_scenario(r, a->scenario);
    if (page_is_there(a))
        return EXIT_CODE_USAGE;
    predict(r, a);
    if (a->json)
        errors_json(r->errors, r->n, stdout);
    else
        errors_print(r->errors, r->n, stdout);
    int code = a->html ? write_page(a, write_errors, r) : EXIT_CODE_OK, runs = outcome(r);
    return code != EXIT_CODE_OK ? code : runs;
}

/* ---- --requests ---- */

static void write_requests(const void *of, const struct arguments *a, FILE *out)
{
    (void)a;
    requests_html(of, out);
}

static int validate_requests(const struct arguments *a)
{
    struct requests r = {0};
    struct requests_setup setup;
    struct requests_report report = {.title = a->requests, .setup = &setup};
    struct requests_row *simulated = NULL;
    struct build *b = NULL;
    struct arena arena;
    struct diags d;
    int code = EXIT_CODE_USAGE;

    arena_init(&arena);
    diags_init(&d);
    if (page_is_there(a) || !requests_read(&r, a->requests, &d) ||
        !requests_setup_read(&setup, a->meta, a->requests, &arena, &d) || (b = build_open(a->recipes, &d)) == NULL)
        goto end;
    simulated = mem_zalloc(r.n, sizeof *simulated);
    if (!requests_replay(&r, &setup, b, a->sets, a->n_sets, simulated, &report, &arena, &d))
        goto end;
    requests_compare(&r, simulated, &report);
    (a->json ? requests_json : requests_print)(&report, stdout);
    code = a->html ? write_page(a, write_requests, &report) : EXIT_CODE_OK;
end:
    if (d.n)
        cmd_print_mistakes(&d);
    requests_report_free(&report);
    free(simulated);
    build_close(b);
    requests_free(&r);
    diags_free(&d);
    arena_free(&arena);
    return code;
}

int cmd_validate(int argc, char **argv)
{
    struct arguments a = {.only = ERRORS_SETS, .recipes = "inferencex"};
    struct run r = {0};
    struct diags d;
    int code = EXIT_CODE_USAGE;

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.requests)
        return validate_requests(&a);
    diags_init(&d);
    if (silicon_read(&r.table, a.file, &d) && choose_rows(&r, &a, &d) && (r.build = build_open(a.recipes, &d)) != NULL)
        code = validate(&r, &a);
    else
        cmd_print_mistakes(&d);
    release(&r);
    diags_free(&d);
    return code;
}
