/* Loads libcurl.so.4. Called by what the http and smtp kinds share, in workers alone. Nothing is fatal: where it cannot be had, their jobs fail with the reason. */
#include "run/libcurl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SONAME "libcurl.so.4"
#define OLDEST 0x075700         /* 7.87: CURLOPT_QUICK_EXIT, without which taking back a transfer waits for its name to be looked up */
#define OLDEST_TEXT "7.87"

static struct libcurl table;
static const struct { const char *name; size_t offset; } functions[] = {
#define LIBCURL_ENTRY(name) { "curl_" #name, offsetof(struct libcurl, name) },
	LIBCURL_FUNCTIONS(LIBCURL_ENTRY)
#undef LIBCURL_ENTRY
};

static bool find_all(void *library, char *why, size_t why_size)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *f = dlsym(library, functions[i].name);
		if (!f) {
			snprintf(why, why_size, SONAME " has no %s: libcurl " OLDEST_TEXT " or newer is needed", functions[i].name);
			return false;
		}
		memcpy((char *)&table + functions[i].offset, &f, sizeof(f));
	}
	return true;
}

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
	static bool loaded;

	if (loaded)
		return &table;
	void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		const char *error = dlerror();
		snprintf(why, why_size, "libcurl cannot be loaded: %s; install libcurl4", error ? error : SONAME);
		return NULL;
	}
	if (!find_all(library, why, why_size) || !good(why, why_size)) {
		dlclose(library);
		return NULL;
	}
	loaded = true;
	return &table;
}
