/* Lines of an export, put into the store as they are: jobs whole, keys, pauses, schedules. Called by keeper_apply.c inside its transaction. Nothing here is fatal.
 * The asker has read the line already, and says what is wrong with it; here it is read again, from a copy, since nothing that lies in the segment is trusted. */
#include "process/keeper.h"

#include <stdio.h>
#include <string.h>

#include "store/whole.h"

static enum store_rc put(struct keeper *k, const struct buf *text, struct request_import_result *told)
{
	struct whole_line line = { .kind = WHOLE_END };
	struct whole_error e;
	const char *field = "";
	enum store_rc rc = keeper_room_for(k, text->len, true);

	if (rc == STORE_OK && !whole_parse((struct slice){ text->data, text->len }, &line, &e)) {
		field = e.field;
		rc = STORE_INVALID;
	} else if (rc == STORE_OK) {
		rc = store_restore_line(k->store, &line, &field);
	}
	if (rc == STORE_OK && line.kind == WHOLE_JOB)
		told->state = (uint32_t)store_restored(&line.job);
	if (rc != STORE_OK && rc != STORE_REPLAYED)
		snprintf(told->field, sizeof(told->field), "%.15s", field);
	whole_line_free(&line);
	return rc;
}

static enum store_rc read_line(struct keeper *k, const struct store_owner *from, const struct request_import *m, struct job_text rest, struct buf *text)
{
	if (m->blob)
		return store_staged(k->store, from->slot, from->incarnation, m->blob, m->bytes, text);
	if (m->bytes != rest.n)
		return STORE_INVALID;
	buf_add(text, rest.p, rest.n);
	return text->failed ? STORE_NO_MEMORY : STORE_OK;
}

enum store_rc keeper_import(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out)
{
	struct request_import_result told = { .tag = out->tag };
	struct request_import m;
	struct buf text = { 0 };

	if (body.n < sizeof(m))
		return STORE_INVALID;
	memcpy(&m, body.p, sizeof(m));
	enum store_rc rc = read_line(k, from, &m, (struct job_text){ body.p + sizeof(m), body.n - sizeof(m) }, &text);
	if (rc == STORE_OK)
		rc = put(k, &text, &told);
	if (m.blob && !store_spoilt(k->store)) {        /* the line is done with, taken or not */
		enum store_rc dropped = store_unstage(k->store, from->slot, from->incarnation, m.blob);
		rc = store_spoilt(k->store) ? dropped : rc;
	}
	buf_free(&text);
	memcpy(out, &told, sizeof(told));
	return rc;
}
