/* agents_state.h - what agents are made of; private to agents*.c. */
#ifndef WORKLOAD_AGENTS_STATE_H
#define WORKLOAD_AGENTS_STATE_H

#include "base/rng.h"
#include "workload/agents.h"

/* Times and counts along a path, as in table agent_task. */
struct agent_path {
    int64_t calls, tokens, retry_ns, queue_ns, restore_ns, prefill_ns, handoff_ns, decode_ns, tool_ns, alone_ns;
};

struct agent_session {
    int64_t number, class_id;
    int64_t tasks, begun; /* how many there are, and were begun */
    int64_t calls;     /* so far */
    int64_t branches;  /* of the task, so far */
    bool failed;       /* no further call is made */
    struct ev_agent_task task;
};

/* An agent at work: the session's own, or a sub-agent. */
struct agent_branch {
    struct agent_session *session; /* the root's to free */
    struct agent_branch *parent;   /* NULL: root */
    uint32_t slot;
    int64_t agent, number, depth;
    uint64_t entity;      /* of its task's draws */
    int64_t context_id;   /* of its blocks */
    int64_t context;      /* tokens that the next prompt begins with */
    int64_t append;       /* tokens that come in after them */
    int64_t known_blocks; /* of the context: left in the cache by its calls, or a system prompt by others', if that forgets nothing */
    int64_t step, steps;  /* of the task: answered so far, in all */
    int64_t calls;        /* of the task: compactions too */
    bool calling, compacting;
    int64_t waits;        /* sub-agents that have not ended */
    int64_t t_tools_ns;   /* its tools have ended */
    int64_t answer;       /* tokens of the latest answer that stay */
    struct ev_agent_step now;
    struct agent_path path, sub_path; /* so far; of the sub-agent now.join_branch */
};

struct agents {
    const struct scenario *sc; /* not owned */
    struct trace *trace;       /* not owned; NULL: nobody listens */
    int64_t block_tokens, most_context;
    struct agent_branch **at; /* by slot; NULL: free */
    uint32_t *free_slots, n_free, n, cap;
    bool *seen; /* by agent: a context of it has begun */
    int64_t contexts; /* numbers given so far: first those of the agents' system prompts */
    struct agents_counts counts;
    uint64_t digest; /* sum over the draws */
};

/* ---- agents_book.c ---- */

struct agent_branch *agents_new_branch(struct agents *a);
void agents_free_branch(struct agents *a, struct agent_branch *b); /* of a root: its session, too */
void agents_open_task(struct agents *a, struct agent_branch *root, int64_t number, int64_t deadline_ns, int64_t t_ns);
void agents_close_task(struct agents *a, struct agent_branch *root, int64_t now_ns);
void agents_begin_call(struct agents *a, struct agent_branch *b); /* `now` is set */
void agents_end_call(struct agents *a, struct agent_branch *b, const struct work_ended *call, int64_t now_ns);
/* The step is over at t_ns: its row, and the path. */
void agents_close_step(struct agents *a, struct agent_branch *b, int64_t t_ns);
/* A sub-agent has ended: whether its parent's step has waited for it longest so far. */
void agents_join(struct agent_branch *b, int64_t now_ns);

/* ---- agents_draw.c ---- */

int64_t agents_draw(struct agents *a, uint64_t entity, enum rng_purpose purpose, const struct length_choice *law,
                    int64_t without);
/* Tokens: times scale (lengths.h). */
int64_t agents_draw_tokens(struct agents *a, uint64_t entity, enum rng_purpose purpose, const struct length_choice *law,
                           double scale);
double agents_draw_s(struct agents *a, uint64_t entity, enum rng_purpose purpose, const struct duration_choice *law);
bool agents_draw_happens(struct agents *a, uint64_t entity, enum rng_purpose purpose, double probability);
/* The tool calls of a step: puts their records, and sets the branch's t_tools_ns, append and now.tool_calls. */
void agents_call_tools(struct agents *a, struct agent_branch *b, uint64_t entity, int64_t now_ns);
int64_t agents_later(int64_t t_ns, double s); /* to the nearest ns; at most the clock's end */

static inline const struct agent_options *agents_options(const struct agents *a, const struct agent_branch *b)
{
    return &a->sc->agents[b->agent];
}

#endif
