/* The file of access tokens: read by conf_load() and by nobody else, since only the master may be allowed to. A mistake in it is one of the conf's.
 * A line is NAME ROLE[,ROLE] SHA256-OF-TOKEN [queue=QUEUE[,QUEUE]]; blank lines and those that begin with # are passed over. */
#include "config/internal.h"

#include <stdlib.h>
#include <string.h>

#include "text/json_scan.h"

#define NAME_MAX_BYTES 64
#define WORDS 5                         /* one more than a line may have */
#define QUEUES_MAX 256                  /* of a token: they go with each slice of an action on many jobs */

const struct conf_role conf_roles[] = {
	{ "read", CONF_ROLE_READ }, { "submit", CONF_ROLE_SUBMIT }, { "work", CONF_ROLE_WORK }, { "admin", CONF_ROLE_ADMIN }, { NULL, 0 },
};

struct reader {
	struct loader *l;
	const char *file;
	unsigned line;
	struct conf_http *http;
	size_t cap;
};

/* "BEFORE 'word'AFTER" */
static bool wrong(struct reader *r, const char *before, struct slice word, const char *after)
{
	mistake(r->l, r->file, r->line, "%s '%s'%s", before, shown(r->l, word), after);
	return false;
}

unsigned conf_role_of(struct slice name)
{
	for (const struct conf_role *p = conf_roles; p->name; p++)
		if (slice_eq(name, p->name))
			return p->bit;
	return 0;
}

/* The next part of s up to a character; s is what is left. */
static struct slice part(struct slice *s, char end)
{
	const char *e = memchr(s->p, end, s->n);
	struct slice word = { s->p, e ? (size_t)(e - s->p) : s->n };

	*s = (struct slice){ s->p + word.n + (e != NULL), s->n - word.n - (e != NULL) };
	return word;
}

static bool take_name(struct reader *r, struct slice word, struct conf_token *t)
{
	if (!name_good(word.p, word.n) || word.n > NAME_MAX_BYTES)
		return wrong(r, "bad token name", word, ": expected 1 to 64 characters of A-Z a-z 0-9 . _ : / -");
	for (size_t i = 0; i < r->http->ntoken; i++)
		if (slice_eq(word, r->http->token[i].name))
			return wrong(r, "the token", word, " is given twice");
	t->name = slice_dup(word);
	r->l->no_memory |= !t->name;
	return t->name != NULL;
}

static bool take_roles(struct reader *r, struct slice word, struct conf_token *t)
{
	do {
		struct slice role = part(&word, ',');
		unsigned bit = conf_role_of(role);
		if (!bit)
			return wrong(r, "there is no role", role, ": a token has one or several of read, submit, work and admin, with commas between");
		t->roles |= bit;
	} while (word.n);
	return true;
}

static bool take_hash(struct reader *r, struct slice word, struct conf_token *t)
{
	bool good = word.n == 2 * sizeof(t->hash);

	for (size_t i = 0; good && i < sizeof(t->hash); i++) {
		int high = json_hex_value(word.p[2 * i]), low = json_hex_value(word.p[2 * i + 1]);
		good = high >= 0 && low >= 0;
		t->hash[i] = (uint8_t)(high << 4 | low);
	}
	if (!good)
		return wrong(r, "bad hash", word, ": expected the SHA-256 of the token as 64 hexadecimal digits; `stint token` makes such lines");
	for (size_t i = 0; i < r->http->ntoken; i++)
		if (memcmp(t->hash, r->http->token[i].hash, sizeof(t->hash)) == 0)
			return wrong(r, "the hash", word, " is given twice: two tokens cannot be the same");
	return true;
}

static bool take_queues(struct reader *r, struct slice word, struct conf_token *t)
{
	struct slice rest = word;
	struct buf names = { 0 };
	bool good = true;
	unsigned n = 0;

	if (word.n < 7 || memcmp(word.p, "queue=", 6) != 0)
		return wrong(r, "expected queue=QUEUE[,QUEUE], not", word, "");
	rest = (struct slice){ word.p + 6, word.n - 6 };
	do {
		struct slice queue = part(&rest, ',');
		if (!name_good(queue.p, queue.n))
			good = wrong(r, "bad queue name", queue, ": expected 1 to 128 characters of A-Z a-z 0-9 . _ : / -");
		else if (n++ == QUEUES_MAX)
			good = wrong(r, "the queue", queue, " is one too many: a token is for at most 256 queues, or for all");
		buf_slice(&names, queue);
		buf_char(&names, '\0');
	} while (good && rest.n);
	r->l->no_memory |= names.failed;
	if (good && !names.failed) {
		t->queues = names.data;
		t->queues_bytes = names.len;
		return true;
	}
	buf_free(&names);
	return false;
}

static void token_free(struct conf_token *t)
{
	free(t->name);
	free(t->queues);
}

static void keep(struct reader *r, struct conf_token *t)
{
	if (r->http->ntoken == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct conf_token *more = realloc(r->http->token, cap * sizeof(*more));
		if (!more) {
			r->l->no_memory = true;
			token_free(t);
			return;
		}
		r->http->token = more;
		r->cap = cap;
	}
	r->http->token[r->http->ntoken++] = *t;
}

static void take_line(struct reader *r, struct slice line)
{
	struct conf_token t = { 0 };
	struct slice word[WORDS];
	size_t n = 0;

	for (size_t i = 0; i < line.n && n < WORDS;) {
		size_t from;
		for (; i < line.n && strchr(" \t\r", line.p[i]) && line.p[i]; i++)
			;
		for (from = i; i < line.n && !(strchr(" \t\r", line.p[i]) && line.p[i]); i++)
			;
		if (i > from)
			word[n++] = (struct slice){ line.p + from, i - from };
	}
	if (n == 0 || word[0].p[0] == '#')
		return;
	if (n < 3 || n > 4)
		mistake(r->l, r->file, r->line, "a line has three or four words: NAME ROLE[,ROLE] SHA256-OF-TOKEN [queue=QUEUE[,QUEUE]]");
	else if (take_name(r, word[0], &t) && take_roles(r, word[1], &t) && take_hash(r, word[2], &t) && (n == 3 || take_queues(r, word[3], &t))) {
		keep(r, &t);
		return;
	}
	token_free(&t);
}

/* A server that may not read them lets nobody in. */
void tokens_read(struct loader *l, const struct block *http)
{
	struct reader r = { .l = l, .http = &l->conf->http };

	if (!r.http->token_file[0] || l->text_only)
		return;
	struct source *source = source_private(l, http, "token_file", r.http->token_file);
	if (!source)
		return;
	r.file = source->name;
	for (struct slice rest = source->text; rest.n && !l->no_memory;) {
		r.line++;
		take_line(&r, part(&rest, '\n'));
	}
	if (r.http->ntoken == 0 && !l->report->errors)
		warning(l, r.file, 1, "there is no token in this file, so nobody may do anything: `stint token NAME ROLE` makes one");
}

void tokens_free(struct conf_http *http)
{
	for (size_t i = 0; i < http->ntoken; i++)
		token_free(&http->token[i]);
	free(http->token);
	http->token = NULL;
	http->ntoken = 0;
}
