/* What a handler that calls out must be: a URL of the right kind, the secret it signs with, the addresses it may call; a mail server, whom to be to it. Called by check.c.
 * The secret is read here, at start and reload, as whoever may read it then; the workers have it from the tables. */
#include "config/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/base64.h"
#include "text/ip.h"
#include "text/mailbox.h"
#include "text/url.h"

#define SECRET_MARK "whsec_"
#define SECRET_FILE_MAX 4096
#define SECRET_LEAST 24                 /* bytes, by the specification of Standard Webhooks */
#define SECRET_MOST 64

static void wrong(struct loader *l, const struct block *b, const char *option, const char *what, const char *more)
{
	const struct setting *s = setting_of(b, option);

	mistake(l, setting_file(b, s), setting_line(b, s, 0), "handler %s: %s%s", shown(l, slice_of(b->title)), what, more);
}

/* The value is not shown: it may have a password in it, or be a secret as a whole. */
static void check_url(struct loader *l, const struct block *b, const char *url)
{
	struct url u;
	const char *why = url_parse(slice_of(url), &u);

	if (!why && !url_scheme_is(&u, "http") && !url_scheme_is(&u, "https"))
		why = "it is neither http nor https";
	if (why)
		wrong(l, b, "url", "bad url: expected one such as https://hooks.example.org/path: ", why);
}

/* What is not in the conf may come from the variable of that name. */
static void default_from(struct loader *l, const struct block *b, const char *option, const char *name, char **slot)
{
	const char *value = setting_of(b, option) ? NULL : environment_get(l, slice_of(name));
	char *copy;

	if (!value)
		return;
	copy = strdup(value);
	if (!copy) {
		l->no_memory = true;
		return;
	}
	free(*slot);
	*slot = copy;
}

static void login_from_environment(struct loader *l, const struct block *b, struct conf_handler *h)
{
	default_from(l, b, "smtp_user", "SMTP_USER", &h->smtp_user);
	default_from(l, b, "smtp_password", "SMTP_PASSWORD", &h->smtp_password);
}

static void check_smtp(struct loader *l, const struct block *b, struct conf_handler *h)
{
	struct mailbox from = { NULL, NULL };
	struct url u;
	const char *why = url_parse(slice_of(h->smtp), &u);

	if (!why && !url_scheme_is(&u, "smtp") && !url_scheme_is(&u, "smtps"))
		why = "it is neither smtp nor smtps";
	if (!why && u.path.n && memchr(u.path.p, '?', u.path.n))
		why = "it has a query";
	if (why)
		wrong(l, b, "smtp", "bad smtp: expected a mail server such as smtp://mail.example.org:587 or smtps://mail.example.org: ", why);
	else if (!u.has_user)
		login_from_environment(l, b, h);
	else if (h->smtp_user[0] || h->smtp_password[0])
		wrong(l, b, "smtp", "a user stands in smtp, and smtp_user or smtp_password is set too: write them in one place", "");
	why = h->smtp_from[0] ? mailbox_parse(slice_of(h->smtp_from), &from) : NULL;
	if (why)
		wrong(l, b, "smtp_from", "bad smtp_from: expected a mail address such as \"Stint <stint@example.org>\": ", why);
	mailbox_free(&from);
}

static bool host_name(const char *s)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t n = strlen(s);

	/* a last part of digits alone is meant as an address */
	size_t last = n;
	while (last && s[last - 1] != '.')
		last--;
	return n >= 1 && n <= 253 && strspn(s, chars) == n && (last == n || strspn(s + last, "0123456789") < n - last);
}

static void check_allow(struct loader *l, const struct block *b, const struct conf_list *allow)
{
	const struct setting *s = setting_of(b, "allow");

	for (size_t i = 0; i < allow->n; i++) {
		struct ip_network n;
		struct buf right = { 0 };
		const char *file = setting_file(b, s), *said = shown(l, slice_of(allow->v[i]));
		enum ip_network_rc rc = ip_network_parse(slice_of(allow->v[i]), &n);
		if (rc == IP_NETWORK_LOOSE) {
			ip_network_put(&n, &right);
			mistake(l, file, setting_line(b, s, i), "bad value '%s' for allow: it has bits beyond its prefix: expected %s, or the address alone", said, buf_cstr(&right));
			buf_free(&right);
		} else if (rc == IP_NETWORK_BAD && !host_name(allow->v[i])) {
			mistake(l, file, setting_line(b, s, i), "bad value '%s' for allow: expected an address, a network such as 10.0.0.0/8, or a host name", said);
		}
	}
}

/* --- the secret --- */

/* The file's one line. NULL where it was read, else why not. */
static const char *read_line(const char *path, char text[SECRET_FILE_MAX + 1], struct slice *line)
{
	struct stat st;
	size_t n = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return "it is not a file";
	}
	while (n < SECRET_FILE_MAX + 1 && (got = read(fd, text + n, SECRET_FILE_MAX + 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (got < 0)
		return strerror(errno);
	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	*line = (struct slice){ text, n };
	return NULL;
}

static const char *parse_secret(struct slice line, struct buf *secret)
{
	if (line.n == 0)
		return "it is empty";
	if (memchr(line.p, '\n', line.n))
		return "it has more than one line";
	if (line.n < strlen(SECRET_MARK) || memcmp(line.p, SECRET_MARK, strlen(SECRET_MARK)) != 0)
		return "it does not begin with " SECRET_MARK;
	struct slice coded = { line.p + strlen(SECRET_MARK), line.n - strlen(SECRET_MARK) };
	if (coded.n == 0 || line.n > SECRET_FILE_MAX || !base64_parse(coded, secret))
		return "what follows " SECRET_MARK " is not base64";
	return NULL;
}

static void check_secret(struct loader *l, const struct block *b, struct conf_handler *h)
{
	static const char expected[] = "; expected one line, " SECRET_MARK " and the base64 of 24 to 64 random bytes";
	const struct setting *s = setting_of(b, "secret_file");
	const char *file = setting_file(b, s), *name = shown(l, slice_of(b->title));
	char text[SECRET_FILE_MAX + 1];
	struct slice line = { 0 };

	const char *why = read_line(h->secret_file, text, &line);
	if (why) {
		char what[256];
		snprintf(what, sizeof(what), "handler %s: secret_file", name);
		private_unread(l, file, setting_line(b, s, 0), what, h->secret_file, why);
		return;
	}
	why = parse_secret(line, &h->secret);
	explicit_bzero(text, sizeof(text));
	if (h->secret.failed)
		l->no_memory = true;
	if (why)
		mistake(l, file, setting_line(b, s, 0), "handler %s: secret_file '%s' is no secret: %s%s", name, shown(l, slice_of(h->secret_file)), why, expected);
	else if (h->secret.len < SECRET_LEAST || h->secret.len > SECRET_MOST)
		warning(l, file, setting_line(b, s, 0), "handler %s: the secret in '%s' has %zu bytes: 24 to 64 random ones make a good one", name, shown(l, slice_of(h->secret_file)),
			h->secret.len);
}

void check_call(struct loader *l, const struct block *b, struct conf_handler *h)
{
	if (h->url[0])
		check_url(l, b, h->url);
	if (h->smtp[0])
		check_smtp(l, b, h);
	check_allow(l, b, &h->allow);
	if (h->secret_file[0] && !l->text_only)
		check_secret(l, b, h);
}
