/* `stint import`: the file, line by line; where the lines go is import_store.c's, or import_server.c's. */
#ifndef STINT_CLI_IMPORT_H
#define STINT_CLI_IMPORT_H

#include <stdio.h>

#include "cli/place.h"
#include "cli/progress.h"
#include "job/whole.h"

struct imported { uint64_t jobs, there, refused; };

struct import {
	struct place place;
	const char *name;
	bool json;
	const char *url, *token;        /* as given; NULL: they were not */
	FILE *in;
	char *line;                     /* the line as it was read */
	size_t cap;
	uint64_t number;                /* of the line */
	bool begun, ended;              /* its first line and its last one have been met */
	uint64_t bytes, total;          /* read, of so many; 0: not known */
	struct whole_line parsed;
	struct imported done;
	struct progress progress;
	int64_t began_ns;
};

/* The next line that can be taken, parsed: 1, 0 at the end, -1 with an exit code in *code. Those that cannot be read are refused, with a message, and passed over. */
int import_next(struct import *m, struct slice *line, int *code);
void import_refused(struct import *m, uint64_t number, const char *field, const char *what);
void import_shown(struct import *m);

/* Says how it went; the exit code. */
int import_end(struct import *m, int code);

int import_store(struct import *m);     /* into the store itself */
int import_server(struct import *m);    /* to the server at --url, or the one that runs on the store */

#endif
