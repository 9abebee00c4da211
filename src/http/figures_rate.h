/* Rates of the last minute, from samples of the totals taken every second. */
#ifndef STINT_HTTP_FIGURES_RATE_H
#define STINT_HTTP_FIGURES_RATE_H

#include "http/figures.h"

/* Attempts ended a second over the last minute (or since the first sample), and the share of them that failed. */
void figures_rate(const struct api *a, double *per_second, double *error_rate);
/* Attempts ended in each of the last whole seconds, oldest first; returns how many there are. */
unsigned figures_rate_series(uint32_t out[FIGURES_SECONDS]);

#endif
