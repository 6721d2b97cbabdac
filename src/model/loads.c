#include "model/loads.h"

static uint64_t key_of(const struct loads *l, int64_t i)
{
    if (!l->up[i])
        return INT64_MAX;
    switch (l->key) {
    case ROUTER_KEY_TOKENS:
        return (uint64_t)l->tokens[i];
    case ROUTER_KEY_ROOM:
        return l->room[i] ? (uint64_t)l->requests[i] : INT64_MAX;
    default:
        return (uint64_t)l->requests[i];
    }
}

void loads_init(struct loads *l, int64_t n, enum router_key key)
{
    *l = (struct loads){.key = key, .n_up = n};
    l->requests = mem_zalloc((size_t)n, sizeof *l->requests);
    l->tokens = mem_zalloc((size_t)n, sizeof *l->tokens);
    l->room = mem_zalloc((size_t)n, sizeof *l->room);
    l->up = mem_zalloc((size_t)n, sizeof *l->up);
    l->pos = mem_zalloc((size_t)n, sizeof *l->pos);
    l->view = (struct router_view){.n = n, .requests = l->requests, .tokens = l->tokens, .least = -1};
    for (int64_t i = 0; i < n; i++) {
        l->room[i] = l->up[i] = true;
        if (key != ROUTER_KEY_NONE)
            heap_push(&l->heap, 0, (uint32_t)i, l->pos);
    }
}

void loads_free(struct loads *l)
{
    heap_free(&l->heap);
    free(l->requests);
    free(l->tokens);
    free(l->room);
    free(l->up);
    free(l->pos);
}

static void update(struct loads *l, int64_t replica)
{
    if (l->key != ROUTER_KEY_NONE)
        heap_move(&l->heap, l->pos[replica], key_of(l, replica), l->pos);
}

void loads_add(struct loads *l, int64_t replica, int64_t requests, int64_t tokens)
{
    l->requests[replica] += requests;
    l->tokens[replica] += tokens;
    sim_assert(l->requests[replica] >= 0 && l->tokens[replica] >= 0);
    update(l, replica);
}

void loads_set_up(struct loads *l, int64_t replica, bool up)
{
    if (l->up[replica] == up)
        return;
    l->up[replica] = up;
    l->n_up += up ? 1 : -1;
    l->view.up = l->n_up < l->view.n ? l->up : NULL;
    update(l, replica);
}

void loads_set_room(struct loads *l, int64_t replica, bool room)
{
    if (l->room[replica] == room)
        return;
    l->room[replica] = room;
    update(l, replica);
}

const struct router_view *loads_view(struct loads *l)
{
    if (l->key != ROUTER_KEY_NONE) {
        l->view.least = heap_min(&l->heap).id;
        l->view.least_key = (int64_t)heap_min(&l->heap).key;
    }
    return &l->view;
}
