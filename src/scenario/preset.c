/* preset.c - where the files of data/ are found. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario/tables.h"

#ifndef TIERSIM_DATADIR
#error "TIERSIM_DATADIR must be the installed data folder"
#endif

enum { PRESETS_MAX = 256, PATH_BYTES = 4096 };

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folder of the running program, without a slash at its end; "" if the system does not say. */
static const char *program_folder(struct arena *a)
{
    char path[PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n <= 0)
        return "";
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return arena_strdup(a, path);
}

/* NULL if there is none. */
static const char *data_folder(struct arena *a)
{
    const char *set = getenv("TIERSIM_DATA"), *program = program_folder(a);
    const char *places[] = {
#ifdef TIERSIM_SRCDATA
        TIERSIM_SRCDATA,
#endif
        arena_printf(a, "%s/../data", program),
        arena_printf(a, "%s/../share/tiersim", program),
        TIERSIM_DATADIR,
    };

    if (set && *set)
        return is_folder(set) ? set : NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (is_folder(arena_printf(a, "%s/gpus", places[i])))
            return places[i];
    return NULL;
}

/* Where the preset NAME of a folder lies, "data/gpus/NAME", or, of a folder such as "prices-", "data/prices-NAME". */
static const char *preset_at(const char *data, const char *folder, const char *name, struct arena *a)
{
    size_t n = strlen(folder);

    return arena_printf(a, "%s/%s%s%s.ini", data, folder, folder[n - 1] == '-' ? "" : "/", name);
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

size_t preset_names(const char *folder, const char **names, size_t max, struct arena *a)
{
    const char *data = data_folder(a);
    bool prefix = folder[strlen(folder) - 1] == '-';
    DIR *dir = data ? opendir(prefix ? data : arena_printf(a, "%s/%s", data, folder)) : NULL;
    const struct dirent *e;
    size_t n = 0, skip = prefix ? strlen(folder) : 0;

    if (dir == NULL)
        return 0;
    while (n < max && (e = readdir(dir)) != NULL) {
        size_t length = strlen(e->d_name);
        if (length > skip + 4 && e->d_name[0] != '.' && strncmp(e->d_name, folder, skip) == 0 &&
            strcmp(e->d_name + length - 4, ".ini") == 0)
            names[n++] = arena_printf(a, "%.*s", (int)(length - skip) - 4, e->d_name + skip);
    }
    closedir(dir);
    qsort(names, n, sizeof *names, by_name);
    return n;
}

const char *preset_variant(const char *folder, const char *name, const char *variant, struct arena *a)
{
    const char *data = data_folder(a);
    const char *path = data ? arena_printf(a, "%s/%s/%s-%s.ini", data, folder, name, variant) : NULL;

    return path && access(path, R_OK) == 0 ? path : NULL;
}

const char *preset_file(const char *folder, const struct ini_entry *e, struct arena *a, struct diags *d)
{
    const char *names[PRESETS_MAX], *data = data_folder(a);
    char known[1024] = "";
    size_t used = 0;

    if (strchr(e->value, '/')) {
        const char *path = ini_path(a, e->dir, e->value);
        if (access(path, R_OK) == 0)
            return path;
        diags_add(d, e->file, e->line, "[%s] preset: cannot read \"%s\"", e->section, path);
        return NULL;
    }
    if (data == NULL) {
        const char *set = getenv("TIERSIM_DATA");
        if (set && *set)
            diags_add(d, e->file, e->line, "[%s] preset: TIERSIM_DATA=%s is no folder", e->section, set);
        else
            diags_add(d, e->file, e->line, "[%s] preset: the folder data/ was not found (set TIERSIM_DATA to it)",
                      e->section);
        return NULL;
    }
    size_t n = preset_names(folder, names, PRESETS_MAX, a);
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], e->value) == 0)
            return preset_at(data, folder, names[i], a);
    for (size_t i = 0; i < n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
    const char *nearest = opt_nearest(e->value, names, n);
    if (nearest)
        diags_add(d, e->file, e->line, "[%s] preset: there is no \"%s\" (known: %s); did you mean \"%s\"?", e->section,
                  e->value, known, nearest);
    else
        diags_add(d, e->file, e->line, "[%s] preset: there is no \"%s\" (known: %s)", e->section, e->value, known);
    return NULL;
}
