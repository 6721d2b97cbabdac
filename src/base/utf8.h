/*
 * utf8.h - where a character of UTF-8 ends, in text of strangers.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* Bytes of the character at s, which ends at a zero byte; 0 when there is none: overlong forms and surrogates are none. */
int utf8_length(const unsigned char *s);

#endif
