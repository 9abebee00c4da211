/* Checks mail addresses, so that none can end a line, add a recipient or carry a command (RFC 5321, 4.1.2; quoted local parts are not taken). Used by the conf's checks and by what writes mail. */
#include "text/mailbox.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text/ip.h"

#define LOCAL_MAX 64            /* RFC 5321, 4.5.3.1 */
#define ADDRESS_MAX 254
#define LABEL_MAX 63

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static const char *check_local(struct slice s)
{
	if (s.n == 0)
		return "nothing stands before its '@'";
	if (s.n > LOCAL_MAX)
		return "what stands before its '@' is longer than 64 characters";
	for (size_t i = 0; i < s.n; i++) {
		bool dot = s.p[i] == '.';
		if (!dot && !alnum(s.p[i]) && !strchr("!#$%&'*+-/=?^_`{|}~", s.p[i]))
			return (unsigned char)s.p[i] > '~' ? "characters beyond ASCII stand before its '@'" : "a character stands before its '@' that may not";
		if (dot && (i == 0 || i + 1 == s.n || s.p[i + 1] == '.'))
			return "a dot before its '@' is out of place";
	}
	return NULL;
}

static const char *check_domain(struct slice s)
{
	size_t label = 0;
	struct ip a;

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
		struct slice inside = { s.p + 1, s.n - 2 };
		if (inside.n > 5 && strncasecmp(inside.p, "IPv6:", 5) == 0)
			inside = (struct slice){ inside.p + 5, inside.n - 5 };
		return ip_parse(inside, &a) ? NULL : "what stands in its brackets is no IP address";
	}
	for (size_t i = 0; i <= s.n; i++) {
		if (i == s.n || s.p[i] == '.') {
			if (label == 0 || label > LABEL_MAX || s.p[i - 1] == '-')
				return "its domain is no host name";
			label = 0;
			continue;
		}
		if ((unsigned char)s.p[i] > '~')
			return "its domain has characters beyond ASCII: write it in its xn-- form";
		if (!alnum(s.p[i]) && !(s.p[i] == '-' && label) && s.p[i] != '_')
			return "its domain is no host name";
		label++;
	}
	return NULL;
}

static const char *check_address(struct slice s)
{
	const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL, *wrong;

	if (!at)
		return "it has no '@'";
	if (s.n > ADDRESS_MAX)
		return "it is longer than 254 characters";
	wrong = check_local((struct slice){ s.p, (size_t)(at - s.p) });
	return wrong ? wrong : check_domain((struct slice){ at + 1, (size_t)(s.p + s.n - at - 1) });
}

bool mailbox_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

static struct slice trim(struct slice s)
{
	while (s.n && s.p[0] == ' ')
		s = (struct slice){ s.p + 1, s.n - 1 };
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

/* One pair of quotes around all of it: those of `"A" <a@b>, "B"` are two. */
static bool quoted(struct slice s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '"')
			return false;
		i += s.p[i] == '\\';
	}
	return true;
}

/* What stands before an address and is no name: who wrote a list would lose all but the last of it. */
static bool several(struct slice name)
{
	return name.n && memchr(name.p, '@', name.n) && (memchr(name.p, ',', name.n) || memchr(name.p, ';', name.n) || memchr(name.p, '>', name.n));
}

const char *mailbox_parse(struct slice s, struct mailbox *out)
{
	struct slice name = { "", 0 };
	const char *wrong;

	*out = (struct mailbox){ NULL, NULL };
	if (mailbox_control(s))
		return "it has a newline or another control character";
	s = trim(s);
	if (s.n && s.p[s.n - 1] == '>') {
		const char *open = memrchr(s.p, '<', s.n);
		if (!open)
			return "it has no '<' for its '>'";
		name = trim((struct slice){ s.p, (size_t)(open - s.p) });
		s = (struct slice){ open + 1, (size_t)(s.p + s.n - open - 2) };
		if (quoted(name))
			name = (struct slice){ name.p + 1, name.n - 2 };
		else if (several(name))
			return "it holds more than one address: in a list each is a string of its own";
	}
	wrong = check_address(s);
	if (wrong)
		return wrong;
	out->name = slice_dup(name);
	out->address = slice_dup(s);
	if (out->name && out->address)
		return NULL;
	mailbox_free(out);
	return "out of memory";
}

void mailbox_free(struct mailbox *a)
{
	free(a->name);
	free(a->address);
	*a = (struct mailbox){ NULL, NULL };
}
