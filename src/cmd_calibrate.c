/*
 * cmd_calibrate.c - tiersim calibrate WHAT ...: figures of the models from measurements, written as presets.
 */
#include "config.h"

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd.h"
#include "study/kernel_fit.h"

struct arguments {
    const char *what, *folder, *out;
    bool json;
};

static const struct argp_option options[] = {
    {"output", 'o', "OUTDIR", 0, "folder the presets are written to; without it they are only judged", 0},
    {"json", 'j', NULL, 0, "print the errors as JSON", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case 'o':
        a->out = arg;
        return 0;
    case 'j':
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "one folder at a time: \"%s\" is too many", arg);
        *(state->arg_num == 0 ? &a->what : &a->folder) = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->folder == NULL)
            argp_error(state, "calibrate what, from which folder? e.g. %s kernels DIR -o data/calibration",
                       state->name);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "kernels DIR",
    "Fits figures of the models to measurements.\v"
    "kernels: what each GPU's kernels reach, from the tables in DIR, into OUTDIR/GPU.ini (data/calibration).",
    NULL,
    NULL,
    NULL};

static int calibrate_kernels(const struct arguments *a)
{
    struct kernel_study study;
    struct diags diags;
    struct err e = {0};

    diags_init(&diags);
    if (!kernel_study_run(&study, a->folder, &diags)) {
        cmd_print_mistakes(&diags);
        e.code = EXIT_CODE_FAILED;
    } else {
        (a->json ? kernel_study_print_json : kernel_study_print)(&study, stdout);
        if (a->out && kernel_study_write(&study, a->out, &e))
            fprintf(stderr, "%s\n", e.msg);
    }
    kernel_study_free(&study);
    diags_free(&diags);
    return e.code;
}

/* What can be calibrated. */
static const struct {
    const char *what;
    int (*run)(const struct arguments *a);
} kinds[] = {
    {"kernels", calibrate_kernels},
};

int cmd_calibrate(int argc, char **argv)
{
    struct arguments a = {0};

    argp_parse(&argp, argc, argv, 0, NULL, &a);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].what, a.what) == 0)
            return kinds[i].run(&a);
    fprintf(stderr, "cannot calibrate \"%s\" (want kernels)\n", a.what);
    return EXIT_CODE_USAGE;
}
