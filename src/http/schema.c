/* Tables of members written as JSON Schema (2020-12, which OpenAPI 3.1 takes over). Called by openapi.c; nothing here is fatal: running out of memory is remembered by the buffer. */
#include "http/schema.h"

#include <string.h>

#include "job/job.h"
#include "text/json.h"

static void put_text(struct buf *b, const char *name, const char *text)
{
	json_put_key(b, name);
	json_put_string(b, slice_of(text));
}

static void put_limit(struct buf *b, const char *name, double v)
{
	if (isinf(v))
		return;
	json_put_key(b, name);
	buf_printf(b, "%.17g", v);
}

static void put_choice(struct buf *b, const char *strings)
{
	json_put_key(b, "enum");
	buf_char(b, '[');
	for (const char *p = strings; *p;) {
		size_t n = strcspn(p, ",");
		json_put_string(b, (struct slice){ p, n });
		p += n;
		if (*p)
			buf_char(b, *p++);
	}
	buf_char(b, ']');
}

static void put_nested(struct buf *b, const char *name, const struct schema *s)
{
	json_put_key(b, name);
	buf_char(b, '{');
	schema_put(b, s);
	buf_char(b, '}');
}

/* A number's limits are said; those of a string cannot be. */
static void put_duration(struct buf *b, const struct schema *s)
{
	json_put_key(b, "oneOf");
	buf_str(b, "[{\"type\":\"number\"");
	put_limit(b, "minimum", s->min / 1000);
	put_limit(b, "maximum", s->max / 1000);
	buf_str(b, "},{\"$ref\":\"" SCHEMA_REF_PREFIX "DurationText\"}]");
}

static void put_one_of(struct buf *b, const struct schema *s)
{
	json_put_key(b, "oneOf");
	buf_str(b, "[{");
	schema_put(b, &s->of[0]);
	buf_str(b, "},{");
	schema_put(b, &s->of[1]);
	buf_str(b, "}]");
}

static void put_string(struct buf *b, const struct schema *s)
{
	put_text(b, "type", "string");
	if (s->min > 0)
		put_limit(b, "minLength", s->min);
	put_limit(b, "maxLength", s->max);
	if (s->text)
		put_text(b, "pattern", s->text);
}

static void put_ranged(struct buf *b, const char *type, const char *least, const char *most, const struct schema *s)
{
	put_text(b, "type", type);
	put_limit(b, least, s->min);
	put_limit(b, most, s->max);
}

void schema_put(struct buf *b, const struct schema *s)
{
	switch (s->kind) {
	case SCHEMA_IS_TEXT:
		put_string(b, s);
		break;
	case SCHEMA_IS_TEXT_OR_NULL:
		json_put_key(b, "type");
		buf_str(b, "[\"string\",\"null\"]");
		break;
	case SCHEMA_IS_CHOICE:
		put_text(b, "type", "string");
		put_choice(b, s->text);
		break;
	case SCHEMA_IS_FORMAT:
		put_text(b, "type", "string");
		put_text(b, "format", s->text);
		break;
	case SCHEMA_IS_INTEGER:
		put_ranged(b, "integer", "minimum", "maximum", s);
		break;
	case SCHEMA_IS_NUMBER:
		put_ranged(b, "number", "minimum", "maximum", s);
		break;
	case SCHEMA_IS_FLAG:
		put_text(b, "type", "boolean");
		break;
	case SCHEMA_IS_DURATION:
		put_duration(b, s);
		break;
	case SCHEMA_IS_LIST:
		put_ranged(b, "array", "minItems", "maxItems", s);
		put_nested(b, "items", s->of);
		break;
	case SCHEMA_IS_MAP:
		put_text(b, "type", "object");
		put_nested(b, "additionalProperties", s->of);
		break;
	case SCHEMA_IS_ONE_OF:
		put_one_of(b, s);
		break;
	case SCHEMA_IS_REF:
		json_put_key(b, "$ref");
		buf_printf(b, "\"" SCHEMA_REF_PREFIX "%s\"", s->text);
		break;
	case SCHEMA_IS_ANY:
	case SCHEMA_IS_STATES:
		break;
	}
}

/* --- objects --- */

const struct schema_member *schema_member_at(const struct schema_object *o, unsigned i)
{
	if (o->at)
		return o->at(o->arg, i);
	return o->member[i].name ? &o->member[i] : NULL;
}

static void put_states(struct buf *b)
{
	static const struct schema count = SCHEMA_COUNT;

	for (unsigned i = JOB_NONE + 1; i < JOB_STATES; i++)
		put_nested(b, job_state_name((enum job_state)i), &count);
}

static void put_member(struct buf *b, const struct schema_member *m)
{
	if (m->is.kind == SCHEMA_IS_STATES) {
		put_states(b);
		return;
	}
	json_put_key(b, m->name);
	buf_char(b, '{');
	schema_put(b, &m->is);
	if (m->what)
		put_text(b, "description", m->what);
	buf_char(b, '}');
}

static void put_name(struct buf *b, const char *name)
{
	if (b->len && b->data[b->len - 1] != '[')
		buf_char(b, ',');
	json_put_string(b, slice_of(name));
}

static void put_required(struct buf *b, const struct schema_object *o)
{
	const struct schema_member *m;
	bool any = false;

	for (unsigned i = 0; (m = schema_member_at(o, i)); i++)
		any |= m->need == SCHEMA_ALWAYS;
	if (!any)
		return;
	json_put_key(b, "required");
	buf_char(b, '[');
	for (unsigned i = 0; (m = schema_member_at(o, i)); i++) {
		if (m->is.kind == SCHEMA_IS_STATES)
			for (unsigned k = JOB_NONE + 1; k < JOB_STATES; k++)
				put_name(b, job_state_name((enum job_state)k));
		else if (m->need == SCHEMA_ALWAYS)
			put_name(b, m->name);
	}
	buf_char(b, ']');
}

void schema_put_object(struct buf *b, const struct schema_object *o)
{
	const struct schema_member *m;

	buf_str(b, "{\"type\":\"object\"");
	if (o->what)
		put_text(b, "description", o->what);
	put_required(b, o);
	json_put_key(b, "properties");
	buf_char(b, '{');
	for (unsigned i = 0; (m = schema_member_at(o, i)); i++)
		put_member(b, m);
	buf_char(b, '}');
	if (o->closed)
		buf_str(b, ",\"additionalProperties\":false");
	buf_char(b, '}');
}
