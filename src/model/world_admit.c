/*
 * world_admit.c - the world's part in [admission] (policy/admission.h): who is in the system by class, and the question
 * at the door.
 *
 * Requests count from when they are let in until they end; waiting are those without a first token. Which of them have
 * given one is told by the replicas, class by class (replica_starts).
 */
#include "config.h"

#include <stdlib.h>

#include "model/world_state.h"

struct inside { /* of a class */
    int64_t requests, tokens; /* outstanding; prompt tokens of these */
    int64_t entered, left_waiting; /* since the start: let in; ended without a token */
};

struct admission {
    struct inside *of_class;
    void *state;
    char *class_state;
};

static bool counts(const struct world *w)
{
    return w->sc->admission->admit != NULL;
}

void world_admission_init(struct world *w)
{
    const struct admission_ops *ops = w->sc->admission;
    size_t n = (size_t)w->sc->n_classes;

    w->starts.of_class = mem_zalloc(n, sizeof *w->starts.of_class);
    for (int64_t i = 0; i < w->n_fleets; i++)
        w->fleet[i].env.starts = &w->starts;
    w->admission = mem_zalloc(1, sizeof *w->admission);
    w->admission->of_class = mem_zalloc(n, sizeof *w->admission->of_class);
    w->admission->state = mem_zalloc(1, ops->state_size + 1);
    w->admission->class_state = mem_zalloc(n, ops->class_size > 0 ? ops->class_size : 1);
}

void world_admission_free(struct world *w)
{
    free(w->starts.of_class);
    free(w->admission->of_class);
    free(w->admission->state);
    free(w->admission->class_state);
    free(w->admission);
}

/* ---- what a policy sees ---- */

static int64_t waiting(const struct world *w, int64_t class_id)
{
    const struct inside *in = &w->admission->of_class[class_id];

    return in->entered - in->left_waiting - w->starts.of_class[class_id];
}

static struct admission_view view_for(const struct world *w, const struct request *q)
{
    const struct class_options *class = &w->sc->classes[q->class_id];
    int64_t up = w->fleet[0].loads.n_up / w->fleet[0].members;
    struct admission_view v = {.now_ns = sim_now(w->sim),
                               .replicas = up > 0 ? up : 1,
                               .input_tokens = q->input_tokens,
                               .priority = class->priority,
                               .ttft_ns = class->slo_ttft_ns};

    for (int64_t c = 0; c < w->sc->n_classes; c++) {
        const struct inside *in = &w->admission->of_class[c];
        struct admission_count n = {in->requests, waiting(w, c), in->tokens};
        v.all.requests += n.requests;
        v.all.waiting += n.waiting;
        v.all.tokens += n.tokens;
        if (w->sc->classes[c].priority >= class->priority)
            v.waiting_ahead += n.waiting;
        if (c == q->class_id)
            v.class = n;
    }
    return v;
}

/* ---- events ---- */

bool world_admits(struct world *w, const struct request *q)
{
    const struct admission_ops *ops = w->sc->admission;
    struct admission *a = w->admission;

    if (!counts(w))
        return true;
    struct admission_view v = view_for(w, q);
    char *of_class = a->class_state + (size_t)q->class_id * ops->class_size;
    return ops->admit(w->sc->admission_options, a->state, of_class, &v);
}

void world_enters(struct world *w, struct request *q)
{
    struct inside *in = &w->admission->of_class[q->class_id];

    q->admitted = true;
    in->requests++;
    in->tokens += q->input_tokens;
    in->entered++;
}

void world_leaves(struct world *w, const struct request *q)
{
    struct inside *in = &w->admission->of_class[q->class_id];

    if (!q->admitted)
        return;
    in->requests--;
    in->tokens -= q->input_tokens;
    in->left_waiting += q->t_first_ns < 0;
    sim_assert(in->requests >= 0 && waiting(w, q->class_id) >= 0);
}

void world_tell_starts(struct world *w)
{
    const struct admission_ops *ops = w->sc->admission;
    struct admission *a = w->admission;

    for (; w->starts.told < w->starts.all; w->starts.told++)
        if (ops->started)
            ops->started(w->sc->admission_options, a->state, sim_now(w->sim));
}

void world_tell_reject(struct world *w, const struct request *q, bool refused)
{
    struct ev_reject e = {.request = q->id, .t_ns = sim_now(w->sim), .class = q->class_id, .refused = refused};

    for (int64_t c = 0; c < w->sc->n_classes; c++) {
        e.outstanding += w->admission->of_class[c].requests;
        e.waiting += waiting(w, c);
    }
    *trace_put_reject(w->trace) = e;
    w->refused += refused;
}
