#include "model/loads.h"

/* The order of shares, as whole numbers below INT64_MAX. */
static uint64_t share_key(double share)
{
    const double unit = 4294967296; /* 2^32: finer than the block of any cache */

    return share * unit < 4.6e18 ? (uint64_t)(share * unit) : INT64_MAX - 1;
}

static uint64_t key_of(const struct loads *l, int64_t i)
{
    if (!l->up[i])
        return INT64_MAX;
    switch (l->key) {
    case ROUTER_KEY_TOKENS:
        return (uint64_t)l->tokens[i];
    case ROUTER_KEY_ROOM:
        return l->room[i] ? (uint64_t)l->requests[i] : INT64_MAX;
    case ROUTER_KEY_KV:
        return share_key(l->kv[i]);
    case ROUTER_KEY_WAIT:
        return (uint64_t)(l->wait_ns[i] + l->tokens[i]);
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
        if (key != ROUTER_KEY_NONE) /* nothing is loaded yet, by any key */
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
    free(l->speed);
    free(l->wait_ns);
    free(l->token_ns);
    free(l->tpot_ns);
    free(l->kv);
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
    l->view.all_requests += requests;
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

/* ---- measures ---- */

void loads_measure(struct loads *l, int64_t window_ns, double token_ns)
{
    size_t n = (size_t)l->view.n;

    l->window_ns = window_ns > 0 ? (double)window_ns : 1;
    l->speed = mem_zalloc(n, sizeof *l->speed);
    l->view.wait_ns = l->wait_ns = mem_zalloc(n, sizeof *l->wait_ns);
    l->view.token_ns = l->token_ns = mem_zalloc(n, sizeof *l->token_ns);
    l->view.tpot_ns = l->tpot_ns = mem_zalloc(n, sizeof *l->tpot_ns);
    l->view.kv = l->kv = mem_zalloc(n, sizeof *l->kv);
    for (size_t i = 0; i < n; i++) {
        l->token_ns[i] = token_ns;
        l->speed[i] = (struct loads_speed){.prompt_ns = l->window_ns, .prompt_tokens = l->window_ns / token_ns};
    }
}

static void weigh(double *sum, double *over, double value, double weight, double keep)
{
    *sum = *sum * keep + value;
    *over = *over * keep + weight;
}

void loads_stepped(struct loads *l, int64_t replica, int64_t step_ns, int64_t prompt_tokens, int64_t gap_ns)
{
    struct loads_speed *s = &l->speed[replica];
    double took = (double)step_ns, keep = took < l->window_ns ? 1 - took / l->window_ns : 0;

    if (prompt_tokens > 0) {
        weigh(&s->prompt_ns, &s->prompt_tokens, took, (double)prompt_tokens, keep);
        l->token_ns[replica] = s->prompt_ns / s->prompt_tokens;
    }
    if (gap_ns > 0) {
        weigh(&s->gap_ns, &s->gaps, (double)gap_ns, 1, keep);
        l->tpot_ns[replica] = s->gap_ns / s->gaps;
    }
}

void loads_set_work(struct loads *l, int64_t replica, int64_t prompt_tokens, double kv)
{
    double wait_ns = (double)prompt_tokens * l->token_ns[replica];

    l->wait_ns[replica] = wait_ns < 4e18 ? (int64_t)wait_ns : (int64_t)4e18;
    l->kv[replica] = kv;
    if (l->key == ROUTER_KEY_KV || l->key == ROUTER_KEY_WAIT)
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
