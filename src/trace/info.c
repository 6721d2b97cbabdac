/* info.c - events.def as data. */
#include "trace/trace.h"

const char *const request_status_names[REQUEST_STATUSES] = {"waiting", "running",  "completed",
                                                             "rejected", "failed", "timed_out"};

#define INT    FIELD_INT
#define TIME   FIELD_TIME
#define REF    FIELD_REF
#define STATUS FIELD_STATUS

#define FIELD_ROW(type, name, reference, help)     {type, #name, reference, help},
#define FIELD_ROWS(id, table, level, fields, help) static const struct ev_field table##_fields[] = {fields(FIELD_ROW)};
EVENTS(FIELD_ROWS)

#define INFO(id, table, level, fields, help)                                                                           \
    {#table, help, level, table##_fields, (int)(sizeof table##_fields / sizeof table##_fields[0])},
const struct ev_info ev_info[EV_KINDS] = {EVENTS(INFO)};
