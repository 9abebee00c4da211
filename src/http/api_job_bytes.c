/* GET /jobs/ID/result and /jobs/ID/payload: the bytes as they are. Called through http_routes.
 *
 * They are somebody else's: a browser may show them, but as no page of ours (sandbox) and as nothing but what their type says (nosniff). */
#include "http/http.h"

#include <stdio.h>
#include <string.h>

#include "http/job_json.h"
#include "http/job_request.h"

static void reply_bytes(struct http_request *q, const char *content_type, struct buf *body)
{
	reply_header(q, "Content-Security-Policy", "default-src 'none'; sandbox");
	reply_send(q, 200, content_type, body);
}

void api_job_result(struct http_request *q)
{
	struct buf body = { 0 };
	struct job job;
	struct job_id id;
	enum store_rc rc;
	bool found;

	if (!job_request_id(q, &id) || !job_request_read(q))
		return;
	rc = store_get(q->api->reader, id, &job, NULL);
	found = rc == STORE_OK;
	if (found)
		rc = store_result(q->api->reader, &job, &body);
	store_read_end(q->api->reader);
	if (found && rc == STORE_NOT_FOUND)
		problem_send(q, 404, NULL, "the job has no result; its state is %s", job_state_name(job.state));
	else if (rc != STORE_OK || body.failed)
		job_request_failed(q, rc == STORE_OK ? STORE_NO_MEMORY : rc);
	else if (job.result_json)
		reply_bytes(q, "application/json", &body);
	else
		reply_bytes(q, job_json_utf8((struct slice){ body.data, body.len }) ? "text/plain; charset=utf-8" : "application/octet-stream", &body);
	buf_free(&body);
}

/* One that was submitted came in a header; one that was imported may be any text, and must not end the line that it stands in. */
static bool fits_header(struct job_text s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

void api_job_payload(struct http_request *q)
{
	char content_type[257] = "application/json";
	struct buf body = { 0 };
	struct job_spec spec;
	struct job job;
	struct job_id id;
	enum store_rc rc;

	if (!job_request_id(q, &id) || !job_request_read(q))
		return;
	rc = store_get(q->api->reader, id, &job, &spec);
	if (rc == STORE_OK) {
		if (!fits_header(spec.content_type))
			snprintf(content_type, sizeof(content_type), "application/octet-stream");
		else if (spec.content_type.n)
			snprintf(content_type, sizeof(content_type), "%.*s", (int)spec.content_type.n, spec.content_type.p);
		rc = store_payload(q->api->reader, id, &body);
	}
	store_read_end(q->api->reader);
	if (rc != STORE_OK || body.failed)
		job_request_failed(q, rc == STORE_OK ? STORE_NO_MEMORY : rc);
	else
		reply_bytes(q, content_type, &body);
	buf_free(&body);
}
