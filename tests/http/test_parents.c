/* depends_on: what the field takes, and what the store says of the jobs that it names. */
#include "api_test.h"

#include "http/envelope.h"
#include "http/parents.h"
#include "text/uuid.h"

#define ID_A "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"
#define ID_B "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6072"

static struct envelope e;
static struct envelope_problem p;

static bool parse(const char *json)
{
	struct envelope_input in = { .conf = &conf, .wall_ms = T0 };

	assert_true(envelope_is_json(slice_of(json), &p));
	return envelope_parse(&e, &in, slice_of(json), &p);
}

static void refused(const char *json, const char *field, const char *word)
{
	if (parse(json))
		fail_msg("was accepted: %s", json);
	assert_int_equal(p.status, 400);
	assert_string_equal(p.field, field);
	if (!strstr(p.detail, word))
		fail_msg("\"%s\" is not in: %s", word, p.detail);
}

static void what_the_field_takes(void **state)
{
	struct buf many = { 0 };

	(void)state;
	assert_true(parse("{\"type\":\"email\",\"depends_on\":[\"" ID_A "\",\"" ID_B "\"]}"));
	assert_int_equal(e.spec.ndepends, 2);
	assert_int_equal(e.spec.depends[0], 0x01);
	assert_int_equal(e.spec.depends[15], 0x71);
	assert_int_equal(e.spec.depends[31], 0x72);
	envelope_free(&e);
	assert_true(parse("{\"type\":\"email\",\"depends_on\":[]}"));
	assert_int_equal(e.spec.ndepends, 0);
	envelope_free(&e);
	refused("{\"type\":\"email\",\"depends_on\":\"" ID_A "\"}", "depends_on", "array of job ids");
	refused("{\"type\":\"email\",\"depends_on\":[\"" ID_A "\",7]}", "depends_on[1]", "id of a job");
	refused("{\"type\":\"email\",\"depends_on\":[\"x\"]}", "depends_on[0]", "not \"x\"");
	refused("{\"type\":\"email\",\"depends_on\":[\"" ID_A "\",\"" ID_A "\"]}", "depends_on[1]", "same job");
	/* right itself, in a job that is not */
	refused("{\"depends_on\":[\"" ID_A "\"],\"type\":\"email\",\"priority\":\"x\"}", "priority", "integer");
	buf_str(&many, "{\"type\":\"email\",\"depends_on\":[");
	for (unsigned i = 0; i < 257; i++)
		buf_printf(&many, "%s\"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f%04x\"", i ? "," : "", i);
	buf_str(&many, "]}");
	refused(buf_cstr(&many), "depends_on", "257");
	buf_free(&many);
}

static bool check(const struct job_id *id, unsigned n, const char *key)
{
	struct job_spec spec = { .depends = id->b, .ndepends = n, .idempotency_key = { key, key ? strlen(key) : 0 } };

	p = (struct envelope_problem){ 0 };
	return parents_check(&api, &spec, &p);
}

static void what_the_store_says(void **state)
{
	struct job_id id[2] = { submit_type("email", "n", "default").id, { { 9 } } };
	char text[UUID_TEXT_BYTES];
	struct job j;

	(void)state;
	assert_true(check(id, 1, NULL));
	assert_false(check(id, 2, NULL));
	assert_int_equal(p.status, 422);
	assert_string_equal(p.field, "depends_on[1]");
	uuid_format(id[1].b, text);
	assert_non_null(strstr(p.detail, text));
	assert_true(check(id, 2, "a key: the job may be there already"));
	j = claim_next();
	finish(&j, JOB_OUTCOME_SUCCEEDED, NULL, NULL);
	assert_true(check(id, 1, NULL));
	id[1] = submit_type("t.x", "n", "default").id;
	assert_int_equal(store_begin(store, T0 * 1000), STORE_OK);
	assert_int_equal(store_act(store, id[1], STORE_ACT_CANCEL, &j), STORE_OK);
	assert_int_equal(store_commit(store), STORE_OK);
	assert_false(check(id, 2, NULL));
	assert_non_null(strstr(p.detail, "cancelled"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_field_takes),
		cmocka_unit_test_setup_teardown(what_the_store_says, api_setup, api_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
