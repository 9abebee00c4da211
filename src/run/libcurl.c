/* Loads libcurl.so.4. Called by what the http and smtp kinds share, in workers alone. Nothing is fatal: where it cannot be had, their jobs fail with the reason. */
#include "run/libcurl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

#include "os/library.h"

#define OLDEST 0x075700         /* 7.87: CURLOPT_QUICK_EXIT, without which taking back a transfer waits for its name to be looked up */
#define OLDEST_TEXT "7.87"

static struct libcurl table;
static const struct library_function functions[] = {
#define LIBCURL_ENTRY(name) { "curl_" #name, &table.name },
	LIBCURL_FUNCTIONS(LIBCURL_ENTRY)
#undef LIBCURL_ENTRY
};

static bool good(char *why, size_t why_size)
{
	const curl_version_info_data *v = table.version_info(CURLVERSION_NOW);

	if (v->version_num < OLDEST)
		snprintf(why, why_size, "libcurl %s is too old: " OLDEST_TEXT " or newer is needed", v->version);
	else if (!(v->features & CURL_VERSION_ASYNCHDNS))
		snprintf(why, why_size, "libcurl %s was built without a resolver that does not block", v->version);
	else if (table.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		snprintf(why, why_size, "libcurl %s cannot be initialised", v->version);
	else
		return true;
	return false;
}

const struct libcurl *libcurl(char *why, size_t why_size)
{
	static const struct library library = { "libcurl.so.4", "libcurl", "libcurl4", "libcurl " OLDEST_TEXT " or newer", functions, sizeof(functions) / sizeof(functions[0]) };
	static bool loaded;

	if (loaded)
		return &table;
	void *handle = library_load(&library, why, why_size);
	if (!handle)
		return NULL;
	if (!good(why, why_size)) {
		dlclose(handle);
		return NULL;
	}
	loaded = true;
	return &table;
}
