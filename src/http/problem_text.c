/* Owns the form in which every error is told, as an answer or as a line of one. Pure. Nothing here is fatal. */
#include "http/problem.h"

#include "http/title.h"
#include "text/json.h"

void problem_put(struct buf *out, int status, uint64_t line, struct slice instance, const char *field, struct slice detail)
{
	buf_str(out, "{\"type\":\"about:blank\",\"title\":");
	json_put_string(out, slice_of(title_of(status)));
	buf_str(out, ",\"status\":");
	buf_i64(out, status);
	if (line) {
		buf_str(out, ",\"line\":");
		buf_u64(out, line);
	}
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
	buf_char(out, '}');
}

void problem_write(struct buf *out, int status, struct slice instance, const char *field, struct slice detail)
{
	problem_put(out, status, 0, instance, field, detail);
	buf_char(out, '\n');
}
