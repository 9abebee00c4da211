/* The pages' way to a token: a form, and a cookie. */
#ifndef STINT_HTTP_LOGIN_H
#define STINT_HTTP_LOGIN_H

#include "http/http.h"

/* Answers with the form; `why` (may be NULL) stands above it. */
void login_page(struct http_request *q, int status, const char *why);

#endif
