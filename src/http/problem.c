/* Owns the form in which every error is told. Called by all of http. Nothing here is fatal. */
#include "http/problem.h"

#include <stdarg.h>

#include "http/http.h"
#include "http/page.h"
#include "http/title.h"
#include "text/json.h"

void problem_write(struct buf *out, int status, struct slice instance, const char *field, struct slice detail)
{
	buf_str(out, "{\"type\":\"about:blank\",\"title\":");
	json_put_string(out, slice_of(title_of(status)));
	buf_str(out, ",\"status\":");
	buf_i64(out, status);
	buf_str(out, ",\"detail\":");
	json_put_string(out, detail);
	if (instance.n) {
		buf_str(out, ",\"instance\":");
		json_put_string(out, instance);
	}
	if (field) {
		buf_str(out, ",\"field\":");
		json_put_string(out, slice_of(field));
	}
	buf_str(out, "}\n");
}

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
