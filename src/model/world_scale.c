/*
 * world_scale.c - the world's part in [autoscale] (policy/scaler.h): replicas that start, take requests, drain and end.
 *
 *   off --start_time--> its weights load --> ready --drain: no new requests--> empty --> off
 *     ^                    \--cut by a fault--'(off)                              its cache is lost
 *     '---------------------------------------------------------------------------'
 *
 * All replicas that there may be are made at the start; one that is off is down like one that failed (replica.down),
 * and one that drains is down for the router alone: who is there already is served to the end.
 *
 * Loading: the replica's share of the weights on each GPU, times its GPUs, over the path of the coldest tier to its
 * HBM, where it meets all else that uses those ports; or load_time. The tier is taken to have the weights, as bytes
 * read; they take no room in it.
 *
 * Who goes: the ready replica with the fewest requests, of equals the last. Who comes: the first that is off and not
 * down by a fault. Cooldowns: from the latest start to the next; from the latest change of any kind to the next drain.
 * Not modelled: a drain that is called off when load returns; caches that survive; ready checks beyond start_time.
 */
#include "config.h"

#include <stdlib.h>

#include "model/world_state.h"

enum phase { SCALE_OFF, SCALE_STARTING, SCALE_LOADING, SCALE_READY, SCALE_DRAINING };
enum { LEVEL_WEIGHTS = 2 }; /* where ports go by priority: after steps and what requests wait for */
enum told { TELL_STARTS, TELL_READY, TELL_DRAINS, TELL_ENDED, TELL_FAILED };

struct scaled_fleet {
    void *state;
    int64_t t_out_ns, t_change_ns; /* -1: none yet */
    int64_t busy_ns;               /* in steps, since the latest look */
    int64_t ended, met;            /* requests, of all pools, since then */
};

struct scaling {
    enum phase *phase; /* [replicas] */
    struct scaled_fleet *fleet;
};

static bool scales(const struct fleet *f)
{
    return f->sc->scaler->want != NULL;
}

/* ---- records and counts ---- */

static int64_t count(const struct world *w, const struct fleet *f, enum phase from, enum phase to)
{
    int64_t n = 0;

    for (int64_t i = f->first; i < f->first + f->n; i++)
        n += w->scaling->phase[i] >= from && w->scaling->phase[i] <= to;
    return n;
}

static int64_t waiting(const struct world *w, const struct fleet *f)
{
    int64_t n = f->held.n;

    for (int64_t i = f->first; i < f->first + f->n; i++)
        n += w->replicas[i].n_front + w->replicas[i].batch.waiting.n;
    return n;
}

static void tell(struct world *w, int64_t replica, enum told what, int64_t blocks)
{
    const struct fleet *f = world_fleet(w, replica);

    *trace_put_scale(w->trace) = (struct ev_scale){.t_ns = sim_now(w->sim),
                                                   .replica = replica,
                                                   .what = what,
                                                   .ready = count(w, f, SCALE_READY, SCALE_READY),
                                                   .starting = count(w, f, SCALE_STARTING, SCALE_LOADING),
                                                   .draining = count(w, f, SCALE_DRAINING, SCALE_DRAINING),
                                                   .waiting = waiting(w, f),
                                                   .blocks = blocks};
}

void world_scale_step(struct world *w, const struct replica *r)
{
    w->scaling->fleet[world_fleet(w, r->id) - w->fleet].busy_ns += sim_now(w->sim) - r->now.t_start_ns;
}

static bool meets(const struct class_options *c, const struct request *q, int64_t now_ns)
{
    return (c->slo_ttft_ns == 0 || q->t_first_ns - q->t_call_ns <= c->slo_ttft_ns) &&
           (c->slo_e2el_ns == 0 || now_ns - q->t_call_ns <= c->slo_e2el_ns) &&
           (c->slo_tpot_ns == 0 || q->output_tokens < 2 ||
            (double)(now_ns - q->t_first_ns) <= (double)c->slo_tpot_ns * (double)(q->output_tokens - 1));
}

void world_scale_end(struct world *w, const struct request *q, enum request_status status)
{
    if (w->scaling == NULL)
        return;
    bool met = status == REQUEST_COMPLETED && meets(&w->sc->classes[q->class_id], q, sim_now(w->sim));
    for (int64_t i = 0; i < w->n_fleets; i++) {
        w->scaling->fleet[i].ended++;
        w->scaling->fleet[i].met += met;
    }
}

/* ---- one comes ---- */

static void start(struct world *w, int64_t replica)
{
    const struct autoscale_options *o = &world_fleet(w, replica)->sc->autoscale;

    w->scaling->phase[replica] = SCALE_STARTING;
    tell(w, replica, TELL_STARTS, 0);
    sim_schedule(w->sim, sim_now(w->sim) + o->start_ns, CLASS_COMPLETION, EVENT_START, (uint32_t)replica);
}

static void is_ready(struct world *w, int64_t replica)
{
    struct replica *r = &w->replicas[replica];

    w->scaling->phase[replica] = SCALE_READY;
    tell(w, replica, TELL_READY, 0);
    if (--r->down > 0)
        return; /* a fault keeps it down */
    world_set_up(w, replica, true);
    world_update_room(w, r);
    world_route_held(w, world_fleet(w, replica));
}

static void failed(struct world *w, int64_t replica)
{
    w->scaling->phase[replica] = SCALE_OFF;
    tell(w, replica, TELL_FAILED, 0);
}

/* False: it cannot reach the tier. */
static bool read_weights(struct world *w, int64_t replica)
{
    const struct layout *l = &world_fleet(w, replica)->sc->layout;
    int tier = (int)w->sc->memory.n_tiers - 1;
    struct move_job job = {.kind = MOVE_WEIGHTS, .owner = -1, .replica = replica, .tag = tier};
    struct memory_path p;

    if (!memory_reaches(&w->memory, replica, tier))
        return false;
    memory_path(&w->memory, replica, tier, MEMORY_UP, &p);
    memory_transfer(&w->memory, &p, (int64_t)(cost_memory(l).weight_bytes * (double)layout_gpus(l)), 0, LEVEL_WEIGHTS, &job);
    move_start(w->memory.mover, &job);
    return true;
}

void world_on_start(struct world *w, uint32_t replica)
{
    const struct autoscale_options *o = &world_fleet(w, replica)->sc->autoscale;
    bool starts = w->scaling->phase[replica] == SCALE_STARTING;

    w->scaling->phase[replica] = SCALE_LOADING;
    if (starts && o->load_ns > 0)
        sim_schedule(w->sim, sim_now(w->sim) + o->load_ns, CLASS_COMPLETION, EVENT_START, replica);
    else if (!starts || w->sc->memory.n_tiers == 0)
        is_ready(w, replica);
    else if (!read_weights(w, replica))
        failed(w, replica);
}

void world_weights_done(struct world *w, const struct move_state *s, int64_t delivered)
{
    world_tell_need(w, s, delivered);
    if (delivered == s->job.bytes)
        is_ready(w, s->job.replica);
    else
        failed(w, s->job.replica);
}

/* ---- one goes ---- */

static bool moves(const struct world *w, int64_t replica)
{
    struct mover *m = w->memory.mover;

    for (uint32_t job = m ? move_next(m, 0) : UINT32_MAX; job != UINT32_MAX; job = move_next(m, job + 1))
        if (move_get(m, job)->job.replica == replica)
            return true;
    return false;
}

void world_scale_check(struct world *w, struct replica *r)
{
    const struct batch *b = &r->batch;

    if (!world_drains(w, r->id) || r->stepping || r->n_front + b->running.n + b->waiting.n > 0 ||
        b->handed + b->reserved > 0 || moves(w, r->id))
        return;
    w->scaling->phase[r->id] = SCALE_OFF;
    r->down++;
    tell(w, r->id, TELL_ENDED, w->kv ? kv_lose_hbm(w->kv, r) : 0);
}

bool world_drains(const struct world *w, int64_t replica)
{
    return w->scaling && w->scaling->phase[replica] == SCALE_DRAINING;
}

static void drain(struct world *w, int64_t replica)
{
    w->scaling->phase[replica] = SCALE_DRAINING;
    world_set_up(w, replica, false);
    world_update_room(w, &w->replicas[replica]);
    tell(w, replica, TELL_DRAINS, 0);
    world_scale_check(w, &w->replicas[replica]);
}

static int64_t least_loaded(const struct world *w, const struct fleet *f)
{
    int64_t least = -1;

    for (int64_t i = 0; i < f->n; i++)
        if (w->scaling->phase[f->first + i] == SCALE_READY &&
            (least < 0 || f->loads.requests[i] <= f->loads.requests[least]))
            least = i;
    return f->first + least;
}

/* ---- looks ---- */

static struct scaler_view view_of(const struct world *w, const struct fleet *f, const struct scaled_fleet *s)
{
    struct scaler_view v = {.now_ns = sim_now(w->sim),
                            .ready = count(w, f, SCALE_READY, SCALE_READY),
                            .starting = count(w, f, SCALE_STARTING, SCALE_LOADING),
                            .outstanding = f->held.n,
                            .waiting = waiting(w, f),
                            .ended = s->ended,
                            .met = s->met};
    double n = v.ready > 0 ? (double)v.ready : 1;

    for (int64_t i = f->first; i < f->first + f->n; i++) {
        const struct replica *r = &w->replicas[i];
        v.outstanding += f->loads.requests[i - f->first];
        if (w->scaling->phase[i] != SCALE_READY)
            continue;
        v.slots += (double)r->batch.running.n / (double)f->limits.max_num_seqs / n;
        v.kv += (double)(w->kv ? kv_used_blocks(w->kv, r) : r->batch.used) / (double)r->batch.total_blocks / n;
    }
    v.busy = (double)s->busy_ns / ((double)f->sc->autoscale.interval_ns * n);
    return v;
}

static void scale_out(struct world *w, const struct fleet *f, struct scaled_fleet *s, int64_t more)
{
    int64_t now = sim_now(w->sim);

    if (s->t_out_ns >= 0 && now - s->t_out_ns < f->sc->autoscale.out_cooldown_ns)
        return;
    for (int64_t i = f->first; i < f->first + f->n && more > 0; i++)
        if (w->scaling->phase[i] == SCALE_OFF && w->replicas[i].down == 1) {
            start(w, i);
            s->t_out_ns = s->t_change_ns = now;
            more--;
        }
}

static void scale_in(struct world *w, const struct fleet *f, struct scaled_fleet *s, int64_t fewer, int64_t ready)
{
    int64_t now = sim_now(w->sim), spare = ready - f->sc->autoscale.min;

    if (now - s->t_change_ns < f->sc->autoscale.in_cooldown_ns)
        return;
    for (; fewer > 0 && spare > 0; fewer--, spare--) {
        drain(w, least_loaded(w, f));
        s->t_change_ns = now;
    }
}

static void look(struct world *w, const struct fleet *f)
{
    struct scaled_fleet *s = &w->scaling->fleet[f - w->fleet];
    struct scaler_view v = view_of(w, f, s);
    int64_t have = v.ready + v.starting, want = f->sc->scaler->want(f->sc->scaler_options, s->state, &v);

    want = want < f->sc->autoscale.min ? f->sc->autoscale.min : want > f->n ? f->n : want;
    if (want > have)
        scale_out(w, f, s, want - have);
    else if (want < have)
        scale_in(w, f, s, have - want, v.ready);
    s->busy_ns = s->ended = s->met = 0;
    for (int64_t i = f->first; i < f->first + f->n; i++)
        world_scale_check(w, &w->replicas[i]);
}

/* Pools that scale may look at different times: each event is one pool's. */
void world_on_scale(struct world *w, uint32_t fleet)
{
    look(w, &w->fleet[fleet]);
    world_again(w, EVENT_SCALE, w->fleet[fleet].sc->autoscale.interval_ns, fleet);
}

/* ---- life ---- */

static void fleet_at_start(struct world *w, const struct fleet *f)
{
    const struct autoscale_options *o = &f->sc->autoscale;
    int64_t ready = !scales(f) ? f->n : o->start > 0 ? o->start : o->min;

    for (int64_t i = f->first; i < f->first + f->n; i++) {
        if (i < f->first + ready) {
            tell(w, i, TELL_STARTS, 0);
            w->scaling->phase[i] = SCALE_READY;
            tell(w, i, TELL_READY, 0);
        } else {
            w->replicas[i].down++;
            world_set_up(w, i, false);
        }
    }
    if (!scales(f))
        return;
    sim_schedule(w->sim, o->interval_ns, CLASS_COMPLETION, EVENT_SCALE, (uint32_t)(f - w->fleet));
    w->background++;
}

void world_scaling_init(struct world *w)
{
    bool any = false;

    for (int64_t i = 0; i < w->n_fleets; i++)
        any |= scales(&w->fleet[i]);
    if (!any)
        return;
    w->scaling = mem_zalloc(1, sizeof *w->scaling);
    w->scaling->phase = mem_zalloc((size_t)w->n_replicas, sizeof *w->scaling->phase);
    w->scaling->fleet = mem_zalloc((size_t)w->n_fleets, sizeof *w->scaling->fleet);
    for (int64_t i = 0; i < w->n_fleets; i++) {
        w->scaling->fleet[i].state = mem_zalloc(1, w->fleet[i].sc->scaler->state_size + 1);
        w->scaling->fleet[i].t_out_ns = -1;
        fleet_at_start(w, &w->fleet[i]);
    }
}

void world_scaling_free(struct world *w)
{
    if (w->scaling == NULL)
        return;
    for (int64_t i = 0; i < w->n_fleets; i++)
        free(w->scaling->fleet[i].state);
    free(w->scaling->fleet);
    free(w->scaling->phase);
    free(w->scaling);
}
