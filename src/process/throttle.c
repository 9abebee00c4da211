/* The restart policy. Called by seat.c for each death; pure, nothing here is fatal. */
#include "process/throttle.h"

int64_t throttle_death(struct throttle *t, bool worked, int64_t now_ns)
{
	if (!worked) {
		t->pause_ns = t->pause_ns == 0 ? THROTTLE_FIRST_NS : t->pause_ns * 2;
		if (t->pause_ns > THROTTLE_MAX_NS)
			t->pause_ns = THROTTLE_MAX_NS;
		return t->pause_ns;
	}
	t->pause_ns = 0;
	if (t->in_window == 0 || now_ns - t->window_ns >= THROTTLE_WINDOW_NS) {
		t->window_ns = now_ns;
		t->in_window = 0;
	}
	t->in_window++;
	return t->in_window > THROTTLE_BURST ? THROTTLE_FIRST_NS : 0;
}
