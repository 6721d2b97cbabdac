/*
 * fuzz_replay.c - the files of a corpus through the fuzzer's target, without libFuzzer: fuzz_replay FILE...
 *
 * Each file as it is, and each of its beginnings up to 4 KiB, so that what ends in the middle is met too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 20, PREFIX_MAX = 4096 };

static uint8_t bytes[FILE_MAX];

int main(int argc, char **argv)
{
    size_t inputs = 0;

    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (f == NULL) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        size_t n = fread(bytes, 1, FILE_MAX, f);
        fclose(f);
        for (size_t k = 0; k < n && k <= PREFIX_MAX; k++, inputs++)
            LLVMFuzzerTestOneInput(bytes, k);
        LLVMFuzzerTestOneInput(bytes, n);
        inputs++;
    }
    printf("%d files, %zu inputs\n", argc - 1, inputs);
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
