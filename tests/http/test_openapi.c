/* The contract: that it is whole, that it says what the tables say by which the server goes, and that what it says of answers is what answers hold. */
#include "api_test.h"

#include "http/auth.h"
#include "http/envelope_field.h"
#include "http/job_json.h"
#include "http/openapi.h"
#include "http/stats.h"

static json_t *doc;

static int load(void **state)
{
	struct http_request q = { .api = &api, .method = HTTP_M_GET };

	(void)state;
	conf.http.max_body = 123457;
	api_openapi(&q);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.content_type, "application/json");
	doc = answer_json();
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(doc);
	answer_clear();
	return 0;
}

static json_t *schema(const char *name)
{
	json_t *s = json_object_get(json_object_get(json_object_get(doc, "components"), "schemas"), name);

	if (!s)
		fail_msg("there is no schema %s", name);
	return s;
}

static bool lists(const json_t *array, const char *text)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (json_is_string(json_array_get(array, i)) && strcmp(json_string_value(json_array_get(array, i)), text) == 0)
			return true;
	return false;
}

/* --- the whole of it --- */

static void it_is_openapi(void **state)
{
	(void)state;
	string_is(doc, "openapi", "3.1.0");
	string_is(doc, "info.title", "Stint");
	string_is(doc, "info.version", "1.2.3");
	assert_non_null(strstr(json_string_value(at(doc, "info.description")), "123457 bytes (max_body)"));
}

static void resolves(const char *ref)
{
	char part[128];
	const json_t *at = doc;

	assert_memory_equal(ref, "#/", 2);
	for (const char *p = ref + 2; *p; p += *p == '/') {
		size_t n = strcspn(p, "/");
		snprintf(part, sizeof(part), "%.*s", (int)n, p);
		at = json_object_get(at, part);
		p += n;
	}
	if (!at)
		fail_msg("%s leads nowhere", ref);
}

static unsigned follow_all(const json_t *j)
{
	unsigned n = 0;
	const char *name;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)j, name, v) {
		if (strcmp(name, "$ref") == 0 && json_is_string(v)) {
			resolves(json_string_value(v));
			n++;
		}
		n += follow_all(v);
	}
	json_array_foreach((json_t *)(uintptr_t)j, i, v)
		n += follow_all(v);
	return n;
}

static void no_reference_dangles(void **state)
{
	(void)state;
	assert_true(follow_all(doc) > 500);
}

/* --- routes --- */

static json_t *operation(const struct http_route *r, const char *method)
{
	char path[128];
	size_t n = 0;

	for (const char *p = r->pattern; *p; p++) {
		if (*p == ':') {
			size_t len = strcspn(p + 1, "/");
			n += (size_t)snprintf(path + n, sizeof(path) - n, "{%.*s}", (int)len, p + 1);
			p += len;
		} else {
			path[n++] = *p;
		}
	}
	path[n] = '\0';
	json_t *o = json_object_get(json_object_get(json_object_get(doc, "paths"), path), method);
	if (!o)
		fail_msg("%s %s is not there", method, path);
	return o;
}

static const char *method_of(const struct http_route *r)
{
	return r->method == HTTP_M_GET ? "get" : r->method == HTTP_M_POST ? "post" : r->method == HTTP_M_DELETE ? "delete" : "other";
}

static json_t *parameter(const json_t *o, const char *in, struct slice name)
{
	json_t *list = json_object_get(o, "parameters"), *p;
	size_t i;

	json_array_foreach(list, i, p)
		if (slice_eq(name, json_string_value(json_object_get(p, "name"))) && strcmp(json_string_value(json_object_get(p, "in")), in) == 0)
			return p;
	fail_msg("%s has no parameter %.*s in %s", json_string_value(json_object_get(o, "operationId")), (int)name.n, name.p, in);
	return NULL;
}

static size_t described(const json_t *o, const struct http_route *r)
{
	size_t n = 0;

	for (const char *p = r->query; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");
		bool again = p[len - 1] == '*';
		json_t *q = parameter(o, "query", (struct slice){ p, len - again });
		assert_non_null(json_object_get(q, "description"));
		assert_true(json_object_size(json_object_get(q, "schema")) > 0);
		if (again)
			string_is(q, "schema.type", "array");
		p += len;
		n++;
	}
	for (const char *p = r->pattern; (p = strchr(p, ':')); p++) {
		struct slice name = { p + 1, strcspn(p + 1, "/") };
		assert_true(json_is_true(json_object_get(parameter(o, "path", name), "required")));
		n++;
	}
	for (const struct schema_member *m = openapi_operations[r->operation].header; m && m->name; m++, n++)
		parameter(o, "header", slice_of(m->name));
	return n;
}

static void each_route_is_there(void **state)
{
	bool seen[OPENAPI_OPERATIONS] = { false };
	json_t *ids = json_object();
	size_t methods = 0, told = 0;
	const char *path;
	json_t *item;

	(void)state;
	for (const struct http_route *r = http_routes; r->handle; r++) {
		json_t *o = operation(r, method_of(r)), *replies = json_object_get(o, "responses");
		const char *id = json_string_value(json_object_get(o, "operationId"));

		assert_true(r->operation < OPENAPI_OPERATIONS);
		assert_false(seen[r->operation]);       /* each row has its own */
		seen[r->operation] = true;
		assert_null(json_object_get(ids, id));
		json_object_set_new(ids, id, json_true());
		assert_true(strlen(json_string_value(json_object_get(o, "summary"))) > 5);
		assert_int_equal(json_array_size(json_object_get(o, "parameters")), described(o, r));
		assert_int_equal(json_object_get(o, "requestBody") != NULL, (r->flags & HTTP_ROUTE_BODY) != 0);
		assert_non_null(json_object_get(replies, "default"));
		assert_non_null(json_object_get(replies, "400"));
		assert_true(openapi_operations[r->operation].reply[0].status >= 200 && openapi_operations[r->operation].reply[0].status < 400);
		methods += 1 + (r->method == HTTP_M_GET);
		if (r->method == HTTP_M_GET)
			assert_null(json_object_get(operation(r, "head"), "requestBody"));
	}
	for (unsigned i = 0; i < OPENAPI_OPERATIONS; i++)
		if (!seen[i])
			fail_msg("operation %u is no route's", i);
	json_object_foreach(json_object_get(doc, "paths"), path, item)
		told += json_object_size(item);
	assert_int_equal(told, methods);
	json_decref(ids);
}

static void roles_are_those_that_are_checked(void **state)
{
	(void)state;
	for (const struct http_route *r = http_routes; r->handle; r++) {
		json_t *list = json_object_get(operation(r, method_of(r)), "security"), *s;
		unsigned said = 0;
		size_t i;

		assert_true(json_is_array(list));
		json_array_foreach(list, i, s) {
			const char *role = json_string_value(json_array_get(json_object_get(s, "bearerAuth"), 0));
			said |= conf_role_of(slice_of(role));
		}
		assert_int_equal(said, r->flags & HTTP_ROUTE_OPEN ? 0 : auth_roles(r));
	}
	assert_int_equal(json_array_size(json_object_get(operation(&http_routes[0], "post"), "security")), 2);  /* submit or admin */
}

/* --- submissions --- */

static void a_raw_body_says_what_the_fields_take(void **state)
{
	size_t said = 1;        /* tag */

	(void)state;
	assert_string_equal(http_routes[0].pattern, "/jobs");
	for (unsigned i = 0; i < FIELDS; i++) {
		char name[40];
		bool there = false;
		snprintf(name, sizeof(name), ",%s,", envelope_fields[i].member.name);
		for (const char *p = http_routes[0].query; *p && !there; p += strcspn(p, ","), p += *p == ',')
			there = strncmp(p, name + 1, strlen(name) - 2) == 0 && (p[strlen(name) - 2] == ',' || !p[strlen(name) - 2]);
		assert_int_equal(there, envelope_fields[i].query != QUERY_NO);
		said += there;
	}
	for (const char *p = http_routes[0].query; *p; p++)
		said -= *p == ',';
	assert_int_equal(said, 1);
}

static bool parse_value(const char *name, json_t *value)
{
	struct envelope_input in = { .conf = &conf, .wall_ms = T0 };
	struct envelope_problem p;
	struct envelope e;
	json_t *j = json_object();

	json_object_set_new(j, "type", json_string("email"));
	json_object_set_new(j, name, value);
	char *text = json_dumps(j, 0);
	bool good = envelope_parse(&e, &in, slice_of(text), &p);
	if (good)
		envelope_free(&e);
	else if (p.status == 422)
		good = true;            /* a type that has no handler: its form is right */
	else
		assert_memory_equal(p.field, name, strlen(name));
	free(text);
	json_decref(j);
	return good;
}

static json_t *text_of(size_t n)
{
	char *p = malloc(n + 1);

	memset(p, 'a', n);
	p[n] = '\0';
	json_t *j = json_string(p);
	free(p);
	return j;
}

static json_t *list_of(size_t n, bool ids)
{
	json_t *j = json_array();

	for (size_t i = 0; i < n; i++) {
		char one[64];
		if (ids)
			snprintf(one, sizeof(one), "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f%04x", (unsigned)i);
		else
			snprintf(one, sizeof(one), "t%zu", i);
		json_array_append_new(j, json_string(one));
	}
	return j;
}

static double limit(const json_t *s, const char *name)
{
	if (!json_is_number(json_object_get(s, name)))
		fail_msg("%s is not said", name);
	return json_number_value(json_object_get(s, name));
}

/* What the document says is taken at its limits, and refused beyond. */
static void limits_hold(const char *name, const json_t *s)
{
	const char *type = json_string_value(json_object_get(s, "type"));
	json_t *pair = json_object_get(s, "oneOf");

	if (type && strcmp(type, "integer") == 0) {
		assert_true(parse_value(name, json_integer((json_int_t)limit(s, "minimum"))));
		assert_false(parse_value(name, json_integer((json_int_t)limit(s, "minimum") - 1)));
		assert_true(parse_value(name, json_integer((json_int_t)limit(s, "maximum"))));
		assert_false(parse_value(name, json_integer((json_int_t)limit(s, "maximum") + 1)));
	} else if (type && strcmp(type, "string") == 0 && !json_object_get(s, "format") && strcmp(name, "trace") != 0) {
		size_t most = (size_t)limit(s, "maxLength");
		assert_true(parse_value(name, text_of(most)));
		assert_false(parse_value(name, text_of(most + 1)));
		assert_int_equal(parse_value(name, text_of(0)), json_object_get(s, "minLength") == NULL);
	} else if (type && strcmp(type, "array") == 0) {
		bool ids = strcmp(name, "depends_on") == 0;
		assert_true(parse_value(name, list_of((size_t)limit(s, "maxItems"), ids)));
		assert_false(parse_value(name, list_of((size_t)limit(s, "maxItems") + 1, ids)));
	} else if (pair) {
		const json_t *number = json_array_get(pair, 0);
		string_is(number, "type", "number");
		assert_true(parse_value(name, json_real(limit(number, "maximum"))));
		assert_false(parse_value(name, json_real(limit(number, "maximum") + 1)));
		assert_true(parse_value(name, json_real(limit(number, "minimum"))));
		assert_false(parse_value(name, json_real(limit(number, "minimum") - 1)));
	}
}

static void each_field_of_a_submission(void **state)
{
	json_t *s = schema("JobSubmission"), *properties = json_object_get(s, "properties"), *b = json_object_get(schema("BackoffSubmission"), "properties");

	(void)state;
	assert_true(json_is_false(json_object_get(s, "additionalProperties")));
	assert_int_equal(json_array_size(json_object_get(s, "required")), 1);
	assert_true(lists(json_object_get(s, "required"), "type"));
	assert_int_equal(json_object_size(properties), FIELDS);
	for (unsigned i = 0; i < FIELDS; i++) {
		const char *name = envelope_fields[i].member.name;
		json_t *p = json_object_get(properties, name);
		if (!p)
			fail_msg("%s is not there", name);
		assert_non_null(json_object_get(p, "description"));
		limits_hold(name, p);
	}
	string_is(properties, "priority.type", "integer");
	number_is(properties, "priority.minimum", -32768);
	number_is(properties, "tags.items.maxLength", JOB_TAG_MAX);
	number_is(json_array_get(at(properties, "delay.oneOf"), 0), "maximum", 3650.0 * 86400);
	number_is(b, "factor.maximum", 1000);
	number_is(b, "jitter.maximum", 100);
	assert_int_equal(json_object_size(b), 4);
	assert_false(parse_value("backoff", json_pack("{s:i}", "jitter", 101)));
	assert_true(parse_value("backoff", json_pack("{s:i}", "jitter", 100)));
}

/* --- what leases carry --- */

static void each_call_takes_its_own(void **state)
{
	static const struct { const char *name; size_t members; const char *has, *has_not; } call[] = {
		{ "LeaseComplete", 6, "result_base64", "id" }, { "LeaseFail", 7, "retry_in", "result" }, { "LeaseExtend", 2, "by", "log" }, { "LeaseProgress", 3, "percent", "by" },
		{ "LeaseRelease", 1, "lease", "outcome" }, { "ClaimEnd", 12, "outcome", "percent" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(call) / sizeof(call[0]); i++) {
		json_t *s = schema(call[i].name), *p = json_object_get(s, "properties");
		assert_int_equal(json_object_size(p), call[i].members);
		assert_non_null(json_object_get(p, call[i].has));
		assert_null(json_object_get(p, call[i].has_not));
		assert_true(lists(json_object_get(s, "required"), "lease"));
		assert_true(json_is_false(json_object_get(s, "additionalProperties")));
	}
}

/* --- names --- */

static void names_are_those_of_the_states(void **state)
{
	json_t *s = json_object_get(schema("JobState"), "enum"), *e = json_object_get(schema("EventName"), "enum");
	static const char *const told[] = { "queued", "scheduled", "waiting", "claimed", "started", "progress", "succeeded", "failed", "timed_out", "crashed", "lease_expired",
		"retry_scheduled", "dead", "cancelled", "expired", "requeued", "released" };

	(void)state;
	assert_int_equal(json_array_size(s), JOB_STATES - 1);
	for (unsigned i = JOB_NONE + 1; i < JOB_STATES; i++)
		assert_true(lists(s, job_state_name((enum job_state)i)));
	assert_int_equal(json_array_size(e), sizeof(told) / sizeof(told[0]));
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		assert_true(lists(e, told[i]));
	assert_int_equal(json_array_size(json_object_get(schema("ProcessRole"), "enum")), 4);
	assert_true(lists(json_object_get(schema("Breaker"), "enum"), "half-open"));
}

/* --- answers --- */

/* Every member that is there is in the schema, and every one that the schema requires is there. */
static void fits(const char *name, const json_t *j)
{
	json_t *s = schema(name), *properties = json_object_get(s, "properties"), *need;
	const char *member;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)j, member, v)
		if (!json_object_get(properties, member))
			fail_msg("%s has no %s", name, member);
	json_array_foreach(json_object_get(s, "required"), i, need)
		if (!json_object_get(j, json_string_value(need)))
			fail_msg("%s is not there, and required of %s", json_string_value(need), name);
}

static json_t *job_of(const struct job *job, const struct job_spec *spec, bool full)
{
	struct job_view v = { .job = job, .spec = spec, .progress_pct = -1 };
	struct buf b = { 0 };

	if (full)
		v = (struct job_view){ .job = job, .spec = spec, .payload = SLICE("[1]"), .depends = { (const char *)job->id.b, 16 }, .last_error = SLICE("e"), .progress = SLICE("p"),
			.progress_pct = 7, .worker = SLICE("w"), .result = SLICE("r") };
	job_json_put(&b, &v);
	json_t *j = json_loadb(b.data, b.len, 0, NULL);
	assert_non_null(j);
	buf_free(&b);
	return j;
}

static void what_a_job_says(void **state)
{
	struct job job = { .state = JOB_RETRYING, .created_ms = T0, .updated_ms = T0, .progress_pct = -1 };
	struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("default"), .timeout_ms = 1 };
	json_t *bare, *full;

	(void)state;
	bare = job_of(&job, &spec, false);
	fits("Job", bare);
	job.run_at_ms = job.started_ms = job.finished_ms = job.expires_at_ms = T0;
	job.attempts = 1;
	job.result_truncated = true;
	spec = (struct job_spec){ .type = TEXT("email"), .queue = TEXT("q"), .name = TEXT("n"), .trace = TEXT("t"), .tag = { TEXT("x") }, .ntags = 1, .timeout_ms = 1,
		.idempotency_key = TEXT("i"), .unique_key = TEXT("u"), .key = TEXT("k"), .content_type = TEXT("image/png") };
	full = job_of(&job, &spec, true);
	fits("Job", full);
	fits("Backoff", at(full, "backoff"));
	fits("Progress", at(full, "progress"));
	assert_int_equal(json_object_size(full), json_object_size(json_object_get(schema("Job"), "properties")));
	json_decref(bare);
	json_decref(full);
}

static void what_figures_say(void **state)
{
	struct figures_name name = { .name = (char[]){ "a" }, .breaker = FIGURES_BREAKER_OPEN, .rests_until_ms = T0 };
	struct figures_process process = { .role = SHM_ROLE_KEEPER, .state = SHM_PROC_RUNNING, .started_ms = T0 };
	struct figures f = { .version = "v", .engine = "memory", .queues = { &name, 1, 1 }, .types = { &name, 1, 1 }, .process = &process, .nprocess = 1 };
	struct buf b = { 0 };

	(void)state;
	stats_put(&b, &f);
	json_t *j = json_loadb(b.data, b.len, 0, NULL);
	assert_non_null(j);
	fits("Stats", j);
	fits("Spread", at(j, "queue_ms"));
	fits("StatsQueue", at(j, "queues.a"));
	fits("StatsType", at(j, "types.a"));
	fits("StatsProcess", json_array_get(at(j, "processes"), 0));
	fits("StatsStore", at(j, "store"));
	assert_int_equal(json_object_size(j), json_object_size(json_object_get(schema("Stats"), "properties")));
	assert_int_equal(json_object_size(at(j, "types.a")), json_object_size(json_object_get(schema("StatsType"), "properties")));
	json_decref(j);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_openapi),
		cmocka_unit_test(no_reference_dangles),
		cmocka_unit_test(each_route_is_there),
		cmocka_unit_test(roles_are_those_that_are_checked),
		cmocka_unit_test(a_raw_body_says_what_the_fields_take),
		cmocka_unit_test(each_field_of_a_submission),
		cmocka_unit_test(each_call_takes_its_own),
		cmocka_unit_test(names_are_those_of_the_states),
		cmocka_unit_test(what_a_job_says),
		cmocka_unit_test(what_figures_say),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
