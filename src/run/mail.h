/* A job's payload as a message: read, checked, written. Pure. */
#ifndef STINT_RUN_MAIL_H
#define STINT_RUN_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"
#include "text/mailbox.h"

#define MAIL_RECIPIENTS_MAX 100

struct mail {
	struct mailbox from, to[MAIL_RECIPIENTS_MAX];
	size_t nto;
	struct buf subject, body;       /* UTF-8 */
};

/* Reads {"to"|"email", "subject", "message"|"body", "from"}. `sender` stands in for a "from" that is missing. False with a sentence in `why`. */
bool mail_parse(struct slice payload, const char *sender, struct mail *out, char *why, size_t why_size);
void mail_free(struct mail *m);         /* also after a false */

/* The id of every copy of it, without the angle brackets: from the job's, so that one that is sent twice can be seen to be. */
void mail_id(const struct mail *m, const char *job, struct buf *out);
/* The whole message, lines ended with CRLF, dots not doubled. */
void mail_put(const struct mail *m, const char *job, int64_t wall_ms, struct buf *out);

#endif
