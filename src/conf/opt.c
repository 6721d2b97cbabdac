#include "conf/opt.h"

#include <string.h>

#include "base/bug.h"
#include "conf/opt_value.h"

enum { NAMES_MAX = 256 };

/* Is key = prefix + name? */
static bool is_key(const char *key, const char *prefix, const char *name)
{
    size_t n = strlen(prefix);
    return strncmp(key, prefix, n) == 0 && strcmp(key + n, name) == 0;
}

/* Marks all entries of the key: one that was overridden was no mistake. Gives the one that holds. */
static struct ini_entry *take(struct ini_entries *es, const struct opt_bind *b, const char *name)
{
    struct ini_entry *best = NULL;

    for (size_t i = 0; i < es->n; i++) {
        struct ini_entry *e = &es->at[i];
        if (e->key && strcmp(e->section, b->section) == 0 && is_key(e->key, b->prefix, name)) {
            e->used = true;
            if (best == NULL || e->rank >= best->rank)
                best = e;
        }
    }
    return best;
}

const struct ini_entry *opt_section_header(const struct ini_entries *es, const char *section)
{
    const struct ini_entry *best = NULL;

    for (size_t i = 0; i < es->n; i++) {
        const struct ini_entry *e = &es->at[i];
        if (e->key == NULL && strcmp(e->section, section) == 0 && (best == NULL || e->rank > best->rank))
            best = e;
    }
    return best;
}

/* "a time, e.g. 40ms", "one of poisson, gamma" */
static void describe(const struct opt *row, char *out, size_t size)
{
    size_t used = 0;

    if (row->kind == OPT_CHOICE)
        for (const char *const *c = row->choices; *c && used < size; c++)
            used += (size_t)snprintf(out + used, size - used, "%s%s", c == row->choices ? "one of " : ", ", *c);
    else if (row->kind == OPT_QUANTITY)
        snprintf(out, size, "%s, e.g. %s", units_name(row->unit), units_example(row->unit));
    else if (row->kind == OPT_TIME)
        snprintf(out, size, "%s, e.g. %s", units_name(UNIT_SECOND), units_example(UNIT_SECOND));
    else if (row->kind == OPT_BYTES)
        snprintf(out, size, "%s, e.g. %s", units_name(UNIT_BYTE), units_example(UNIT_BYTE));
    else if (row->kind == OPT_LIST)
        snprintf(out, size, "up to %d values, each %s, with spaces or commas between", OPT_LIST_MAX, units_name(row->unit));
    else
        snprintf(out, size, "%s", opt_value_kind(row));
}

static void missing(const struct opt_bind *b, const struct opt *row, const struct ini_entries *es, struct diags *d)
{
    const struct ini_entry *header = opt_section_header(es, b->section);
    char want[512];

    describe(row, want, sizeof want);
    diags_add(d, header ? header->file : es->top, header ? header->line : 0, "[%s] %s%s is missing: %s (want %s)",
              b->section, b->prefix, row->name, row->help, want);
}

void opt_apply(struct opt_bind *b, struct ini_entries *entries, struct arena *a, struct diags *d)
{
    char why[1024];

    b->origin = arena_alloc(a, (b->table->n + 1) * sizeof *b->origin); /* + 1: a table may be empty */
    for (size_t i = 0; i < b->table->n; i++) {
        const struct opt *row = &b->table->rows[i];
        void *p = (char *)b->base + row->offset;
        const struct ini_entry *e = take(entries, b, row->name);
        if (e) {
            struct ini_entry *kept = arena_alloc(a, sizeof *kept); /* entries move when more are read */
            *kept = *e;
            b->origin[i] = kept;
            if (!opt_value_parse(row, e->value, e->dir, p, a, why, sizeof why))
                diags_add(d, e->file, e->line, "[%s] %s: %s", e->section, e->key, why);
        } else if (row->deflt == NULL) {
            if (!b->lenient)
                missing(b, row, entries, d);
        } else if (*row->deflt) {
            /* A default that its own table refuses is our mistake. */
            bool ok = opt_value_parse(row, row->deflt, "", p, a, why, sizeof why);
            sim_assert(ok);
        }
    }
}

static bool known_section(const struct opt_bind *binds, size_t n, const char *section)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(binds[i].section, section) == 0)
            return true;
    return false;
}

static bool in_names(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void unknown_section(const struct opt_bind *binds, size_t n, const struct ini_entries *es, size_t at,
                            struct diags *d)
{
    const struct ini_entry *e = &es->at[at];
    const char *names[NAMES_MAX] = {0};
    size_t n_names = 0;

    for (size_t i = 0; i < at; i++)
        if (strcmp(es->at[i].section, e->section) == 0 && es->at[i].rank != INI_RANK_SET)
            return; /* said already */
    for (size_t i = 0; i < n && n_names < NAMES_MAX; i++)
        if (!in_names(names, n_names, binds[i].section))
            names[n_names++] = binds[i].section;
    const char *nearest = opt_nearest(e->section, names, n_names);
    if (nearest)
        diags_add(d, e->file, e->line, "[%s] is no known section; did you mean [%s]?", e->section, nearest);
    else
        diags_add(d, e->file, e->line, "[%s] is no known section (`tiersim explain` lists them)", e->section);
}

/* The section that has this key, if it is not the entry's own. */
static const char *other_home(const struct opt_bind *binds, size_t n, const struct ini_entry *e)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < binds[i].table->n; k++)
            if (is_key(e->key, binds[i].prefix, binds[i].table->rows[k].name) &&
                strcmp(binds[i].section, e->section) != 0)
                return binds[i].section;
    return NULL;
}

static void unknown_key(const struct opt_bind *binds, size_t n, const struct ini_entry *e, struct diags *d)
{
    char text[NAMES_MAX][INI_NAME_MAX + 16];
    const char *names[NAMES_MAX] = {0};
    size_t n_names = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < binds[i].table->n && strcmp(binds[i].section, e->section) == 0; k++)
            if (n_names < NAMES_MAX) {
                snprintf(text[n_names], sizeof *text, "%s%s", binds[i].prefix, binds[i].table->rows[k].name);
                names[n_names] = text[n_names];
                n_names++;
            }
    const char *nearest = opt_nearest(e->key, names, n_names), *home = other_home(binds, n, e);
    if (home)
        diags_add(d, e->file, e->line, "[%s] has no key \"%s\"; it belongs in [%s]", e->section, e->key, home);
    else if (nearest)
        diags_add(d, e->file, e->line, "[%s] has no key \"%s\"; did you mean \"%s\"?", e->section, e->key, nearest);
    else
        diags_add(d, e->file, e->line, "[%s] has no key \"%s\" (`tiersim explain %.*s` lists them)", e->section, e->key,
                  (int)strcspn(e->section, " "), e->section);
}

void opt_check_unknown(const struct opt_bind *binds, size_t n, const struct ini_entries *entries, struct diags *d)
{
    for (size_t i = 0; i < entries->n; i++) {
        const struct ini_entry *e = &entries->at[i];
        if (!known_section(binds, n, e->section))
            unknown_section(binds, n, entries, i, d);
        else if (e->key && !e->used)
            unknown_key(binds, n, e, d);
    }
}

void opt_explain(const char *section, const char *prefix, const struct opt *row, FILE *out)
{
    char range[160], want[512];

    opt_value_range(row, range, sizeof range);
    describe(row, want, sizeof want);
    fprintf(out, "[%s] %s%s\n    %s\n    takes: %s%s%s", section, prefix, row->name, row->help, want,
            *range ? "; " : "", range);
    if (row->kind == OPT_PATH)
        fprintf(out, ", relative to the file it stands in (from -s: to the current folder)");
    if (row->deflt == NULL)
        fprintf(out, "\n    must be given\n");
    else
        fprintf(out, "\n    default: %s\n", *row->deflt ? row->deflt : "none");
}
