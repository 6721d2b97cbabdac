/*
 * json.h - a few strokes of JSON: no tree, commas are the writer's care.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json { /* {.out = f}; depth and first are its own */
    FILE *out;
    int depth;
    bool first;
};

void json_quote(FILE *out, const char *text); /* a string alone; bytes that are no UTF-8: U+FFFD */

void json_open(struct json *j, const char *key, char bracket); /* key NULL within an array and at the top */
void json_close(struct json *j, char bracket);
void json_text(struct json *j, const char *key, const char *value); /* NULL: null. Bytes that are no UTF-8: U+FFFD */
void json_int(struct json *j, const char *key, int64_t value);
void json_real(struct json *j, const char *key, double value); /* the shortest that reads back; NaN and inf: null */
void json_bool(struct json *j, const char *key, bool value);

#endif
