/* Envelopes: every field with its default, and every mistake with the words that a reader of the message needs. S0.4 S0.14 S1.21 S4.15 S4.17. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/envelope.h"

#define NOW 1763757659123LL     /* 2025-11-21T20:40:59.123Z */
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct conf_queue queues[] = {
	{ .name = (char[]){ "default" }, .priority_aging = 60000 },
	{ .name = (char[]){ "slow" }, .priority_aging = 0 },
};
static struct conf_handler handlers[] = {
	{ .pattern = (char[]){ "email" }, .queue = (char[]){ "slow" }, .timeout = 45000, .max_retries = 7, .backoff_base = 2000,
		.backoff_factor = 1.5, .backoff_max = 60000, .backoff_jitter = 10 },
	{ .pattern = (char[]){ "img.*" }, .queue = (char[]){ "default" }, .timeout = 0, .max_retries = 0, .backoff_base = 1000,
		.backoff_factor = 2, .backoff_max = 1048576000, .backoff_jitter = 25 },
};
static struct conf conf = { .queue = queues, .nqueue = 2, .handler = handlers, .nhandler = 2 };

static struct envelope e;
static struct envelope_problem p;

static bool parse_with(const char *json, const char *traceparent)
{
	struct envelope_input in = { .conf = &conf, .wall_ms = NOW, .traceparent = slice_of(traceparent) };

	assert_true(envelope_is_json(slice_of(json), &p));
	return envelope_parse(&e, &in, slice_of(json), &p);
}

static bool parse(const char *json)
{
	return parse_with(json, NULL);
}

static void text_is(struct job_text t, const char *want)
{
	assert_int_equal(t.n, strlen(want));
	assert_memory_equal(t.n ? t.p : "", want, t.n);
}

/* The job is refused, the problem names the field, and its detail has all of the words. */
static void refused(const char *json, int status, const char *field, ...)
{
	va_list ap;
	const char *word;

	if (parse(json))
		fail_msg("was accepted: %s", json);
	assert_null(e.tree);
	assert_int_equal(p.status, status);
	assert_string_equal(p.field, field);
	va_start(ap, field);
	while ((word = va_arg(ap, const char *)))
		if (!strstr(p.detail, word))
			fail_msg("\"%s\" is not in: %s", word, p.detail);
	va_end(ap);
}
#define REFUSED(json, field, ...) refused(json, 400, field, __VA_ARGS__, (const char *)NULL)

static void defaults_of_the_handler(void **state)
{
	(void)state;
	assert_true(parse(" {\"type\":\"email\"}\n"));
	text_is(e.spec.type, "email");
	text_is(e.spec.queue, "slow");
	text_is(e.spec.payload, "null");
	text_is(e.spec.name, "");
	text_is(e.spec.trace, "");
	text_is(e.spec.content_type, "");
	assert_int_equal(e.spec.payload_len, 4);
	assert_int_equal(e.spec.payload_blob, 0);
	assert_int_equal(e.spec.priority, 0);
	assert_int_equal(e.spec.run_at_ms, 0);
	assert_int_equal(e.spec.expires_at_ms, 0);
	assert_int_equal(e.spec.max_retries, 7);
	assert_int_equal(e.spec.timeout_ms, 45000);
	assert_int_equal(e.spec.aging_ms, 0);
	assert_int_equal(e.spec.ntags, 0);
	assert_int_equal(e.spec.backoff.base_ms, 2000);
	assert_int_equal(e.spec.backoff.factor_milli, 1500);
	assert_int_equal(e.spec.backoff.max_ms, 60000);
	assert_int_equal(e.spec.backoff.jitter_pct, 10);
	envelope_free(&e);
}

static void defaults_without_a_handler(void **state)
{
	(void)state;
	conf.unknown_types = CONF_UNKNOWN_ACCEPT;
	assert_true(parse("{\"type\":\"somewhere:else/v1.0-x_y\",\"payload\":0}"));
	text_is(e.spec.queue, "default");
	assert_int_equal(e.spec.max_retries, 3);
	assert_int_equal(e.spec.timeout_ms, 30000);
	assert_int_equal(e.spec.aging_ms, 60000);
	assert_int_equal(e.spec.backoff.base_ms, 1000);
	assert_int_equal(e.spec.backoff.factor_milli, 2000);
	assert_int_equal(e.spec.backoff.max_ms, 1048576000);
	assert_int_equal(e.spec.backoff.jitter_pct, 25);
	envelope_free(&e);
	conf.unknown_types = CONF_UNKNOWN_REJECT;
	refused("{\"type\":\"somewhere\"}", 422, "type", "somewhere", "handler", "handler section", (const char *)NULL);
}

static void every_field(void **state)
{
	(void)state;
	assert_true(parse("{\"name\":\"N\\u00e4me\",\"queue\":\"my queue\",\"priority\":-32768,\"run_at\":\"2030-01-02T03:04:05.678+01:00\",\"max_retries\":1000,"
		"\"timeout\":\"250ms\",\"backoff\":{\"base\":0.5,\"factor\":3,\"max\":\"1h\",\"jitter\":0},\"expires_at\":\"2031-01-01T00:00:00Z\",\"trace\":\"" TRACE "\","
		"\"tags\":[\"a\",\"b c\"],\"payload\":{\"a\":[1, 2]},\"type\":\"img.resize\"}"));
	text_is(e.spec.type, "img.resize");
	text_is(e.spec.name, "N\xc3\xa4me");
	text_is(e.spec.queue, "my queue");
	assert_int_equal(e.spec.priority, -32768);
	assert_true(e.spec.run_at_ms == 1893549845678LL);
	assert_int_equal(e.spec.max_retries, 1000);
	assert_int_equal(e.spec.timeout_ms, 250);
	assert_int_equal(e.spec.backoff.base_ms, 500);
	assert_int_equal(e.spec.backoff.factor_milli, 3000);
	assert_int_equal(e.spec.backoff.max_ms, 3600000);
	assert_int_equal(e.spec.backoff.jitter_pct, 0);
	assert_true(e.spec.expires_at_ms == 1924992000000LL);
	text_is(e.spec.trace, TRACE);
	assert_int_equal(e.spec.ntags, 2);
	text_is(e.spec.tag[0], "a");
	text_is(e.spec.tag[1], "b c");
	text_is(e.spec.payload, "{\"a\":[1, 2]}");
	assert_int_equal(e.spec.aging_ms, 60000);
	envelope_free(&e);
}

static void payload_keeps_its_bytes(void **state)
{
	static const char *const payload[] = {
		"1e400", "123456789012345678901234567890123456789", "\"\\u0000\"", "{\"a\":1,\"a\":2}", "{ \"x\" :\t[ ] }",
			"\"\\ud83d\\ude00 \\/\"", "-0.0", "\"\xc3\xa4\"", "false",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(payload) / sizeof(payload[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "{\"pay\\u006coad\" : %s  , \"type\":\"email\", \"tags\":[\"payload\"]}", payload[i]);
		assert_true(parse(text));
		text_is(e.spec.payload, payload[i]);
		assert_int_equal(e.spec.payload_len, strlen(payload[i]));
		envelope_free(&e);
	}
}

static void times_and_durations(void **state)
{
	(void)state;
	assert_true(parse("{\"type\":\"email\",\"delay\":1.5,\"expires_in\":\"1m\",\"timeout\":0}"));
	assert_true(e.spec.run_at_ms == NOW + 1500);
	assert_true(e.spec.expires_at_ms == NOW + 60000);
	assert_int_equal(e.spec.timeout_ms, 0);
	envelope_free(&e);
	assert_true(parse("{\"type\":\"email\",\"delay\":\"1h\",\"expires_in\":\"30m\"}"));       /* it ends expired before its time comes */
	assert_true(e.spec.run_at_ms == NOW + 3600000 && e.spec.expires_at_ms == NOW + 1800000);
	envelope_free(&e);
	assert_true(parse("{\"type\":\"email\",\"delay\":0,\"timeout\":0.0001}"));
	assert_int_equal(e.spec.run_at_ms, 0);
	assert_int_equal(e.spec.timeout_ms, 1);         /* not 0, which would be no limit */
	envelope_free(&e);
	assert_true(parse("{\"type\":\"email\",\"delay\":\"3650d\"}"));
	assert_true(e.spec.run_at_ms == NOW + 3650LL * 86400000);
	envelope_free(&e);
	assert_true(parse("{\"type\":\"email\",\"run_at\":\"1999-01-01T00:00:00Z\"}"));
	assert_true(e.spec.run_at_ms == 915148800000LL);
	envelope_free(&e);
}

static void trace_from_the_header(void **state)
{
	(void)state;
	assert_true(parse_with("{\"type\":\"email\"}", TRACE));
	text_is(e.spec.trace, TRACE);
	envelope_free(&e);
	assert_true(parse_with("{\"type\":\"email\",\"trace\":\"00-11111111111111111111111111111111-2222222222222222-00\"}", TRACE));
	text_is(e.spec.trace, "00-11111111111111111111111111111111-2222222222222222-00");
	envelope_free(&e);
	assert_true(parse_with("{\"type\":\"email\"}", "00-00000000000000000000000000000000-b7ad6b7169203331-01"));
	text_is(e.spec.trace, "");
	envelope_free(&e);
}

static void wrong_json(void **state)
{
	(void)state;
	assert_false(envelope_is_json(slice_of("{\"type\":\"email\",\n \"payload\":tru}"), &p));
	assert_int_equal(p.status, 400);
	assert_non_null(strstr(p.detail, "line 2, column"));
	assert_false(envelope_is_json(slice_of(" \n"), &p));
	assert_non_null(strstr(p.detail, "empty"));
	assert_false(envelope_is_json(slice_of("{} {}"), &p));
	REFUSED("[1]", "", "must be a JSON object");
	REFUSED("null", "", "must be a JSON object");
	REFUSED("{}", "type", "missing");
	REFUSED("{\"type\":\"email\",\"type\":\"email\"}", "type", "twice", "type");
	REFUSED("{\"type\":\"email\",\"payload\":1,\"payload\":2}", "payload", "twice");
	REFUSED("{\"type\":\"email\",\"priority\":123456789012345678901234567890}", "priority", "beyond 64 bits");
	REFUSED("{\"payload\":[1,2,3,4,5,6,7,8,9],\"delay\":1e999,\"type\":\"email\"}", "delay", "beyond 64 bits");
	REFUSED("{\"type\":\"email\",\"name\":\"a\\u0000b\"}", "name", "U+0000");
}

static void wrong_types(void **state)
{
	(void)state;
	REFUSED("{\"type\":7}", "type", "string", "not 7");
	REFUSED("{\"type\":\"\"}", "type", "1 to 128");
	REFUSED("{\"type\":\"a b\"}", "type", "letters", "a b");
	REFUSED("{\"type\":\"\xc3\xa4\"}", "type", "letters");
	REFUSED("{\"type\":\"email\",\"name\":null}", "name", "string", "null");
	REFUSED("{\"type\":\"email\",\"queue\":[]}", "queue", "string", "[]");
	REFUSED("{\"type\":\"email\",\"queue\":\"\"}", "queue", "1 to 128");
	REFUSED("{\"type\":\"email\",\"queue\":\"a\\nb\"}", "queue", "control characters");
	REFUSED("{\"type\":\"email\",\"priority\":1.5}", "priority", "integer", "1.5");
	REFUSED("{\"type\":\"email\",\"priority\":32768}", "priority", "-32768 to 32767", "32768");
	REFUSED("{\"type\":\"email\",\"priority\":\"1\"}", "priority", "integer");
	REFUSED("{\"type\":\"email\",\"max_retries\":1001}", "max_retries", "0 to 1000");
	REFUSED("{\"type\":\"email\",\"max_retries\":-1}", "max_retries", "0 to 1000");
	REFUSED("{\"type\":\"email\",\"colour\":1}", "colour", "no field", "colour", "payload");
}

static void wrong_times(void **state)
{
	(void)state;
	REFUSED("{\"type\":\"email\",\"timeout\":-1}", "timeout", "duration", "30s", "-1");
	REFUSED("{\"type\":\"email\",\"timeout\":\"soon\"}", "timeout", "duration", "soon");
	REFUSED("{\"type\":\"email\",\"timeout\":true}", "timeout", "duration", "true");
	REFUSED("{\"type\":\"email\",\"timeout\":\"3651d\"}", "timeout", "3650d");
	REFUSED("{\"type\":\"email\",\"timeout\":1e300}", "timeout", "3650d");
	REFUSED("{\"type\":\"email\",\"run_at\":\"tomorrow\"}", "run_at", "RFC 3339", "tomorrow");
	REFUSED("{\"type\":\"email\",\"run_at\":1763757659}", "run_at", "RFC 3339");
	REFUSED("{\"type\":\"email\",\"run_at\":\"2030-01-01T00:00:00Z\",\"delay\":1}", "delay", "only one");
	REFUSED("{\"type\":\"email\",\"delay\":1,\"run_at\":\"2030-01-01T00:00:00Z\"}", "run_at", "only one");
	REFUSED("{\"type\":\"email\",\"expires_in\":1,\"expires_at\":\"2030-01-01T00:00:00Z\"}", "expires_at", "only one");
	REFUSED("{\"type\":\"email\",\"expires_at\":\"2030-01-01T00:00:00Z\",\"expires_in\":1}", "expires_in", "only one");
	REFUSED("{\"type\":\"email\",\"expires_in\":0}", "expires_in", "longer than 0");
	REFUSED("{\"type\":\"email\",\"trace\":\"00-zz\"}", "trace", "traceparent");
	REFUSED("{\"type\":\"email\",\"trace\":\"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}", "trace", "traceparent");
	REFUSED("{\"type\":\"email\",\"trace\":\"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}", "trace", "traceparent");
}

static void wrong_backoff_and_tags(void **state)
{
	(void)state;
	REFUSED("{\"type\":\"email\",\"backoff\":5}", "backoff", "object", "base");
	REFUSED("{\"type\":\"email\",\"backoff\":{\"bse\":1}}", "backoff.bse", "no member", "factor");
	REFUSED("{\"type\":\"email\",\"backoff\":{\"factor\":0.5}}", "backoff.factor", "1 to 1000");
	REFUSED("{\"type\":\"email\",\"backoff\":{\"jitter\":101}}", "backoff.jitter", "0 to 100");
	REFUSED("{\"type\":\"email\",\"backoff\":{\"base\":\"x\"}}", "backoff.base", "duration");
	REFUSED("{\"type\":\"email\",\"backoff\":{\"max\":[]}}", "backoff.max", "duration");
	REFUSED("{\"type\":\"email\",\"backoff\":{\"base\":\"2h\"}}", "backoff", "backoff.max", "backoff.base");
	REFUSED("{\"type\":\"email\",\"tags\":\"a\"}", "tags", "array");
	REFUSED("{\"type\":\"email\",\"tags\":[\"a\",1]}", "tags[1]", "string", "not 1");
	REFUSED("{\"type\":\"email\",\"tags\":[\"\"]}", "tags[0]", "1 to 128");
	REFUSED("{\"type\":\"email\",\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}", "tags", "17", "16");
}

static void lengths(void **state)
{
	char text[512], name[300];

	(void)state;
	memset(name, 'n', sizeof(name));
	snprintf(text, sizeof(text), "{\"type\":\"email\",\"name\":\"%.256s\"}", name);
	assert_true(parse(text));
	assert_int_equal(e.spec.name.n, 256);
	envelope_free(&e);
	snprintf(text, sizeof(text), "{\"type\":\"email\",\"name\":\"%.257s\"}", name);
	REFUSED(text, "name", "257", "at most 256");
	snprintf(text, sizeof(text), "{\"type\":\"%.129s\"}", name);
	REFUSED(text, "type", "129", "at most 128");
	snprintf(text, sizeof(text), "{\"type\":\"email\",\"queue\":\"%.129s\"}", name);
	REFUSED(text, "queue", "at most 128");
	snprintf(text, sizeof(text), "{\"type\":\"email\",\"tags\":[\"%.129s\"]}", name);
	REFUSED(text, "tags[0]", "at most 128");
	snprintf(text, sizeof(text), "{\"type\":\"email\",\"priority\":\"%.250s\"}", name);
	REFUSED(text, "priority", "integer", "nnn...");
}

/* --- keys --- */

/* Parses with the header, keeps the fingerprint, frees. */
static bool keyed(const char *json, const char *header, uint8_t fingerprint[16])
{
	struct envelope_input in = { .conf = &conf, .wall_ms = NOW, .idempotency_key = header ? slice_of(header) : (struct slice){ NULL, 0 } };
	bool good = envelope_parse(&e, &in, slice_of(json), &p);

	memcpy(fingerprint, e.spec.fingerprint, 16);
	return good;
}

static void keys(void **state)
{
	static const uint8_t none[16];
	uint8_t a[16], b[16];

	(void)state;
	assert_true(keyed("{\"type\":\"email\",\"unique_key\":\"u\"}", NULL, a));
	text_is(e.spec.unique_key, "u");
	text_is(e.spec.idempotency_key, "");
	assert_memory_equal(a, none, 16);
	envelope_free(&e);
	assert_true(keyed("{\"type\":\"email\",\"idempotency_key\":\"k\",\"payload\":1}", NULL, a));
	text_is(e.spec.idempotency_key, "k");
	envelope_free(&e);
	assert_true(keyed(" {\"type\":\"email\",\"idempotency_key\":\"k\",\"payload\":1}\r\n", "k", b));      /* both the same; spaces around it */
	envelope_free(&e);
	assert_memory_equal(a, b, 16);
	assert_true(keyed("{\"type\":\"email\",\"idempotency_key\":\"k\",\"payload\":2}", NULL, b));
	envelope_free(&e);
	assert_memory_not_equal(a, b, 16);
	assert_true(keyed("{\"type\":\"email\"}", "h", b));
	text_is(e.spec.idempotency_key, "h");
	envelope_free(&e);
}

/* The same job a second later is the same request, whatever its delay has become. */
static void keys_and_time(void **state)
{
	struct envelope_input in = { .conf = &conf, .wall_ms = NOW, .idempotency_key = SLICE("k") };
	struct slice job = SLICE("{\"type\":\"email\",\"delay\":\"1h\"}");
	uint8_t a[16];

	(void)state;
	assert_true(envelope_parse(&e, &in, job, &p));
	memcpy(a, e.spec.fingerprint, 16);
	envelope_free(&e);
	in.wall_ms += 1000;
	assert_true(envelope_parse(&e, &in, job, &p));
	assert_memory_equal(a, e.spec.fingerprint, 16);
	envelope_free(&e);
}

static void wrong_keys(void **state)
{
	uint8_t a[16];
	char text[400], key[258];

	(void)state;
	REFUSED("{\"type\":\"email\",\"idempotency_key\":\"\"}", "idempotency_key", "1 to 255");
	REFUSED("{\"type\":\"email\",\"idempotency_key\":7}", "idempotency_key", "string", "not 7");
	REFUSED("{\"type\":\"email\",\"unique_key\":null}", "unique_key", "1 to 255");
	REFUSED("{\"type\":\"email\",\"key\":7}", "key", "1 to 255", "not 7");
	REFUSED("{\"type\":\"email\",\"key\":\"\"}", "key", "1 to 255");
	memset(key, 'k', 256);
	key[256] = '\0';
	snprintf(text, sizeof(text), "{\"type\":\"email\",\"unique_key\":\"%s\"}", key);
	REFUSED(text, "unique_key", "256 bytes", "255");
	snprintf(text, sizeof(text), "{\"type\":\"email\",\"key\":\"%s\"}", key);
	REFUSED(text, "key", "256 bytes", "255");
	assert_false(keyed("{\"type\":\"email\"}", key, a));
	assert_string_equal(p.field, "idempotency_key");
	assert_non_null(strstr(p.detail, "256 bytes"));
	key[255] = '\0';
	assert_true(keyed("{\"type\":\"email\"}", key, a));
	envelope_free(&e);
	assert_false(keyed("{\"type\":\"email\"}", "", a));
	assert_false(keyed("{\"type\":\"email\"}", "\xff", a));
	assert_non_null(strstr(p.detail, "UTF-8"));
	assert_false(keyed("{\"type\":\"email\",\"idempotency_key\":\"a\"}", "b", a));
	assert_int_equal(p.status, 400);
	assert_non_null(strstr(p.detail, "differ"));
}

/* --- raw bodies --- */

static bool raw(const struct http_pair *query, size_t n, const char *content_type, struct slice body)
{
	struct envelope_input in = { .conf = &conf, .wall_ms = NOW };

	return envelope_raw(&e, &in, query, n, slice_of(content_type), body, &p);
}

#define PAIR(n, v) { { (n), sizeof(n) - 1 }, { (v), sizeof(v) - 1 } }

static void raw_body(void **state)
{
	static const struct http_pair query[] = { PAIR("type", "img.x"), PAIR("queue", "slow"), PAIR("priority", "-5"), PAIR("delay", "2s"),
		PAIR("tag", "a"), PAIR("tag", "b"),
		PAIR("max_retries", "9"), PAIR("name", "raw one") };

	(void)state;
	assert_true(raw(query, 8, "image/png", SLICE("\x89PNG\0\1")));
	text_is(e.spec.type, "img.x");
	text_is(e.spec.queue, "slow");
	text_is(e.spec.name, "raw one");
	text_is(e.spec.content_type, "image/png");
	assert_int_equal(e.spec.priority, -5);
	assert_int_equal(e.spec.max_retries, 9);
	assert_true(e.spec.run_at_ms == NOW + 2000);
	assert_int_equal(e.spec.ntags, 2);
	text_is(e.spec.tag[1], "b");
	assert_int_equal(e.spec.payload_len, 6);
	assert_memory_equal(e.spec.payload.p, "\x89PNG\0\1", 6);
	envelope_free(&e);
	assert_true(raw(query, 1, NULL, SLICE("")));
	text_is(e.spec.content_type, "application/octet-stream");
	assert_int_equal(e.spec.payload_len, 0);
	envelope_free(&e);
}

static void raw_keys(void **state)
{
	static const struct http_pair query[] = { PAIR("type", "img.x"), PAIR("idempotency_key", "k"), PAIR("unique_key", "u"), PAIR("key", "customer 7"), PAIR("queue", "q") };
	uint8_t a[16];

	(void)state;
	assert_true(raw(query, 4, "a/b", SLICE("x")));
	text_is(e.spec.idempotency_key, "k");
	text_is(e.spec.unique_key, "u");
	text_is(e.spec.key, "customer 7");
	memcpy(a, e.spec.fingerprint, 16);
	envelope_free(&e);
	assert_true(raw(query, 4, "a/b", SLICE("x")));
	assert_memory_equal(a, e.spec.fingerprint, 16);
	envelope_free(&e);
	assert_true(raw(query, 4, "a/b", SLICE("y")));           /* another body, another query, another type of content */
	assert_memory_not_equal(a, e.spec.fingerprint, 16);
	envelope_free(&e);
	assert_true(raw(query, 4, "a/c", SLICE("x")));
	assert_memory_not_equal(a, e.spec.fingerprint, 16);
	envelope_free(&e);
}

static void raw_refused(const struct http_pair *query, size_t n, const char *field, const char *word)
{
	assert_false(raw(query, n, "a/b", SLICE("x")));
	assert_null(e.tree);
	assert_int_equal(p.status, 400);
	assert_string_equal(p.field, field);
	if (!strstr(p.detail, word))
		fail_msg("\"%s\" is not in: %s", word, p.detail);
}

static void raw_mistakes(void **state)
{
	static const struct http_pair twice[] = { PAIR("type", "email"), PAIR("type", "email") }, priority[] = { PAIR("type", "email"),
		PAIR("priority", "1x") },
		bytes[] = { PAIR("type", "email"), PAIR("name", "\xff") }, nul[] = { PAIR("type", "email"), PAIR("queue", "a\0b") },
			unknown[] = { PAIR("type", "email"), PAIR("payload", "1") },
		plus[] = { PAIR("type", "email"), PAIR("priority", "+1") };
	char long_type[300];

	(void)state;
	raw_refused(twice, 2, "type", "twice");
	raw_refused(priority, 2, "priority", "integer");
	raw_refused(plus, 2, "priority", "integer");
	raw_refused(bytes, 2, "name", "UTF-8");
	raw_refused(nul, 2, "queue", "U+0000");
	raw_refused(unknown, 2, "", "payload");
	memset(long_type, 'x', sizeof(long_type) - 1);
	long_type[sizeof(long_type) - 1] = '\0';
	assert_false(raw(twice, 1, long_type, SLICE("x")));
	assert_non_null(strstr(p.detail, "Content-Type"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_of_the_handler),
		cmocka_unit_test(defaults_without_a_handler),
		cmocka_unit_test(every_field),
		cmocka_unit_test(payload_keeps_its_bytes),
		cmocka_unit_test(times_and_durations),
		cmocka_unit_test(trace_from_the_header),
		cmocka_unit_test(wrong_json),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(wrong_times),
		cmocka_unit_test(wrong_backoff_and_tags),
		cmocka_unit_test(lengths),
		cmocka_unit_test(raw_body),
		cmocka_unit_test(keys),
		cmocka_unit_test(keys_and_time),
		cmocka_unit_test(wrong_keys),
		cmocka_unit_test(raw_keys),
		cmocka_unit_test(raw_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
