/*
 * holders.h - which replicas of a fleet have the beginning of a request's prompt: what a router asks the cache
 * (router.h, next_holder and look).
 *
 * The prefix tree knows which stores have copies (prefix_next_holder): a replica's HBM, or a unit of a tier, which
 * means all replicas that share the unit. Who has a copy there only, of a unit that the least loaded replica reaches
 * too, has no more than that one; so such a unit is passed over, and a tier that all share costs nothing. Holders of an
 * earlier part elsewhere may still go on from it: what they have at most reaches to its end. O(path + holders),
 * whatever the fleet's size.
 *
 * With an age, the tree asked is an index that is behind the caches by so much (index.h), and where none, the caches'
 * own. How many tokens a copy spares is what the cache itself would use (kv_usable).
 * Ownership: the fleet's sight; the cache outlives it.
 */
#ifndef MODEL_HOLDERS_H
#define MODEL_HOLDERS_H

#include "model/index.h"
#include "model/kv.h"
#include "policy/router.h"

struct holders {
    const struct kv *kv;   /* NULL: nothing is ever cached */
    int64_t first, n;      /* replicas of the fleet */
    struct index *index;   /* NULL: the cache's own tree */
    struct holders_store { /* by number of the store: what it is */
        int tier;          /* MEMORY_HBM, a tier, or STORE_OTHER */
        int64_t unit;      /* or replica */
    } * store;
    /* of the question */
    const struct request *request;
    const struct prefix *prefix; /* the tree asked */
    struct prefix_holders at;
    int64_t least, member, end; /* replicas of a unit that are gone through */
    int64_t passed;             /* blocks to the end of the deepest copy in a unit passed over */
    uint64_t *seen, question;   /* [n] the latest question in which it was told */
};

void holders_init(struct holders *h, struct kv *kv, int64_t first, int64_t n, int64_t age_ns,
                  int64_t (*now)(void *ctx), void *ctx);
void holders_free(struct holders *h);
void holders_ask(struct holders *h, const struct request *q, int64_t least, int64_t now_ns);
bool holders_next(struct holders *h, struct router_holder *out);
void holders_look(const struct holders *h, int64_t replica, struct router_holder *out);

#endif
