/* Reads jobs for those who show them. Called by api_job.c and the pages. Nothing here is fatal. */
#include "http/job_read.h"

void job_read_free(struct job_read *j)
{
	buf_free(&j->payload);
	buf_free(&j->result);
	buf_free(&j->error);
	buf_free(&j->progress);
	buf_free(&j->depends);
}

static struct slice present(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

static enum store_rc missing_is_fine(enum store_rc rc)
{
	return rc == STORE_NOT_FOUND ? STORE_OK : rc;
}

/* Each may be missing. */
static enum store_rc read_parts(struct store_reader *r, bool brief, struct job_read *j, int32_t *percent)
{
	const struct job_spec *s = &j->spec;
	struct job_text text = { 0 };
	struct store_progress said = { .percent = -1 };
	enum store_rc rc;

	if (s->content_type.n == 0 && s->payload_blob == 0)
		buf_add(&j->payload, s->payload.p, s->payload.n);
	else if (s->content_type.n == 0 && !brief && (rc = missing_is_fine(store_payload(r, j->job.id, &j->payload))) != STORE_OK)
		return rc;
	if (s->ndepends && (rc = store_depends(r, j->job.id, &j->depends)) != STORE_OK)
		return rc;
	if (!(brief && j->job.result_blob) && (rc = missing_is_fine(store_result(r, &j->job, &j->result))) != STORE_OK)
		return rc;
	if ((rc = missing_is_fine(store_last_error(r, j->job.id, &text))) != STORE_OK)
		return rc;
	buf_add(&j->error, text.p, text.n);
	if ((rc = missing_is_fine(store_progress_get(r, j->job.id, &said))) != STORE_OK)
		return rc;
	*percent = said.percent;
	buf_add(&j->progress, said.message.p, said.message.n);
	return j->payload.failed || j->depends.failed || j->result.failed || j->error.failed || j->progress.failed ? STORE_NO_MEMORY : STORE_OK;
}

enum store_rc job_read(struct store_reader *r, struct job_id id, bool brief, struct job_read *out)
{
	struct job_text worker = { 0 };
	int32_t percent = -1;

	*out = (struct job_read){ 0 };
	enum store_rc rc = store_get(r, id, &out->job, &out->spec);
	if (rc == STORE_OK)
		rc = read_parts(r, brief, out, &percent);
	if (rc != STORE_OK) {
		job_read_free(out);
		return rc;
	}
	store_worker(r, &out->job, &worker);
	out->view = (struct job_view){ .job = &out->job, .spec = &out->spec, .payload = present(&out->payload), .depends = present(&out->depends), .last_error = present(&out->error),
		.progress = present(&out->progress), .progress_pct = percent, .result = present(&out->result), .worker = { worker.p, worker.n } };
	return STORE_OK;
}
