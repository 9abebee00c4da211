/* cli/log_out: a log in pieces that end anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/log_out.h"

/* The whole text in pieces of `step` bytes. */
static void says(enum log_out_form form, struct slice log, const char *wanted)
{
	for (size_t step = 1; step <= log.n + 1; step++) {
		struct log_out o = { .form = form, .attempt = 7 };
		struct buf text = { 0 };

		for (size_t at = 0; at < log.n; at += step)
			log_out_add(&o, (struct slice){ log.p + at, log.n - at < step ? log.n - at : step }, &text);
		log_out_end(&o, &text);
		assert_string_equal(buf_cstr(&text), wanted);
		log_out_free(&o);
		buf_free(&text);
	}
}

static void bytes_stay_as_they_are(void **unused)
{
	(void)unused;
	says(LOG_OUT_BYTES, SLICE("a\033[31m\r\nb"), "a\033[31m\r\nb");
	says(LOG_OUT_BYTES, SLICE(""), "");
}

static void a_terminal_obeys_nothing(void **unused)
{
	(void)unused;
	says(LOG_OUT_TERMINAL, SLICE("a\tb\r\nno\033[2Jse\r"), "a\tb\nno\\x1b[2Jse\n");
	says(LOG_OUT_TERMINAL, SLICE("\xc2\x9b" "31m \xc2\xa0\xc3\xa9\n"), "\\x9b31m \xc2\xa0\xc3\xa9\n");      /* the one-byte CSI as UTF-8; others of its row are letters */
	says(LOG_OUT_TERMINAL, SLICE("nul \0 in\n"), "nul \\x00 in\n");
	says(LOG_OUT_TERMINAL, SLICE("half \xc2"), "half \xc2\n");
	says(LOG_OUT_TERMINAL, SLICE(""), "");
}

static void an_object_a_line(void **unused)
{
	(void)unused;
	says(LOG_OUT_JSON, SLICE("one\r\n\n\"two\" \xff\nlast"),
		"{\"attempt\":7,\"line\":\"one\"}\n{\"attempt\":7,\"line\":\"\"}\n{\"attempt\":7,\"line\":\"\\\"two\\\" \xef\xbf\xbd\"}\n{\"attempt\":7,\"line\":\"last\"}\n");
	says(LOG_OUT_JSON, SLICE("whole\n"), "{\"attempt\":7,\"line\":\"whole\"}\n");
	says(LOG_OUT_JSON, SLICE(""), "");
}

static void a_line_without_an_end_is_not_gathered_for_ever(void **unused)
{
	struct log_out o = { .form = LOG_OUT_JSON, .attempt = 1 };
	struct buf text = { 0 };
	char *a = malloc(100000);

	(void)unused;
	assert_non_null(a);
	memset(a, 'a', 100000);
	for (int i = 0; i < 30; i++) {
		log_out_add(&o, (struct slice){ a, 100000 }, &text);
		assert_true(o.kept.len <= 400000);
	}
	assert_true(text.len > 2000000);
	log_out_free(&o);
	buf_free(&text);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_stay_as_they_are),
		cmocka_unit_test(a_terminal_obeys_nothing),
		cmocka_unit_test(an_object_a_line),
		cmocka_unit_test(a_line_without_an_end_is_not_gathered_for_ever),
	};

	return cmocka_run_group_tests_name("cli/log_out", tests, NULL, NULL);
}
