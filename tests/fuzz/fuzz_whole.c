/* Lines of an export as somebody might have changed them: what is taken can be written, and what was written is taken and written the same again. */
#include <string.h>

#include "job/whole.h"
#include "tests/fuzz/fuzz.h"

static void put(struct buf *out, const struct whole_line *l)
{
	switch (l->kind) {
	case WHOLE_JOB:
		whole_put_job(out, &l->job);
		break;
	case WHOLE_KEY:
		whole_put_key(out, &l->key);
		break;
	case WHOLE_QUEUE:
		whole_put_queue(out, l->queue);
		break;
	case WHOLE_SCHEDULE:
		whole_put_schedule(out, &l->schedule);
		break;
	case WHOLE_END:
		whole_put_end(out, l->jobs);
		break;
	case WHOLE_HEAD:
		whole_put_head(out, "0", 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct whole_line l = { .kind = WHOLE_END };
	struct buf once = { 0 }, twice = { 0 };
	struct whole_error e;

	if (whole_parse((struct slice){ (const char *)data, n }, &l, &e)) {
		put(&once, &l);
		MUST(!once.failed && once.len > 1 && memchr(once.data, '\n', once.len) == once.data + once.len - 1);
		if (!whole_parse((struct slice){ once.data, once.len - 1 }, &l, &e)) {
			fprintf(stderr, "%s: %s in %.*s", e.field, e.what, (int)once.len, once.data);
			abort();
		}
		put(&twice, &l);
		MUST(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	} else {
		MUST(e.what[0] != '\0');
	}
	whole_line_free(&l);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
