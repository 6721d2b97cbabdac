/*
 * ini.h - INI files into a flat list of entries that know where they came from.
 *
 * The grammar is inih's, through ini_parse_stream with our own line reader, since inih as packaged cuts
 * lines at 200 bytes and sections at 49, takes an indented "key = v" for a continuation of the value above,
 * and tells its handler no line numbers. The reader counts lines, resolves `include FILE` (relative to the
 * file it stands in; at most INI_DEPTH_MAX deep) and `extends FILE` (the same, before all else, for the one file that
 * this one is a change of), holds the part of a long value that inih has no room for, and refuses what inih would
 * garble, with a clear message. After a broken section header the keys below it are skipped, so that one slip gives one
 * message.
 *
 * Comments start with ; or # (at line start, or " ;" after a value). Keys and sections are case-sensitive.
 * CRLF ends and a UTF-8 byte order mark are taken. A section may be opened more than once.
 *
 * Who overrides whom (rank): presets < included files (the deeper, the lower) < the scenario itself < -s.
 * Between equals, the later one read: two files included by one, or two -s.
 */
#ifndef CONF_INI_H
#define CONF_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"

/* Limits on what a file may ask for, since scenarios come from strangers too. */
enum {
    INI_LINE_MAX = 4096, /* bytes of a line */
    INI_NAME_MAX = 48,   /* bytes of a section or key */
    INI_DEPTH_MAX = 16,  /* files that include each other */
    INI_FILES_MAX = 256,
    INI_BYTES_MAX = 8 * 1024 * 1024, /* of a file */
    INI_ENTRIES_MAX = 10000,         /* keys and section headers */
};

enum {
    INI_RANK_PRESET = 0,
    INI_RANK_SCENARIO = 100, /* a file included at depth n has INI_RANK_SCENARIO - n */
    INI_RANK_SET = 200,      /* -s */
};

struct ini_entry {
    const char *section; /* "class chat" */
    const char *key;     /* NULL: the section's header */
    const char *value;
    const char *file; /* "-s" for the command line */
    int line;         /* for "-s": 0 */
    const char *dir;  /* what a relative path in value is relative to */
    int rank;         /* a higher rank overrides */
    bool used;
    bool iter; /* a study's point set it (iter.h) */
};

struct ini_entries {
    struct ini_entry *at;
    size_t n, cap;
    int files;       /* read so far */
    const char *top; /* the first of them */
    char *text;      /* all of it, as it was read (a pipe can be read once); ends with NUL */
    size_t n_text, cap_text;
};

/* Appends the file's entries and section headers. The same key twice in one section of one file is an error (both
 * lines named). Strings live in the arena. A file that cannot be read is a diag too; then it gives false. */
bool ini_load(struct ini_entries *es, const char *path, int rank, struct arena *a, struct diags *d);

/* The same for text at hand; name stands for the file in messages, and its folder for relative paths. */
bool ini_load_text(struct ini_entries *es, const char *name, const char *text, int rank, struct arena *a,
                   struct diags *d);

/* "section.key=value" from the command line; [class chat] is "class chat.weight=2". */
void ini_set(struct ini_entries *es, const char *assignment, struct arena *a, struct diags *d);

/* path as seen from the folder dir ("" or NULL: the current one). */
const char *ini_path(struct arena *a, const char *dir, const char *path);

/* The entry that holds (highest rank, last), or NULL. */
struct ini_entry *ini_find(const struct ini_entries *es, const char *section, const char *key);

void ini_entries_free(struct ini_entries *es);

#endif
