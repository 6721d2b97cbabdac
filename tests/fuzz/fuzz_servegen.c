/*
 * fuzz_servegen.c - any bytes as the two files of a ServeGen client: the readers may not crash, hang, leak or give laws
 * that are none.
 *
 * What stands before the first | is chunk-0-trace.csv, what follows it chunk-0-dataset.json. The readers open files by
 * name, so both are written to a folder of this process. As fuzz_traces.c, libFuzzer's target and fuzz_replay.c's.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workload/servegen_lengths.h"
#include "workload/servegen_read.h"
#include "workload/trace_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEMAND(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "fuzz_servegen: not so: %s\n", #condition);                                                \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static char folder[256], windows[300], lengths[300];

static void remove_folder(void)
{
    unlink(windows);
    unlink(lengths);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/fuzz-XXXXXX", tmp ? tmp : "/tmp");
    DEMAND(mkdtemp(folder));
    snprintf(windows, sizeof windows, "%s/chunk-0-trace.csv", folder);
    snprintf(lengths, sizeof lengths, "%s/chunk-0-dataset.json", folder);
    atexit(remove_folder);
}

static void put(const char *path, const uint8_t *data, size_t size)
{
    FILE *f = fopen(path, "wb");

    DEMAND(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

static void check_law(const struct servegen_law *law)
{
    DEMAND(law->n >= 1);
    for (int64_t i = 0; i < law->n; i++) {
        DEMAND(law->tokens[i] >= 0 && law->tokens[i] <= TRACE_TOKENS_MAX);
        DEMAND(law->upto[i] >= (i ? law->upto[i - 1] : 0));
    }
    for (double u = 0.1; u < 1; u += 0.2)
        DEMAND(servegen_law_at(law, u) <= TRACE_TOKENS_MAX);
}

static void check_profile(const struct servegen_profile *p)
{
    DEMAND(p->n_windows >= 2 && p->window_s > 0 && p->n_lengths >= 1);
    DEMAND(p->mean_per_s >= 0 && p->mean_per_s <= 1e9 * (1 + 1e-9));
    for (int64_t i = 0; i < p->n_windows; i++)
        DEMAND(p->window[i].per_s >= 0 && p->window[i].per_s <= 1e9);
    for (int64_t i = 0; i < p->n_lengths; i++) {
        DEMAND(p->lengths[i].same_as >= 0 && p->lengths[i].same_as < p->n_lengths);
        check_law(&p->lengths[p->lengths[i].same_as].input);
        check_law(&p->lengths[p->lengths[i].same_as].output);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *bar = size ? memchr(data, '|', size) : NULL;
    size_t n = bar ? (size_t)(bar - data) : size;
    struct servegen_profiles p;
    struct err e = {0};

    if (folder[0] == '\0')
        make_folder();
    put(windows, data, n);
    put(lengths, bar ? bar + 1 : data, bar ? size - n - 1 : 0);
    if (servegen_read(folder, &p, &e) < 0) {
        DEMAND(e.code != EXIT_CODE_OK && strncmp(e.msg, folder, strlen(folder)) == 0);
        return 0;
    }
    DEMAND(p.n == 1);
    check_profile(&p.at[0]);
    servegen_profiles_free(&p);
    return 0;
}
