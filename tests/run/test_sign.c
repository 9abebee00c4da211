/* Signatures against the vector of the Standard Webhooks libraries, and OpenSSL's own of HMAC-SHA256 (RFC 4231). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "run/sign.h"
#include "text/base64.h"

static void signs(struct slice key, const char *id, int64_t at, const char *body, const char *want)
{
	struct buf out = { 0 };
	char why[256] = "";

	if (!sign_webhook(key, id, at, slice_of(body), &out, why, sizeof(why)))
		fail_msg("%s", why);
	assert_string_equal(buf_cstr(&out), want);
	buf_free(&out);
}

static void test_vectors(void **state)
{
	struct buf key = { 0 };

	(void)state;
	assert_true(base64_parse(SLICE("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
	signs((struct slice){ key.data, key.len }, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	/* an empty body */
	struct buf out = { 0 };
	char why[256];
	assert_true(sign_webhook((struct slice){ key.data, key.len }, "a", 1, slice_of(""), &out, why, sizeof(why)));
	assert_int_equal(out.len, 3 + 44);
	buf_free(&out);
	buf_free(&key);
}

/* What is signed is the id, the time and the body: none can be moved into another. */
static void test_parts(void **state)
{
	struct buf a = { 0 }, b = { 0 };
	char why[256], key[131];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	assert_true(sign_webhook((struct slice){ key, sizeof(key) }, "id", 12, slice_of("3"), &a, why, sizeof(why)));
	assert_true(sign_webhook((struct slice){ key, sizeof(key) }, "id", 1, slice_of("23"), &b, why, sizeof(why)));
	assert_string_not_equal(buf_cstr(&a), buf_cstr(&b));
	buf_clear(&b);
	assert_true(sign_webhook((struct slice){ key, sizeof(key) - 1 }, "id", 12, slice_of("3"), &b, why, sizeof(why)));
	assert_string_not_equal(buf_cstr(&a), buf_cstr(&b));
	buf_free(&a);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors), cmocka_unit_test(test_parts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
