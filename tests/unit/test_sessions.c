/*
 * test_sessions.c - what prompts share: sessions and system prompts, chains of traces, traces served one request at a
 * time, what an oracle may know. Scenarios are text, through the loader.
 */
#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/opt.h"
#include "workload/workload.h"
#include "../run_suite.h"

#define BIT32 INT64_C(4294967296)

static struct scenario sc;
static struct err err;
static struct workload *w;

/* Begins a workload of the text: [workload] and [class ...], format arguments as printf's. */
__attribute__((format(printf, 1, 2))) static void begin(const char *fmt, ...)
{
    static const char server[] = "[run]\nseed = 7\n[gpu]\npreset = h100\n[model]\npreset = llama-3.1-8b\n"
                                 "[engine]\npreset = vllm\n[workload]\n";
    char text[4000];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", server);
    struct diags d;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + used, sizeof text - used, fmt, ap);
    va_end(ap);
    diags_init(&d);
    bool ok = scenario_load_text(&sc, "test", text, NULL, 0, &d);
    ck_assert_msg(ok, "%s\n%s", d.n ? d.at[0].text : "", text);
    diags_free(&d);
    memset(&err, 0, sizeof err);
    w = workload_new(&sc, &err);
    ck_assert_msg(w != NULL, "%s", err.msg);
}

static void end(void)
{
    workload_free(w);
    scenario_free(&sc);
}

static struct work_item next(int64_t now_ns)
{
    struct work_item item;
    int got = workload_next(w, now_ns, &item, &err);

    ck_assert_msg(got == 1, "%d: %s", got, err.msg);
    return item;
}

/* 1: `item` is the call that follows; 0: there is none. */
static int call_ended(uint32_t slot, bool answered, int64_t now_ns, struct work_item *item)
{
    struct work_item more;
    struct work_ended call = {.slot = slot, .answered = answered};
    bool over = workload_ended(w, &call, now_ns), follows = workload_next_ready(w, item);

    ck_assert(over != follows && !workload_next_ready(w, &more));
    return follows;
}

static struct work_item done(struct work_item *before, int64_t now_ns)
{
    struct work_item item;

    ck_assert_int_eq(call_ended(before->session_slot, true, now_ns, &item), 1);
    ck_assert_int_eq(item.session, before->session);
    ck_assert_int_eq(item.turn, before->turn + 1);
    ck_assert_int_eq(item.class_id, before->class_id);
    work_item_free(before);
    return item;
}

static void nothing_follows(struct work_item *before, int64_t now_ns)
{
    struct work_item item;

    ck_assert_int_eq(call_ended(before->session_slot, true, now_ns, &item), 0);
    work_item_free(before);
}

/* runs: "id+n id+n". */
static void has_chain(const struct work_item *item, int64_t prompt_blocks, const char *runs)
{
    char text[400] = "";
    size_t used = 0;

    for (int64_t r = 0; r < item->chain.n_runs; r++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64 "+%" PRId64, r ? " " : "",
                                 item->chain.run[r].id, item->chain.run[r].n);
    ck_assert_str_eq(text, runs);
    ck_assert_int_eq(item->prompt_blocks, prompt_blocks);
}

#define ARRIVALS "arrivals = deterministic\nrate = 1/s\nrequests = %d\n"
#define LENGTHS  "input = constant\ninput_tokens = 100\noutput = constant\noutput_tokens = 50\n"
#define APPEND   "append = constant\nappend_tokens = 30\n"

START_TEST(plain_requests_share_nothing)
{
    begin(ARRIVALS "[class a]\n" LENGTHS, 2);
    struct work_item a = next(0), b = next(0);
    has_chain(&a, 0, "");
    ck_assert(a.session == -1 && a.session_slot == WORK_NO_SESSION);
    nothing_follows(&a, 5);
    nothing_follows(&b, 5);
    end();
}
END_TEST

START_TEST(a_session_grows_by_its_answers_and_what_is_appended)
{
    char runs[100];

    begin(ARRIVALS "[class a]\n" LENGTHS APPEND "turns = 3\nturn_gap = 2s\n", 100);
    ck_assert_int_eq(workload_block_tokens(w), 16);
    struct work_item a = next(0), other = next(0);
    ck_assert(a.session == 0 && a.turn == 0 && other.session == 1);
    ck_assert(a.input_tokens == 100 && a.output_tokens == 50);
    snprintf(runs, sizeof runs, "%" PRId64 "+9", BIT32); /* class 0 has the ids below; 150 tokens are 9 whole blocks */
    has_chain(&a, 6, runs);
    a = done(&a, 1000);
    ck_assert_int_eq(a.t_ns, 1000 + INT64_C(2000000000));
    ck_assert(a.input_tokens == 180 && a.output_tokens == 50);
    snprintf(runs, sizeof runs, "%" PRId64 "+14", BIT32);
    has_chain(&a, 11, runs);
    a = done(&a, INT64_C(5000000000));
    ck_assert(a.input_tokens == 260 && a.session_slot == WORK_NO_SESSION);
    snprintf(runs, sizeof runs, "%" PRId64 "+19", BIT32);
    has_chain(&a, 16, runs);
    nothing_follows(&a, 0);
    snprintf(runs, sizeof runs, "%" PRId64 "+9", 2 * BIT32);
    has_chain(&other, 6, runs);
    work_item_free(&other);
    end();
}
END_TEST

START_TEST(a_system_prompt_is_shared_by_its_class)
{
    char runs[100];

    begin(ARRIVALS "[class a]\nweight = 0\n" LENGTHS "[class b]\n" LENGTHS APPEND "turns = 2\nsystem_tokens = 1000\n",
          100);
    for (int64_t k = 0; k < 3; k++) {
        struct work_item a = next(0);
        ck_assert_int_eq(a.input_tokens, 1100);
        /* 62 whole blocks of 16 in 1000 tokens; the rest of the 71 are the session's. */
        snprintf(runs, sizeof runs, "%" PRId64 "+62 %" PRId64 "+9", BIT32, (2 + k) * BIT32 + 62);
        has_chain(&a, 68, runs);
        a = done(&a, 0);
        ck_assert_int_eq(a.input_tokens, 1180);
        snprintf(runs, sizeof runs, "%" PRId64 "+62 %" PRId64 "+14", BIT32, (2 + k) * BIT32 + 62);
        has_chain(&a, 73, runs);
        nothing_follows(&a, 0);
    }
    end();
    begin(ARRIVALS "[class a]\n" LENGTHS "system_tokens = 15\n", 100); /* less than a block; no further calls */
    struct work_item a = next(0);
    ck_assert(a.input_tokens == 115 && a.session == 0 && a.session_slot == WORK_NO_SESSION);
    snprintf(runs, sizeof runs, "%" PRId64 "+10", BIT32);
    has_chain(&a, 7, runs);
    nothing_follows(&a, 0);
    end();
}
END_TEST

START_TEST(blocks_have_the_size_of_the_cache)
{
    char runs[100];

    begin(ARRIVALS "[cache]\nprefix = yes\nblock_tokens = 64\n[class a]\n" LENGTHS APPEND "turns = 2\n", 100);
    ck_assert_int_eq(workload_block_tokens(w), 64);
    struct work_item a = next(0);
    snprintf(runs, sizeof runs, "%" PRId64 "+2", BIT32);
    has_chain(&a, 1, runs);
    work_item_free(&a);
    end();
}
END_TEST

START_TEST(a_million_tokens_are_two_runs)
{
    begin(ARRIVALS "[class a]\ninput = constant\ninput_tokens = 1000\noutput = constant\noutput_tokens = 1000\n"
                   "append = constant\nappend_tokens = 8000\nturns = 112\nsystem_tokens = 1600\n",
          1000);
    struct work_item a = next(0);
    while (a.session_slot != WORK_NO_SESSION)
        a = done(&a, 0);
    ck_assert_int_eq(a.turn, 111);
    ck_assert_int_eq(a.input_tokens, 1001600);
    ck_assert_int_eq(a.chain.n_runs, 2);
    work_item_free(&a);
    end();
}
END_TEST

START_TEST(sessions_end_early)
{
    struct work_item item;

    begin(ARRIVALS "[class a]\n" LENGTHS APPEND "turns = 9\ninput_max = 260\n", 100); /* its context is full */
    struct work_item a = next(0);
    a = done(&a, 0);
    a = done(&a, 0);
    ck_assert_int_eq(a.input_tokens, 260);
    nothing_follows(&a, 0);
    a = next(0); /* a call was not answered */
    ck_assert_int_eq(call_ended(a.session_slot, false, 0, &item), 0);
    work_item_free(&a);
    a = next(0); /* the clock would end; the slot is that of the one before */
    ck_assert_uint_eq(a.session_slot, 0);
    a = done(&a, INT64_MAX - 2000);
    ck_assert_int_eq(a.t_ns, INT64_MAX - 2000);
    work_item_free(&a);
    end();
    begin(ARRIVALS "[class a]\n" LENGTHS APPEND "turns = 9\nturn_gap = 1s\n", 100);
    a = next(0);
    nothing_follows(&a, INT64_MAX - 1000);
    end();
    begin(ARRIVALS "[class a]\n" LENGTHS APPEND "turns = 9\n", 3); /* requests counts calls */
    a = next(0);
    a = done(&a, 0);
    a = done(&a, 0);
    nothing_follows(&a, 0);
    ck_assert_int_eq(workload_next(w, 0, &item, &err), 0);
    end();
}
END_TEST

START_TEST(a_closed_loop_goes_on_with_its_session)
{
    begin("arrivals = closed_loop\nconcurrency = 2\nthink = 3s\nrequests = 100\n[class a]\n" LENGTHS APPEND
          "turns = 2\nturn_gap = 1s\n");
    struct work_item a = next(0), b = next(0);
    a = done(&a, 10);
    ck_assert_int_eq(a.t_ns, 1000000010);
    nothing_follows(&a, 20);
    a = next(20);
    ck_assert(a.t_ns == INT64_C(3000000020) && a.session == 2);
    work_item_free(&a);
    work_item_free(&b);
    end();
}
END_TEST

#define LAWS                                                                                                           \
    "input = constant\ninput_tokens = 100\noutput = exponential\noutput_mean = 50\nappend = exponential\n"             \
    "append_mean = 300\nturns = 20\nturns_dist = geometric\nturn_gap = 2s\nturn_gap_dist = exponential\n"

/* All calls of sessions 0..n-1, each session in one go or turn by turn in turn; sums over each session. */
static uint64_t play(int64_t n, bool interleaved, double *calls, double *appended, double *gaps, uint64_t *hash)
{
    struct work_item *at = calloc((size_t)n, sizeof *at);
    int64_t running = n;

    for (int64_t s = 0; s < n; s++) {
        at[s] = next(0);
        hash[s] = (uint64_t)at[s].output_tokens;
        ++*calls;
    }
    for (int64_t s = 0; running > 0; s = (s + 1) % n) {
        for (bool more = at[s].t_ns >= 0; more; more = !interleaved) {
            struct work_item was = at[s];
            if (call_ended(was.session_slot, true, 0, &at[s]) == 0) {
                work_item_free(&was);
                at[s].t_ns = -1;
                running--;
                break;
            }
            *appended += (double)(at[s].input_tokens - was.input_tokens - was.output_tokens);
            *gaps += (double)at[s].t_ns * 1e-9;
            ++*calls;
            hash[s] = (hash[s] * 31 + (uint64_t)at[s].input_tokens) * 31 + (uint64_t)at[s].output_tokens;
            work_item_free(&was);
        }
    }
    free(at);
    return workload_digest(w);
}

START_TEST(laws_have_their_means)
{
    enum { N = 20000 };
    static uint64_t hash[N];
    double calls = 0, appended = 0, gaps = 0;

    begin("arrivals = deterministic\nrate = 1/s\nrequests = 9000000\n[class a]\n" LAWS);
    play(N, false, &calls, &appended, &gaps, hash);
    double further = calls - N;
    ck_assert_double_eq_tol(calls / N, 20, 4 * sqrt(20 * 19.0 / N));
    /* Rounded to nearest, then at least 1: E = 300 to first order; P(X < 1/2) adds 1/600. */
    ck_assert_double_eq_tol(appended / further, 300, 4 * 300 / sqrt(further));
    ck_assert_double_eq_tol(gaps / further, 2, 4 * 2 / sqrt(further));
    end();
}
END_TEST

/* A session is the same whatever order calls end in, other sessions and other seeds are not. */
START_TEST(sessions_do_not_depend_on_order)
{
    enum { N = 50 };
    uint64_t one[N], two[N], digest[3];
    double x = 0;

    for (int k = 0; k < 3; k++) {
        begin("arrivals = deterministic\nrate = 1/s\nrequests = 1000000\n[class a]\n" LAWS "%s",
              k == 2 ? "[run]\nreplication = 1\n" : "");
        digest[k] = play(N, k == 1, &x, &x, &x, k == 0 ? one : two);
        end();
        for (int s = 0; s < N; s++)
            ck_assert_msg((one[s] == two[s]) == (k == 1) || k == 0, "%d: session %d", k, s);
    }
    for (int s = 1; s < N; s++)
        ck_assert_uint_ne(one[s], one[s - 1]);
    ck_assert_uint_eq(digest[0], digest[1]);
    ck_assert_uint_ne(digest[0], digest[2]);
}
END_TEST

/* Common random numbers: what changes one draw leaves the others. */
START_TEST(turns_leave_arrivals_and_first_calls)
{
    struct work_item plain[20];

    begin("arrivals = poisson\nrate = 1/s\nrequests = 20\n[class a]\n" LENGTHS);
    for (int k = 0; k < 20; k++)
        plain[k] = next(0);
    end();
    begin("arrivals = poisson\nrate = 1/s\nrequests = 20\n[class a]\n" LENGTHS APPEND "turns = 5\n");
    for (int k = 0; k < 20; k++) {
        struct work_item a = next(0);
        ck_assert(a.t_ns == plain[k].t_ns && a.input_tokens == plain[k].input_tokens);
        work_item_free(&a);
    }
    end();
}
END_TEST

/* ---- traces ---- */

static char trace_path[64];

static void write_trace(const char *name, const char *text)
{
    snprintf(trace_path, sizeof trace_path, "test_sessions.%d%s", (int)getpid(), name);
    FILE *f = fopen(trace_path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static const char four_rows[] =
    "{\"timestamp\": 100, \"input_length\": 1500, \"output_length\": 9, \"hash_ids\": [0, 1, 2]}\n"
    "{\"timestamp\": 1100, \"input_length\": 1024, \"output_length\": 8, \"hash_ids\": [0, 3]}\n"
    "{\"timestamp\": 2100, \"input_length\": 2000, \"output_length\": 7, \"hash_ids\": [0, 3, 4, 5]}\n"
    "{\"timestamp\": 9100, \"input_length\": 1500, \"output_length\": 6, \"hash_ids\": [0, 1, 2]}\n";

#define TRACE "arrivals = trace\ntrace = %s\n"
#define CLASS "[class a]\ninput = trace\noutput = trace\n"

static void begin_trace(const char *keys, const char *of_class)
{
    begin(TRACE "%s" CLASS "%s", trace_path, keys, of_class);
    unlink(trace_path);
}

static void gives(int64_t now_ns, int64_t t_ns, int64_t input, int64_t prompt_blocks, const char *runs)
{
    struct work_item item = next(now_ns);

    ck_assert_int_eq(item.t_ns, t_ns);
    ck_assert_int_eq(item.input_tokens, input);
    has_chain(&item, prompt_blocks, runs);
    ck_assert(item.session == -1 && item.session_slot == WORK_NO_SESSION);
    work_item_free(&item);
}

static void no_more(void)
{
    struct work_item item;

    ck_assert_int_eq(workload_next(w, 0, &item, &err), 0);
    ck_assert_int_eq(workload_next(w, 0, &item, &err), 0);
    ck_assert_int_eq(err.code, 0);
}

START_TEST(a_trace_is_replayed_with_its_blocks)
{
    write_trace(".jsonl", four_rows);
    begin_trace("", "");
    ck_assert_int_eq(workload_block_tokens(w), 512);
    ck_assert_int_eq(workload_concurrency(w), 0);
    gives(0, 0, 1500, 3, "0+3");
    gives(0, 1000000000, 1024, 2, "0+1 3+1");
    gives(0, 2000000000, 2000, 4, "0+1 3+3");
    gives(0, INT64_C(9000000000), 1500, 3, "0+3");
    no_more();
    uint64_t digest = workload_digest(w);
    end();

    char changed[sizeof four_rows];
    strcpy(changed, four_rows);
    *strstr(changed, "4, 5") = '6';
    write_trace(".jsonl", changed);
    begin_trace("", "");
    for (int k = 0; k < 4; k++) {
        struct work_item item = next(0);
        work_item_free(&item);
    }
    ck_assert_uint_ne(workload_digest(w), digest); /* what prompts share shows in the fingerprint */
    end();
}
END_TEST

START_TEST(slice_speed_and_clamps_apply)
{
    char longer[sizeof four_rows + 4];
    snprintf(longer, sizeof longer, "%sbad\n", four_rows); /* after the slice: not read */
    write_trace(".jsonl", longer);
    begin_trace("trace_from = 1s\ntrace_to = 9s\ntrace_speed = 2\n", "input_max = 1600\n");
    gives(0, 0, 1024, 2, "0+1 3+1");
    gives(0, 500000000, 1600, 3, "0+1 3+2"); /* three whole blocks are left */
    no_more();
    end();
    write_trace(".jsonl", four_rows);
    begin_trace("requests = 2\n", "input_min = 1600\n");
    gives(0, 0, 1600, 2, "0+2"); /* the third block was partial: filled up, it is another */
    gives(0, 1000000000, 1600, 2, "0+1 3+1");
    no_more();
    end();
    write_trace(".jsonl", four_rows);
    begin_trace("requests = 1\n", "input_max = 500\n");
    gives(0, 0, 500, 0, "");
    end();
}
END_TEST

START_TEST(a_trace_may_be_served_one_at_a_time)
{
    write_trace(".jsonl", four_rows);
    begin_trace("trace_order = closed\ntrace_to = 9s\n", "");
    ck_assert_int_eq(workload_concurrency(w), 1);
    gives(0, 0, 1500, 3, "0+3");
    gives(77, 77, 1024, 2, "0+1 3+1");
    gives(INT64_C(99000000000), INT64_C(99000000000), 2000, 4, "0+1 3+3");
    no_more();
    end();
    write_trace(".jsonl", four_rows);
    begin_trace("trace_order = closed\nconcurrency = 2\n", "");
    ck_assert_int_eq(workload_concurrency(w), 2);
    gives(0, 0, 1500, 3, "0+3");
    gives(0, 0, 1024, 2, "0+1 3+1");
    gives(5, 5, 2000, 4, "0+1 3+3");
    end();
}
END_TEST

START_TEST(the_format_is_found)
{
    static const char csv[] = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n";
    static const struct {
        const char *name, *keys, *text;
        int64_t input;
    } files[] = {
        {".csv", "", csv, 374},
        {"", "", csv, 374},
        {".jsonl", "", four_rows, 1500},
        {".ndjson", "", four_rows, 1500},
        {".json", "", four_rows, 1500},
        {"", "", four_rows, 1500},
        {".csv", "trace_format = mooncake\n", four_rows, 1500},
        {".jsonl", "trace_format = azure\n", csv, 374},
        {".jsonl", "", csv, 374}, /* what it holds counts, not its name */
        {".csv", "", four_rows, 1500},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_trace(files[i].name, files[i].text);
        begin_trace(files[i].keys, "");
        struct work_item item = next(0);
        ck_assert_msg(item.input_tokens == files[i].input, "%zu", i);
        ck_assert_int_eq(workload_block_tokens(w), item.chain.n_runs ? 512 : 16);
        work_item_free(&item);
        end();
    }
}
END_TEST

START_TEST(an_oracle_knows_the_next_use)
{
    static const struct {
        int64_t block, request, next;
    } asked[] = {
        {0, -1, 0}, {0, 0, 1}, {0, 2, 3}, {0, 3, INT64_MAX}, {1, -1, 0}, {1, 0, 3},         {1, 2, 3},
        {2, 0, 3},  {3, 0, 1}, {3, 1, 2}, {3, 2, INT64_MAX}, {4, 1, 2},  {5, 2, INT64_MAX}, {6, -1, INT64_MAX},
    };

    write_trace(".jsonl", four_rows);
    begin(TRACE CLASS, trace_path); /* read twice: the file stays */
    ck_assert_int_eq(workload_index_blocks(w, &err), 0);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        ck_assert_msg(workload_next_use(w, asked[i].block, asked[i].request) == asked[i].next, "%zu", i);
    gives(0, 0, 1500, 3, "0+3"); /* looking ahead takes nothing away */
    end();
    begin(TRACE "trace_order = closed\nconcurrency = 2\nrequests = 3\n" CLASS "input_max = 1500\n", trace_path);
    ck_assert_int_eq(workload_index_blocks(w, &err), 0);
    ck_assert_int_eq(workload_next_use(w, 0, 1), 2);
    ck_assert_int_eq(workload_next_use(w, 1, 0), INT64_MAX); /* the fourth request will not come */
    ck_assert_int_eq(workload_next_use(w, 4, 0), INT64_MAX); /* cut off: 1500 tokens hold two whole blocks */
    end();

    unlink(trace_path);
    write_trace(".jsonl", "{\"timestamp\": 1}\n");
    begin_trace("", "");
    ck_assert_int_eq(workload_index_blocks(w, &err), -1); /* gone by now */
    ck_assert_int_eq(err.code, EXIT_CODE_IO);
    end();
    write_trace(".jsonl", "{\"timestamp\": 1}\n");
    begin(TRACE CLASS, trace_path);
    ck_assert_int_eq(workload_index_blocks(w, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, ":1: input_length is missing"));
    unlink(trace_path);
    end();
    begin(ARRIVALS "[class a]\n" LENGTHS, 1);
    ck_assert_int_eq(workload_index_blocks(w, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "arrivals = trace only, not with deterministic"));
    end();
}
END_TEST

/* The real trace against a plain count of each block's uses. */
START_TEST(the_real_trace_is_indexed)
{
    const char *srcdir = getenv("srcdir");
    enum { BLOCKS = 200000 };
    int64_t *last = malloc(BLOCKS * sizeof *last), uses = 0;

    char file[4096];
    snprintf(file, sizeof file, "%s/../shared/data/traces/mooncake_conversation_0-45min.jsonl", srcdir ? srcdir : ".");
    if (access(file, R_OK) != 0) {
        printf("skipped: the_real_trace_is_indexed: no %s\n", file);
        free(last);
        return;
    }
    for (int64_t b = 0; b < BLOCKS; b++)
        last[b] = -1;
    begin("arrivals = trace\ntrace = %s\n" CLASS, file);
    ck_assert_int_eq(workload_index_blocks(w, &err), 0);
    for (int64_t request = 0; request < 8940; request++) {
        struct work_item item = next(0);
        for (int64_t r = 0; r < item.chain.n_runs; r++)
            for (int64_t k = 0; k < item.chain.run[r].n; k++, uses++) {
                int64_t id = item.chain.run[r].id + k;
                ck_assert(id < BLOCKS);
                if (workload_next_use(w, id, last[id]) != request)
                    ck_abort_msg("block %" PRId64 " after %" PRId64, id, last[id]);
                last[id] = request;
            }
        work_item_free(&item);
    }
    ck_assert_int_eq(uses, 217677);
    for (int64_t b = 0; b < BLOCKS; b++)
        ck_assert(workload_next_use(w, b, last[b]) == INT64_MAX);
    no_more();
    end();
    free(last);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sessions");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, plain_requests_share_nothing);
    tcase_add_test(t, a_session_grows_by_its_answers_and_what_is_appended);
    tcase_add_test(t, a_system_prompt_is_shared_by_its_class);
    tcase_add_test(t, blocks_have_the_size_of_the_cache);
    tcase_add_test(t, a_million_tokens_are_two_runs);
    tcase_add_test(t, sessions_end_early);
    tcase_add_test(t, a_closed_loop_goes_on_with_its_session);
    tcase_add_test(t, laws_have_their_means);
    tcase_add_test(t, sessions_do_not_depend_on_order);
    tcase_add_test(t, turns_leave_arrivals_and_first_calls);
    tcase_add_test(t, a_trace_is_replayed_with_its_blocks);
    tcase_add_test(t, slice_speed_and_clamps_apply);
    tcase_add_test(t, a_trace_may_be_served_one_at_a_time);
    tcase_add_test(t, the_format_is_found);
    tcase_add_test(t, an_oracle_knows_the_next_use);
    tcase_add_test(t, the_real_trace_is_indexed);
    suite_add_tcase(s, t);
    return run_suite(s);
}
