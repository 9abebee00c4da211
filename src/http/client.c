/* Owns the buckets of submit_rate, one a client, in this process: after a reload or a crash each is full again. Called by request_check.c and by what submits. Nothing is fatal.
 * The table is of fixed size, so that no number of clients costs memory; where it is full the fullest bucket, which has the least to tell, gives way. */
#include "http/client.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/siphash.h"

#define CLIENTS 4096u
#define PROBES 16u
#define BURST_S 1.0             /* of a second's worth */

static struct bucket { uint64_t who; double tokens; int64_t at_ns; } table[CLIENTS];

static double level(const struct bucket *b, double rate, int64_t now_ns)
{
	double t = b->tokens + (double)(now_ns - b->at_ns) / 1e9 * rate, most = rate * BURST_S < 1 ? 1 : rate * BURST_S;

	return t > most ? most : t;
}

static uint64_t who(const struct http_request *q)
{
	static const uint8_t key[SIPHASH_BYTES] = "stint's clients";
	struct http_peer peer;
	uint8_t hash[SIPHASH_BYTES];
	uint64_t id;

	if (q->token) {
		siphash(key, q->token->hash, sizeof(q->token->hash), hash);
	} else {
		http_peer(q, &peer);
		siphash(key, peer.b, peer.n, hash);
	}
	memcpy(&id, hash, sizeof(id));
	return id ? id : 1;
}

static struct bucket *bucket_of(const struct http_request *q, double rate, int64_t now_ns)
{
	uint64_t id = who(q);
	struct bucket *best = NULL;

	for (unsigned i = 0; i < PROBES; i++) {
		struct bucket *b = &table[(id + i) % CLIENTS];
		if (b->who == id)
			return b;
		if (!best || (best->who && (!b->who || level(b, rate, now_ns) > level(best, rate, now_ns))))
			best = b;
	}
	*best = (struct bucket){ .who = id, .tokens = rate * BURST_S < 1 ? 1 : rate * BURST_S, .at_ns = now_ns };
	return best;
}

bool client_may_submit(struct http_request *q)
{
	double rate = q->api->conf->http.submit_rate;
	int64_t now = loop_now(q->api->loop);
	char wait[32];

	if (rate <= 0)
		return true;
	struct bucket *b = bucket_of(q, rate, now);
	double has = level(b, rate, now);
	if (has >= 1) {
		b->tokens = has;
		b->at_ns = now;
		return true;
	}
	snprintf(wait, sizeof(wait), "%.0f", ceil((1 - has) / rate));
	reply_header(q, "Retry-After", wait);
	problem_send(q, 429, NULL, "this client submits more than submit_rate allows, which is %g jobs a second; send it again later", rate);
	return false;
}

void client_submits(struct http_request *q, size_t n)
{
	double rate = q->api->conf->http.submit_rate;
	int64_t now = loop_now(q->api->loop);

	if (rate <= 0)
		return;
	struct bucket *b = bucket_of(q, rate, now);
	b->tokens = level(b, rate, now) - (double)n;
	b->at_ns = now;
}
