/* A worker's tables over a real segment, and the keeper's part, which the test plays. */
#ifndef STINT_TESTS_PROCESS_WORKER_FIXTURE_H
#define STINT_TESTS_PROCESS_WORKER_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/descend.h"
#include "os/log.h"
#include "process/worker.h"
#include "run/family.h"
#include "run/program.h"
#include "tests/shm/segment_fixture.h"

#define MOST 32

static struct process process;
static struct worker w;
static uint32_t slot;
static uint64_t next_token;

/* What the keeper has been asked. */
static struct {
	unsigned finishes, progresses, stages;
	struct request_finish finish[MOST];
	char result[MOST][256], error[MOST][256];
	uint64_t blobs;
	struct buf blob[8];
} asked;

static const char conf_text[] =
	"handler noop { builtin = noop }\nhandler sleep { builtin = sleep }\nhandler fail { builtin = fail }\n"
	"handler json { exec = {\"/bin/sh\", \"-c\", \"echo '{\\\"a\\\":1}'\"} }\nhandler cat { exec = {\"/bin/cat\"} max_output = 64 }\n"
	"handler long { exec = {\"/bin/sh\", \"-c\", \"head -c 50000 /dev/zero | tr '\\\\0' r; head -c 9000 /dev/zero | tr '\\\\0' l >&2\"} }\n"
	"handler far { builtin = noop }\nhandler web { builtin = noop }\nhandler missing { exec = {\"/nowhere\"} }\n";

static inline void reaped(void *arg, const struct signalfd_siginfo *si)
{
	(void)arg;
	(void)si;
	family_reap(100);
}

static inline void answered(void *arg, const struct request_result *r)
{
	held_answered(arg, r);
}

static inline int setup(void **state)
{
	static const int signals[] = { SIGCHLD, 0 };
	struct conf_report report = { 0 };

	if (segment_setup(state) != 0)
		return -1;
	alarm(60);
	if (log_open(&(struct log_options){ .dest = scratch("log"), .level = LOG_LEVEL_INFO }) < 0)
		return -1;
	memset(&asked, 0, sizeof(asked));
	memset(&process, 0, sizeof(process));
	slot = segment_worker_slot(&seg, 0);
	process = (struct process){ .seg = &seg, .slot = slot, .conf = conf_parse("test", conf_text, sizeof(conf_text) - 1, &report), .loop = loop_new() };
	if (!process.conf)
		conf_report_print(&report, 2);
	conf_report_free(&report);
	if (!process.conf || !process.loop || loop_signals(process.loop, signals, reaped, NULL) < 0 || descend_subreaper() < 0)
		return -1;
	memset(&w, 0, sizeof(w));
	w = (struct worker){ .p = &process, .capacity = seg.geo.run_capacity, .most = 16, .run = segment_runs(&seg, slot), .name = "1" };
	w.box = ask_open(&seg, slot, answered, &w);
	w.host = (struct run_host){ .loop = process.loop, .arg = &w, .started = held_started, .ended = held_ended, .progress = held_progress, .logged = follow_logged, .pid = getpid() };
	w.seen = grant_attach(&seg, slot);
	return w.box && held_init(&w) == 0 ? follow_init(&w) : -1;
}

static inline int teardown(void **state)
{
	bool alone = waitpid(-1, NULL, WNOHANG) < 0;

	ask_close(w.box);
	for (uint32_t i = 0; i < w.capacity; i++) {
		buf_free(&w.held[i].result);
		buf_free(&w.held[i].log);
		buf_free(&w.held[i].payload);
		free(w.held[i].memory);
	}
	free(w.held);
	free(w.idle);
	if (w.reader)
		store_reader_close(w.reader);
	program_forget();
	loop_free(process.loop);
	conf_free((struct conf *)(uintptr_t)process.conf);
	for (size_t i = 0; i < 8; i++)
		buf_free(&asked.blob[i]);
	log_flush();
	log_open(&(struct log_options){ .dest = "stderr", .level = LOG_LEVEL_INFO });
	return segment_teardown(state) || !alone;
}

/* --- the keeper's part --- */

static inline struct job_text text(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

/* Grants one job of a type: it lies in the ring. */
static inline void grant_only(const char *type, const char *payload, uint64_t blob, uint64_t blob_len)
{
	struct grant_view v = { .type = text(type), .queue = text("default"), .name = text("a name"), .trace = text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
		.content_type = text(""), .payload = text(payload) };
	struct grant_writer writer;

	next_token++;
	v.g = (struct grant){ .id = { { 7, (uint8_t)next_token } }, .token = next_token, .attempt = 2, .max_attempts = 3, .timeout_ms = 30000, .payload_len = blob ? blob_len : strlen(payload),
		.payload_blob = blob };
	grant_begin(&seg, slot, &writer);
	assert_true(grant_write(&seg, slot, &writer, &v));
	grant_publish(&seg, slot, &writer);
}

/* The same, and the worker takes it. */
static inline struct held *grant_with(const char *type, const char *payload, uint64_t blob, uint64_t blob_len)
{
	struct grant_view seen;
	uint32_t index = w.idle[w.nidle - 1];

	grant_only(type, payload, blob, blob_len);
	assert_int_equal(grant_next(&seg, slot, &w.seen, &seen), 1);
	held_take(&w, &seen);
	assert_int_equal(grant_next(&seg, slot, &w.seen, &seen), 0);
	return &w.held[index];
}

static inline struct held *grant(const char *type, const char *payload)
{
	return grant_with(type, payload, 0, 0);
}

static inline void take_finish(struct job_text body)
{
	struct request_finish *f = &asked.finish[asked.finishes];
	const char *p = body.p + sizeof(*f);

	memcpy(f, body.p, sizeof(*f));
	size_t result = f->result_blob ? 0 : f->result_len, log = f->log_blob ? 0 : f->log_len;
	assert_int_equal(body.n, sizeof(*f) + result + f->error_len + log);
	snprintf(asked.result[asked.finishes], 256, "%.*s", (int)result, p);
	snprintf(asked.error[asked.finishes], 256, "%.*s", (int)f->error_len, p + result);
	asked.finishes++;
}

static inline uint64_t take_chunk(struct job_text body)
{
	struct request_stage s;

	memcpy(&s, body.p, sizeof(s));
	if (s.blob == 0)
		s.blob = ++asked.blobs;
	assert_int_equal(s.offset, asked.blob[s.blob].len);
	buf_add(&asked.blob[s.blob], body.p + sizeof(s), body.n - sizeof(s));
	asked.stages++;
	return s.blob;
}

/* Answers all that is posted: stages and progress with `stage_rc`, finishes with `rc`. */
static inline void keep(enum store_rc rc, enum store_rc stage_rc)
{
	static char copy[REQUEST_BYTES_MAX];

	ask_post(w.box);
	for (uint32_t i = 0; i < request_count(&seg); i++) {
		struct shm_request *r = request_slot(&seg, i);
		struct request_head head;
		struct job_text body;
		uint32_t at = 0, n = 0, room;
		if (atomic_load(&r->state) != SHM_REQUEST_POSTED)
			continue;
		struct request_result *result = request_results(&seg, r, &room);
		while (request_next(&seg, r, &at, &head, copy, &body) == 1) {
			result[n] = (struct request_result){ .tag = head.tag, .rc = (int32_t)(head.op == REQUEST_FINISH ? rc : stage_rc) };
			if (head.op == REQUEST_FINISH)
				take_finish(body);
			else if (head.op == REQUEST_STAGE)
				result[n].blob = take_chunk(body);
			else
				asked.progresses++;
			n++;
		}
		request_publish(&seg, r);
	}
	ask_poll(w.box);
}

static inline void keep_all(void)
{
	while (ask_outstanding(w.box))
		keep(STORE_OK, STORE_OK);
}

static inline void run_down(void)
{
	while (w.running)
		loop_turn(process.loop, -1);
}

static inline uint32_t run_state(const struct held *j)
{
	return atomic_load(&w.run[j->index].state);
}

static inline void assert_all_free(void)
{
	assert_int_equal(w.nidle, w.capacity);
	assert_int_equal(w.running, 0);
	assert_int_equal(ask_outstanding(w.box), 0);
	for (uint32_t i = 0; i < w.capacity; i++)
		assert_int_equal(atomic_load(&w.run[i].state), SHM_RUN_FREE);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

#endif
