/* The segment's geometry, its making and its doorbells. Made by the master, mapped by every child through fork, viewed read-only by `stint status`.
 * Nothing here is fatal; callers decide. */
#include "shm/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/event_ring.h"
#include "shm/line.h"
#include "shm/request.h"

#define PAGE 4096u
#define ACCEPTORS 4u                    /* two generations, and one of each being replaced */
#define REQUESTS_ACCEPTOR 4u
#define REQUESTS_WORKER 2u
#define OPS_ACCEPTOR REQUEST_BYTES_MAX
#define RESULTS_ACCEPTOR (56u << 10)    /* and their results */
#define OPS_WORKER (64u << 10)
#define RESULTS_WORKER (32u << 10)
#define GRANT_BYTES (128u << 10)
#define MIN_RUNS 256u

static uint64_t page_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* Gives every part its place; the order is that of doc/shm-layout.md. */
static void plan_layout(struct shm_geometry *h, const struct segment_plan *plan)
{
	uint64_t at = PAGE;

	h->nacceptor = ACCEPTORS;
	h->nworker = plan->workers * 2 + 2;
	h->nproc = 2 + h->nacceptor + h->nworker;
	h->run_capacity = plan->worker_jobs * 2 > MIN_RUNS ? plan->worker_jobs * 2 : MIN_RUNS;    /* those that run, and as many whose finish is on its way */
	h->nrequest_acceptor = REQUESTS_ACCEPTOR;
	h->nrequest_worker = REQUESTS_WORKER;
	h->request_bytes_acceptor = OPS_ACCEPTOR;
	h->request_bytes_worker = OPS_WORKER;
	h->result_bytes_acceptor = RESULTS_ACCEPTOR;
	h->result_bytes_worker = RESULTS_WORKER;
	h->grant_bytes = GRANT_BYTES;

	uint64_t requests = (uint64_t)h->nacceptor * REQUESTS_ACCEPTOR + (uint64_t)h->nworker * REQUESTS_WORKER;
	uint64_t area = (uint64_t)h->nacceptor * REQUESTS_ACCEPTOR * (OPS_ACCEPTOR + RESULTS_ACCEPTOR)
		+ (uint64_t)h->nworker * REQUESTS_WORKER * (OPS_WORKER + RESULTS_WORKER);
	struct { uint64_t *off; uint64_t bytes; } part[] = {
		{ &h->off_proc, (uint64_t)h->nproc * sizeof(struct shm_proc) },
		{ &h->off_run, (uint64_t)h->nworker * h->run_capacity * sizeof(struct shm_run) },
		{ &h->off_request, requests * sizeof(struct shm_request) },
		{ &h->off_area, area },
		{ &h->off_grant, (uint64_t)h->nworker * GRANT_BYTES },
		{ &h->off_handout, (uint64_t)h->nacceptor * SHM_HANDOUTS * sizeof(struct shm_handout) },
		{ &h->off_event, (uint64_t)SHM_EVENTS * sizeof(struct shm_event) },
		{ &h->off_queue_hist, (SHM_TYPES + 1) * sizeof(struct shm_named) },
		{ &h->off_type_hist, (SHM_TYPES + 1) * sizeof(struct shm_named) },
		{ &h->off_submit_hist, 3 * sizeof(struct shm_histogram) },      /* queue, exec, submit */
		{ &h->off_commit_hist, sizeof(struct shm_histogram) },
	};
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		*part[i].off = at;
		at = page_up(at + part[i].bytes);
	}
	h->total_bytes = at;
}

static void place_requests(struct segment *s)
{
	for (uint32_t i = 0; i < request_count(s); i++)
		request_place(s, request_slot(s, i));
}

static void point_into(struct segment *s)
{
	const struct shm_geometry *h = &s->geo;

	s->proc = (struct shm_proc *)(void *)(s->base + h->off_proc);
	s->run = (struct shm_run *)(void *)(s->base + h->off_run);
	s->queue_hist = (struct shm_named *)(void *)(s->base + h->off_queue_hist);
	s->type_hist = (struct shm_named *)(void *)(s->base + h->off_type_hist);
	s->queue_us = (struct shm_histogram *)(void *)(s->base + h->off_submit_hist);
	s->exec_us = s->queue_us + 1;
	s->submit_us = s->queue_us + 2;
	s->commit_us = (struct shm_histogram *)(void *)(s->base + h->off_commit_hist);
}

static int make_bells(struct segment *s)
{
	uint32_t n = s->geo.nproc;

	s->bell = calloc(n, sizeof(*s->bell));
	if (!s->bell)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		s->bell[i] = -1;
	for (uint32_t i = 0; i < n; i++) {
		s->bell[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (s->bell[i] < 0)
			return -1;
	}
	return 0;
}

/* A file of that size under a name of its own, every byte allocated: touching a hole of a full tmpfs would be SIGBUS. Returns the fd. */
static int make_file(const char *temp, uint64_t bytes, const gid_t *group)
{
	/* What a killed predecessor left; O_EXCL so that nothing planted there is written to. */
	if (unlink(temp) < 0 && errno != ENOENT)
		return -1;
	int fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	int rc = group && fchown(fd, (uid_t)-1, *group) < 0 ? errno : posix_fallocate(fd, 0, (off_t)bytes);
	if (rc != 0) {
		close(fd);
		unlink(temp);
		errno = rc;
		return -1;
	}
	return fd;
}

int segment_create(struct segment *s, const char *path, const struct segment_plan *plan, uint64_t epoch, int64_t wall_ms, const uint8_t boot_id[16])
{
	struct shm_geometry h = { .magic = { 0 }, .layout = SHM_LAYOUT, .header_bytes = sizeof(struct shm_header), .epoch = epoch, .created_ms = wall_ms };
	char temp[4096];
	int fd, saved;

	memset(s, 0, sizeof(*s));
	if ((size_t)snprintf(temp, sizeof(temp), "%s.new", path) >= sizeof(temp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(h.boot_id, boot_id, sizeof(h.boot_id));
	snprintf(h.version, sizeof(h.version), "%s", plan->version);
	plan_layout(&h, plan);
	fd = make_file(temp, h.total_bytes, plan->group);
	if (fd < 0)
		return -1;
	s->bytes = h.total_bytes;
	s->base = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	saved = errno;
	close(fd);
	if (s->base == MAP_FAILED) {
		s->base = NULL;
		errno = saved;
		goto fail;
	}
	s->h = (struct shm_header *)(void *)s->base;
	s->geo = h;
	point_into(s);
	place_requests(s);
	memcpy(s->geo.magic, SHM_MAGIC, sizeof(s->geo.magic));
	s->h->geo = s->geo;
	if (make_bells(s) < 0 || line_make(s) < 0 || rename(temp, path) < 0)
		goto fail;
	return 0;
fail:
	saved = errno;
	unlink(temp);
	segment_close(s);
	errno = saved;
	return -1;
}

/* Whether a header from outside describes the very layout that this program would have made. */
static bool geometry_sane(const struct shm_geometry *h, uint64_t file_bytes)
{
	struct shm_geometry want;

	if (memcmp(h->magic, SHM_MAGIC, sizeof(h->magic)) != 0 || h->layout != SHM_LAYOUT || h->header_bytes != sizeof(struct shm_header))
		return false;
	if (h->nworker < 2 || h->nworker > 1u << 16 || h->run_capacity < MIN_RUNS || h->run_capacity > 1u << 20)
		return false;
	memset(&want, 0, sizeof(want));
	plan_layout(&want, &(struct segment_plan){ .workers = (h->nworker - 2) / 2, .worker_jobs = h->run_capacity / 2 });
	return want.total_bytes == h->total_bytes && h->total_bytes <= file_bytes && want.nproc == h->nproc
		&& want.off_commit_hist == h->off_commit_hist && want.off_area == h->off_area && want.off_proc == h->off_proc
		&& want.off_run == h->off_run && want.off_event == h->off_event && want.off_queue_hist == h->off_queue_hist
		&& want.off_type_hist == h->off_type_hist && want.off_submit_hist == h->off_submit_hist && want.off_request == h->off_request
		&& want.off_grant == h->off_grant && want.off_handout == h->off_handout;
}

int segment_view(struct segment *s, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), saved = EPROTO;        /* a FIFO must not hold us */

	memset(s, 0, sizeof(*s));
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)PAGE)
		goto fail;
	s->owner = st.st_uid;
	s->bytes = (size_t)st.st_size;
	s->base = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (s->base == MAP_FAILED) {
		s->base = NULL;
		saved = errno;
		goto fail;
	}
	s->h = (struct shm_header *)(void *)s->base;
	s->geo = s->h->geo;
	if (!geometry_sane(&s->geo, s->bytes))
		goto fail;
	point_into(s);
	close(fd);
	return 0;
fail:
	close(fd);
	segment_close(s);
	errno = saved;
	return -1;
}

void segment_close(struct segment *s)
{
	if (s->bell) {
		for (uint32_t i = 0; i < s->geo.nproc; i++)
			if (s->bell[i] >= 0)
				close(s->bell[i]);
		free(s->bell);
	}
	line_close(s);
	if (s->base)
		munmap(s->base, s->bytes);
	memset(s, 0, sizeof(*s));
}

uint32_t segment_acceptor_slot(const struct segment *s, uint32_t i)
{
	(void)s;
	return 2 + i;
}

uint32_t segment_worker_slot(const struct segment *s, uint32_t i)
{
	return 2 + s->geo.nacceptor + i;
}

struct shm_run *segment_runs(const struct segment *s, uint32_t slot)
{
	uint32_t first = segment_worker_slot(s, 0);

	if (slot < first || slot - first >= s->geo.nworker)
		return NULL;
	return s->run + (size_t)(slot - first) * s->geo.run_capacity;
}

/* The pairing fence of ring and sleep: either the ringer sees `sleeping`, or the sleeper's second look sees the work. */
void segment_ring(const struct segment *s, uint32_t slot)
{
	uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&s->proc[slot].sleeping, memory_order_relaxed) == 0)
		return;
	if (atomic_exchange_explicit(&s->proc[slot].sleeping, 0, memory_order_relaxed) == 0)
		return;
	while (write(s->bell[slot], &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void segment_sleep(const struct segment *s, uint32_t slot)
{
	atomic_store_explicit(&s->proc[slot].sleeping, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void segment_awake(const struct segment *s, uint32_t slot)
{
	uint64_t n;

	/* Where nobody rang the word is still set and the eventfd empty: no read needed. A ring between our look and the exchange is kept by the eventfd for the next wait. */
	if (atomic_exchange_explicit(&s->proc[slot].sleeping, 0, memory_order_acquire) != 0)
		return;
	while (read(s->bell[slot], &n, sizeof(n)) < 0 && errno == EINTR)
		;
}

uint64_t segment_total(const struct segment *s, enum shm_counter c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->geo.nproc; i++)
		sum += atomic_load_explicit(&s->proc[i].counter[c], memory_order_relaxed);
	return sum;
}
