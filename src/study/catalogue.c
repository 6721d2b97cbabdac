#include "study/catalogue.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "scenario/tables.h"
#include "study/build.h"

enum { PRESETS_MAX = 256 };

/* Words after a model's name that tell of its training or its weights' format. */
static const char *const words[] = {"instruct", "chat", "base", "it",    "hf",      "thinking",
                                    "exp",      "fp8",  "fp4",  "nvfp4", "mxfp4",   "bf16",
                                    "int4",     "awq",  "gptq", "w4a16", "dynamic", "block"};

static bool all_of(const char *s, const char *set)
{
    return *s && s[strspn(s, set)] == '\0';
}

static bool says_nothing(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return all_of(word, "0123456789") || (*word == 'v' && all_of(word + 1, "0123456789."));
}

static const char *find(const char *folder, const char *name, struct arena *a)
{
    const char *names[PRESETS_MAX];
    size_t n = preset_names(folder, names, PRESETS_MAX, a);

    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    return NULL;
}

const char *catalogue_model(const char *name, struct arena *a)
{
    static const char maker[] = "meta-";
    const char *last = strrchr(name, '/'), *found;
    char *text = arena_strdup(a, last ? last + 1 : name), *dash;

    for (char *c = text; *c; c++)
        *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
    if (strncmp(text, maker, strlen(maker)) == 0)
        text += strlen(maker);
    while ((found = find("models", text, a)) == NULL && (dash = strrchr(text, '-')) != NULL && says_nothing(dash + 1))
        *dash = '\0';
    return found;
}

/* Whether two names have the same letters and digits. */
static bool alike(const char *x, const char *y)
{
    for (;; x++, y++) {
        while (*x && !isalnum((unsigned char)*x))
            x++;
        while (*y && !isalnum((unsigned char)*y))
            y++;
        if (tolower((unsigned char)*x) != tolower((unsigned char)*y))
            return false;
        if (*x == '\0')
            return true;
    }
}

const char *catalogue_gpu(const char *name, struct arena *a)
{
    const char *names[PRESETS_MAX];
    size_t n = preset_names("gpus", names, PRESETS_MAX, a);
    char gpu[64];

    build_gpu(name, gpu, sizeof gpu);
    for (size_t i = 0; i < n; i++)
        if (alike(names[i], gpu))
            return names[i];
    return NULL;
}

const char *catalogue_list(const char *folder, struct arena *a)
{
    const char *names[PRESETS_MAX], *list = "";
    size_t n = preset_names(folder, names, PRESETS_MAX, a);

    for (size_t i = 0; i < n; i++)
        list = arena_printf(a, "%s%s%s", list, i ? ", " : "", names[i]);
    return list;
}
