/*
 * affinity.h - which replica each live session was sent to last: a hash map, open addressing with linear probing, at
 * most half full. Nothing ever walks over it, so its order is in no result. A session is dropped with its last call, so
 * that space grows with what is live. Ownership: the caller.
 */
#ifndef MODEL_AFFINITY_H
#define MODEL_AFFINITY_H

#include <stdint.h>

struct affinity {
    struct affinity_slot {
        int64_t session; /* -1: empty */
        int64_t replica;
    } * at;
    uint64_t mask, n; /* slots - 1; used */
};

void affinity_init(struct affinity *a);
void affinity_free(struct affinity *a);
int64_t affinity_get(const struct affinity *a, int64_t session); /* -1: none */
void affinity_set(struct affinity *a, int64_t session, int64_t replica);
void affinity_drop(struct affinity *a, int64_t session); /* nothing where it is not there */

#endif
