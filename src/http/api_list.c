/* GET /jobs: a listing as JSON. Called by the wire half through http_routes. Nothing here is fatal. */
#include "http/http.h"

#include "http/job_list.h"
#include "http/job_wait.h"

static enum store_rc put(struct http_request *q, struct job_id id, bool first, struct buf *body)
{
	enum job_state state;

	buf_str(body, first ? "{\"jobs\":[" : ",");
	return api_job_put_brief(q->api->reader, id, body, &state);
}

static void end(struct http_request *q, struct buf *body, const char *cursor)
{
	if (body->len == 0)
		buf_str(body, "{\"jobs\":[");
	if (cursor)
		buf_printf(body, "],\"cursor\":\"%s\"}", cursor);
	else
		buf_str(body, "],\"cursor\":null}");
	reply_json(q, 200, body);
}

void api_jobs(struct http_request *q)
{
	static const struct job_list_form json = { put, end };

	job_list(q, &json);
}
