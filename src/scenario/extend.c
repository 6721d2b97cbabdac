/*
 * extend.c - [class b] extends = a: keys that [class b] has not are those of [class a].
 *
 * Single inheritance between named sections of one kind, chains included. What is inherited ranks below all else, so
 * that keys of a policy which the section has replaced by another drop out as they would below -s. Pools have no
 * extends: what a pool is stands in many sections.
 */
#include <string.h>

#include "base/bug.h"
#include "scenario/load.h"

enum { RANK_INHERITED = INI_RANK_PRESET - 1 }; /* and one less a generation */

static const char key[] = "extends";

/* The kind's length in "class chat", where sections of it may extend each other; else 0. */
static size_t kind_of(const char *section)
{
    const struct section *s = sections_get();

    for (int i = 0; i < SECTIONS; i++) {
        size_t n = strlen(s[i].name);
        if (s[i].named && strcmp(s[i].name, "pool") != 0 && strncmp(section, s[i].name, n) == 0 && section[n] == ' ')
            return n;
    }
    return 0;
}

static bool is_there(const struct ini_entries *es, const char *section)
{
    return opt_section_header(es, section) != NULL;
}

static bool complain(struct loader *l, const struct ini_entry *e, const char *parent)
{
    const char **names = arena_alloc(&l->sc->arena, (l->es.n + 1) * sizeof *names);
    size_t n = 0, kind = kind_of(e->section);

    for (size_t i = 0; i < l->es.n; i++)
        if (l->es.at[i].key == NULL && strncmp(l->es.at[i].section, e->section, kind + 1) == 0 &&
            strcmp(l->es.at[i].section, e->section) != 0)
            names[n++] = l->es.at[i].section;
    const char *nearest = opt_nearest(parent, names, n);
    if (nearest)
        diags_add(l->d, e->file, e->line, "[%s] extends: the scenario has no [%s]; did you mean [%s]?", e->section,
                  parent, nearest);
    else
        diags_add(l->d, e->file, e->line, "[%s] extends: the scenario has no [%s]", e->section, parent);
    return false;
}

static void add(struct loader *l, struct ini_entry e)
{
    if (l->es.n == l->es.cap)
        l->es.at = mem_realloc(l->es.at, (l->es.cap = 2 * l->es.cap + 1) * sizeof *l->es.at);
    l->es.at[l->es.n++] = e;
}

/* A section and those that wait for what it has. */
struct chain {
    const char *section;
    const struct chain *heir;
};

/* Said or obeyed: so much for the key. */
static void done(struct loader *l, const char *section)
{
    for (size_t i = 0; i < l->es.n; i++)
        if (l->es.at[i].key && strcmp(l->es.at[i].section, section) == 0 && strcmp(l->es.at[i].key, key) == 0)
            l->es.at[i].used = true;
}

/* Copies what section lacks from its parent, whose own parent comes first. */
static bool inherit(struct loader *l, const char *section, const struct chain *heirs)
{
    const struct ini_entry *found = ini_find(&l->es, section, key);

    if (found == NULL || found->used)
        return true;
    struct ini_entry e = *found; /* entries move when more are added */
    done(l, section);
    const struct chain chain = {section, heirs};
    const char *parent = arena_printf(&l->sc->arena, "%.*s %s", (int)kind_of(section), section, e.value);
    if (!is_there(&l->es, parent))
        return complain(l, &e, parent);
    for (const struct chain *c = &chain; c; c = c->heir)
        if (strcmp(parent, c->section) == 0) {
            diags_add(l->d, e.file, e.line, "[%s] extends: [%s] would extend itself", section, parent);
            return false;
        }
    if (!inherit(l, parent, &chain))
        return false;
    for (size_t i = 0, n = l->es.n; i < n; i++) {
        struct ini_entry x = l->es.at[i];
        if (x.key == NULL || strcmp(x.section, parent) != 0 || strcmp(x.key, key) == 0 ||
            ini_find(&l->es, parent, x.key) != &l->es.at[i] || ini_find(&l->es, section, x.key))
            continue;
        x.section = arena_strdup(&l->sc->arena, section);
        x.rank = x.rank < RANK_INHERITED + 1 ? x.rank - 1 : RANK_INHERITED;
        x.used = false;
        add(l, x);
    }
    return true;
}

void extend_sections(struct loader *l)
{
    for (size_t i = 0, n = l->es.n; i < n; i++) {
        const struct ini_entry *e = &l->es.at[i];
        if (e->key && strcmp(e->key, key) == 0 && kind_of(e->section) > 0)
            inherit(l, e->section, NULL);
    }
}
