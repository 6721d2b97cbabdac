/*
 * print.c - the normal form: every key with its value, presets and includes resolved, in the order of tables.c.
 *
 * Loading it gives the same normal form, wherever it lies: paths are absolute in it, and it names no presets.
 * The configuration's hash is FNV-1a (64 bit; Fowler, Noll, Vo) over the normal form without run.log, which
 * changes no result, and with paths cut to their last part, so that it is the same on any machine. What a trace file
 * holds is not hashed: the run's fingerprint tells two of the same name apart.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "scenario/scenario.h"
#include "scenario/tables.h"

static const char *absolute(const char *path, struct arena *a)
{
    char full[PATH_MAX];

    if (realpath(path, full))
        return arena_strdup(a, full);
    if (*path == '/' || getcwd(full, sizeof full) == NULL)
        return path;
    return ini_path(a, full, path);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Keys that name presets: what those say stands in the normal form itself. */
static bool names_preset(const struct opt_bind *b, size_t row)
{
    const char *key = b->table->rows[row].name;
    return b->table == &preset_table || (strcmp(b->section, "gpu") == 0 && strcmp(key, "kernels") == 0) ||
           (strcmp(b->section, "memory") == 0 && strcmp(key, "gpu") == 0);
}

/* The value in the normal form, NULL if the row has no place in it. */
static const char *normal_value(const struct opt_bind *b, size_t row, struct arena *a)
{
    const char *text = names_preset(b, row) ? NULL : opt_value_text(b, row, a);

    if (text && b->table->rows[row].kind == OPT_PATH)
        return absolute(text, a);
    return text;
}

static void print_origin(const struct ini_entry *e, FILE *out)
{
    if (e == NULL)
        fprintf(out, "  ; default");
    else if (e->line == 0)
        fprintf(out, "  ; %s", e->file);
    else
        fprintf(out, "  ; %s:%d", e->file, e->line);
}

void scenario_print(const struct scenario *sc, bool origin, FILE *out)
{
    const char *section = NULL;
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sc->n_binds; i++) {
        const struct opt_bind *b = &sc->binds[i];
        for (size_t row = 0; row < b->table->n; row++) {
            const char *value = normal_value(b, row, &a);
            if (value == NULL)
                continue;
            if (section == NULL || strcmp(section, b->section) != 0)
                fprintf(out, "%s[%s]\n", section ? "\n" : "", b->section);
            section = b->section;
            fprintf(out, "%s%s = %s", b->prefix, b->table->rows[row].name, value);
            if (origin)
                print_origin(b->origin[row], out);
            fputc('\n', out);
        }
    }
    arena_free(&a);
}

void scenario_each_param(const struct scenario *sc, scenario_param *f, void *ctx)
{
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sc->n_binds; i++) {
        const struct opt_bind *b = &sc->binds[i];
        for (size_t row = 0; row < b->table->n; row++) {
            const char *value = normal_value(b, row, &a);
            if (value)
                f(ctx, arena_printf(&a, "%s.%s%s", b->section, b->prefix, b->table->rows[row].name), value,
                  opt_value_num(b, row));
        }
    }
    arena_free(&a);
}

static uint64_t mix(uint64_t hash, const char *s)
{
    do { /* the NUL too, so that "a", "bc" is not "ab", "c" */
        hash = (hash ^ (unsigned char)*s) * 1099511628211u;
    } while (*s++);
    return hash;
}

static uint64_t config_hash(const struct scenario *sc)
{
    uint64_t hash = 14695981039346656037u;
    struct arena a;

    arena_init(&a);
    for (size_t i = 0; i < sc->n_binds; i++) {
        const struct opt_bind *b = &sc->binds[i];
        for (size_t row = 0; row < b->table->n; row++) {
            const struct opt *o = &b->table->rows[row];
            const char *value = normal_value(b, row, &a);
            if (value == NULL || (strcmp(b->section, "run") == 0 && strcmp(o->name, "log") == 0))
                continue;
            hash = mix(mix(mix(hash, b->section), b->prefix), o->name);
            hash = mix(hash, o->kind == OPT_PATH ? last_part(value) : value);
        }
    }
    arena_free(&a);
    return hash;
}

void print_normal_form(struct scenario *sc)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    sim_assert(f != NULL);
    scenario_print(sc, false, f);
    int failed = fclose(f);
    sim_assert(failed == 0);
    sc->resolved = arena_strdup(&sc->arena, text);
    free(text);
    sc->config_hash = config_hash(sc);
}
