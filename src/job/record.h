/* The bytes of a job, in the store and between processes. Little-endian, versioned, each record with a crc32c of itself.
 *
 * To change a layout: raise RECORD_VERSION, keep the old decoder beside the new one under its number, add a fixture of the old bytes to the tests. */
#ifndef STINT_JOB_RECORD_H
#define STINT_JOB_RECORD_H

#include "job/job.h"

#define RECORD_VERSION 1u
#define RECORD_JOB_BYTES 264            /* fourteen lie in a page of 4,096 with their keys; a byte more and it is thirteen */
#define RECORD_SPEC_HEAD 144            /* fixed part of a spec; texts follow in order */
#define RECORD_SPEC_MAX (RECORD_SPEC_HEAD + 8 * 256 + JOB_TAGS_MAX * (JOB_TAG_MAX + 2) + JOB_DEPENDS_MAX * 16 + JOB_INLINE_MAX)

enum record_rc { RECORD_OK, RECORD_SHORT, RECORD_VERSION_NEWER, RECORD_CRC, RECORD_BAD };

void record_job_encode(const struct job *j, uint8_t out[RECORD_JOB_BYTES]);
enum record_rc record_job_decode(const void *p, size_t n, struct job *out);

/* Bytes written, or 0 where `cap` is too small or a field is out of its range. The crc covers all bytes, payload included. */
size_t record_spec_encode(const struct job_spec *s, uint8_t *out, size_t cap);
/* Texts of *out point into p. Every bound is checked. */
enum record_rc record_spec_decode(const void *p, size_t n, struct job_spec *out);

/* One attempt that ended, for the history; var-sized. */
struct record_attempt {
	uint64_t token;                 /* of its lease: tells attempts of the same number apart, where a job was retried by hand */
	uint32_t attempt, outcome;      /* enum job_outcome */
	int64_t claimed_ms, started_ms, ended_ms;       /* started 0: it never was */
	int64_t retry_at_ms;            /* 0: no retry was scheduled */
	int32_t exit_code, term_signal;
	int64_t duration_us, cpu_us;
	uint64_t max_rss_kb;
	uint32_t worker;
	int32_t worker_pid;
	uint64_t log_blob, log_len;     /* blob 0: the log follows inline */
	struct job_text error, log;
	struct job_text who;            /* of a remote worker: what it calls itself */
};
#define RECORD_ATTEMPT_MAX (128 + 64 + JOB_ERROR_MAX + JOB_INLINE_MAX)
size_t record_attempt_encode(const struct record_attempt *a, uint8_t *out, size_t cap);
enum record_rc record_attempt_decode(const void *p, size_t n, struct record_attempt *out);

const char *record_rc_text(enum record_rc rc);

#endif
