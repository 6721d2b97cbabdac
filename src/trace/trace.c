#include "trace/trace.h"

#include <pthread.h>
#include <stdlib.h>

enum { UNITS = 4, FIRST_CAP = 1024 };

/*
 * Two lists of units under one lock: free ones for the producer, full ones for the consumer.
 *
 *   free --take--> producer fills --> full --> consumer --> free
 */
struct trace_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool started;
    struct trace_unit *free;
    struct trace_unit *full_head, *full_tail;
    struct trace_unit units[UNITS];
    struct err err; /* of the first sink that failed */
};

void trace_init(struct trace *t, uint32_t unit_records)
{
    struct trace_queue *q = mem_zalloc(1, sizeof *q);

    *t = (struct trace){.unit_records = unit_records, .queue = q, .unit = &q->units[0]};
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    for (int i = 1; i < UNITS; i++) {
        q->units[i].next = q->free;
        q->free = &q->units[i];
    }
}

void trace_add_sink(struct trace *t, struct sink *s)
{
    sim_assert(t->n_sinks < TRACE_SINKS_MAX && !t->queue->started);
    t->sinks[t->n_sinks++] = s;
}

void trace_grow(struct trace_unit *u, enum ev_kind k)
{
    u->cap[k] = u->cap[k] ? u->cap[k] * 2 : FIRST_CAP;
    u->rec[k] = mem_realloc(u->rec[k], (size_t)u->cap[k] * (size_t)ev_info[k].n_fields * sizeof(int64_t));
}

static void *consumer(void *arg)
{
    struct trace *t = arg;
    struct trace_queue *q = t->queue;
    struct err err = {0};
    bool last = false;

    while (!last) {
        pthread_mutex_lock(&q->lock);
        while (q->full_head == NULL)
            pthread_cond_wait(&q->changed, &q->lock);
        struct trace_unit *u = q->full_head;
        q->full_head = u->next;
        pthread_mutex_unlock(&q->lock);

        last = u->last;
        for (int i = 0; i < t->n_sinks && !err.code; i++)
            if (t->sinks[i]->ops->consume(t->sinks[i], u, &err) != 0 && !err.code)
                err_set(&err, EXIT_CODE_FAILED, "sink %s failed", t->sinks[i]->ops->name);

        pthread_mutex_lock(&q->lock);
        q->err = err;
        u->next = q->free;
        q->free = u;
        pthread_cond_signal(&q->changed);
        pthread_mutex_unlock(&q->lock);
    }
    return NULL;
}

void trace_start(struct trace *t)
{
    sim_assert(!t->queue->started);
    if (pthread_create(&t->queue->thread, NULL, consumer, t) != 0)
        bug_abort(__FILE__, __LINE__, "cannot start the consumer thread");
    t->queue->started = true;
}

static void unit_clear(struct trace_unit *u)
{
    for (int k = 0; k < EV_KINDS; k++)
        u->n[k] = 0;
    u->total = 0;
    u->last = false;
    u->next = NULL;
}

int trace_rotate(struct trace *t, bool last, struct err *e)
{
    struct trace_queue *q = t->queue;
    struct trace_unit *u = t->unit;
    int status = 0;

    if (t->on_rotate)
        t->on_rotate(t->on_rotate_ctx, last);
    u->last = last;
    u->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->full_head)
        q->full_tail->next = u;
    else
        q->full_head = u;
    q->full_tail = u;
    pthread_cond_signal(&q->changed);
    if (!last) {
        while (q->free == NULL)
            pthread_cond_wait(&q->changed, &q->lock);
        t->unit = q->free;
        q->free = t->unit->next;
        if (q->err.code)
            status = err_set(e, q->err.code, "%s", q->err.msg);
    }
    pthread_mutex_unlock(&q->lock);
    if (!last)
        unit_clear(t->unit);
    return status;
}

int trace_finish(struct trace *t, struct err *e)
{
    struct trace_queue *q = t->queue;

    trace_rotate(t, true, e);
    pthread_join(q->thread, NULL);
    q->started = false;
    return q->err.code ? err_set(e, q->err.code, "%s", q->err.msg) : 0;
}

void trace_free(struct trace *t)
{
    struct trace_queue *q = t->queue;

    if (q == NULL)
        return;
    sim_assert(!q->started);
    for (int i = 0; i < UNITS; i++)
        for (int k = 0; k < EV_KINDS; k++)
            free(q->units[i].rec[k]);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
    t->queue = NULL;
}
