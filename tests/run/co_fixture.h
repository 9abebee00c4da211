/* Coprocesses that behave in every way one may: the test program runs itself as one, `argv[1]` says which. */
#ifndef STINT_TESTS_RUN_CO_FIXTURE_H
#define STINT_TESTS_RUN_CO_FIXTURE_H

#include <sys/wait.h>
#include <time.h>

#include "fixture.h"

static char co_line[1 << 20], co_id[37], co_first[37], co_payload[1 << 20];
static unsigned co_jobs;

/* The next job; false at the end of the input. */
static inline int co_next(void)
{
	const char *id, *payload, *end;

	if (!fgets(co_line, sizeof(co_line), stdin))
		return 0;
	id = strstr(co_line, "\"id\":\"");
	payload = strstr(co_line, "\"payload\":");
	end = strstr(co_line, ",\"trace\":");
	if (!id || !payload || !end)
		_exit(95);
	memcpy(co_id, id + 6, 36);
	if (co_jobs++ == 0)
		memcpy(co_first, co_id, 37);
	snprintf(co_payload, sizeof(co_payload), "%.*s", (int)(end - payload - 10), payload + 10);
	return 1;
}

static inline void co_ok(const char *id, const char *result)
{
	printf("{\"id\":\"%s\",\"ok\":true,\"result\":%s}\n", id, result);
	fflush(stdout);
}

static inline void co_raw(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

static inline int co_is(const char *what)
{
	return strstr(co_payload, what) != NULL;
}

#define CO_BURN_MS 150
#define CO_MEMORY (48u << 20)
static volatile char co_memory[CO_MEMORY];

/* Processor time of its own. */
static inline void co_burn(void)
{
	for (clock_t begin = clock(); clock() - begin < CLOCKS_PER_SEC / 1000 * CO_BURN_MS; )
		;
}

/* What the payload asks for, one job after another. */
static inline void co_obey(void)
{
	if (co_is("burn-itself"))
		co_burn();
	if (co_is("burn-in-a-child")) {
		pid_t pid = fork();
		if (pid == 0)
			co_burn(), _exit(0);
		waitpid(pid, NULL, 0);
	}
	if (co_is("take-memory"))
		for (size_t i = 0; i < CO_MEMORY; i += 4096)
			co_memory[i] = 1;
	if (co_is("wait-for-go"))
		while (access(getenv("CO_GO") ? getenv("CO_GO") : "/nowhere", F_OK) != 0)
			usleep(1000);
	if (co_is("say-progress"))
		printf("{\"id\":\"%s\",\"progress\":40,\"message\":\"half \\u00fc way\"}\n", co_id);
	if (co_is("say-stderr"))
		fixture_say(2, "::progress 10 not for coprocesses\nworking on it\n");
	if (co_is("answer-twice"))
		co_ok(co_id, "1");
	if (co_is("answer-first-again"))
		co_ok(co_first, "\"late\"");
	if (co_is("not-json"))
		co_raw("this is no JSON \x01 at all\n");
	if (co_is("unknown-member"))
		printf("{\"id\":\"%s\",\"ok\":true,\"reslut\":1}\n", co_id);
	if (co_is("half-a-line"))
		co_raw("{\"id\":\"01935a10-0000"), exit(0);
	if (co_is("flood")) {
		memset(co_line, 'x', sizeof(co_line) - 1);
		for (unsigned i = 0; i < 100; i++)
			co_raw(co_line);
	}
	if (co_is("long-result")) {     /* three megabytes, and its id behind them */
		memset(co_line, 'z', sizeof(co_line) - 1);
		co_raw("{\"ok\":true,\"result\":\"");
		for (size_t i = 0; i < (3u << 20) / (sizeof(co_line) - 1); i++)
			co_raw(co_line);
		printf("\",\"id\":\"%s\"}\n", co_id);
		fflush(stdout);
		return;
	}
	if (co_is("die-3"))
		fixture_say(2, "cannot go on\n"), exit(3);
	if (co_is("die-by-signal"))
		kill(getpid(), SIGKILL);
	if (co_is("close-output"))
		fflush(stdout), close(1), fixture_wait();
	if (co_is("close-input"))
		close(0), fixture_wait();
	if (co_is("leave"))
		co_ok(co_id, "\"bye\""), exit(0);
	if (co_is("fork-away")) {
		if (fixture_escape() == 0)
			signal(SIGTERM, SIG_IGN);
		fixture_wait();
	}
	if (co_is("never"))
		fixture_wait();
	if (co_is("fail-for-good"))
		printf("{\"id\":\"%s\",\"ok\":false,\"error\":\"no such order\",\"retry\":false}\n", co_id);
	else if (co_is("fail-later"))
		printf("{\"ok\":false,\"error\":\"busy\",\"retry_in\":90,\"id\":\"%s\"}\n", co_id);
	else if (co_is("fail-silently"))
		printf("{\"id\":\"%s\",\"ok\":false}\n", co_id);
	else if (co_is("no-result"))
		printf("{\"id\":\"%s\",\"ok\":true}\n", co_id);
	else
		co_ok(co_id, co_payload);
	fflush(stdout);
}

static inline int co_main(const char *what)
{
	if (strcmp(what, "obey") == 0)
		while (co_next())
			co_obey();
	if (strcmp(what, "stubborn") == 0) {
		signal(SIGTERM, SIG_IGN);
		while (co_next())
			co_obey();
		fixture_wait();
	}
	if (strcmp(what, "talk-first") == 0)
		co_raw("hello\n"), fixture_wait();
	if (strcmp(what, "die-first") == 0)
		fixture_say(2, "no configuration\n"), exit(4);
	if (strcmp(what, "never-read") == 0)
		fixture_wait();
	/* takes all there are before it answers the last one first; the payloads of the others say what becomes of them */
	if (strcmp(what, "two-at-once") == 0) {
		char first[37];
		while (co_next()) {
			memcpy(first, co_id, 37);
			if (!co_next())
				exit(5);
			co_obey();
			memcpy(co_id, first, 37);
			co_ok(first, "\"first\"");
		}
	}
	if (strcmp(what, "env") == 0) {
		while (co_next()) {
			const char *mark = getenv("STINT_COPROCESS"), *id = getenv("STINT_JOB_ID");
			printf("{\"id\":\"%s\",\"ok\":true,\"result\":[\"%s\",\"%s\"]}\n", co_id, mark ? mark : "none", id ? id : "none");
			fflush(stdout);
		}
	}
	return 0;
}

#endif
