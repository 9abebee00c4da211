/* One typed value: read, written, compared, copied. Called by load.c for every setting and by dump.c; a bad value changes nothing in the slot. */
#include "config/internal.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "text/duration.h"

void list_free(struct conf_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct conf_list){ 0 };
}

static bool list_of(char *const *v, size_t n, struct conf_list *out)
{
	*out = (struct conf_list){ 0 };
	if (!n)
		return true;
	out->v = calloc(n, sizeof *out->v);
	if (!out->v)
		return false;
	for (; out->n < n; out->n++) {
		out->v[out->n] = strdup(v[out->n]);
		if (!out->v[out->n]) {
			list_free(out);
			return false;
		}
	}
	return true;
}

static struct slice trimmed(struct slice s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool list_split(struct slice text, struct conf_list *out)
{
	size_t room = 1;

	*out = (struct conf_list){ 0 };
	text = trimmed(text);
	if (!text.n)
		return true;
	for (size_t i = 0; i < text.n; i++)
		room += text.p[i] == ',';
	out->v = calloc(room, sizeof *out->v);
	if (!out->v)
		return false;
	while (out->n < room) {
		const char *comma = memchr(text.p, ',', text.n);
		size_t n = comma ? (size_t)(comma - text.p) : text.n;
		out->v[out->n] = slice_dup(trimmed((struct slice){ text.p, n }));
		if (!out->v[out->n]) {
			list_free(out);
			return false;
		}
		out->n++;
		text.p += n + (comma != NULL);
		text.n -= n + (comma != NULL);
	}
	return true;
}

static bool digits_only(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && !s[n];
}

/* Out of memory for the kernel's set of processors counts as one processor: slow, never wrong. */
static uint64_t processors(void)
{
	for (int room = 1024; room <= 1 << 20; room *= 2) {
		cpu_set_t *set = CPU_ALLOC(room);
		if (!set)
			return 1;
		size_t bytes = CPU_ALLOC_SIZE(room);
		int rc = sched_getaffinity(0, bytes, set), error = errno;
		int n = rc == 0 ? CPU_COUNT_S(bytes, set) : 0;
		CPU_FREE(set);
		if (rc == 0)
			return n > 0 ? (uint64_t)n : 1;
		if (error != EINVAL)
			break;
	}
	return 1;
}

static bool within(const struct directive *d, uint64_t v)
{
	return v >= (uint64_t)d->min && v <= (uint64_t)d->max;
}

static bool read_unsigned(const struct directive *d, const char *s, int base, uint64_t *out)
{
	char *end;

	if (!digits_only(s))
		return false;
	errno = 0;
	unsigned long long v = strtoull(s, &end, base);
	if (errno || *end || !within(d, v))
		return false;
	*out = v;
	return true;
}

static bool read_signed(const struct directive *d, const char *s, int64_t *out)
{
	bool minus = *s == '-';
	char *end;

	if (!digits_only(s + (minus || *s == '+')))
		return false;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (errno || *end || v < d->min || v > d->max)
		return false;
	*out = v;
	return true;
}

/* Digits with at most one point, so that the letters strtod() also takes (inf, 0x, 1e9) stay out. */
static bool read_real(const struct directive *d, const char *s, double *out)
{
	const char *point = strchr(s, '.');
	char *end;

	if (!*s || strspn(s, "0123456789.") != strlen(s) || (point && (!point[1] || strchr(point + 1, '.'))) || *s == '.')
		return false;
	double v = strtod(s, &end);
	if (*end || !isfinite(v) || v < (double)d->min || v > (double)d->max)
		return false;
	*out = v;
	return true;
}

static bool read_choice(const struct directive *d, const char *s, int *out)
{
	for (int i = 0; d->names[i]; i++)
		if (strcmp(s, d->names[i]) == 0) {
			*out = i;
			return true;
		}
	return false;
}

static bool good_text(const struct directive *d, const char *s)
{
	if (!*s)
		return !(d->flags & CONF_FILLED);
	if (d->max && (strlen(s) > (size_t)d->max || strlen(s) < (size_t)d->min))
		return false;
	return d->type != CONF_LOG || strcmp(s, "stderr") == 0 || strcmp(s, "syslog") == 0 || strchr(s, '/');
}

static bool read_number(const struct directive *d, const char *s, union conf_slot *v)
{
	struct slice text = slice_of(s);

	switch (d->type) {
	case CONF_AUTO:
		if (strcmp(s, "auto") != 0)
			return read_unsigned(d, s, 10, &v->u);
		v->u = processors();
		if (v->u > (uint64_t)d->max)
			v->u = (uint64_t)d->max;
		return true;
	case CONF_UINT: return read_unsigned(d, s, 10, &v->u);
	case CONF_OCTAL: return read_unsigned(d, s, 8, &v->u);
	case CONF_INT: return read_signed(d, s, &v->i);
	case CONF_SIZE: return size_parse(text, &v->u) && within(d, v->u);
	case CONF_DURATION: return duration_parse(text, &v->i) && v->i >= d->min && v->i <= d->max;
	case CONF_RATE: return rate_parse(text, &v->r) && v->r >= (double)d->min && v->r <= (double)d->max;
	case CONF_REAL: return read_real(d, s, &v->r);
	case CONF_BOOL:
		v->b = strcmp(s, "true") == 0;
		return v->b || strcmp(s, "false") == 0;
	case CONF_CHOICE: return read_choice(d, s, &v->w);
	default: return false;
	}
}

static size_t width(enum conf_type type)
{
	switch (type) {
	case CONF_BOOL: return sizeof(bool);
	case CONF_CHOICE: return sizeof(int);
	case CONF_STRING: case CONF_PATH: case CONF_LOG: return sizeof(char *);
	case CONF_LIST: return sizeof(struct conf_list);
	default: return 8;
	}
}

static bool is_text(enum conf_type type)
{
	return type == CONF_STRING || type == CONF_PATH || type == CONF_LOG;
}

enum value_rc value_set(const struct directive *d, void *slot, char *const *v, size_t n)
{
	union conf_slot new = { 0 };

	if (d->type == CONF_LIST) {
		if (!n && (d->flags & CONF_FILLED))
			return VALUE_BAD;
		if (!list_of(v, n, &new.l))
			return VALUE_NO_MEMORY;
	} else if (n != 1) {
		return VALUE_BAD;
	} else if (is_text(d->type)) {
		if (!good_text(d, v[0]))
			return VALUE_BAD;
		new.s = strdup(v[0]);
		if (!new.s)
			return VALUE_NO_MEMORY;
	} else if (!read_number(d, v[0], &new)) {
		return VALUE_BAD;
	}
	value_clear(d, slot);
	memcpy(slot, &new, width(d->type));
	return VALUE_OK;
}

enum value_rc value_default(const struct directive *d, void *slot)
{
	struct conf_list l = { 0 };
	enum value_rc rc;

	if (!d->def) {
		char empty[] = "", *one = empty;
		if (!is_text(d->type))
			return VALUE_OK;        /* zeroed already */
		struct directive any = *d;
		any.flags = 0;
		return value_set(&any, slot, &one, 1);
	}
	if (d->type == CONF_LIST) {
		if (!list_split(slice_of(d->def), &l))
			return VALUE_NO_MEMORY;
		rc = value_set(d, slot, l.v, l.n);
		list_free(&l);
		return rc;
	}
	char *one = strdup(d->def);
	if (!one)
		return VALUE_NO_MEMORY;
	rc = value_set(d, slot, &one, 1);
	free(one);
	return rc;
}

void value_clear(const struct directive *d, void *slot)
{
	if (d->type == CONF_LIST)
		list_free(slot);
	else if (is_text(d->type))
		free(*(char **)slot);
	memset(slot, 0, width(d->type));
}

bool value_equal(const struct directive *d, const void *a, const void *b)
{
	if (is_text(d->type))
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	if (d->type != CONF_LIST)
		return memcmp(a, b, width(d->type)) == 0;
	const struct conf_list *la = a, *lb = b;
	if (la->n != lb->n)
		return false;
	for (size_t i = 0; i < la->n; i++)
		if (strcmp(la->v[i], lb->v[i]) != 0)
			return false;
	return true;
}

bool value_copy(const struct directive *d, void *to, const void *from)
{
	union conf_slot new = { 0 };

	if (d->type == CONF_LIST) {
		const struct conf_list *l = from;
		if (!list_of(l->v, l->n, &new.l))
			return false;
	} else if (is_text(d->type)) {
		new.s = strdup(*(char *const *)from);
		if (!new.s)
			return false;
	} else {
		memcpy(&new, from, width(d->type));
	}
	value_clear(d, to);
	memcpy(to, &new, width(d->type));
	return true;
}
