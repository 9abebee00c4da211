/* Which jobs a page is about: the listing's filters, from an address or a form, and back into each of them. */
#ifndef STINT_HTTP_PAGE_FILTER_H
#define STINT_HTTP_PAGE_FILTER_H

#include "http/form.h"
#include "http/http.h"

enum { PAGE_FILTER_STATE, PAGE_FILTER_TYPE, PAGE_FILTER_QUEUE, PAGE_FILTER_TAG, PAGE_FILTER_Q, PAGE_FILTERS };
#define PAGE_FILTER_NAMES "state,type,queue,tag,q"

struct page_filter { struct slice v[PAGE_FILTERS]; };   /* empty: any. Texts of the request, or of the form */

extern const char *const page_filter_name[PAGE_FILTERS];

struct page_filter page_filter_of_query(const struct http_request *q);
struct page_filter page_filter_of_form(const struct form *f);
bool page_filter_empty(const struct page_filter *f);
void page_filter_hidden(struct buf *b, const struct page_filter *f);    /* as hidden fields of a form */
/* The listing's address, to stand in an attribute. more, NULL or "cursor=...", comes behind the filters. */
void page_filter_href(struct buf *b, const struct page_filter *f, const char *more);
void page_filter_where(struct buf *b, const struct page_filter *f, const char *more);   /* the same, to stand in a header */
void page_filter_json(struct buf *b, const struct page_filter *f);      /* an object's members; {"all":true}'s where there are none */
void page_filter_says(struct buf *b, const struct page_filter *f);      /* for people: "state dead, queue mail"; nothing where it is empty */

#endif
