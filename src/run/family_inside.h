/* What the files of families share: family.c (their end by signals, and the reaping), family_sweep.c (what they left behind). */
#ifndef STINT_RUN_FAMILY_INSIDE_H
#define STINT_RUN_FAMILY_INSIDE_H

#include "run/family.h"

#define FAMILY_WALKS 16u

LIST_HEAD(family_list, family);
extern struct family_list families;

/* --- family.c --- */
void family_leave(struct family *f);    /* it is off the list, its timer stopped and its cage read and removed */

/* --- family_sweep.c --- */
void family_sweep_wanted(void);         /* something has ended: what families whose leader is gone have left is to be looked at anew */
void family_sweep(void);                /* begins where it is wanted; does a slice, and the rest in turns of the loop */
bool family_sweeping(void);             /* one is under way: our children's numbers must stay theirs, so that leaders alone may be reaped */
void family_sweep_stop(void);           /* for good: nobody is told of anything any more */

#endif
