/*
 * image.h - a trace unit as an SQLite database in memory, so that its rows go to the file as they are.
 *
 * `INSERT INTO step SELECT * FROM unit.step` between two tables of the same columns copies records without taking
 * them apart (SQLite's "xfer" optimisation). Measured, rows of 12 columns: 2-3 times faster than from a virtual
 * table, where each column of each row is a call. What it takes is to write the records here, in the
 * documented, stable file format (sqlite.org/fileformat2.html, sections 1.6 and 2.1):
 *
 *   page 1   header and schema, made once by SQLite itself from the DDL of the results file
 *   root     of each table: a leaf, or an interior page over the leaves that follow
 *   leaf     | header | cell pointers -->  free  <-- cells |     cell = size, rowid, record
 *   record   | header size | a type a column | values big-endian, as few bytes as they need |
 *
 * The image is attached to the writer's connection as "unit" (sqlite3_deserialize). Between units it is written anew in
 * place and the header's change counter is moved on, which tells SQLite to forget what it had cached; so statements
 * prepared once stay good.
 *
 * Kept out: `request`, whose rows replace others (vtab.h). Rowids count from 1 in each unit; the copy gives new ones.
 * Ownership: the image owns its memory; image_free after the connection is closed.
 */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "trace/trace.h"

struct image {
    unsigned char *page;       /* page i is at (i - 1) * IMAGE_PAGE */
    size_t n_pages, cap_pages; /* in use; allocated */
    uint32_t root[EV_KINDS];   /* page numbers; 0: not a table of the image */
    uint32_t change;           /* the header's change counter */
};

enum { IMAGE_PAGE = 65536 };

/* Attaches an empty image as "unit". Gives an SQLite result code. */
int image_attach(struct image *im, sqlite3 *db);

/* Writes the unit's records of the kinds up to log level `level`. No statement may be reading the image. */
int image_fill(struct image *im, sqlite3 *db, const struct trace_unit *u, enum log_level level);

void image_free(struct image *im);

#endif
