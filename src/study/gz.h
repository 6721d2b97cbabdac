/*
 * gz.h - a stream that compresses what is written to it: gzip, for exports.
 */
#ifndef STUDY_GZ_H
#define STUDY_GZ_H

#include <stdio.h>

/* Takes fd over; fclose writes the end. NULL with errno. */
FILE *gz_fdopen(int fd);

#endif
