#include "store/image.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "store/schema.h"

enum {
    LEAF = 13,
    INTERIOR = 5,
    LEAF_HEADER = 8,
    INTERIOR_HEADER = 12,
    AT_CHANGE = 24,
    AT_PAGES = 28,
    AT_VALID_FOR = 92, /* of the file header */
    FIELDS_MAX = 32,
    CELL_MAX = 9 + 9 + 2 + FIELDS_MAX * 9,
    FIRST_PAGES = 48,
};

static void put16(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

static void put32(unsigned char *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, 4);
}

/* Of numbers below 2^28: 7 bits a byte, all but the last marked. */
static unsigned char *put_varint(unsigned char *p, uint32_t v)
{
    if (v >= 1u << 21)
        *p++ = (unsigned char)(0x80 | v >> 21);
    if (v >= 1u << 14)
        *p++ = (unsigned char)(0x80 | v >> 14);
    if (v >= 1u << 7)
        *p++ = (unsigned char)(0x80 | v >> 7);
    *p++ = v & 0x7f;
    return p;
}

/* The value's serial type, and its bytes at *body. Writes 8 bytes there, whatever it needs. */
static inline unsigned char put_int(unsigned char **body, int64_t v)
{
    static const unsigned char bytes_of[] = {0, 1, 2, 3, 4, 6, 8};
    unsigned type;

    if (v == 0 || v == 1)
        return v ? 9 : 8;
    uint64_t size = (uint64_t)(v < 0 ? ~v : v);
    if (size < 1u << 7)
        type = 1;
    else if (size < 1u << 15)
        type = 2;
    else if (size < 1u << 23)
        type = 3;
    else if (size < 1u << 31)
        type = 4;
    else
        type = size < UINT64_C(1) << 47 ? 5 : 6;
    uint64_t big_endian = htobe64((uint64_t)v << (64 - 8 * bytes_of[type]));
    memcpy(*body, &big_endian, 8);
    *body += bytes_of[type];
    return (unsigned char)type;
}

static inline unsigned char put_status(unsigned char **body, int64_t v)
{
    sim_assert(v >= 0 && v < REQUEST_STATUSES);
    size_t n = strlen(request_status_names[v]);
    memcpy(*body, request_status_names[v], n);
    *body += n;
    return (unsigned char)(13 + 2 * n);
}

/* A whole cell at `to`; gives its size. */
static inline size_t put_cell(unsigned char *to, const struct ev_info *info, const int64_t *rec, uint32_t rowid)
{
    unsigned char record[CELL_MAX], *types = record + 1, *body = types + info->n_fields, *p = to;

    record[0] = (unsigned char)(1 + info->n_fields);
    for (int f = 0; f < info->n_fields; f++) {
        enum field_type type = info->fields[f].type;

        if (type == FIELD_INT || (type != FIELD_STATUS && rec[f] >= 0))
            types[f] = put_int(&body, rec[f]);
        else
            types[f] = type == FIELD_STATUS ? put_status(&body, rec[f]) : 0;
    }
    uint32_t size = (uint32_t)(body - record);
    p = put_varint(p, size);
    p = put_varint(p, rowid);
    memcpy(p, record, size);
    return (size_t)(p - to) + size;
}

static unsigned char *page_at(const struct image *im, uint32_t number)
{
    return im->page + (size_t)(number - 1) * IMAGE_PAGE;
}

static void page_header(unsigned char *page, int kind, uint32_t cells, uint32_t content)
{
    page[0] = (unsigned char)kind;
    put16(page + 1, 0);
    put16(page + 3, cells);
    put16(page + 5, content & 0xffff); /* 65536 is written as 0 */
    page[7] = 0;
}

/* Fills page `number` with records from `at` on; gives the first that found no room. */
static uint32_t put_leaf(struct image *im, uint32_t number, const struct ev_info *info, const int64_t *rec, uint32_t at,
                         uint32_t n)
{
    unsigned char *page = page_at(im, number), *pointer = page + LEAF_HEADER, *content = page + IMAGE_PAGE,
                  cell[CELL_MAX];
    uint32_t from = at;

    for (; at < n; at++) {
        size_t size = put_cell(cell, info, rec + (size_t)at * (size_t)info->n_fields, at + 1);

        if ((size_t)(content - pointer) < size + 2)
            break;
        content -= size;
        memcpy(content, cell, size);
        put16(pointer, (uint32_t)(content - page));
        pointer += 2;
    }
    page_header(page, LEAF, at - from, (uint32_t)(content - page));
    return at;
}

/* The root becomes an interior page over leaves that go to the image's end. */
static void put_tree(struct image *im, uint32_t root, const struct ev_info *info, const int64_t *rec, uint32_t n)
{
    unsigned char *page = page_at(im, root), *pointer = page + INTERIOR_HEADER, *content = page + IMAGE_PAGE, *end;
    uint32_t at = 0, cells = 0;

    for (;;) {
        uint32_t leaf = (uint32_t)++im->n_pages;
        unsigned char cell[16];

        at = put_leaf(im, leaf, info, rec, at, n);
        if (at == n) {
            put32(page + 8, leaf);
            break;
        }
        put32(cell, leaf);
        end = put_varint(cell + 4, at); /* the largest rowid in the leaf */
        content -= end - cell;
        sim_assert(content > pointer + 2);
        memcpy(content, cell, (size_t)(end - cell));
        put16(pointer, (uint32_t)(content - page));
        pointer += 2;
        cells++;
    }
    page_header(page, INTERIOR, cells, (uint32_t)(content - page));
}

/* Hands the memory to the connection anew, when it has moved; then the prepared statements find their way again by
 * themselves. */
static int hand_over(struct image *im, sqlite3 *db)
{
    sqlite3_int64 size = (sqlite3_int64)im->cap_pages * IMAGE_PAGE;
    int rc = sqlite3_deserialize(db, "unit", im->page, size, size, SQLITE_DESERIALIZE_READONLY);

    /* NORMAL: else it would keep its lock and never look at the change counter again. */
    return rc ? rc : sqlite3_exec(db, "PRAGMA unit.locking_mode=NORMAL; PRAGMA unit.cache_size=4", NULL, NULL, NULL);
}

static int reserve(struct image *im, sqlite3 *db, size_t pages)
{
    unsigned char *old = im->page;

    if (pages <= im->cap_pages)
        return SQLITE_OK;
    im->page = mem_zalloc(pages, IMAGE_PAGE);
    memcpy(im->page, old, im->n_pages * IMAGE_PAGE);
    im->cap_pages = pages;
    int rc = hand_over(im, db);
    free(old);
    return rc;
}

/* Room for all leaves: a page wastes less than a cell. */
static size_t pages_for(const struct trace_unit *u, enum log_level level)
{
    size_t pages = 1 + EV_KINDS;

    for (int k = 0; k < EV_KINDS; k++)
        if (ev_info[k].level <= level && k != EV_REQUEST)
            pages += 2 + (size_t)u->n[k] * (size_t)(ev_info[k].n_fields * 9 + 16) / (IMAGE_PAGE - 512);
    return pages;
}

static void set_header(struct image *im)
{
    im->change++;
    put32(im->page + AT_PAGES, (uint32_t)im->n_pages);
    put32(im->page + AT_CHANGE, im->change);
    put32(im->page + AT_VALID_FOR, im->change);
}

int image_fill(struct image *im, sqlite3 *db, const struct trace_unit *u, enum log_level level)
{
    int rc = reserve(im, db, pages_for(u, level));

    if (rc)
        return rc;
    im->n_pages = 1;
    for (int k = 0; k < EV_KINDS; k++)
        if (im->root[k] > im->n_pages)
            im->n_pages = im->root[k];
    for (int k = 0; k < EV_KINDS; k++) {
        const struct ev_info *info = &ev_info[k];

        if (!im->root[k] || info->level > level)
            continue;
        sim_assert(info->n_fields <= FIELDS_MAX && u->n[k] < 1u << 28);
        if (put_leaf(im, im->root[k], info, u->rec[k], 0, u->n[k]) < u->n[k])
            put_tree(im, im->root[k], info, u->rec[k], u->n[k]);
    }
    sim_assert(im->n_pages <= im->cap_pages);
    set_header(im);
    return SQLITE_OK;
}

/* SQLite itself makes the empty database: tables as in the results file, no rows. */
static int make_template(struct image *im)
{
    char *ddl = schema_record_tables();
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    sqlite3_int64 size = 0;
    unsigned char *bytes = NULL;
    int rc = sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

    if (!rc)
        rc = sqlite3_exec(db, "PRAGMA page_size=65536; PRAGMA auto_vacuum=NONE", NULL, NULL, NULL);
    if (!rc)
        rc = sqlite3_exec(db, ddl, NULL, NULL, NULL);
    if (!rc)
        rc = sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = ?", -1, &stmt, NULL);
    for (int k = 0; !rc && k < EV_KINDS; k++) {
        if (k == EV_REQUEST)
            continue;
        sqlite3_bind_text(stmt, 1, ev_info[k].table, -1, SQLITE_STATIC);
        sim_assert(sqlite3_step(stmt) == SQLITE_ROW);
        im->root[k] = (uint32_t)sqlite3_column_int(stmt, 0);
        rc = sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    if (!rc) {
        bytes = sqlite3_serialize(db, "main", &size, 0);
        sim_assert(bytes && size % IMAGE_PAGE == 0);
        im->n_pages = (size_t)size / IMAGE_PAGE;
        im->cap_pages = im->n_pages + FIRST_PAGES;
        im->page = mem_zalloc(im->cap_pages, IMAGE_PAGE);
        memcpy(im->page, bytes, (size_t)size);
    }
    sqlite3_free(bytes);
    sqlite3_close(db);
    free(ddl);
    return rc;
}

int image_attach(struct image *im, sqlite3 *db)
{
    int rc = make_template(im);

    if (rc)
        return rc;
    set_header(im);
    rc = sqlite3_exec(db, "ATTACH ':memory:' AS unit", NULL, NULL, NULL);
    return rc ? rc : hand_over(im, db);
}

void image_free(struct image *im)
{
    free(im->page);
}
