/* A library that is loaded when it is first needed, as a table of functions: linked in it would cost every process megabytes that most never use (doc/dependencies.md). */
#ifndef STINT_OS_LIBRARY_H
#define STINT_OS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_function { const char *name; void *to; };        /* to: a pointer to the function's type */

/* For a list FUNCTIONS(F) that says F(name) of each: the members of a struct called lib, and the table that library_load() fills it by. */
#define LIBRARY_MEMBER(name) __typeof__(name) *name;
#define LIBRARY_ENTRY(name) { #name, &lib.name },

struct library {
	const char *soname, *name;      /* "libssl.so.3", "OpenSSL" */
	const char *package;            /* what to install where it is not there */
	const char *wanted;             /* what has all of its functions: "OpenSSL 3" */
	const struct library_function *function;
	size_t n;
};

/* Fills in all functions. The handle, which is never closed but where the caller finds the library unfit; NULL with a sentence in why. */
void *library_load(const struct library *l, char *why, size_t why_size);

#endif
