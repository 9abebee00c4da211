/* Certificates of a test's own, made by the openssl command: a file of PEM, and what a server context takes. */
#ifndef STINT_TESTS_OS_CERTIFICATE_H
#define STINT_TESTS_OS_CERTIFICATE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/tls.h"

/* Tests that need them have nothing to do where it is not there. */
__attribute__((unused)) static int certificate_possible(void)
{
	return system("command -v openssl > /dev/null") == 0;
}

static struct slice certificate_read(const char *path)
{
	static char text[4][8192];
	static unsigned next;
	char *into = text[next++ % 4];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(into, 1, sizeof(text[0]), f) : 0;

	if (n == 0)
		abort();
	fclose(f);
	return (struct slice){ into, n };
}

/* Self-signed, in DIR/NAME.crt and .key; names such as "IP:127.0.0.1,DNS:jobs.example". */
__attribute__((unused)) static void certificate_make(const char *dir, const char *name, const char *names)
{
	char command[1000];

	snprintf(command, sizeof(command), "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=%s -addext subjectAltName=%s "
		"-keyout %s/%s.key -out %s/%s.crt 2> /dev/null", name, names, dir, name, dir, name);
	if (system(command) != 0)
		abort();
}

__attribute__((unused)) static struct tls_context *certificate_context(const char *dir, const char *name)
{
	char crt[300], key[300], why[300];
	struct tls_context *c;

	snprintf(crt, sizeof(crt), "%s/%s.crt", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	c = tls_context_new(certificate_read(crt), certificate_read(key), why, sizeof(why));
	if (!c)
		abort();
	return c;
}

/* Whom clients trust from now on. */
__attribute__((unused)) static void certificate_trust(const char *dir, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s.crt", dir, name);
	setenv("SSL_CERT_FILE", path, 1);
	setenv("SSL_CERT_DIR", "/nonexistent", 1);
}

#endif
