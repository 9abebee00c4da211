/* beanstalkd's text protocol for the load generator, so that `stint bench --beanstalkd` measures that server by the very loop that measures ours.
 * Called by load.c only. */
#include "cli/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_TO_RUN 120                 /* seconds a reserved job stays ours */
#define JOB_MAX (1u << 20)

enum step { STEP_RESERVE, STEP_DELETE };

void load_beanstalk_prepare(struct load_beanstalk *b, struct slice payload)
{
	buf_clear(&b->put);
	buf_printf(&b->put, "put 0 0 %d %zu\r\n", TIME_TO_RUN, payload.n);
	buf_slice(&b->put, payload);
	buf_str(&b->put, "\r\n");
}

static enum load_answer broken(struct load *l, const char *what)
{
	snprintf(l->refusal, sizeof(l->refusal), "%s sent something that is no answer of beanstalkd: %s", l->plan->name, what);
	return LOAD_BROKEN;
}

static enum load_answer refused(struct load *l, struct slice line)
{
	snprintf(l->refusal, sizeof(l->refusal), "beanstalkd answered %.*s", (int)(line.n > 100 ? 100 : line.n), line.p);
	return LOAD_REFUSED;
}

static bool begins(struct slice line, const char *with)
{
	size_t n = strlen(with);

	return line.n >= n && memcmp(line.p, with, n) == 0;
}

/* A whole line without its CRLF: 1, *line and *used; 0 not yet; -1 too long or ill-formed. What came before is kept in c->text. */
static int whole_line(struct load_conn *c, const char *p, size_t n, struct slice *line, size_t *used)
{
	const char *lf = memchr(p, '\n', n);

	*used = lf ? (size_t)(lf - p) + 1 : n;
	if (c->text.len > 0 || !lf) {
		buf_add(&c->text, p, *used);
		if (c->text.failed || c->text.len > 1024)
			return -1;
		*line = (struct slice){ c->text.data, c->text.len };
	} else {
		*line = (struct slice){ p, *used };
	}
	if (!lf)
		return 0;
	if (line->n < 2 || line->p[line->n - 2] != '\r')
		return -1;
	line->n -= 2;
	return 1;
}

/* --- put --- */

static struct slice put_request(struct load *l, struct load_conn *c)
{
	const struct load_beanstalk *b = l->plan->arg;

	buf_clear(&c->text);
	return (struct slice){ b->put.data, b->put.len };
}

static enum load_answer put_answer(struct load *l, struct load_conn *c, const char *p, size_t n, size_t *used)
{
	struct slice line;
	int rc = whole_line(c, p, n, &line, used);

	if (rc < 0)
		return broken(l, "a line without an end");
	if (rc == 0)
		return LOAD_MORE;
	return begins(line, "INSERTED ") ? LOAD_DONE : refused(l, line);
}

const struct load_protocol load_beanstalk_put = { put_request, put_answer };

/* --- reserve and delete: c->step is the step; once reserved, c->response.left counts the job's bytes that are still to come and c->body is the id
 * --- */

static struct slice drain_request(struct load *l, struct load_conn *c)
{
	(void)l;
	buf_clear(&c->text);
	if (c->step == STEP_RESERVE) {
		c->response.left = 0;
		return SLICE("reserve\r\n");
	}
	return (struct slice){ c->body.data, c->body.len };
}

/* "RESERVED ID BYTES": makes the delete command and notes how many bytes follow. */
static bool reserved(struct load_conn *c, struct slice line)
{
	char text[80], *end;
	unsigned long long id, bytes;

	if (line.n >= sizeof(text))
		return false;
	memcpy(text, line.p, line.n);
	text[line.n] = '\0';
	id = strtoull(text + 9, &end, 10);
	if (*end != ' ')
		return false;
	bytes = strtoull(end + 1, &end, 10);
	if (*end != '\0' || bytes > JOB_MAX)
		return false;
	buf_clear(&c->body);
	buf_printf(&c->body, "delete %llu\r\n", id);
	c->response.left = bytes + 2;
	return true;
}

static enum load_answer take_job(struct load_conn *c, size_t n, size_t *used)
{
	size_t take = c->response.left < n ? (size_t)c->response.left : n;

	*used += take;
	c->response.left -= take;
	if (c->response.left > 0)
		return LOAD_MORE;
	c->step = STEP_DELETE;
	return LOAD_NEXT;
}

static enum load_answer drain_answer(struct load *l, struct load_conn *c, const char *p, size_t n, size_t *used)
{
	struct slice line;
	int rc;

	if (c->response.left > 0)
		return take_job(c, n, used);
	rc = whole_line(c, p, n, &line, used);
	if (rc < 0)
		return broken(l, "a line without an end");
	if (rc == 0)
		return LOAD_MORE;
	if (c->step == STEP_DELETE)
		return begins(line, "DELETED") ? LOAD_DONE : refused(l, line);
	if (!begins(line, "RESERVED "))
		return refused(l, line);
	if (!reserved(c, line))
		return broken(l, "a RESERVED line without an id and a length");
	buf_clear(&c->text);
	return *used == n ? LOAD_MORE : take_job(c, n - *used, used);
}

const struct load_protocol load_beanstalk_drain = { drain_request, drain_answer };
