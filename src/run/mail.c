/* Mail from a job's payload: every text that goes into a header or to the server is checked here, so that no payload can add a recipient, a header or a command. Called by the smtp kind.
 * Nothing is fatal: what is wrong with a payload is told in a sentence. */
#include "run/mail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "text/mime.h"

#define SHOWN_MAX 80

/* --- the payload --- */

struct reading { char *why; size_t size; };

static __attribute__((format(printf, 2, 3))) bool wrong(const struct reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->size, fmt, ap);
	va_end(ap);
	return false;
}

/* Fit for a message: cut, control characters replaced. */
static const char *shown(struct slice s, char out[SHOWN_MAX + 4])
{
	size_t n = s.n < SHOWN_MAX ? s.n : SHOWN_MAX;

	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : s.p[i];
	snprintf(out + n, 4, "%s", n < s.n ? "..." : "");
	return out;
}

static struct slice text_of(const json_t *j)
{
	return (struct slice){ json_string_value(j), json_string_length(j) };
}

static bool take_address(const struct reading *r, const char *member, const json_t *j, struct mailbox *out)
{
	char text[SHOWN_MAX + 4];

	if (!json_is_string(j))
		return wrong(r, "\"%s\" is no address: expected a string such as \"ann@example.org\"", member);
	const char *what = mailbox_parse(text_of(j), out);
	return !what || wrong(r, "bad address \"%s\" in \"%s\": %s", shown(text_of(j), text), member, what);
}

static bool take_recipients(const struct reading *r, const json_t *j, struct mail *out)
{
	const json_t *email = json_object_get(j, "email"), *to = json_object_get(j, "to");
	const char *member = email ? "email" : "to";
	const json_t *value = email ? email : to;

	if (email && to)
		return wrong(r, "the payload has both \"email\" and \"to\": one of them names the recipient");
	if (!value)
		return wrong(r, "the payload has no recipient: expected \"to\" or \"email\", such as \"ann@example.org\"");
	if (!json_is_array(value)) {
		out->nto = 1;
		return take_address(r, member, value, &out->to[0]);
	}
	if (json_array_size(value) < 1 || json_array_size(value) > MAIL_RECIPIENTS_MAX)
		return wrong(r, "\"%s\" has %zu addresses: expected 1 to %d", member, json_array_size(value), MAIL_RECIPIENTS_MAX);
	while (out->nto < json_array_size(value)) {
		if (!take_address(r, member, json_array_get(value, out->nto), &out->to[out->nto]))
			return false;
		out->nto++;
	}
	return true;
}

static bool take_sender(const struct reading *r, const json_t *j, const char *sender, struct mail *out)
{
	const json_t *from = json_object_get(j, "from");
	char text[SHOWN_MAX + 4];

	if (from)
		return take_address(r, "from", from, &out->from);
	if (!*sender)
		return wrong(r, "the mail has no sender: give the payload a \"from\", or set smtp_from in its handler's section");
	const char *what = mailbox_parse(slice_of(sender), &out->from);
	return !what || wrong(r, "bad address \"%s\" in smtp_from: %s", shown(slice_of(sender), text), what);
}

static bool take_subject(const struct reading *r, const json_t *j, struct mail *out)
{
	const json_t *subject = json_object_get(j, "subject");

	if (!subject)
		return true;
	if (!json_is_string(subject))
		return wrong(r, "\"subject\" is no string");
	if (mailbox_control(text_of(subject)))
		return wrong(r, "\"subject\" has a newline or another control character: expected one line");
	buf_slice(&out->subject, text_of(subject));
	return true;
}

static bool take_body(const struct reading *r, const json_t *j, struct mail *out)
{
	const json_t *message = json_object_get(j, "message"), *body = json_object_get(j, "body");
	const json_t *value = message ? message : body;

	if (message && body)
		return wrong(r, "the payload has both \"message\" and \"body\": one of them is the text");
	if (!value)
		return wrong(r, "the payload has no text: expected \"message\" or \"body\"");
	if (!json_is_string(value))
		return wrong(r, "\"%s\" is no string", message ? "message" : "body");
	buf_slice(&out->body, text_of(value));
	return true;
}

static bool known_members(const struct reading *r, json_t *j)
{
	static const char *const known[] = { "email", "to", "subject", "message", "body", "from" };
	char text[SHOWN_MAX + 4];
	const char *key;
	json_t *value;

	json_object_foreach(j, key, value) {
		size_t i = 0;
		while (i < sizeof(known) / sizeof(known[0]) && strcmp(key, known[i]) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return wrong(r, "the payload has a member \"%s\": a mail is made of \"to\" (or \"email\"), \"subject\", \"message\" (or \"body\") and \"from\"", shown(slice_of(key), text));
	}
	return true;
}

bool mail_parse(struct slice payload, const char *sender, struct mail *out, char *why, size_t why_size)
{
	const struct reading r = { why, why_size };
	json_t *j = json_loadb(payload.n ? payload.p : "", payload.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	bool good;

	*out = (struct mail){ .nto = 0 };
	if (!json_is_object(j))
		good = wrong(&r, "the payload is no mail: expected a JSON object such as {\"to\":\"ann@example.org\",\"subject\":\"Hello\",\"message\":\"...\"}");
	else
		good = known_members(&r, j) && take_recipients(&r, j, out) && take_sender(&r, j, sender, out) && take_subject(&r, j, out) && take_body(&r, j, out);
	json_decref(j);
	return good;
}

void mail_free(struct mail *m)
{
	mailbox_free(&m->from);
	for (size_t i = 0; i < MAIL_RECIPIENTS_MAX; i++)
		mailbox_free(&m->to[i]);
	buf_free(&m->subject);
	buf_free(&m->body);
}

/* --- the message --- */

static void put_address(struct buf *out, const struct mailbox *a, size_t column)
{
	size_t begin = out->len;

	if (a->name[0]) {
		mime_phrase(out, slice_of(a->name), column);
		buf_str(out, column + out->len - begin + strlen(a->address) > 74 ? "\r\n " : " ");
	}
	buf_printf(out, a->name[0] ? "<%s>" : "%s", a->address);
}

void mail_id(const struct mail *m, const char *job, struct buf *out)
{
	const char *at = strrchr(m->from.address, '@');

	buf_printf(out, "%s@%s", job, at[1] == '[' ? "stint" : at + 1);
}

void mail_put(const struct mail *m, const char *job, int64_t wall_ms, struct buf *out)
{
	char date[MIME_DATE_BYTES];

	mime_date(wall_ms, date);
	buf_printf(out, "Date: %s\r\nFrom: ", date);
	put_address(out, &m->from, 6);
	buf_str(out, "\r\nTo: ");
	for (size_t i = 0; i < m->nto; i++) {
		buf_str(out, i ? ",\r\n " : "");
		put_address(out, &m->to[i], i ? 1 : 4);
	}
	buf_str(out, "\r\n");
	mime_header(out, "Subject", (struct slice){ m->subject.data ? m->subject.data : "", m->subject.len });
	buf_str(out, "Message-ID: <");
	mail_id(m, job, out);
	buf_str(out, ">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nAuto-Submitted: auto-generated\r\n\r\n");
	mime_quoted_printable(out, (struct slice){ m->body.data ? m->body.data : "", m->body.len });
}
