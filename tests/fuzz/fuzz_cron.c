/* Cron expressions in time zones: "EXPRESSION\nTZ RULE\nSECONDS". The next tick is later, on a whole second, the same one seen from anywhere before it, and in UTC on a minute that matches. */
#include <string.h>
#include <time.h>

#include "job/cron.h"
#include "job/zone_rule.h"
#include "tests/fuzz/fuzz.h"
#include "text/buf.h"

static struct slice line(struct slice *rest)
{
	const char *nl = memchr(rest->p, '\n', rest->n);
	struct slice s = { rest->p, nl ? (size_t)(nl - rest->p) : rest->n };

	*rest = (struct slice){ rest->p + s.n + (nl != NULL), rest->n - s.n - (nl != NULL) };
	return s;
}

static int64_t number(struct slice s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v * 10 + (unsigned char)s.p[i] - '0';
	return (int64_t)(v % 253402300800u);
}

static bool matches(const struct cron *c, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	MUST(gmtime_r(&t, &tm));
	bool day = c->days >> tm.tm_mday & 1, weekday = c->weekdays >> tm.tm_wday & 1;
	return tm.tm_sec == 0 && c->minutes >> tm.tm_min & 1 && c->hours >> tm.tm_hour & 1 && c->months >> (tm.tm_mon + 1) & 1 && (c->either_day ? day || weekday : day && weekday);
}

static void check_next(const struct cron *c, const struct zone *z, int64_t after)
{
	int64_t next, again;

	if (!cron_next(c, z, after, &next))
		return;
	MUST(next > after && next % 1000 == 0 && next <= CRON_TIME_MAX_MS);
	MUST(cron_next(c, z, next - 1, &again) && again == next);
	MUST(cron_next(c, z, after + (next - after) / 2 - (next - after == 1), &again) && again == next);
	if (z->has_rule)
		return;
	MUST(matches(c, next));
	for (int64_t t = after / 60000 * 60000 + 60000, n = 0; t < next && n < 3000; t += 60000, n++)
		MUST(!matches(c, t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct zone z;
	struct slice rest = { (const char *)data, n }, expression = line(&rest), rule = line(&rest), seconds = line(&rest);
	char why[200] = "";
	struct cron c;

	if (!cron_parse(expression.p, expression.n, &c, why, sizeof(why))) {
		MUST(why[0]);
		return 0;
	}
	memset(&z, 0, sizeof(z));
	z.has_rule = zone_rule_parse(rule.p, rule.n, &z.rule);
	check_next(&c, &z, number(seconds) * 1000 + (int64_t)n);
	return 0;
}
