/* Conf files: what is taken can be written down and reads back to the same, what is not is told with its line. */
#include <string.h>

#include "config/config.h"
#include "tests/fuzz/fuzz.h"

static struct conf *parse(struct slice text, struct conf_report *r)
{
	struct conf *c = conf_parse("fuzz.conf", text.p, text.n, r);

	MUST((c == NULL) == (r->errors > 0));
	for (size_t i = 0; i < r->n; i++)
		MUST(r->v[i].text && r->v[i].text[0]);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct conf_report r, again;
	struct buf one = { 0 }, two = { 0 };
	struct conf *c = parse((struct slice){ (const char *)data, n }, &r), *d;

	if (c) {
		conf_dump(c, true, &one);
		MUST(!one.failed);
		d = parse((struct slice){ one.data, one.len }, &again);
		MUST(d);
		conf_dump(d, true, &two);
		MUST(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
		conf_free(d);
		conf_report_free(&again);
	}
	conf_free(c);
	conf_report_free(&r);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
