/* Filters as a query and as JSON. Called by list.c and act.c. Nothing here exits. */
#include "cli/filter.h"

#include <stddef.h>

#include "text/json.h"
#include "text/url.h"

static const struct { const char *name; size_t offset; } members[] = {
	{ "state", offsetof(struct filter, state) }, { "type", offsetof(struct filter, type) }, { "queue", offsetof(struct filter, queue) },
	{ "tag", offsetof(struct filter, tag) }, { "q", offsetof(struct filter, search) },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static const char *value(const struct filter *f, size_t i)
{
	return *(const char *const *)(const void *)((const char *)f + members[i].offset);
}

bool filter_empty(const struct filter *f)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (value(f, i))
			return false;
	return true;
}

void filter_query(struct buf *out, const struct filter *f)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (!value(f, i))
			continue;
		buf_printf(out, "%s=", members[i].name);
		url_encode(out, slice_of(value(f, i)));
		buf_char(out, '&');
	}
}

void filter_json(struct buf *out, const struct filter *f)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (!value(f, i))
			continue;
		buf_printf(out, ",\"%s\":", members[i].name);
		json_put_string(out, slice_of(value(f, i)));
	}
}
