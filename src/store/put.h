/*
 * put.h - one row put by one statement, its values bound by a format of a letter each, as printf's.
 *
 *   i int64_t                     I the same, NULL unless > 0      N the same, NULL if < 0
 *   d double, NULL if NaN         s const char *, NULL if NULL
 */
#ifndef STORE_PUT_H
#define STORE_PUT_H

#include <sqlite3.h>
#include <stdarg.h>

/* Prepares sql, binds its parameters in order, runs it to its end. SQLite's code; db has the message. */
int put_row(sqlite3 *db, const char *sql, const char *format, va_list values);

#endif
