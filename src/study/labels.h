/*
 * labels.h - what tables of measurements call the types of weights, as dtypes of [replica].
 */
#ifndef STUDY_LABELS_H
#define STUDY_LABELS_H

/* NULL for a label that stands for no dtype of [replica]. */
const char *labels_dtype(const char *label);

#endif
