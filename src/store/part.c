#include "store/part.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"

static char *with_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *s = mem_alloc(size);

    snprintf(s, size, "%s%s", path, suffix);
    return s;
}

char *part_sqlite_path(const char *path)
{
    size_t size = strlen(path) + 3;
    char *s = mem_alloc(size);

    snprintf(s, size, "%s%s", path[0] == '/' ? "" : "./", path);
    return s;
}

static int open_plain(sqlite3 **db, const char *path, int flags)
{
    char *plain = part_sqlite_path(path);
    int rc = sqlite3_open_v2(plain, db, flags | SQLITE_OPEN_NOMUTEX, NULL);

    free(plain);
    return rc;
}

/* Takes the exclusive lock and keeps it past the transaction. */
static int lock(sqlite3 *db)
{
    return sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL);
}

static int busy(const char *part, struct err *e)
{
    return err_set(e, EXIT_CODE_IO, "%s: another run is writing it", part);
}

static bool was_moved(sqlite3 *db)
{
    int moved = 0;

    sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved;
}

/*
 * Removes a dead run's leftover. Its lock is held (in *old, for the caller to close) until the new file is locked,
 * and is taken on the file that the name stands for: so of two runs that do this at once, one is refused.
 */
static int replace_leftover(sqlite3 **old, const char *part, struct err *e)
{
    int rc = open_plain(old, part, SQLITE_OPEN_READWRITE);

    if (rc == SQLITE_OK)
        rc = lock(*old);
    if (rc == SQLITE_BUSY || (rc == SQLITE_OK && was_moved(*old)))
        return busy(part, e);
    /* Other codes: it is no database, or a broken one. Nobody is writing it. */
    char *journal = with_suffix(part, "-journal");
    bool gone = unlink(part) == 0 && (unlink(journal) == 0 || errno == ENOENT);
    free(journal);
    return gone ? 0 : err_set(e, EXIT_CODE_IO, "%s: cannot be removed: %s", part, strerror(errno));
}

static bool is_locked(const char *part)
{
    sqlite3 *db;
    bool is = open_plain(&db, part, SQLITE_OPEN_READWRITE) == SQLITE_OK && lock(db) == SQLITE_BUSY;

    sqlite3_close(db);
    return is;
}

/* A journal beside FILE would be rolled back into the new FILE by whoever opens it next. */
static int check_journal(const char *file, const char *suffix, struct err *e)
{
    char *journal = with_suffix(file, suffix);
    struct stat st;
    int rc = 0;

    if (stat(journal, &st) == 0 && st.st_size > 0)
        rc = err_set(e, EXIT_CODE_IO,
                     "%s: %s is in use, or was left in mid-change; open it once with sqlite3, or remove both", journal,
                     file);
    free(journal);
    return rc;
}

static int check_names(const char *file, const char *part, bool force, struct err *e)
{
    struct stat st;

    if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(e, EXIT_CODE_USAGE, "%s: is not a regular file", file);
    if (lstat(file, &st) == 0 && !force) /* also a link that leads nowhere */
        return err_set(e, EXIT_CODE_USAGE, "%s: exists; --force replaces it", file);
    if (check_journal(file, "-journal", e) || check_journal(file, "-wal", e))
        return -1;
    if (stat(part, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return err_set(e, EXIT_CODE_USAGE, "%s: is not a regular file", part);
        if (st.st_size > 0 && !force)
            return is_locked(part)
                       ? busy(part, e)
                       : err_set(e, EXIT_CODE_USAGE,
                                 "%s: holds what an unfinished run left (see `tiersim report %s`); --force replaces it",
                                 part, part);
    }
    return 0;
}

int part_open(sqlite3 **db, const char *file, const char *part, bool force, struct err *e)
{
    sqlite3 *old = NULL;
    struct stat st;
    int rc = -1;

    *db = NULL;
    if (check_names(file, part, force, e))
        return -1;
    if (stat(part, &st) == 0 && st.st_size > 0 && replace_leftover(&old, part, e))
        goto out;

    int code = open_plain(db, part, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (code == SQLITE_OK) /* before the lock, which fixes it */
        code = sqlite3_exec(*db, "PRAGMA page_size=16384", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = lock(*db);
    if (code == SQLITE_BUSY || (code == SQLITE_OK && was_moved(*db))) {
        busy(part, e);
    } else if (code != SQLITE_OK) {
        int why = sqlite3_system_errno(*db);
        err_set(e, EXIT_CODE_IO, "%s: cannot be written: %s", part, why ? strerror(why) : sqlite3_errmsg(*db));
    } else if (stat(part, &st) != 0 || st.st_size > 0) {
        busy(part, e); /* it wrote and ended between our two looks */
    } else {
        sqlite3_exec(*db, "ROLLBACK", NULL, NULL, NULL); /* nothing is written; the lock stays */
        rc = 0;
    }
out:
    if (rc) {
        sqlite3_close(*db);
        *db = NULL;
    }
    sqlite3_close(old);
    return rc;
}

static int sync_folder(const char *file)
{
    char *copy = with_suffix(file, "");
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    free(copy);
    return rc;
}

int part_rename(const char *file, const char *part, bool force, struct err *e)
{
    int rc = renameat2(AT_FDCWD, part, AT_FDCWD, file, force ? 0 : RENAME_NOREPLACE);

    if (rc && !force && (errno == EINVAL || errno == ENOSYS)) /* a file system without RENAME_NOREPLACE */
        rc = access(file, F_OK) == 0 ? (errno = EEXIST, -1) : rename(part, file);
    if (rc && errno == EEXIST)
        return err_set(e, EXIT_CODE_IO, "%s: appeared during the run; the results are in %s", file, part);
    if (rc)
        return err_set(e, EXIT_CODE_IO, "%s: cannot be renamed to %s: %s", part, file, strerror(errno));
    sync_folder(file); /* some file systems cannot; the rename itself is done */
    return 0;
}
