/* explain.c - `tiersim explain`: the option tables as text. */
#include <stdlib.h>
#include <string.h>

#include "scenario/pools.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"

enum { NAMES_MAX = 512, PRESETS_MAX = 256 };

static const char *const kind_words[POLICY_KINDS] = {
    [POLICY_ARRIVAL] = "arrivals",    [POLICY_LENGTH] = "length", [POLICY_ROUTER] = "router",
    [POLICY_SCHEDULER] = "scheduler", [POLICY_ORDER] = "order", [POLICY_COST] = "cost",     [POLICY_EVICT] = "eviction",
    [POLICY_PLACE] = "placement",     [POLICY_ADMISSION] = "admission", [POLICY_SCALER] = "scaling",
    [POLICY_DURATION] = "duration",
};

/* Whether the section's choice has that policy. */
static bool offers(const struct section *s, int choice, const struct policy *p)
{
    return s->choice[choice].kind != POLICY_LENGTH || choice < s->n_traced || strcmp(p->name, "trace") != 0;
}

/* How a section is written: [class NAME]. */
static const char *title(const struct section *s)
{
    return s->named ? s->named->title : s->name;
}

static void list_sections(const struct section *sections, FILE *out)
{
    fprintf(out, "Sections of a scenario; `tiersim explain SECTION` lists its keys:\n");
    for (int i = 0; i < SECTIONS; i++)
        fprintf(out, "  [%s]%*s%s\n", title(&sections[i]), (int)(14 - strlen(title(&sections[i]))), "",
                sections[i].help);
    fprintf(out, "Also: `tiersim explain SECTION.KEY`, KEY, or a policy's name such as lognormal.\n"
                 "Any key can be set on the command line: -s SECTION.KEY=VALUE.\n");
}

/* ---- one key, wherever it is ---- */

static bool is_key(const char *key, const char *prefix, const char *name)
{
    size_t n = strlen(prefix);
    return strncmp(key, prefix, n) == 0 && strcmp(key + n, name) == 0;
}

/* Explains the rows of the table that match. */
static int explain_rows(const struct section *s, const char *prefix, const struct opt_table *t, const char *key,
                        const char *only_with, FILE *out)
{
    int found = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (!is_key(key, prefix, t->rows[i].name))
            continue;
        found++;
        opt_explain(title(s), prefix, &t->rows[i], out);
        if (only_with)
            fprintf(out, "    only with %s\n", only_with);
    }
    return found;
}

static int explain_key_of(const struct section *s, const char *key, FILE *out)
{
    int found = 0;

    if (s->preset_folder)
        found += explain_rows(s, "", &preset_table, key, NULL, out);
    found += explain_rows(s, "", &s->table, key, NULL, out);
    for (size_t i = 0; i < s->n_items; i++)
        if (explain_rows(s, s->items[i].prefix, &s->item_table, key, NULL, out)) {
            fprintf(out, "    of the kernel: %s\n", s->items[i].help);
            found++;
        }
    for (int i = 0; i < s->n_choices; i++) {
        const struct section_choice *c = &s->choice[i];
        const struct policy *const *p = policy_list(c->kind);
        found += explain_rows(s, "", &c->table, key, NULL, out);
        for (; *p; p++) {
            char with[128];
            snprintf(with, sizeof with, "%s = %s", c->table.rows->name, (*p)->name);
            found += explain_rows(s, c->prefix, &(*p)->options, key, with, out);
        }
    }
    return found;
}

/* ---- one policy ---- */

static int explain_policy(const struct section *sections, const char *name, FILE *out)
{
    int found = 0;

    for (int i = 0; i < SECTIONS; i++)
        for (int k = 0; k < sections[i].n_choices; k++) {
            const struct section *s = &sections[i];
            const struct section_choice *c = &s->choice[k];
            const struct policy *p = policy_find(c->kind, name);
            if (p == NULL || !offers(s, k, p))
                continue;
            found++;
            fprintf(out, "[%s] %s = %s (%s policy)\n    %s\n", title(s), c->table.rows->name, p->name,
                    kind_words[c->kind], p->help);
            for (size_t row = 0; row < p->options.n; row++)
                opt_explain(title(s), c->prefix, &p->options.rows[row], out);
        }
    return found;
}

/* ---- one section ---- */

static void line_of(const char *prefix, const struct opt *row, FILE *out)
{
    char name[64];

    snprintf(name, sizeof name, "%s%s", prefix, row->name);
    fprintf(out, "  %-24s %s", name, row->help);
    if (row->deflt == NULL)
        fprintf(out, " (must be given)\n");
    else if (*row->deflt)
        fprintf(out, " (default %s)\n", row->deflt);
    else
        fprintf(out, "\n");
}

static void explain_section(const struct section *s, FILE *out)
{
    fprintf(out, "[%s] %s\n", title(s), s->help);
    if (s->preset_folder) {
        const char *names[PRESETS_MAX];
        struct arena a;
        arena_init(&a);
        size_t n = preset_names(s->preset_folder, names, PRESETS_MAX, &a);
        line_of("", preset_table.rows, out);
        fprintf(out, "    known:");
        for (size_t i = 0; i < n; i++)
            fprintf(out, "%s %s", i ? "," : "", names[i]);
        fprintf(out, "%s\n", n ? "" : " none (the folder data/ was not found; TIERSIM_DATA says where it is)");
        arena_free(&a);
    }
    if (s->named && strcmp(s->name, "pool") != 0)
        fprintf(out, "  %-24s another [%s] whose keys hold where this one has none\n", "extends", s->named->title);
    for (size_t i = 0; i < s->table.n; i++)
        line_of("", &s->table.rows[i], out);
    for (size_t i = 0; i < s->n_items; i++) {
        fprintf(out, "  %s%s: %s\n", s->items[i].prefix, "*", s->items[i].help);
        for (size_t row = 0; i + 1 == s->n_items && row < s->item_table.n; row++) {
            fprintf(out, "  ");
            line_of("*_", &s->item_table.rows[row], out);
        }
    }
    for (int i = 0; i < s->n_choices; i++) {
        const struct section_choice *c = &s->choice[i];
        const struct policy *const *p = policy_list(c->kind);
        line_of("", c->table.rows, out);
        for (; *p; p++) {
            if (!offers(s, i, *p))
                continue;
            fprintf(out, "    %-22s %s\n", (*p)->name, (*p)->help);
            for (size_t row = 0; row < (*p)->options.n; row++) {
                fprintf(out, "    ");
                line_of(c->prefix, &(*p)->options.rows[row], out);
            }
        }
    }
}

/* ---- an unknown word ---- */

static size_t add_table(const char **names, size_t n, const char *prefix, const struct opt_table *t, struct arena *a)
{
    for (size_t i = 0; i < t->n && n < NAMES_MAX; i++)
        names[n++] = arena_printf(a, "%s%s", prefix, t->rows[i].name);
    return n;
}

/* Every key of the section. */
static size_t keys_of(const struct section *s, const char **names, size_t n, struct arena *a)
{
    if (s->preset_folder)
        n = add_table(names, n, "", &preset_table, a);
    n = add_table(names, n, "", &s->table, a);
    for (size_t i = 0; i < s->n_items; i++)
        n = add_table(names, n, s->items[i].prefix, &s->item_table, a);
    for (int k = 0; k < s->n_choices; k++) {
        n = add_table(names, n, "", &s->choice[k].table, a);
        for (const struct policy *const *p = policy_list(s->choice[k].kind); *p; p++)
            n = add_table(names, n, s->choice[k].prefix, &(*p)->options, a);
    }
    return n;
}

static void unknown(const struct section *sections, const struct section *s, const char *word, const char *whole,
                    FILE *err)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    struct arena a;

    arena_init(&a);
    if (s) {
        n = keys_of(s, names, n, &a);
    } else {
        for (int i = 0; i < SECTIONS; i++) {
            if (n < NAMES_MAX)
                names[n++] = sections[i].name;
            n = keys_of(&sections[i], names, n, &a);
        }
        for (int kind = 0; kind < POLICY_KINDS; kind++)
            for (const struct policy *const *p = policy_list(kind); *p && n < NAMES_MAX; p++)
                names[n++] = (*p)->name;
    }
    const char *nearest = opt_nearest(word, names, n);
    fprintf(err, "tiersim: there is no \"%s\" to explain", whole);
    if (nearest)
        fprintf(err, "; did you mean \"%s%s%s\"?\n", s ? s->name : "", s ? "." : "", nearest);
    else
        fprintf(err, " (`tiersim explain` lists the sections)\n");
    arena_free(&a);
}

bool scenario_explain(const char *key, FILE *out, FILE *err)
{
    const struct section *sections = sections_get(), *s = NULL;
    const char *dot = strrchr(key, '.'); /* "class gpt-4.1.weight" */
    size_t length = dot ? (size_t)(dot - key) : strlen(key);
    int found = 0;

    if (*key == '\0') {
        list_sections(sections, out);
        return true;
    }
    for (int i = 0; i < SECTIONS && s == NULL; i++) {
        size_t n = strlen(sections[i].name);
        if (strncmp(key, sections[i].name, n) == 0 &&
            (length == n || ((sections[i].named || pools_may(sections[i].name)) && length > n && key[n] == ' ')))
            s = &sections[i];
    }
    if (dot) {
        if (s)
            found = explain_key_of(s, dot + 1, out);
        if (!found)
            unknown(sections, s, s ? dot + 1 : key, key, err);
        return found > 0;
    }
    if (s)
        explain_section(s, out);
    found = explain_policy(sections, key, out);
    for (int i = 0; i < SECTIONS && !s; i++)
        found += explain_key_of(&sections[i], key, out);
    if (!s && !found)
        unknown(sections, NULL, key, key, err);
    return s || found;
}
