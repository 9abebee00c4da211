/* A mail address with the name in front of it. */
#ifndef STINT_TEXT_MAILBOX_H
#define STINT_TEXT_MAILBOX_H

#include <stdbool.h>

#include "text/buf.h"

struct mailbox { char *name, *address; };       /* name: "" where there is none */

/* "ann@example.org" or "Ann Example <ann@example.org>". NULL, or what is wrong with it, static text; *out then has nothing to free. */
const char *mailbox_parse(struct slice s, struct mailbox *out);
void mailbox_free(struct mailbox *m);

bool mailbox_control(struct slice s);           /* has a newline or another control character: nothing for a header */

#endif
