/* The dump reads back to the same tables; what needs a restart is found and kept. */
#include "conf_test.h"

static struct conf *again(const struct conf *c, bool secrets, struct buf *text)
{
	struct conf_report r;

	conf_dump(c, secrets, text);
	assert_false(text->failed);
	struct conf *d = conf_parse("dump", text->data, text->len, &r);
	conf_text(&r);
	conf_report_free(&r);
	assert_string_equal(conf_messages, "");
	assert_non_null(d);
	return d;
}

static void assert_same(const struct conf *a, const struct conf *b)
{
	for (int section = 0; section < CONF_SECTIONS; section++) {
		size_t n = section_count(a, section);
		assert_int_equal(section_count(b, section), n);
		for (size_t i = 0; i < n; i++) {
			const char *x = section_base((struct conf *)(uintptr_t)a, section, i), *y = section_base((struct conf *)(uintptr_t)b, section, i);
			const char *title = section_title(a, section, i);
			if (title)
				assert_string_equal(title, section_title(b, section, i));
			for (size_t j = 0; j < ndirectives; j++)
				if (directives[j].section == (enum conf_section)section && !value_equal(&directives[j], x + directives[j].offset, y + directives[j].offset))
					fail_msg("%s differs", directives[j].name);
		}
	}
	for (size_t i = 0; i < a->nhandler; i++)
		assert_int_equal(a->handler[i].kind, b->handler[i].kind);
	assert_int_equal(a->http.nlisten, b->http.nlisten);
	for (size_t i = 0; i < a->http.nlisten; i++) {
		assert_string_equal(a->http.listen[i].text, b->http.listen[i].text);
		assert_string_equal(a->http.listen[i].host, b->http.listen[i].host);
		assert_int_equal(a->http.listen[i].port, b->http.listen[i].port);
	}
	assert_int_equal(a->user_given, b->user_given);
}

static const char rich[] =
	"worker_processes = auto worker_jobs = 77 user = \"a b\\\"c\" group = \"\" log = \"/x/\\${HOME}\\\\\" log_level = debug log_format = json drain_timeout = 1500ms watchdog = 1m\n"
	"environment_file = \"\"\nhttp { listen = {\"127.0.0.1:1\", \"unix:sock\", \"[::1]:3\"} max_body = 1025 hosts = {\"a.example\", \"b.example\"} }\n"
	"store { path = \"/data\" map_size = 1T retain_count = 0 idempotency_window = 36h }\n"
	"queue mail { weight = 9 priority_aging = 0 }\nqueue default { weight = 2 }\n"
	"handler email { exec = {\"/bin/sh\", \"-c\", \"echo \\\"$X\\\" \\${Y}\\n\\ttwo, three\"} env = {\"A=b c\", \"HOME\"} umask = 0 nice = -3 backoff_factor = 1.25 timeout = 0 cwd = \"/tmp\" }\n"
	"handler \"img.*\" { builtin = sleep max_output = 1 rlimit_files = 0 }\nhandler \"*\" { builtin = fail }\n"
	"schedule nightly { cron = \"*/5 3 * * mon-fri\" timezone = \"Europe/Berlin\" type = email queue = mail payload = \"{\\\"a\\\":[1,\\\"\\${X:-}\\\"]}\" missed = all }\n";

static void round_trip(void **state)
{
	struct buf one = { 0 }, two = { 0 };

	(void)state;
	conf_file("rich.conf", rich);
	assert_string_equal(conf_try_prefix("rich.conf", "/prefix"), "");
	struct conf *copy = again(conf, true, &one);
	assert_same(conf, copy);
	struct conf *third = again(copy, true, &two);
	assert_same(copy, third);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.data, two.data, one.len);
	assert_string_equal(copy->http.listen[1].host, "/prefix/sock");
	conf_free(copy);
	conf_free(third);
	buf_free(&one);
	buf_free(&two);
}

static void round_trip_of_the_defaults(void **state)
{
	struct buf text = { 0 };

	(void)state;
	conf_good("");
	struct conf *copy = again(conf, false, &text);
	assert_same(conf, copy);
	assert_false(copy->user_given);
	conf_free(copy);
	buf_free(&text);
}

static void every_option_is_there(void **state)
{
	struct buf text = { 0 };

	(void)state;
	conf_good("handler a { builtin = noop }\nhandler b { exec = {\"/bin/true\"} }\nhandler c { coprocess = {\"/bin/cat\"} }\nhandler d { url = \"https://example.org/\" }\nhandler e { remote = true }\n"
		"handler f { smtp = \"smtp://h\" }\n");
	conf_dump(conf, false, &text);
	for (size_t i = 0; i < ndirectives; i++) {
		char line[80];
		if (directives[i].section == CONF_SCHEDULE || ((directives[i].flags & CONF_KIND) && (directives[i].flags & CONF_LATER)))
			continue;
		snprintf(line, sizeof line, "%s = ", directives[i].name);
		if (!strstr(buf_cstr(&text), line))
			fail_msg("%s is not in the dump", directives[i].name);
	}
	buf_free(&text);
}

/* Passwords in URLs are left out where those in options are. */
static void passwords(void **state)
{
	struct buf shown = { 0 }, whole = { 0 };

	(void)state;
	conf_good("handler a { url = \"https://u:se%40cret@h.example/x?y\" }\nhandler b { smtp = \"smtp://u:secret@h:587\" }\nhandler c { smtp = \"smtp://h:587\" smtp_user = \"u\" smtp_password = \"secret\" }\n");
	conf_dump(conf, false, &shown);
	conf_dump(conf, true, &whole);
	assert_null(strstr(buf_cstr(&shown), "se%40cret"));
	assert_null(strstr(buf_cstr(&shown), ":secret@"));
	assert_null(strstr(buf_cstr(&shown), "\"secret\""));
	assert_non_null(strstr(buf_cstr(&shown), "url = \"https://u:***@h.example/x?y\"\n"));
	assert_non_null(strstr(buf_cstr(&shown), "smtp = \"smtp://u:***@h:587\"\n"));
	assert_non_null(strstr(buf_cstr(&whole), "url = \"https://u:se%40cret@h.example/x?y\"\n"));
	assert_non_null(strstr(buf_cstr(&whole), "smtp_password = \"secret\"\n"));
	buf_free(&shown);
	buf_free(&whole);
}

/* What the user asked for is a setting, the default is none. */
static void user_line(void **state)
{
	struct buf text = { 0 };

	(void)state;
	conf_good("");
	conf_dump(conf, false, &text);
	assert_non_null(strstr(buf_cstr(&text), "\n#user = \"stint\"\n"));
	buf_clear(&text);
	conf_good("user = stint\n");
	conf_dump(conf, false, &text);
	assert_non_null(strstr(buf_cstr(&text), "\nuser = \"stint\"\n"));
	buf_free(&text);
}

static void secrets(void **state)
{
	struct buf text = { 0 };

	(void)state;
	conf_good("handler a { builtin = noop }\n");
	free(conf->handler[0].smtp_password);
	conf->handler[0].smtp_password = strdup("hush");
	assert_non_null(conf->handler[0].smtp_password);
	conf_dump(conf, false, &text);
	assert_null(strstr(buf_cstr(&text), "hush"));
	assert_non_null(strstr(buf_cstr(&text), "smtp_password = \"***\"\n"));
	buf_clear(&text);
	conf_dump(conf, true, &text);
	assert_non_null(strstr(buf_cstr(&text), "smtp_password = \"hush\"\n"));
	buf_free(&text);
}

static void remember(void *arg, const char *option)
{
	strcat(strcat(arg, option), " ");
}

static struct conf *loaded(const char *text)
{
	struct conf_report r;
	struct conf *c = conf_parse("text", text, strlen(text), &r);

	assert_non_null(c);
	conf_report_free(&r);
	return c;
}

static void restart_only(void **state)
{
	struct conf *running = loaded("user = a group = b pid_file = \"/p\" run_dir = \"/r\" store { path = \"/s\" map_size = 1G }\n");
	struct conf *wanted = loaded("user = c group = d pid_file = \"/P\" run_dir = \"/R\" worker_jobs = 3 store { path = \"/S\" map_size = 2G max_queued = 5 }\n");
	char names[500] = "";

	(void)state;
	conf_restart_only(running, running, remember, names);
	assert_string_equal(names, "");
	conf_restart_only(running, wanted, remember, names);
	assert_string_equal(names, "user group pid_file run_dir store.path store.map_size ");
	assert_int_equal(conf_keep_restart_only(running, wanted), 0);
	*names = '\0';
	conf_restart_only(running, wanted, remember, names);
	assert_string_equal(names, "");
	assert_string_equal(wanted->store.path, "/s");
	assert_int_equal(wanted->store.map_size, 1 << 30);
	assert_int_equal(wanted->store.max_queued, 5);
	assert_int_equal(wanted->worker_jobs, 3);
	conf_free(running);
	conf_free(wanted);
	/* Whether the user was asked for goes along. */
	running = loaded("");
	wanted = loaded("user = x\n");
	assert_int_equal(conf_keep_restart_only(running, wanted), 0);
	assert_string_equal(wanted->user, "stint");
	assert_false(wanted->user_given);
	conf_free(running);
	conf_free(wanted);
}

/* The list of the contract. */
static void restart_flags(void **state)
{
	char names[500] = "";

	(void)state;
	for (size_t i = 0; i < ndirectives; i++)
		if (directives[i].flags & CONF_RESTART)
			remember(names, directives[i].name);
	assert_string_equal(names, "user group pid_file run_dir path url sync map_size ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(round_trip_of_the_defaults), cmocka_unit_test(every_option_is_there), cmocka_unit_test(passwords), cmocka_unit_test(user_line), cmocka_unit_test(secrets),
		cmocka_unit_test(restart_only), cmocka_unit_test(restart_flags),
	};

	return RUN(tests, sizeof tests / sizeof tests[0]);
}
