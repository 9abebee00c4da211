/* Which bytes may stand where. Used by lint.c and lint_chunks.c alone. */
#ifndef STINT_HTTP_LINT_TABLE_H
#define STINT_HTTP_LINT_TABLE_H

enum lint_set {
	LINT_TOKEN = 1,                 /* RFC 9110 tchar: methods, header names, codings */
	LINT_VALUE = 2,                 /* header values: printable, blank, tab, and bytes from 0x80 on */
	LINT_TARGET = 4,                /* RFC 3986: what needs no %-escape in a path or query, and % */
	LINT_NAME = 8,                  /* a host's name or IPv4 address */
	LINT_ADDRESS = 16,              /* between the brackets of an IPv6 address */
	LINT_HEX = 32,
};

extern const unsigned char lint_set[256];

#endif
