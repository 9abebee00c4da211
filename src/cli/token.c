/* stint token: a new access token, shown once, and the line that token_file has of it. The server never sees the token before it is used, and never keeps it. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "os/crypto.h"
#include "text/json.h"

#define RANDOM_BYTES 32
#define PREFIX "stint_"                 /* so that one that has leaked can be found by a search */
#define NAME_MAX_BYTES 64
#define QUEUE_MAX_BYTES 128

struct token {
	const char *name, *roles, *queues;
	char text[sizeof(PREFIX) + 2 * RANDOM_BYTES], hash[2 * CRYPTO_SHA256_BYTES + 1];
	bool json;
};

static void hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

/* 256 bits of the kernel's: nobody guesses them, so a plain hash of them is as good as a slow one. */
static int make(struct token *t)
{
	uint8_t secret[RANDOM_BYTES], hash[CRYPTO_SHA256_BYTES];
	char why[200];

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return cli_fail(EX_OSERR, "no random bytes: %s", strerror(errno));
	memcpy(t->text, PREFIX, sizeof(PREFIX));
	hex(secret, sizeof(secret), t->text + sizeof(PREFIX) - 1);
	explicit_bzero(secret, sizeof(secret));
	if (!crypto_ready(why, sizeof(why)))
		return cli_fail(EX_UNAVAILABLE, "%s", why);
	if (!crypto_sha256(t->text, strlen(t->text), hash))
		return cli_fail(EX_SOFTWARE, "the token's hash could not be made");
	hex(hash, sizeof(hash), t->hash);
	return EX_OK;
}

static bool good_name(const char *s, size_t n, size_t max)
{
	return n >= 1 && n <= max && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-") >= n;
}

static int check_list(const char *list, bool roles)
{
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");
		if (roles && !conf_role_of((struct slice){ p, n }))
			return cli_fail(EX_USAGE, "there is no role \"%.*s\"; a token has one or several of read, submit, work and admin, with commas between", (int)n, p);
		if (!roles && !good_name(p, n, QUEUE_MAX_BYTES))
			return cli_fail(EX_USAGE, "\"%.*s\" is no name of a queue: 1 to %d characters of A-Z a-z 0-9 . _ : / -", (int)n, p, QUEUE_MAX_BYTES);
		p += n;
		if (!*p)
			return EX_OK;
	}
}

static void print(const struct token *t)
{
	const char *before = t->queues ? " queue=" : "", *queues = t->queues ? t->queues : "";
	struct buf b = { 0 };

	if (t->json) {
		buf_str(&b, "{\"token\":");
		json_put_string(&b, slice_of(t->text));
		buf_printf(&b, ",\"line\":\"%s %s %s%s%s\"}\n", t->name, t->roles, t->hash, before, queues);
		cli_out(&b);
	} else {
		printf("Token, shown this once:\n  %s\n\nLine for the conf's token_file (then reload the server):\n  %s %s %s%s%s\n", t->text, t->name, t->roles, t->hash, before, queues);
	}
	buf_free(&b);
}

int cli_token(const struct cli_command *self, int argc, char **argv)
{
	struct token t = { 0 };
	const struct option_spec spec[] = {
		{ OPTION_TEXT, "queue", 0, &t.queues, NULL, "QUEUE[,QUEUE]", 0, 0, "for these queues alone" },
		{ OPTION_FLAG, "json", 0, &t.json, NULL, NULL, 0, 0, "print token and line as JSON" },
		{ .kind = OPTION_END },
	};
	struct option_operands args;
	int code;

	if (!cli_options(self->name, self, spec, argc, argv, &args, &code))
		return code;
	if (args.n != 2)
		return cli_fail(EX_USAGE, "a token has a NAME and roles: stint token NAME ROLE[,ROLE], of read, submit, work and admin");
	t.name = args.v[0];
	t.roles = args.v[1];
	if (!good_name(t.name, strlen(t.name), NAME_MAX_BYTES))
		return cli_fail(EX_USAGE, "\"%s\" is no name of a token: 1 to %d characters of A-Z a-z 0-9 . _ : / -", t.name, NAME_MAX_BYTES);
	code = check_list(t.roles, true);
	if (code == EX_OK && t.queues)
		code = check_list(t.queues, false);
	if (code == EX_OK)
		code = make(&t);
	if (code == EX_OK)
		print(&t);
	explicit_bzero(t.text, sizeof(t.text));
	return code;
}
