/*
 * collect_steps.h - what engine steps lost to contention, and so what each token waited for others at ports.
 *
 * A step is not one job (model/offload.h): its own work, transfers that move beside it (experts guessed ahead, table
 * rows, KV read in place) and such as begin after it (absent experts). It ends when all have.
 *
 *   |-- own work ---------------|-- after: expert ------|      D: as it was
 *   |-- beside: KV read in place ------|                       S: as it would have been alone,
 *                                                                 max(beside, own + after) of what each takes alone
 *
 * It lost D - S. A transfer that was slowed but hid behind others costs no token anything, so the loss is put down to
 * the records `contention` of the path that ended last: its last transfer and, where that came after, the own work;
 * each by its share.
 *
 * Of own work beside which something ended last, and which lost nothing itself, the time alone is not recorded; it
 * counts as 0. So D - S is then too large where it would have been longer than all that moves beside it.
 *
 * Records of a kind come in the order of their time, and those of a step before it: in the same unit, or all of a table
 * before all steps (report/rows.c). Memory grows with those that wait for their step.
 */
#ifndef REPORT_COLLECT_STEPS_H
#define REPORT_COLLECT_STEPS_H

#include <stdbool.h>

#include "store/store.h"
#include "trace/trace.h"

struct step_losses;

/* groups: of ports, as memory_tally counts them. */
struct step_losses *step_losses_new(const struct store_memory *m, int64_t n_groups, int64_t warmup_ns);
void step_losses_transfer(struct step_losses *l, const struct ev_transfer *x);
void step_losses_contention(struct step_losses *l, const struct ev_contention *c, int64_t group);
void step_losses_step(struct step_losses *l, const struct ev_step *s);
/* Share of the time of steps that ended at or after warm-up; NaN without any. */
double step_losses_share(const struct step_losses *l);
/* ms of a gap between two tokens: mean over those that steps begun at or after warm-up gave; NaN without any. */
double step_losses_gap_ms(const struct step_losses *l);
double step_losses_gap_ms_at(const struct step_losses *l, int64_t kind, int64_t group, int64_t by);
void step_losses_free(struct step_losses *l);

#endif
