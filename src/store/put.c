#include "store/put.h"

#include <stdint.h>

#include "base/bug.h"

static void bind(sqlite3_stmt *stmt, int i, char letter, va_list *values)
{
    int64_t v;

    switch (letter) {
    case 'i':
        sqlite3_bind_int64(stmt, i, va_arg(*values, int64_t));
        break;
    case 'I':
        if ((v = va_arg(*values, int64_t)) > 0)
            sqlite3_bind_int64(stmt, i, v);
        break;
    case 'N':
        if ((v = va_arg(*values, int64_t)) >= 0)
            sqlite3_bind_int64(stmt, i, v);
        break;
    case 'd':
        sqlite3_bind_double(stmt, i, va_arg(*values, double));
        break;
    case 's':
        sqlite3_bind_text(stmt, i, va_arg(*values, const char *), -1, SQLITE_STATIC);
        break;
    default:
        sim_assert(!"bind format");
    }
}

int put_row(sqlite3 *db, const char *sql, const char *format, va_list values)
{
    sqlite3_stmt *stmt;
    va_list rest;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc != SQLITE_OK)
        return rc;
    va_copy(rest, values);
    for (int i = 1; format[i - 1]; i++)
        bind(stmt, i, format[i - 1], &rest);
    va_end(rest);
    sqlite3_step(stmt);
    return sqlite3_finalize(stmt);
}
