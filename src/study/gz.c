#include "study/gz.h"

#include <errno.h>
#include <sys/types.h>
#include <zlib.h>

enum { BUFFER_BYTES = 1 << 17 };

static ssize_t put(void *gz, const char *bytes, size_t n)
{
    return n == 0 ? 0 : gzwrite(gz, bytes, (unsigned)n);
}

static int finish(void *gz)
{
    int rc = gzclose(gz);

    if (rc == Z_OK)
        return 0;
    if (rc != Z_ERRNO)
        errno = EIO;
    return EOF;
}

FILE *gz_fdopen(int fd)
{
    static const cookie_io_functions_t functions = {.write = put, .close = finish};
    gzFile gz = gzdopen(fd, "wb1"); /* fast: text of numbers gets hardly smaller by more */

    if (gz == NULL)
        return NULL;
    gzbuffer(gz, BUFFER_BYTES);
    FILE *f = fopencookie(gz, "w", functions);
    if (f == NULL)
        gzclose(gz);
    return f;
}
