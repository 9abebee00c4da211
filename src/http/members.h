/* What the bodies of requests may hold: the tables by which their handlers check them, as openapi.c describes them. Each is a schema_object.at: the i-th member, NULL after the last. */
#ifndef STINT_HTTP_MEMBERS_H
#define STINT_HTTP_MEMBERS_H

#include "http/schema.h"

#define MEMBERS_SEARCH_MAX 256          /* bytes of q */
#define MEMBERS_LIMIT 50                /* jobs of a page */
#define MEMBERS_LIMIT_MAX 1000
#define MEMBERS_TYPE "^[A-Za-z0-9._:/-]+$"       /* job_type_is() */
#define MEMBERS_ARRAY_MAX 1000          /* elements of an array of submissions, or of results */
#define MEMBERS_IN_ARRAY 0x100u         /* beside the acts of a lease: an element of POST /claims/results */

const struct schema_member *members_of_bulk(unsigned arg, unsigned i);                 /* api_bulk.c */
const struct schema_member *members_of_claim(unsigned arg, unsigned i);                /* api_claim.c */
const struct schema_member *members_of_lease(unsigned acts, unsigned i);               /* lease.c; acts: enum lease_act of which any takes it */

#endif
