/* Which operation has met which state: counted, printed, and a proof only where each pair that must be was met. */
#include "tests/store/history.h"

#include <stdio.h>

static unsigned long met[COVERS][JOB_STATES], rcs[STORE_RCS];

#define ALL_STATES (IN(JOB_SCHEDULED) | IN(JOB_WAITING) | IN(JOB_QUEUED) | IN(JOB_RUNNING) | IN(JOB_RETRYING) | FINAL)
#define OPEN_STATES (ALL_STATES & ~FINAL)

static const struct must { const char *name; unsigned states; } must[COVERS] = {
	[C_SUBMIT] = { "submit, becomes", IN(JOB_QUEUED) | IN(JOB_SCHEDULED) | IN(JOB_WAITING) },
	[C_CLAIM] = { "claim", IN(JOB_QUEUED) },
	[C_SUCCEED] = { "succeed", IN(JOB_RUNNING) },
	[C_FAIL] = { "fail", IN(JOB_RUNNING) },
	[C_TIME_OUT] = { "time out", IN(JOB_RUNNING) },
	[C_RELEASE] = { "release", IN(JOB_RUNNING) },
	[C_END_CANCELLED] = { "end cancelled", IN(JOB_RUNNING) },
	[C_STALE] = { "stale end", ALL_STATES },
	[C_PROGRESS] = { "progress", ALL_STATES },
	[C_CANCEL] = { "cancel", ALL_STATES },
	[C_RETRY] = { "retry", ALL_STATES },
	[C_RUN_NOW] = { "run now", ALL_STATES },
	[C_DELETE] = { "delete", ALL_STATES },
	[C_BULK_CANCEL] = { "bulk cancel", OPEN_STATES },
	[C_BULK_RETRY] = { "bulk retry", FINAL_BAD },
	[C_BULK_DELETE] = { "bulk delete", FINAL },
	[C_CRASHED] = { "worker died", IN(JOB_RUNNING) },
	[C_LET_GO] = { "worker gone, not begun", IN(JOB_RUNNING) },
	[C_DUE] = { "due", IN(JOB_SCHEDULED) | IN(JOB_RETRYING) },
	[C_EXPIRE] = { "expire", WAITING_STATES },
	[C_RELEASED] = { "parents done", IN(JOB_WAITING) },
	[C_PARENT_FAILED] = { "parent failed", IN(JOB_WAITING) },
	[C_RETAIN] = { "retain", FINAL },
	[C_REPLAYED] = { "same key again", ALL_STATES },
	[C_LIVE] = { "same unique key", OPEN_STATES },
	[C_PARENT] = { "bad parent", IN(JOB_NONE) | FINAL_BAD },
	[C_KEYED] = { "claim of a limited key", IN(JOB_QUEUED) },
	[C_HOLDS] = { "holds its key", IN(JOB_QUEUED) | IN(JOB_RUNNING) },
	[C_LINED] = { "waits for its key", IN(JOB_QUEUED) | IN(JOB_RETRYING) },
	[C_RELINED] = { "key's limit changes", ALL_STATES },
	[C_BREAKS] = { "failure, type rests", IN(JOB_RUNNING) },
	[C_TRIAL] = { "trial", IN(JOB_QUEUED) },
	[C_TRIAL_FAILED] = { "trial fails", IN(JOB_RUNNING) },
	[C_CLOSES] = { "trial succeeds", IN(JOB_RUNNING) },
	[C_CRASH] = { "keeper died", ALL_STATES },
	[C_REOPEN] = { "another run", 0 },      /* only where the engine persists */
	[C_FAR_CLAIM] = { "claim from afar", IN(JOB_QUEUED) },
	[C_FAR_ALONE] = { "the same, has crashed", IN(JOB_QUEUED) },
	[C_FAR_EXTEND] = { "extend", IN(JOB_RUNNING) },
	[C_FAR_SUCCEED] = { "succeed afar", IN(JOB_RUNNING) },
	[C_FAR_FAIL] = { "fail afar", IN(JOB_RUNNING) },
	[C_FAR_RELEASE] = { "release from afar", IN(JOB_RUNNING) },
	[C_FAR_AGAIN] = { "end said again", IN(JOB_QUEUED) | IN(JOB_RETRYING) | IN(JOB_SUCCEEDED) | IN(JOB_DEAD) | IN(JOB_CANCELLED) },
	[C_FAR_STALE] = { "stale from afar", ALL_STATES },
	[C_FAR_LOST] = { "lease ran out", IN(JOB_RUNNING) },
	[C_FAR_BACK] = { "given back unheard", IN(JOB_RUNNING) },
	[C_FAR_CANCEL] = { "cancel afar", IN(JOB_RUNNING) },
	[C_FAR_RENEW] = { "lease of an older run", 0 },
};

/* What submissions, ends and acts must have been answered with. */
static const enum store_rc answers[] = {
	STORE_OK, STORE_STALE, STORE_STATE, STORE_INVALID, STORE_QUEUE_FULL, STORE_QUEUE_LIMIT, STORE_REPLAYED, STORE_LIVE, STORE_KEY_REUSED, STORE_KEYS_FULL, STORE_PARENT,
};

void covered(enum cover what, enum job_state state)
{
	met[what][state]++;
}

void covered_rc(enum store_rc rc)
{
	rcs[rc]++;
}

bool cover_report(bool whole)
{
	bool good = true;

	print_message("# %-22s", "");
	for (unsigned s = 0; s < JOB_STATES; s++)
		print_message(" %9s", job_state_name((enum job_state)s));
	for (unsigned c = 0; c < COVERS; c++) {
		print_message("\n# %-22s", must[c].name);
		for (unsigned s = 0; s < JOB_STATES; s++) {
			bool missing = must[c].states >> s & 1 && met[c][s] == 0;
			if (met[c][s] || missing)
				print_message(" %8lu%c", met[c][s], missing && whole ? '!' : ' ');
			else
				print_message(" %9s", "");
			good &= !missing;
		}
	}
	print_message("\n");
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		print_message("# %lu times: %s\n", rcs[answers[i]], store_rc_text(answers[i]));
		good &= rcs[answers[i]] > 0;
	}
	return good || !whole;
}
