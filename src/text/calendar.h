/* The Gregorian calendar as arithmetic: days are counted from 1970-01-01, months and days of the month from 1, Sunday is 0. Pure. */
#ifndef STINT_TEXT_CALENDAR_H
#define STINT_TEXT_CALENDAR_H

#include <stdint.h>

int64_t calendar_days(int64_t year, int month, int day);                        /* of a date; of any year within a million of now */
void calendar_date(int64_t days, int *year, int *month, int *day);              /* and back */
int calendar_month_days(int64_t year, int month);                               /* 28 to 31 */
int64_t calendar_day_of(int64_t seconds);                                       /* the day that a second since 1970 lies in */
int calendar_weekday(int64_t days);                                             /* 0 to 6 */

#endif
