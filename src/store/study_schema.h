/*
 * study_schema.h - the tables of a study file: the metrics of many runs, one file for all points of a study.
 *
 * It has the results files' application id and schema version; that table `study` is there tells it from one. Records
 * stay in the shards (run.shard), which are results files: ATTACH one to read them.
 *
 * Nothing in it depends on how or where the points were run (no wall times): the same study gives the same rows.
 */
#ifndef STORE_STUDY_SCHEMA_H
#define STORE_STUDY_SCHEMA_H

#include <sqlite3.h>

/* Creates the tables in an empty database, within the caller's transaction; study_schema_finish, after the rows, the
 * index, the views, and the rows of doc. v_param and v_set have a column for each of the n variables. SQLite result codes. */
int study_schema_create(sqlite3 *db);
int study_schema_finish(sqlite3 *db, const char *const *variables, int n);

/* What the view v_point is: a parameter set and metric a row. Who reads a file that he does not trust runs this text
 * and leaves the file's own view alone. */
extern const char study_points_sql[];

#endif
