/*
 * sessions.h - requests that go on: each further call's prompt is the last one's, its answer and what came in between.
 *
 *   turn 0   [ system | input ][ answer ]
 *   turn 1   [ system | input   answer | append ][ answer ]        comes turn_gap after the end of turn 0
 *   turn 2   [ system | input   answer   append   answer | append ][ answer ]
 *   ids      [ class's ][ the session's own, one after the other .............................. ]
 *
 * A class has sessions where turns > 1 or system_tokens > 0. Turns of a session: `turns` of them, or geometric with
 * that mean (1 + floor(ln U / ln(1 - 1/mean)); Devroye, Non-Uniform Random Variate Generation, 1986, X.2). A session
 * ends early where a prompt would be longer than the class's input_max (its context is full), when a call is not
 * answered, or where its next call would come after the clock ends.
 *
 * Content: whole blocks of the system prompt have ids of the class, all others ids of the session, so a chain has two
 * runs however long the context is. Ids: class or session number times 2^32, and the block's place; classes first.
 * Only whole blocks have ids: prompt_blocks = input / block_tokens, all = (input + output) / block_tokens.
 *
 * Draws: each value has a stream of its own, entity = session * 2^24 + turn, and purpose RNG_TURNS, RNG_APPEND,
 * RNG_TURN_GAP or RNG_TURN_OUTPUT; so a session is the same whatever order calls end in, and policies can be compared
 * on the same sessions. (Input and output of turn 0 are drawn with those of all requests.) The digest does not depend
 * on that order either.
 *
 * Not modelled: contexts that are cut or summed up when full, answers of which a part (reasoning) is not kept.
 * Memory: 48 bytes a session between its first call and its last. Ownership: sessions_free; chains are the items'.
 */
#ifndef WORKLOAD_SESSIONS_H
#define WORKLOAD_SESSIONS_H

#include "workload/workload.h"

struct sessions;

struct sessions *sessions_new(const struct scenario *sc, int64_t block_tokens);
void sessions_free(struct sessions *s);

/* Whether items of the class belong to sessions. */
bool sessions_has(const struct class_options *c);
/* A session begins with the item, whose class, lengths and session number are set: fills the rest but its time. */
void sessions_begin(struct sessions *s, struct work_item *item);
/* Its call has ended. 1: the next, at now + turn_gap; 0: there is none. */
int sessions_done(struct sessions *s, uint32_t slot, bool answered, int64_t now_ns, struct work_item *item);

uint64_t sessions_digest(const struct sessions *s);

#endif
