/* Loads libraries by dlopen(3). Called by whoever has a table of functions of one: crypto.c, tls.c, run/libcurl.c. Nothing is fatal: what cannot be had is told. */
#include "os/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

void *library_load(const struct library *l, char *why, size_t size)
{
	void *handle = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		const char *error = dlerror();
		snprintf(why, size, "%s cannot be loaded: %s; install %s", l->name, error ? error : l->soname, l->package);
		return NULL;
	}
	for (size_t i = 0; i < l->n; i++) {
		void *f = dlsym(handle, l->function[i].name);
		if (!f) {
			snprintf(why, size, "%s has no %s: %s is needed", l->soname, l->function[i].name, l->wanted);
			dlclose(handle);
			return NULL;
		}
		memcpy(l->function[i].to, &f, sizeof(f));
	}
	return handle;
}
