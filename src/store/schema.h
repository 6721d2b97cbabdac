/*
 * schema.h - the tables of a results file: which there are, what each column means.
 *
 * Two sources, one a kind of fact: the record tables come from trace/events.def, the fixed ones (run, metric, ...) from
 * the tables in schema.c; the views from the files of views/. From the same come the rows of the table `doc`, so that a
 * file explains itself:  SELECT * FROM doc WHERE table_name = 'step'.
 *
 * All tables exist at every log level, empty where the level leaves them out, so that every view can be queried.
 * Record tables carry no index but request's key. Measured on 100,000 requests (1 M steps, 0.6 M events):
 * indices on the request column of the six event tables make the whole load 40% longer (bench_store --index) and the
 * file a tenth larger; what they would save is the scan of those tables, 0.04 s for one request's events. arrive, route
 * and admit are in order of time anyway. Who asks a big file often can add them (README.md shows how).
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <sqlite3.h>

extern const char store_views_sql[]; /* the files of views/, by the Makefile */

/* The DDL of the record tables alone; to be freed. */
char *schema_record_tables(void);

/* Creates everything in an empty database, within the caller's transaction. Gives an SQLite result code. */
int schema_create(sqlite3 *db);

#endif
