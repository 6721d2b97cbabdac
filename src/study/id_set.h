/*
 * id_set.h - a set of numbers >= 0: which blocks or sessions were met.
 *
 * Open addressing, at most half full: 16 to 32 bytes a member, three times that while it grows. Ownership: id_set_free.
 */
#ifndef STUDY_ID_SET_H
#define STUDY_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_set { /* {0} is empty */
    uint64_t *slot; /* id + 1; 0: free */
    size_t n, cap;  /* cap: 0 or a power of two */
};

bool id_set_add(struct id_set *s, int64_t id); /* true: it was not there */
void id_set_free(struct id_set *s);

#endif
