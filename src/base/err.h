/*
 * err.h - what the environment refused: a missing file, a full disk, a bad trace line.
 *
 * A function that can meet such trouble takes a struct err and returns 0 or -1. The message is one
 * line, names the file (and line), and says what to do where that is known. The first error wins.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Exit codes of the program (README.md, "Exit codes"). */
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,   /* the run failed: a bad trace line, ... */
    EXIT_CODE_USAGE = 2,    /* usage or scenario error */
    EXIT_CODE_INCOMPLETE = 4, /* a study of which points are missing */
    EXIT_CODE_IO = 74,      /* EX_IOERR: disk full, unreadable file */
    EXIT_CODE_SIGINT = 130, /* interrupted; partial results kept and marked */
    EXIT_CODE_SIGTERM = 143,
};

struct err {
    int code; /* enum exit_code; 0 while nothing went wrong */
    char msg[512];
};

/* Sets the error unless one is set; returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
