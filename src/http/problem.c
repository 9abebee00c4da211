/* Owns how an error is answered. Called by all of http. Nothing here is fatal. */
#include "http/problem.h"

#include <stdarg.h>

#include "http/http.h"
#include "http/page.h"

void problem_send(struct http_request *q, int status, const char *field, const char *fmt, ...)
{
	struct buf detail = { 0 }, body = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&detail, fmt, ap);
	va_end(ap);
	struct slice text = { detail.data, detail.len };
	if (reply_instead(q, status, field, text)) {
		buf_free(&detail);
		return;
	}
	if (page_wanted(q)) {
		page_problem(q, status, text);
	} else {
		problem_write(&body, status, q->path, field, text);
		reply_send(q, status, PROBLEM_TYPE, &body);
	}
	buf_free(&detail);
}
