/* The scanner under json.c; nobody else needs it. */
#ifndef STINT_TEXT_JSON_SCAN_H
#define STINT_TEXT_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "text/buf.h"

struct json_scan {
	const char *p, *end;
	const char *what;       /* static text, set on failure; p then stands on the first byte that cannot be right */
};

void json_scan_space(struct json_scan *s);
bool json_scan_value(struct json_scan *s);                              /* one value of any kind, without white space around it */
bool json_scan_name(struct json_scan *s, struct slice *name);           /* a member's name (raw, with its quotes) and the colon, up to its value */
bool json_scan_after(struct json_scan *s, char close, bool *more);      /* behind a value in a container: the comma (*more) or the closing bracket */

const char *json_plain_skip(const char *p, const char *end);            /* to the first quote, backslash, control character or byte beyond ASCII */
size_t json_utf8_length(const char *p, const char *end);                /* of the sequence at p; 0 where it is not UTF-8 */
int json_hex_value(char c);                                             /* -1 where c is no hexadecimal digit */

#endif
