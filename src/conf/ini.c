#include "conf/ini.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "base/bug.h"

static const char blanks[] = " \t";

/* One file being read; a chain of them while includes are open. */
struct reader {
    FILE *f;
    const char *file, *dir; /* arena */
    const char *text;       /* read instead of the file; NULL: the file */
    int line, rank, depth;
    size_t bytes;          /* read so far */
    bool keep;             /* its text */
    bool in_section, skip; /* skip: below a broken header */
    bool included, extended;
    bool full;             /* INI_ENTRIES_MAX was reached, and said */
    char buf[INI_LINE_MAX + 2];
    const char *tail; /* what inih had no room for, of the value it was given last */
    struct ini_entries *es;
    size_t first; /* its entries start here; those of files it includes lie among them */
    struct arena *a;
    struct diags *d;
    dev_t dev;
    ino_t ino;
    const struct reader *parent;
};

static void add_entry(struct ini_entries *es, struct ini_entry e)
{
    if (es->n == es->cap) {
        es->cap = es->cap ? es->cap * 2 : 64;
        es->at = mem_realloc(es->at, es->cap * sizeof *es->at);
    }
    es->at[es->n++] = e;
}

void ini_entries_free(struct ini_entries *es)
{
    free(es->at);
    free(es->text);
    *es = (struct ini_entries){0};
}

const char *ini_path(struct arena *a, const char *dir, const char *path)
{
    if (dir == NULL || *dir == '\0' || *path == '/')
        return arena_strdup(a, path);
    return arena_printf(a, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", path);
}

static const char *folder_of(struct arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return "";
    return arena_printf(a, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* Cuts blanks off the end; returns the first that is none. */
static char *trim(char *s)
{
    size_t n = strlen(s);

    while (n > 0 && strchr(blanks, s[n - 1]))
        s[--n] = '\0';
    return s + strspn(s, blanks);
}

/* Cuts off a comment: a ; after a blank. */
static void cut_comment(char *s)
{
    for (char *p = s; *p; p++)
        if (*p == ';' && p > s && strchr(blanks, p[-1])) {
            *p = '\0';
            return;
        }
}

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

/* Says what keeps s from being a key, or NULL. */
static const char *bad_key(const char *s)
{
    if (*s == '\0')
        return "there is no key before the \"=\" (want key = value)";
    if (strlen(s) > INI_NAME_MAX)
        return "the key is too long (at most 48 characters)";
    if (strchr(s, ':'))
        return "keys and values are separated by \"=\", not \":\" (want key = value)";
    if (s[strspn(s, name_chars)] != '\0' || strchr(s, '.'))
        return "a key is made of letters, digits, _ and - (want key = value)";
    return NULL;
}

static const char *bad_section(const char *s)
{
    if (*s == '\0')
        return "the section has no name (want e.g. [run])";
    if (strlen(s) > INI_NAME_MAX)
        return "the section's name is too long (at most 48 characters)";
    for (; *s; s++)
        if (*s != ' ' && !strchr(name_chars, *s))
            return "a section's name is made of letters, digits, _ - . and spaces (want e.g. [run])";
    return NULL;
}

/* Joins runs of blanks, so that [class  chat] is [class chat]. */
static void join_blanks(char *s)
{
    char *to = s;

    for (; *s; s++)
        if (*s != '\t' && (*s != ' ' || (s[1] != ' ' && s[1] != '\t')))
            *to++ = *s;
        else if (*s == '\t' && s[1] != ' ' && s[1] != '\t')
            *to++ = ' ';
    *to = '\0';
}

static void include_file(struct reader *r, const char *word, char *rest);
static bool load_file(struct ini_entries *es, const char *path, const char *text, int rank, const struct reader *parent,
                      struct arena *a, struct diags *d);

static void complain(struct reader *r, const char *what)
{
    diags_add(r->d, r->file, r->line, "%s", what);
}

static void keep_byte(struct ini_entries *es, char c)
{
    if (es->n_text + 1 >= es->cap_text) {
        es->cap_text = es->cap_text ? 2 * es->cap_text : 16384;
        es->text = mem_realloc(es->text, es->cap_text);
    }
    es->text[es->n_text++] = c;
    es->text[es->n_text] = '\0';
}

/* The next byte, or EOF: also where the file grows too large, which is said then. */
static int next_byte(struct reader *r)
{
    int c = r->bytes > INI_BYTES_MAX ? EOF : getc(r->f);

    if (c == EOF)
        return EOF;
    if (++r->bytes > INI_BYTES_MAX) {
        diags_add(r->d, r->file, 0, "the file is too large (at most %d MiB)", INI_BYTES_MAX >> 20);
        return EOF;
    }
    if (r->keep)
        keep_byte(r->es, (char)c);
    return c;
}

/* Reads a line into r->buf without its end. False at the end of the file; *whole is false for a line that
 * was refused. */
static bool read_line(struct reader *r, bool *whole)
{
    size_t n = 0;
    int c, odd = -1;
    bool any = false, cr = false;

    while ((c = next_byte(r)) != EOF) {
        any = true;
        if (c == '\n')
            break;
        if (cr && odd < 0)
            odd = '\r'; /* a CR that ends no line */
        cr = c == '\r';
        if (c < ' ' && c != '\t' && !cr && odd < 0)
            odd = c;
        if (n <= INI_LINE_MAX)
            r->buf[n++] = (char)c;
    }
    if (!any)
        return false;
    r->line++;
    if (cr && n > 0 && n <= INI_LINE_MAX)
        n--;
    r->buf[n] = '\0';
    if (r->line == 1 && strcmp(r->buf, "SQLite format 3") == 0) {
        complain(r, "this is an SQLite file, as runs write, and no scenario (`tiersim report FILE` reads a run's)");
        return false;
    }
    if (n > INI_LINE_MAX)
        diags_add(r->d, r->file, r->line, "the line is too long (at most %d bytes)", INI_LINE_MAX);
    else if (odd == 0)
        complain(r, "the line holds a NUL byte: is this a text file?");
    else if (odd > 0)
        diags_add(r->d, r->file, r->line, "the line holds the control character 0x%02x", (unsigned)odd);
    *whole = n <= INI_LINE_MAX && odd < 0;
    if (r->line == 1 && strncmp(r->buf, "\xEF\xBB\xBF", 3) == 0)
        memmove(r->buf, r->buf + 3, strlen(r->buf + 3) + 1);
    return true;
}

/* "[name]": gives the name, or NULL after a complaint. */
static const char *section_name(struct reader *r, char *line)
{
    char *close = strchr(line, ']'), *name;
    const char *bad;

    if (close == NULL) {
        complain(r, "the section header lacks its \"]\" (want e.g. [run])");
        return NULL;
    }
    *close = '\0';
    char *after = close + 1 + strspn(close + 1, blanks);
    if (*after && *after != ';' && *after != '#') {
        diags_add(r->d, r->file, r->line, "[%s] has \"%s\" after its \"]\": put it on a line of its own",
                  trim(line + 1), after);
        return NULL;
    }
    name = trim(line + 1);
    join_blanks(name);
    bad = bad_section(name);
    if (bad) {
        complain(r, bad);
        return NULL;
    }
    return name;
}

/* "key = value": cleans it up for inih in out (size bytes) and leaves what does not fit in r->tail. */
static void key_line(struct reader *r, char *line, char *out, size_t size)
{
    char *eq = strchr(line, '='), *key, *value;
    const char *bad;

    if (eq == NULL) {
        diags_add(r->d, r->file, r->line, "\"%.60s\" is neither a [section] nor key = value%s", trim(line),
                  strchr(line, ':') ? " (\":\" does not separate them)" : "");
        return;
    }
    *eq = '\0';
    key = trim(line);
    bad = bad_key(key);
    if (bad) {
        complain(r, bad);
        return;
    }
    if (!r->in_section) {
        diags_add(r->d, r->file, r->line, "\"%s\" stands before the first [section]", key);
        return;
    }
    cut_comment(eq + 1);
    value = trim(eq + 1);
    if (*value == ';')
        *value = '\0';

    size_t room = size - strlen(key) - 3, cut = strlen(value); /* "=", "\n", NUL */
    if (cut > room) {
        cut = room;
        while (strchr(blanks, value[cut - 1])) /* inih trims the value's end */
            cut--;
    }
    r->tail = value + cut;
    snprintf(out, size, "%s=%.*s\n", key, (int)cut, value);
}

/* One message a file when there are too many entries; the rest of the file's keys is skipped. */
static bool room_left(struct reader *r)
{
    if (r->es->n < INI_ENTRIES_MAX)
        return true;
    if (!r->full)
        diags_add(r->d, r->file, r->line, "too many keys and sections (at most %d in all)", INI_ENTRIES_MAX);
    r->full = true;
    r->skip = true;
    return false;
}

/* What follows the word, where the line is no key of that name; NULL: the line does not begin with it. */
static char *after_word(char *line, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(line, word, n) != 0 || (line[n] != '\0' && !strchr(blanks, line[n])))
        return NULL;
    char *rest = line + n + strspn(line + n, blanks);
    return *rest == '=' ? NULL : rest;
}

/* The one file that this one begins with. */
static void extend_file(struct reader *r, char *rest)
{
    if (r->extended)
        complain(r, "a file extends one other at most (want include for more)");
    else if (r->included || r->in_section)
        complain(r, "extends FILE comes before all else (within [class NAME] and the like: extends = OTHER)");
    else
        include_file(r, "extends", rest);
    r->extended = true;
}

/* inih's fgets: each line of the file as one line that inih cannot misread. */
static char *next_line(char *out, int num, void *stream)
{
    struct reader *r = stream;
    bool whole = true;

    sim_assert(num >= 2 * INI_NAME_MAX);
    if (!read_line(r, &whole))
        return NULL;
    snprintf(out, (size_t)num, "\n");
    if (!whole)
        return out;

    char *line = r->buf, *start = trim(line);
    if (*start == '\0' || *start == ';' || *start == '#')
        return out;
    if (start != line) {
        complain(r, "the line is indented, which in INI files continues the value above: start it in the first column");
        return out;
    }
    if (*line == '[') {
        const char *name = section_name(r, line);
        r->skip = name == NULL || !room_left(r);
        r->in_section = true;
        if (!r->skip) {
            add_entry(r->es, (struct ini_entry){.section = arena_strdup(r->a, name),
                                                .file = r->file,
                                                .line = r->line,
                                                .dir = r->dir,
                                                .rank = r->rank});
            snprintf(out, (size_t)num, "[%s]\n", name);
        }
        return out;
    }
    char *rest = after_word(line, "include");
    if (rest) {
        r->included = true;
        include_file(r, "include", rest);
        return out;
    }
    rest = after_word(line, "extends");
    if (rest) {
        extend_file(r, rest);
        return out;
    }
    if (!r->skip)
        key_line(r, line, out, (size_t)num);
    return out;
}

/* inih's handler: one key. Its strings die with the call. */
static int on_key(void *user, const char *section, const char *key, const char *value)
{
    struct reader *r = user;
    struct ini_entries *es = r->es;

    if (*value == '\0') {
        diags_add(r->d, r->file, r->line, "[%s] %s has no value", section, key);
        return 1;
    }
    for (size_t i = r->first; i < es->n; i++) {
        const struct ini_entry *e = &es->at[i];
        if (e->file == r->file && e->key && strcmp(e->key, key) == 0 && strcmp(e->section, section) == 0) {
            diags_add(r->d, r->file, r->line, "[%s] %s was given in line %d already", section, key, e->line);
            return 1;
        }
    }
    if (!room_left(r))
        return 1;
    add_entry(es, (struct ini_entry){.section = arena_strdup(r->a, section),
                                     .key = arena_strdup(r->a, key),
                                     .value = arena_printf(r->a, "%s%s", value, r->tail),
                                     .file = r->file,
                                     .line = r->line,
                                     .dir = r->dir,
                                     .rank = r->rank});
    return 1;
}

static void include_file(struct reader *r, const char *word, char *rest)
{
    cut_comment(rest);
    rest = trim(rest);
    if (*rest == '\0' || *rest == ';')
        diags_add(r->d, r->file, r->line, "%s needs a file (want e.g. %s base.ini)", word, word);
    else if (r->depth + 1 >= INI_DEPTH_MAX)
        diags_add(r->d, r->file, r->line, "%s %s: files include each other too deeply (at most %d)", word,
                  rest, INI_DEPTH_MAX);
    else
        load_file(r->es, ini_path(r->a, r->dir, rest), NULL, r->rank - 1, r, r->a, r->d);
}

/* Opens the file; says why not at the line that asked for it. */
static bool open_file(struct reader *r, const char *path)
{
    const struct reader *p = r->parent;
    const char *file = p ? p->file : path, *what = p ? "include: " : "";
    int line = p ? p->line : 0;
    struct stat st;

    if (r->es->files++ >= INI_FILES_MAX) {
        if (r->es->files == INI_FILES_MAX + 1)
            diags_add(r->d, file, line, "too many files are included (at most %d)", INI_FILES_MAX);
        return false;
    }
    if (r->text) { /* fmemopen refuses no bytes at all */
        r->f = fmemopen((void *)(uintptr_t)r->text, strlen(r->text), "r");
        sim_assert(r->f != NULL);
        return true;
    }
    r->f = fopen(path, "r");
    if (r->f == NULL || fstat(fileno(r->f), &st) != 0) {
        diags_add(r->d, file, line, "%scannot read \"%s\": %s", what, path, strerror(errno));
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        diags_add(r->d, file, line, "%scannot read \"%s\": it is a folder", what, path);
        return false;
    }
    r->dev = st.st_dev;
    r->ino = st.st_ino;
    for (; p; p = p->parent)
        if (p->dev == r->dev && p->ino == r->ino) {
            diags_add(r->d, file, line, "include: \"%s\" includes itself", path);
            return false;
        }
    return true;
}

static bool load_file(struct ini_entries *es, const char *path, const char *text, int rank, const struct reader *parent,
                      struct arena *a, struct diags *d)
{
    struct reader *r = mem_zalloc(1, sizeof *r);
    bool ok;

    *r = (struct reader){.file = arena_strdup(a, path),
                         .dir = folder_of(a, path),
                         .text = text,
                         .rank = rank,
                         .es = es,
                         .a = a,
                         .d = d,
                         .parent = parent,
                         .keep = parent == NULL && es->files == 0,
                         .depth = parent ? parent->depth + 1 : 0,
                         .first = es->n,
                         .tail = ""};
    ok = open_file(r, path);
    if (ok) {
        int bad_line = ini_parse_stream(next_line, r, on_key, r);
        sim_assert(bad_line == 0); /* next_line lets nothing through that inih refuses */
        if (ferror(r->f)) {
            diags_add(d, r->file, 0, "reading failed: %s", strerror(errno));
            ok = false;
        }
    }
    if (r->f)
        fclose(r->f);
    free(r);
    return ok;
}

bool ini_load(struct ini_entries *es, const char *path, int rank, struct arena *a, struct diags *d)
{
    if (es->top == NULL)
        es->top = arena_strdup(a, path);
    return load_file(es, path, NULL, rank, NULL, a, d);
}

bool ini_load_text(struct ini_entries *es, const char *name, const char *text, int rank, struct arena *a,
                   struct diags *d)
{
    if (es->top == NULL)
        es->top = arena_strdup(a, name);
    return *text == '\0' || load_file(es, name, text, rank, NULL, a, d);
}

void ini_set(struct ini_entries *es, const char *assignment, struct arena *a, struct diags *d)
{
    static const char want[] = "want section.key=value, e.g. run.seed=7";
    char *s = arena_strdup(a, assignment), *eq = strchr(s, '='), *dot, *section, *key, *value;

    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < ' ' && *p != '\t') {
            diags_add(d, "-s", 0, "the value holds the control character 0x%02x", (unsigned char)*p);
            return;
        }
    if (eq == NULL) {
        diags_add(d, "-s", 0, "\"%.60s\" lacks a \"=\" (%s)", s, want);
        return;
    }
    *eq = '\0';
    dot = strrchr(s, '.'); /* the last one: a class may have dots in its name, a key has none */
    if (dot == NULL) {
        diags_add(d, "-s", 0, "\"%.60s\" lacks a section (%s)", s, want);
        return;
    }
    *dot = '\0';
    section = trim(s);
    key = trim(dot + 1);
    value = trim(eq + 1);
    join_blanks(section);
    const char *bad = bad_section(section);
    if (bad == NULL)
        bad = bad_key(key);
    if (bad) {
        diags_add(d, "-s", 0, "\"%.60s\": %s", assignment, bad);
        return;
    }
    if (*value == '\0') {
        diags_add(d, "-s", 0, "[%s] %s has no value (%s)", section, key, want);
        return;
    }
    if (strlen(value) > INI_LINE_MAX / 2) {
        diags_add(d, "-s", 0, "[%s] %s: the value is too long (at most %d bytes)", section, key, INI_LINE_MAX / 2);
        return;
    }
    if (strstr(value, " ;") || strstr(value, "\t;")) {
        diags_add(d, "-s", 0, "[%s] %s: \" ;\" starts a comment in scenarios, so no value can hold it", section, key);
        return;
    }
    add_entry(es, (struct ini_entry){
                      .section = section, .key = key, .value = value, .file = "-s", .dir = "", .rank = INI_RANK_SET});
}

struct ini_entry *ini_find(const struct ini_entries *es, const char *section, const char *key)
{
    struct ini_entry *best = NULL;

    for (size_t i = 0; i < es->n; i++) {
        struct ini_entry *e = &es->at[i];
        if (e->key && strcmp(e->key, key) == 0 && strcmp(e->section, section) == 0 &&
            (best == NULL || e->rank >= best->rank))
            best = e;
    }
    return best;
}
