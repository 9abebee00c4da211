/* The table of what an endpoint's answer does to its job. Used by the http kind. */
#include "run/answer.h"

#include <string.h>
#include <time.h>

static const struct { long status; bool retry; const char *phrase; } statuses[] = {
	{ 301, false, "Moved Permanently" },
	{ 302, false, "Found" },
	{ 303, false, "See Other" },
	{ 304, false, "Not Modified" },
	{ 307, false, "Temporary Redirect" },
	{ 308, false, "Permanent Redirect" },
	{ 400, false, "Bad Request" },
	{ 401, false, "Unauthorized" },
	{ 403, false, "Forbidden" },
	{ 404, false, "Not Found" },
	{ 405, false, "Method Not Allowed" },
	{ 408, true, "Request Timeout" },
	{ 409, true, "Conflict" },
	{ 410, false, "Gone" },
	{ 411, false, "Length Required" },
	{ 413, false, "Content Too Large" },
	{ 415, false, "Unsupported Media Type" },
	{ 422, false, "Unprocessable Content" },
	{ 425, true, "Too Early" },
	{ 429, true, "Too Many Requests" },
	{ 500, true, "Internal Server Error" },
	{ 501, true, "Not Implemented" },
	{ 502, true, "Bad Gateway" },
	{ 503, true, "Service Unavailable" },
	{ 504, true, "Gateway Timeout" },
};

#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

void answer_judge(long status, struct run_result *r)
{
	bool retry = status < 200 || status >= 500;

	for (size_t i = 0; i < STATUSES; i++)
		if (statuses[i].status == status)
			retry = statuses[i].retry;
	r->outcome = status >= 200 && status < 300 ? JOB_OUTCOME_SUCCEEDED : JOB_OUTCOME_FAILED;
	r->no_retry = r->outcome == JOB_OUTCOME_FAILED && !retry;
}

const char *answer_phrase(long status)
{
	for (size_t i = 0; i < STATUSES; i++)
		if (statuses[i].status == status)
			return statuses[i].phrase;
	return NULL;
}

static int64_t capped(int64_t ms, int64_t max_ms)
{
	return ms < 0 ? 0 : ms > max_ms ? max_ms : ms;
}

/* IMF-fixdate, and the two forms of old. -1 where it is none. */
static int64_t date_ms(const char *text)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_mday = 1 };
		const char *end = strptime(text, forms[i], &tm);
		if (end && !*end)
			return (int64_t)timegm(&tm) * 1000;
	}
	return -1;
}

int64_t answer_retry_after(struct slice value, int64_t now_ms, int64_t max_ms)
{
	char text[64];
	int64_t seconds = 0;
	size_t digits = 0;

	while (digits < value.n && value.p[digits] >= '0' && value.p[digits] <= '9') {
		if (seconds < INT64_MAX / 100000)
			seconds = seconds * 10 + (value.p[digits] - '0');
		digits++;
	}
	if (digits && digits == value.n)
		return capped(seconds * 1000, max_ms);
	if (value.n == 0 || value.n >= sizeof(text))
		return -1;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	int64_t at = date_ms(text);
	return at < 0 ? -1 : capped(at - now_ms, max_ms);
}
