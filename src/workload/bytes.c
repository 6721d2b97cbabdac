#include "workload/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "base/bug.h"

enum { PIECE = 1 << 16, GZIP_ONLY = 15 + 16 /* largest window; no other header than gzip's */ };

enum coding { CODING_UNKNOWN, CODING_PLAIN, CODING_GZIP, CODING_ZSTD };

struct bytes {
    FILE *file;
    const char *path, *hint; /* not owned */
    enum coding coding;
    z_stream gzip;
    ZSTD_DCtx *zstd;
    bool within;    /* a member or frame has begun and has not ended */
    bool full;      /* the decoder had more to give than there was room for */
    bool ended;     /* the file has */
    size_t at, n;   /* of in: what is not decoded yet */
    uint64_t given; /* decoded bytes */
    uint64_t most;
    char in[PIECE], out[PIECE];
};

int bytes_unreadable(const char *path, const char *hint, int error, struct err *e)
{
    if (error == EISDIR)
        hint = " (want a file; a folder of ServeGen's clients goes with [workload] arrivals = servegen, servegen = FOLDER)";
    return err_set(e, EXIT_CODE_IO, "cannot read the trace %s: %s%s", path, strerror(error), hint);
}

struct bytes *bytes_new(FILE *file, const char *path, const char *hint, uint64_t most)
{
    struct bytes *b = mem_alloc(sizeof *b);

    memset(b, 0, offsetof(struct bytes, in));
    b->file = file;
    b->path = path;
    b->hint = hint;
    b->most = most;
    return b;
}

void bytes_close(struct bytes *b)
{
    if (b == NULL)
        return;
    if (b->coding == CODING_GZIP)
        inflateEnd(&b->gzip);
    ZSTD_freeDCtx(b->zstd);
    fclose(b->file);
    free(b);
}

/* Fills `in`, which is used up. */
static int fill(struct bytes *b, struct err *e)
{
    b->at = 0;
    errno = 0;
    b->n = fread(b->in, 1, PIECE, b->file);
    if (b->n < PIECE && ferror(b->file))
        return bytes_unreadable(b->path, b->hint, errno, e);
    b->ended = b->n == 0;
    return 0;
}

static enum coding coding_of(const char *s, size_t n)
{
    if (n >= 2 && memcmp(s, "\x1f\x8b", 2) == 0)
        return CODING_GZIP;
    if (n >= 4 &&
        (memcmp(s, "\x28\xb5\x2f\xfd", 4) == 0 || ((s[0] & 0xf0) == 0x50 && memcmp(s + 1, "\x2a\x4d\x18", 3) == 0)))
        return CODING_ZSTD;
    return CODING_PLAIN;
}

static int begin(struct bytes *b, struct err *e)
{
    if (fill(b, e) != 0)
        return -1;
    b->coding = coding_of(b->in, b->n);
    if (b->coding == CODING_GZIP && inflateInit2(&b->gzip, GZIP_ONLY) != Z_OK)
        sim_assert(!"zlib has no memory");
    if (b->coding == CODING_ZSTD) {
        b->zstd = ZSTD_createDCtx();
        sim_assert(b->zstd);
    }
    return 0;
}

static int bad(const struct bytes *b, const char *what, struct err *e)
{
    return err_set(e, EXIT_CODE_FAILED, "%s: %s data: %s (want a whole file as %s writes it, or plain text)", b->path,
                   b->coding == CODING_GZIP ? "gzip" : "zstd", what, b->coding == CODING_GZIP ? "gzip" : "zstd");
}

/* Decodes more of `in` behind the *n bytes that are in `out`. */
static int decode_gzip(struct bytes *b, size_t *n, struct err *e)
{
    if (!b->within)
        inflateReset(&b->gzip);
    b->within = true;
    b->gzip.next_in = (unsigned char *)b->in + b->at;
    b->gzip.avail_in = (unsigned)(b->n - b->at);
    b->gzip.next_out = (unsigned char *)b->out + *n;
    b->gzip.avail_out = (unsigned)(PIECE - *n);
    int got = inflate(&b->gzip, Z_NO_FLUSH);
    if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR)
        return bad(b, b->gzip.msg ? b->gzip.msg : "damaged", e);
    b->within = got != Z_STREAM_END;
    b->at = b->n - b->gzip.avail_in;
    *n = PIECE - b->gzip.avail_out;
    return 0;
}

static int decode_zstd(struct bytes *b, size_t *n, struct err *e)
{
    ZSTD_inBuffer in = {b->in, b->n, b->at};
    ZSTD_outBuffer out = {b->out, PIECE, *n};
    size_t got = ZSTD_decompressStream(b->zstd, &out, &in);

    if (ZSTD_isError(got))
        return bad(b, ZSTD_getErrorName(got), e);
    b->within = got != 0;
    b->at = in.pos;
    *n = out.pos;
    return 0;
}

static int next_decoded(struct bytes *b, size_t *n, struct err *e)
{
    *n = 0;
    while (*n < PIECE) {
        if (b->at == b->n && !(b->full && b->within)) {
            if (!b->ended && fill(b, e) != 0)
                return -1;
            if (b->ended)
                break;
        }
        if ((b->coding == CODING_GZIP ? decode_gzip : decode_zstd)(b, n, e) != 0)
            return -1;
        b->full = *n == PIECE;
    }
    if (b->ended && b->within) /* said before a line that is cut is found to be bad */
        return bad(b, "the file ends too early", e);
    b->given += *n;
    if (b->given > b->most)
        return err_set(e, EXIT_CODE_FAILED, "%s: more than %" PRIu64 " bytes when decompressed", b->path, b->most);
    return *n > 0;
}

int bytes_next(struct bytes *b, const char **piece, size_t *n, struct err *e)
{
    if (b->coding == CODING_UNKNOWN) {
        if (begin(b, e) != 0)
            return -1;
    } else if (b->coding == CODING_PLAIN && !b->ended && fill(b, e) != 0) {
        return -1;
    }
    if (b->coding == CODING_PLAIN) {
        *piece = b->in;
        *n = b->n;
        return b->n > 0;
    }
    *piece = b->out;
    return next_decoded(b, n, e);
}
