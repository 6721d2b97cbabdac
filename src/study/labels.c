#include "study/labels.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *label, *dtype;
} dtypes[] = {
    {"bf16", "bf16"},   {"bfloat16", "bf16"},  {"fp16", "bf16"},           {"float16", "bf16"},
    {"fp8", "fp8"},     {"fp8_static", "fp8"}, {"fp8_block", "fp8_block"}, {"fp4", "nvfp4"},
    {"nvfp4", "nvfp4"}, {"mxfp4", "mxfp4"},    {"w4a16_mxfp4", "mxfp4"},   {"w4a8_mxfp4_mxfp8", "mxfp4_fp8"},
    {"int4", "int4"},   {"int4_wo", "int4"},
};

const char *labels_dtype(const char *label)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(label, dtypes[i].label) == 0)
            return dtypes[i].dtype;
    return NULL;
}
