/* The file of access tokens: what a line says, and each mistake with its place. */
#include "conf_test.h"

#include <sys/stat.h>

#define H1 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define H2 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const char *with(const char *text)
{
	static char main_conf[900];

	conf_file("tokens", text);
	snprintf(main_conf, sizeof main_conf, "# c\nhttp {\n\ttoken_file = \"%s/tokens\"\n}\n", conf_dir);
	return conf_try(main_conf);
}

static void good(void **state)
{
	(void)state;
	assert_string_equal(with("# who\n\n  ops\tadmin " H1 "\r\n\nshop read,submit " H2 " queue=mail,video\n"), "");
	assert_int_equal(conf->http.ntoken, 2);
	assert_string_equal(conf->http.token[0].name, "ops");
	assert_int_equal(conf->http.token[0].roles, CONF_ROLE_ADMIN);
	assert_null(conf->http.token[0].queues);
	assert_int_equal(conf->http.token[0].hash[0], 0xba);
	assert_int_equal(conf->http.token[0].hash[31], 0xad);
	assert_int_equal(conf->http.token[1].roles, CONF_ROLE_READ | CONF_ROLE_SUBMIT);
	assert_int_equal(conf->http.token[1].queues_bytes, 11);
	assert_memory_equal(conf->http.token[1].queues, "mail\0video", 11);
}

static void mistakes(void **state)
{
	static const struct { const char *text, *said; } cases[] = {
		{ "a\n", "tokens:1: a line has three or four words" },
		{ "a read " H1 " queue=a b\n", "tokens:1: a line has three or four words" },
		{ "a,b read " H1 "\n", "tokens:1: bad token name 'a,b': expected" },
		{ "\na owner " H1 "\n", "tokens:2: there is no role 'owner': a token has one or several of read, submit, work and admin" },
		{ "a read,,work " H1 "\n", "tokens:1: there is no role ''" },
		{ "a read abc\n", "tokens:1: bad hash 'abc': expected the SHA-256 of the token as 64 hexadecimal digits" },
		{ "a read g" H1 "\n", "tokens:1: bad hash" },
		{ "a read " H1 "\na read " H2 "\n", "tokens:2: the token 'a' is given twice" },
		{ "a read " H1 "\nb read " H1 "\n", "tokens:2: the hash" },
		{ "a read " H1 " queues=a\n", "tokens:1: expected queue=QUEUE[,QUEUE], not 'queues=a'" },
		{ "a read " H1 " queue=\n", "tokens:1: expected queue=QUEUE[,QUEUE], not 'queue='" },
		{ "a read " H1 " queue=a,,b\n", "tokens:1: bad queue name ''" },
		{ "a x " H1 "\nb y " H2 "\n", "tokens:1: there is no role 'x'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *said = with(cases[i].text);
		if (strncmp(said, cases[i].said, strlen(cases[i].said)) != 0)
			fail_msg("%s: %s", cases[i].text, said);
		assert_null(conf);
	}
	assert_non_null(strstr(with("a x " H1 "\nb y " H2 "\n"), "tokens:2: there is no role 'y'"));
}

static void many_queues(void **state)
{
	char text[2000] = "a read " H1 " queue=q";

	(void)state;
	for (unsigned i = 1; i < 256; i++)
		strcat(text, ",q");
	assert_string_equal(with(text), "");
	assert_int_equal(conf->http.token[0].queues_bytes, 2 * 256);
	strcat(text, ",more");
	assert_string_equal(with(text), "tokens:1: the queue 'more' is one too many: a token is for at most 256 queues, or for all\n");
}

static void files(void **state)
{
	char text[900];

	(void)state;
	snprintf(text, sizeof text, "http {\n\ttoken_file = \"%s/nowhere\"\n}\n", conf_dir);
	assert_non_null(strstr(conf_try(text), "main.conf:2: token_file '"));
	assert_non_null(strstr(conf_messages, "cannot be read: No such file or directory"));
	assert_string_equal(with(""), "tokens:1: warning: there is no token in this file, so nobody may do anything: `stint token NAME ROLE` makes one\n");
	assert_non_null(conf);
	assert_int_equal(conf->http.ntoken, 0);
}

/* What is handed over as text has no tokens: whoever reads it may not be allowed to. */
static void not_from_text(void **state)
{
	(void)state;
	assert_string_equal(conf_try_text("http { token_file = \"/nowhere/at/all\" }\n"), "");
	assert_int_equal(conf->http.ntoken, 0);
}

static void with_tokens_others_may_come(void **state)
{
	char text[900];

	(void)state;
	conf_file("tokens", "ops admin " H1 "\n");
	snprintf(text, sizeof text, "http {\n\ttoken_file = \"%s/tokens\"\n\tlisten = {\"0.0.0.0:8080\"}\n}\n", conf_dir);
	conf_good(text);
	assert_false(conf->http.listen[0].loopback);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(mistakes), cmocka_unit_test(many_queues), cmocka_unit_test(files), cmocka_unit_test(not_from_text), cmocka_unit_test(with_tokens_others_may_come),
	};

	return cmocka_run_group_tests_name("tokens", tests, conf_begin, conf_end);
}
