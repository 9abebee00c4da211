/* Which handler and queue a job gets. */
#include "conf_test.h"

static const char *handler_of(const char *type)
{
	const struct conf_handler *h = conf_handler_of(conf, slice_of(type));

	return h ? h->pattern : NULL;
}

static void handlers(void **state)
{
	(void)state;
	conf_good("handler \"*\" { builtin = noop }\nhandler \"img.*\" { builtin = noop }\nhandler \"img.jpg.*\" { builtin = noop }\nhandler img.png { builtin = noop }\nhandler \"im*\" { builtin = noop }\n"
		"handler img { builtin = noop }\n");
	assert_string_equal(handler_of("img.png"), "img.png");
	assert_string_equal(handler_of("img.png2"), "img.*");
	assert_string_equal(handler_of("img.gif"), "img.*");
	assert_string_equal(handler_of("img.jpg.small"), "img.jpg.*");
	assert_string_equal(handler_of("img.jpg."), "img.jpg.*");
	assert_string_equal(handler_of("img.jpg"), "img.*");
	assert_string_equal(handler_of("img"), "img");
	assert_string_equal(handler_of("image"), "im*");
	assert_string_equal(handler_of("mail"), "*");
	assert_string_equal(handler_of("i"), "*");
	assert_string_equal(handler_of(""), "*");
}

static void without_a_rest(void **state)
{
	(void)state;
	conf_good("handler a { builtin = noop }\nhandler \"b.*\" { builtin = noop }\n");
	assert_string_equal(handler_of("a"), "a");
	assert_null(handler_of("aa"));
	assert_null(handler_of("A"));
	assert_null(handler_of("b"));
	assert_null(handler_of(""));
	/* Only the slice counts, not what stands after it. */
	assert_string_equal(conf_handler_of(conf, (struct slice){ "b.x", 2 })->pattern, "b.*");
	assert_null(conf_handler_of(conf, (struct slice){ "b.x", 1 }));
	conf_good("");
	assert_null(handler_of("a"));
}

static void queues(void **state)
{
	(void)state;
	conf_good("queue mail { weight = 5 }\nqueue default { weight = 2 }\n");
	assert_int_equal(conf_queue_of(conf, SLICE("mail"))->weight, 5);
	assert_int_equal(conf_queue_of(conf, SLICE("default"))->weight, 2);
	assert_int_equal(conf_queue_of(conf, SLICE("other"))->weight, 2);
	assert_ptr_equal(conf_queue_of(conf, SLICE("")), &conf->queue[0]);
	assert_ptr_equal(conf_queue_of(conf, SLICE("mai")), &conf->queue[0]);
	conf_good("");
	assert_int_equal(conf_queue_of(conf, SLICE("other"))->weight, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(handlers), cmocka_unit_test(without_a_rest), cmocka_unit_test(queues) };

	return RUN(tests, sizeof tests / sizeof tests[0]);
}
