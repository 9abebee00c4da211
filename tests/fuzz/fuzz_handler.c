/* What programs and servers say to us: lines of coprocesses, Retry-After headers; and what a job's payload asks for: URLs and mail addresses. */
#include <string.h>

#include "run/answer.h"
#include "run/line_cut.h"
#include "tests/fuzz/fuzz.h"
#include "text/json.h"
#include "text/mailbox.h"
#include "text/url.h"

static void inside(struct slice part, struct slice whole)
{
	MUST(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void a_line(struct slice s)
{
	struct line_said said;
	struct json_error err;
	char why[300] = "", shown[100];

	if (!line_read(s, &said, why, sizeof(why))) {
		MUST(why[0]);
	} else {
		inside(said.result, s);
		MUST(said.result.n == 0 || json_valid(said.result.p, said.result.n, &err));
		MUST(memchr(said.text, '\0', sizeof(said.text)) && json_utf8(said.text, strlen(said.text)));
		if (said.kind == LINE_PROGRESS)
			MUST(said.percent >= 0 && said.percent <= 100);
		MUST(said.kind != LINE_NOT_OK || said.retry_in_ms >= -1);
	}
	line_show(s, shown, sizeof(shown));
	for (const char *p = shown; *p; p++)
		MUST((unsigned char)*p >= ' ' && *p != 0x7f);
}

/* Cut at whatever length, in whatever pieces: what is good stays so, with the beginning of its result; what is not good may only have had that behind the cut. */
static void a_long_line(struct slice s)
{
	size_t most = s.n ? (unsigned char)s.p[s.n / 2] % 16 : 0, piece = s.n ? 1 + (unsigned char)s.p[0] % 7 : 1;
	struct line_said said, whole;
	struct buf kept = { 0 };
	struct line_cut cut;
	char why[300] = "";
	bool fits = true;

	line_cut_begin(&cut, most);
	for (size_t at = 0; fits && at < s.n; at += piece)
		fits = line_cut_add(&cut, &kept, s.p + at, s.n - at < piece ? s.n - at : piece);
	MUST(fits == (cut.rest <= LINE_MORE) && cut.kept <= most && kept.len == cut.kept + cut.rest - !fits);
	bool good = line_read(s, &whole, why, sizeof(why)), cut_good = fits && line_cut_read(&cut, (struct slice){ kept.data, kept.len }, &said, why, sizeof(why));
	MUST(!fits || !good || cut_good);
	if (good && cut_good && cut.seen && whole.kind == LINE_OK)
		MUST(said.kind == LINE_OK && said.result_total == whole.result.n && said.result.n == (whole.result.n < most ? whole.result.n : most) &&
			memcmp(said.result.p, whole.result.p, said.result.n) == 0 && memcmp(&said.id, &whole.id, sizeof(said.id)) == 0);
	buf_free(&kept);
}

static void a_url(struct slice s)
{
	struct url u;

	if (url_parse(s, &u))
		return;
	inside(u.scheme, s);
	inside(u.user, s);
	inside(u.password, s);
	inside(u.host, s);
	inside(u.path, s);
	inside(u.place, s);
	MUST(u.host.n > 0 && !memchr(u.place.p, '@', u.place.n));
}

/* Nothing that is taken for a mailbox can end a line of a header, or of the protocol. */
static void a_mailbox(struct slice s)
{
	struct mailbox m;

	if (mailbox_parse(s, &m))
		return;
	MUST(strchr(m.address, '@') && !strpbrk(m.address, "\r\n <>") && !strpbrk(m.name, "\r\n"));
	mailbox_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice s = { (const char *)data, n };
	int64_t pause = answer_retry_after(s, 1763757659123, 3600000);

	MUST(pause >= -1 && pause <= 3600000);
	a_line(s);
	a_long_line(s);
	a_url(s);
	a_mailbox(s);
	return 0;
}
