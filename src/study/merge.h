/*
 * merge.h - the shards of a study into one study file (store/study_schema.h).
 *
 * Refused (EXIT_CODE_INCOMPLETE) unless every point of the plan has its shard, complete and of the point's own
 * configuration. Shards are read one after the other in the order of their points, through the same checks as any
 * results file, so that what comes out depends neither on who ran them nor on when. OUT.db appears whole or not at all.
 */
#ifndef STUDY_MERGE_H
#define STUDY_MERGE_H

#include "study/plan.h"

int merge_write(struct plan *p, struct err *e);

/* Whether OUT.db is what merge_write would write: the same study, filter and configurations, complete. */
bool merge_is_current(struct plan *p);

#endif
