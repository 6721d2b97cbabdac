/*
 * loads.h - what routers see: the load of each replica, and the least loaded one in O(1).
 *
 * Loads change with each arrival, step and completion; a heap by the router's own key (router.h) is moved in O(log n)
 * a change, and not kept at all where the router names none.
 */
#ifndef MODEL_LOADS_H
#define MODEL_LOADS_H

#include "base/heap.h"
#include "policy/router.h"

struct loads {
    struct router_view view; /* arrays owned here */
    int64_t *requests, *tokens;
    bool *room; /* can take a request now (router.h) */
    bool *up;
    int64_t n_up;
    enum router_key key;
    struct heap heap;
    uint32_t *pos;
};

void loads_init(struct loads *l, int64_t n, enum router_key key);
void loads_free(struct loads *l);
void loads_add(struct loads *l, int64_t replica, int64_t requests, int64_t tokens);
/* A replica that is down is the least loaded only where all are. */
void loads_set_up(struct loads *l, int64_t replica, bool up);
void loads_set_room(struct loads *l, int64_t replica, bool room);
/* The view as of now. */
const struct router_view *loads_view(struct loads *l);

#endif
