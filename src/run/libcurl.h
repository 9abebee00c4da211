/* libcurl, loaded when the first handler needs it: linked in it would cost every process 6 MB, most of which never make a call (doc/dependencies.md has the figures). */
#ifndef STINT_RUN_LIBCURL_H
#define STINT_RUN_LIBCURL_H

#include <stddef.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define LIBCURL_FUNCTIONS(F) \
	F(easy_cleanup) F(easy_getinfo) F(easy_init) F(easy_perform) F(easy_setopt) F(easy_strerror) F(global_init) \
	F(multi_add_handle) F(multi_assign) F(multi_cleanup) F(multi_info_read) F(multi_init) F(multi_remove_handle) F(multi_setopt) F(multi_socket_action) F(multi_strerror) \
	F(slist_append) F(slist_free_all) F(version_info)

struct libcurl {
#define LIBCURL_MEMBER(name) __typeof__(curl_##name) *name;
	LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
#undef LIBCURL_MEMBER
};

/* The library's functions, loaded and initialised at the first call. NULL with the reason in `why` where it is not there or too old; the next call tries again. */
const struct libcurl *libcurl(char *why, size_t why_size);

#endif
