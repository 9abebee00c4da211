/* doc/shm-layout.md against the structs: each row `struct.member | at | bytes` of the page is what the compiler made of it, and none is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/event_ring.h"
#include "shm/grant.h"
#include "shm/request.h"

struct row { const char *name; size_t at, bytes; };
#define ROW(s, m) { #s "." #m, offsetof(struct s, m), sizeof(((struct s *)0)->m) }

static const struct row rows[] = {
	ROW(shm_geometry, magic),
	ROW(shm_geometry, layout),
	ROW(shm_geometry, header_bytes),
	ROW(shm_geometry, total_bytes),
	ROW(shm_geometry, epoch),
	ROW(shm_geometry, created_ms),
	ROW(shm_geometry, boot_id),
	ROW(shm_geometry, version),
	ROW(shm_geometry, nproc),
	ROW(shm_geometry, nacceptor),
	ROW(shm_geometry, nworker),
	ROW(shm_geometry, run_capacity),
	ROW(shm_geometry, nrequest_acceptor),
	ROW(shm_geometry, request_bytes_acceptor),
	ROW(shm_geometry, grant_bytes),
	ROW(shm_geometry, off_proc),
	ROW(shm_geometry, off_commit_hist),
	ROW(shm_header, server_state),
	ROW(shm_header, no_claims),
	ROW(shm_header, generation),
	ROW(shm_header, reload_ok_ms),
	ROW(shm_header, reload_failed),
	ROW(shm_header, event_head),
	ROW(shm_header, keeper_turn),
	ROW(shm_proc, state),
	ROW(shm_proc, role),
	ROW(shm_proc, incarnation),
	ROW(shm_proc, generation),
	ROW(shm_proc, pid),
	ROW(shm_proc, restarts),
	ROW(shm_proc, started_ms),
	ROW(shm_proc, number),
	ROW(shm_proc, heartbeat_ns),
	ROW(shm_proc, sleeping),
	ROW(shm_proc, running),
	ROW(shm_proc, rss_kb),
	ROW(shm_proc, want),
	ROW(shm_proc, grant_tail),
	ROW(shm_proc, want_type),
	ROW(shm_proc, want_room),
	ROW(shm_proc, listening),
	ROW(shm_proc, grant_head),
	ROW(shm_proc, grant_seq),
	ROW(shm_proc, grant_next_head),
	ROW(shm_proc, grant_next_seq),
	ROW(shm_proc, counter),
	ROW(shm_run, state),
	ROW(shm_run, attempt),
	ROW(shm_run, token),
	ROW(shm_run, started_ms),
	ROW(shm_run, id),
	ROW(shm_run, type),
	ROW(shm_handout, state),
	ROW(shm_handout, batch),
	ROW(shm_handout, claim),
	ROW(shm_handout, token),
	ROW(shm_handout, id),
	ROW(shm_named, ready),
	ROW(shm_named, name),
	ROW(shm_named, h),
	ROW(shm_histogram, count),
	ROW(shm_histogram, sum_us),
	ROW(shm_histogram, max_us),
	ROW(shm_histogram, bucket),
	ROW(shm_request, state),
	ROW(shm_request, owner),
	ROW(shm_request, seq),
	ROW(shm_request, nops),
	ROW(shm_request, bytes),
	ROW(shm_request, off_ops),
	ROW(shm_request, off_results),
	ROW(shm_request, ops_capacity),
	ROW(shm_request, results_capacity),
	ROW(request_head, bytes),
	ROW(request_head, op),
	ROW(request_head, flags),
	ROW(request_head, tag),
	ROW(request_finish, id),
	ROW(request_finish, token),
	ROW(request_finish, outcome),
	ROW(request_finish, exit_code),
	ROW(request_finish, term_signal),
	ROW(request_finish, flags),
	ROW(request_finish, started_ms),
	ROW(request_finish, duration_us),
	ROW(request_finish, cpu_us),
	ROW(request_finish, max_rss_kb),
	ROW(request_finish, retry_in_ms),
	ROW(request_finish, result_blob),
	ROW(request_finish, log_blob),
	ROW(request_finish, result_len),
	ROW(request_finish, log_len),
	ROW(request_finish, error_len),
	ROW(request_stage, blob),
	ROW(request_stage, offset),
	ROW(request_progress, id),
	ROW(request_progress, token),
	ROW(request_progress, percent),
	ROW(request_progress, message_len),
	ROW(request_act, id),
	ROW(request_act, act),
	ROW(request_bulk, act),
	ROW(request_bulk, states),
	ROW(request_bulk, until_id),
	ROW(request_bulk, until_ms),
	ROW(request_bulk, part),
	ROW(request_bulk, key),
	ROW(request_bulk, type_len),
	ROW(request_bulk, queue_len),
	ROW(request_bulk, tag_len),
	ROW(request_bulk, text_len),
	ROW(request_bulk, queues_len),
	ROW(request_bulk, reserved),
	ROW(request_queue, act),
	ROW(request_queue, name_len),
	ROW(request_import, blob),
	ROW(request_import, bytes),
	ROW(request_schedule, name_len),
	ROW(request_group, n),
	ROW(request_group, refused),
	ROW(request_group, bad),
	ROW(request_group, blob),
	ROW(request_group, bytes),
	ROW(request_element, tag),
	ROW(request_element, payload_blob),
	ROW(request_element, bytes),
	ROW(request_result, tag),
	ROW(request_result, rc),
	ROW(request_result, state),
	ROW(request_result, id),
	ROW(request_result, at_ms),
	ROW(request_result, blob),
	ROW(request_result, run_at_ms),
	ROW(request_import_result, tag),
	ROW(request_import_result, rc),
	ROW(request_import_result, state),
	ROW(request_import_result, field),
	ROW(request_bulk_result, tag),
	ROW(request_bulk_result, rc),
	ROW(request_bulk_result, part),
	ROW(request_bulk_result, key),
	ROW(request_bulk_result, count),
	ROW(request_bulk_result, key_end),
	ROW(shm_event, seq),
	ROW(shm_event, at_ms),
	ROW(shm_event, id),
	ROW(shm_event, attempt),
	ROW(shm_event, state),
	ROW(shm_event, event),
	ROW(shm_event, outcome),
	ROW(shm_event, cut),
	ROW(shm_event, type),
	ROW(shm_event, queue),
	ROW(shm_event, percent),
	ROW(grant, bytes),
	ROW(grant, kind),
	ROW(grant, flags),
	ROW(grant, seq),
	ROW(grant, id),
	ROW(grant, token),
	ROW(grant, attempt),
	ROW(grant, max_attempts),
	ROW(grant, timeout_ms),
	ROW(grant, claimed_ms),
	ROW(grant, priority),
	ROW(grant, type_len),
	ROW(grant, queue_len),
	ROW(grant, name_len),
	ROW(grant, trace_len),
	ROW(grant, content_type_len),
	ROW(grant, payload_len),
	ROW(grant, payload_blob),
	ROW(grant, crashes),
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_of(const char *name)
{
	for (size_t i = 0; i < NROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void test_the_page_is_true(void **state)
{
	const char *top = getenv("srcdir");
	char path[1024], line[512], name[64];
	unsigned long at, bytes;
	size_t n = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/shm-layout.md", top ? top : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "| `%63[a-z_.]` | %lu | %lu |", name, &at, &bytes) != 3)
			continue;
		const struct row *r = row_of(name);
		if (!r)
			fail_msg("the page has %s, the program has not", name);
		if (r->at != at || r->bytes != bytes)
			fail_msg("%s lies at %zu with %zu bytes, the page says %lu and %lu", name, r->at, r->bytes, at, bytes);
		n++;
	}
	fclose(f);
	assert_int_equal(n, NROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_page_is_true) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
