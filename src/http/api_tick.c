/* What the answering half does by time. Called by the acceptor at each bell and every second. */
#include "http/http.h"

#include "http/figures.h"
#include "http/job_wait.h"

void api_tick(struct api *a)
{
	figures_tick(a);
	job_wait_tick(a);
}
