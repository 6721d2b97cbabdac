/* conf: INI files into entries, ranks, option tables; random bytes never crash the reader. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/ini.h"
#include "conf/opt.h"
#include "../run_suite.h"

static struct arena a;
static struct diags d;
static struct ini_entries es;
static char folder[64];

static void setup(void)
{
    arena_init(&a);
    diags_init(&d);
    es = (struct ini_entries){0};
    strcpy(folder, "/tmp/tiersim-conf-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void teardown(void)
{
    static const char *const made[] = {"a.ini", "b.ini", "c.ini", "sub/d.ini"};

    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        unlink(made[i]);
    rmdir("sub");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
    ini_entries_free(&es);
    diags_free(&d);
    arena_free(&a);
}

static void put(const char *name, const void *text, size_t n)
{
    FILE *f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

static const char *value(const char *section, const char *key)
{
    const struct ini_entry *e = ini_find(&es, section, key);
    return e ? e->value : "(none)";
}

static void no_mistakes(void)
{
    if (d.n)
        diags_print(&d, stderr);
    ck_assert_uint_eq(d.n, 0);
}

START_TEST(reads_a_file)
{
    put_text("a.ini", "\xEF\xBB\xBF; comment\r\n# another\r\n   \r\n   ; indented comment\r\n[run]\r\nseed=1\r\n"
                      "log  =  all ; the lot\r\n[class  chat ] ; spaces\r\nname = a;b #c = d\r\n[empty]\r\n");
    ck_assert(ini_load(&es, "a.ini", INI_RANK_SCENARIO, &a, &d));
    no_mistakes();
    ck_assert_str_eq(value("run", "seed"), "1");
    ck_assert_str_eq(value("run", "log"), "all");
    ck_assert_str_eq(value("class chat", "name"), "a;b #c = d");
    ck_assert_int_eq(ini_find(&es, "run", "log")->line, 7);
    ck_assert_str_eq(ini_find(&es, "run", "log")->file, "a.ini");
    ck_assert_ptr_nonnull(opt_section_header(&es, "empty"));
    ck_assert_int_eq(opt_section_header(&es, "empty")->line, 10);
    ck_assert_ptr_null(opt_section_header(&es, "none"));
}
END_TEST

/* inih has room for 200 bytes a line; values up to our own limit come through whole, wherever the cut falls. */
START_TEST(long_values)
{
    char text[INI_LINE_MAX + 164], want[INI_LINE_MAX + 64];

    for (int length = 150; length <= 4000; length += length < 260 ? 1 : 317) {
        for (int i = 0; i < length; i++)
            want[i] = i % 7 == 3 && i + 1 < length ? ' ' : (char)('a' + i % 26);
        want[length] = '\0';
        snprintf(text, sizeof text, "[s]\nkey = %s ; end\nnext = 1\n", want);
        put_text("a.ini", text);
        es.n = 0;
        ck_assert(ini_load(&es, "a.ini", INI_RANK_SCENARIO, &a, &d));
        es.files = 0;
        no_mistakes();
        ck_assert_str_eq(value("s", "key"), want);
        ck_assert_str_eq(value("s", "next"), "1");
    }
}
END_TEST

START_TEST(ranks)
{
    ck_assert_int_eq(mkdir("sub", 0755), 0);
    put_text("sub/d.ini", "[s]\nfile = deep\ndeep = deep\nsibling = first\nonly = x.csv\n");
    put_text("b.ini", "include sub/d.ini\n[s]\nfile = included\ninc = included\n");
    put_text("c.ini", "[s]\nsibling = later\ninc = later\n");
    put_text("a.ini", "[s]\nfile = own\nset = own\ninclude b.ini\ninclude c.ini\nafter = 1\n");
    ck_assert(ini_load(&es, "a.ini", INI_RANK_SCENARIO, &a, &d));
    ini_set(&es, "s.set=first", &a, &d);
    ini_set(&es, " s . set = last", &a, &d);
    ini_set(&es, "class a.b.key=v=w", &a, &d);
    no_mistakes();
    ck_assert_str_eq(value("s", "file"), "own");
    ck_assert_str_eq(value("s", "inc"), "later");
    ck_assert_str_eq(value("s", "sibling"), "later");
    ck_assert_str_eq(value("s", "deep"), "deep");
    ck_assert_str_eq(value("s", "set"), "last");
    ck_assert_str_eq(value("s", "after"), "1"); /* the section goes on after an include */
    ck_assert_str_eq(value("class a.b", "key"), "v=w");
    ck_assert_str_eq(ini_find(&es, "s", "only")->dir, "sub");
    ck_assert_str_eq(ini_find(&es, "s", "only")->file, "sub/d.ini");
    ck_assert_str_eq(ini_find(&es, "s", "set")->file, "-s");
    ck_assert_str_eq(ini_path(&a, "sub", "x.csv"), "sub/x.csv");
    ck_assert_str_eq(ini_path(&a, "sub", "/x.csv"), "/x.csv");
    ck_assert_str_eq(ini_path(&a, "", "x.csv"), "x.csv");
}
END_TEST

START_TEST(unreadable)
{
    ck_assert(!ini_load(&es, "nowhere.ini", INI_RANK_SCENARIO, &a, &d));
    ck_assert(!ini_load(&es, ".", INI_RANK_SCENARIO, &a, &d));
    ck_assert_uint_eq(d.n, 2);
    ck_assert_str_eq(d.at[0].text, "cannot read \"nowhere.ini\": No such file or directory");
    ck_assert_str_eq(d.at[1].text, "cannot read \".\": it is a folder");
}
END_TEST

/* A fan of includes ends at the limit, with one message. */
START_TEST(include_bomb)
{
    char text[INI_FILES_MAX * 20 + 100] = "";

    for (int i = 0; i < INI_FILES_MAX + 50; i++)
        strcat(text, "include c.ini\n");
    put_text("c.ini", "");
    put_text("b.ini", text);
    put_text("a.ini", "include b.ini\ninclude b.ini\n");
    ck_assert(ini_load(&es, "a.ini", INI_RANK_SCENARIO, &a, &d));
    ck_assert_uint_eq(d.n, 1);
    ck_assert_str_eq(d.at[0].text, "too many files are included (at most 256)");
}
END_TEST

/* Whatever stands in the file, the reader ends, and each line gives an entry, a message or nothing. */
START_TEST(random_bytes)
{
    static const char *const pieces[] = {"[",
                                         "]",
                                         "=",
                                         ":",
                                         ";",
                                         "#",
                                         " ",
                                         "\t",
                                         "\n",
                                         "\n",
                                         "\r\n",
                                         "a",
                                         "run",
                                         "[run]\n",
                                         "seed = 1\n",
                                         "include ",
                                         "a.ini",
                                         "\"",
                                         "\xEF\xBB\xBF",
                                         "\x01",
                                         "\\",
                                         " ;",
                                         "0:1",
                                         "[s",
                                         "k=",
                                         "=v",
                                         "longlonglonglonglonglonglonglonglonglonglonglonglonglong"};
    uint64_t x = 0x9e3779b97f4a7c15u + (uint64_t)_i;
    char text[4096];
    size_t n = 0;

    for (int i = 0; i < 400; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        const char *p = pieces[x % (sizeof pieces / sizeof *pieces)];
        size_t length = x % 97 == 0 ? 1 : strlen(p); /* now and then a NUL */
        if (n + length > sizeof text)
            break;
        memcpy(text + n, x % 97 == 0 ? "" : p, length);
        n += length;
    }
    put("a.ini", text, n);
    ck_assert(ini_load(&es, "a.ini", INI_RANK_SCENARIO, &a, &d));
    for (size_t i = 0; i < es.n; i++) {
        ck_assert_str_ne(es.at[i].section, "");
        ck_assert(es.at[i].key == NULL || *es.at[i].value != '\0');
    }
}
END_TEST

START_TEST(nearest)
{
    static const char *const names[] = {"max_num_seqs", "max_num_batched_tokens", "policy", "tp", "count"};

    ck_assert_str_eq(opt_nearest("max_num_seq", names, 5), "max_num_seqs");
    ck_assert_str_eq(opt_nearest("Max-Num-Seqs", names, 5), "max_num_seqs");
    ck_assert_str_eq(opt_nearest("max_num_batched", names, 5), "max_num_batched_tokens");
    ck_assert_str_eq(opt_nearest("cuont", names, 5), "count");
    ck_assert_str_eq(opt_nearest("tpp", names, 5), "tp");
    ck_assert_ptr_null(opt_nearest("zebra", names, 5));
    ck_assert_ptr_null(opt_nearest("x", names, 5));
    ck_assert_ptr_null(opt_nearest("", names, 5));
}
END_TEST

/* ---- option tables: every kind once ---- */

struct all {
    const char *text, *path;
    int64_t whole, time_ns, bytes, unset;
    double real, rate;
    bool yes;
    int choice;
    struct dist_quantiles q;
    struct opt_list list;
};

static const char *const colours[] = {"red", "green", NULL};
static const struct opt rows[] = {
    {"text", OPT_TEXT, UNIT_NONE, offsetof(struct all, text), OPT_NO_LIMITS, "none", NULL, "help"},
    {"path", OPT_PATH, UNIT_NONE, offsetof(struct all, path), OPT_NO_LIMITS, "", NULL, "help"},
    {"whole", OPT_INT, UNIT_NONE, offsetof(struct all, whole), -5, 5, "3", NULL, "help"},
    {"time", OPT_TIME, UNIT_SECOND, offsetof(struct all, time_ns), 0, 10, "40ms", NULL, "help"},
    {"bytes", OPT_BYTES, UNIT_BYTE, offsetof(struct all, bytes), 0, 1e12, "1GiB", NULL, "help"},
    {"unset", OPT_INT, UNIT_NONE, offsetof(struct all, unset), 1, 5, "", NULL, "help"},
    {"real", OPT_REAL, UNIT_NONE, offsetof(struct all, real), 0, 1, NULL, NULL, "help"},
    {"rate", OPT_QUANTITY, UNIT_PER_S, offsetof(struct all, rate), 0, 100, "2.5/h", NULL, "help"},
    {"yes", OPT_BOOL, UNIT_NONE, offsetof(struct all, yes), OPT_NO_LIMITS, "no", NULL, "help"},
    {"choice", OPT_CHOICE, UNIT_NONE, offsetof(struct all, choice), OPT_NO_LIMITS, "red", colours, "help"},
    {"q", OPT_QUANTILES, UNIT_NONE, offsetof(struct all, q), 0, 100, "0:1 33.3:2 100:3", NULL, "help"},
    {"list", OPT_LIST, UNIT_NONE, offsetof(struct all, list), 0, 1, "0.5", NULL, "help"},
};
static const struct opt_table table = OPT_TABLE(rows);

static const char *text_of(const struct opt_bind *b, const char *name)
{
    for (size_t i = 0; i < b->table->n; i++)
        if (strcmp(b->table->rows[i].name, name) == 0)
            return opt_value_text(b, i, &a);
    ck_abort_msg("no row %s", name);
}

START_TEST(defaults_and_values)
{
    struct all v = {0}, w = {0};
    struct opt_bind b[] = {{.section = "s", .prefix = "", .table = &table, .base = &v},
                           {.section = "s", .prefix = "p_", .table = &table, .base = &w}};

    put_text("a.ini",
             "[s]\nreal = 0.5\np_real = 0.25\np_path = x/y\np_whole = -5\np_time = 1.5s\np_bytes = 2MB\np_unset = 4\n"
             "p_rate = 7/min\np_yes = on\np_choice = green\np_q = 0:1, 12.3:4 99.9:5.5 100:6\np_text = a b\np_list = 1, 0.25 0\n");
    ck_assert(ini_load(&es, "a.ini", INI_RANK_SCENARIO, &a, &d));
    opt_apply(&b[0], &es, &a, &d);
    opt_apply(&b[1], &es, &a, &d);
    opt_check_unknown(b, 2, &es, &d);
    no_mistakes();
    ck_assert_str_eq(v.text, "none");
    ck_assert_ptr_null(v.path);
    ck_assert(v.whole == 3 && v.time_ns == 40000000 && v.bytes == 1073741824 && v.unset == 0 && !v.yes &&
              v.choice == 0);
    ck_assert_double_eq(v.real, 0.5);
    ck_assert_double_eq(v.rate, 2.5 / 3600);
    ck_assert_ptr_null(opt_value_text(&b[0], 5, &a));
    ck_assert_ptr_null(b[0].origin[2]);
    ck_assert_int_eq(b[0].origin[6]->line, 2);
    ck_assert_str_eq(w.path, "x/y");
    ck_assert(w.whole == -5 && w.time_ns == 1500000000 && w.bytes == 2000000 && w.unset == 4 && w.yes && w.choice == 1);
    ck_assert_int_eq(w.q.n, 4);
    ck_assert_double_eq(w.q.p[1], 12.3 / 100);
    ck_assert_double_eq(w.q.x[2], 5.5);
    ck_assert_str_eq(text_of(&b[1], "q"), "0:1 12.3:4 99.9:5.5 100:6");
    ck_assert(v.list.n == 1 && w.list.n == 3);
    ck_assert_double_eq(w.list.x[1], 0.25);
    ck_assert_str_eq(text_of(&b[1], "list"), "1 0.25 0");
    ck_assert_str_eq(text_of(&b[0], "list"), "0.5");
    ck_assert_double_eq(opt_value_num(&b[0], 11), 0.5);
    ck_assert_double_nan(opt_value_num(&b[1], 11));
    ck_assert_str_eq(text_of(&b[1], "rate"), "7/min");
    ck_assert_str_eq(text_of(&b[1], "time"), "1.5s");
    ck_assert_str_eq(text_of(&b[1], "choice"), "green");
    ck_assert_str_eq(text_of(&b[0], "q"), "0:1 33.3:2 100:3");
    ck_assert_double_eq(opt_value_num(&b[1], 3), 1.5);
    ck_assert_double_nan(opt_value_num(&b[1], 0));
}
END_TEST

START_TEST(lenient_about_the_missing_only)
{
    struct all v = {0};
    struct opt_bind b = {.section = "s", .prefix = "", .table = &table, .base = &v, .lenient = true};

    put_text("a.ini", "[s]\nwhole = 6\n");
    ck_assert(ini_load(&es, "a.ini", INI_RANK_SCENARIO, &a, &d));
    opt_apply(&b, &es, &a, &d);
    ck_assert_uint_eq(d.n, 1);
    ck_assert_str_eq(d.at[0].text, "[s] whole: \"6\" is out of range (want -5 to 5)");
    b.lenient = false;
    opt_apply(&b, &es, &a, &d);
    ck_assert_uint_eq(d.n, 3);
    ck_assert_str_eq(d.at[2].text, "[s] real is missing: help (want a number)");
    ck_assert_int_eq(d.at[2].line, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conf");
    TCase *t = tcase_create("conf");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, reads_a_file);
    tcase_add_test(t, long_values);
    tcase_add_test(t, ranks);
    tcase_add_test(t, unreadable);
    tcase_add_test(t, include_bomb);
    tcase_add_loop_test(t, random_bytes, 0, 300);
    tcase_add_test(t, nearest);
    tcase_add_test(t, defaults_and_values);
    tcase_add_test(t, lenient_about_the_missing_only);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return run_suite(s);
}
