/* What `make check` gives a fuzz target in place of libFuzzer: every file of its corpus (tests/fuzz/corpus/NAME) whole and cut short, then seeded mutations of them. It speaks TAP. What is
 * found ends the process, after the input has been written as C text.
 *
 * STINT_FUZZ_SEED and STINT_FUZZ_RUNS say which mutations and how many; a file named on the command line is run alone. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define FILES_MAX 512
#define INPUT_MAX 16384
#define RUNS 4000

static struct input { uint8_t *p; size_t n; } corpus[FILES_MAX];
static size_t files;
static const uint8_t *now;              /* what is being run */
static size_t now_n;
static unsigned long long seed = 1;

/* --- when something is found --- */

static void show_input(void)
{
	fprintf(stderr, "# seed %llu, the input of %zu bytes:\n# \"", seed, now_n);
	for (size_t i = 0; i < now_n; i++)
		fprintf(stderr, now[i] >= ' ' && now[i] < 0x7f && now[i] != '"' && now[i] != '\\' ? "%c" : "\\%03o", now[i]);
	fprintf(stderr, "\"\n");
}

static void on_death(int number)
{
	show_input();
	signal(number, SIG_DFL);
	raise(number);
}

/* Sanitizers end a process without a signal. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*fn)(void));

static void run(const uint8_t *p, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);     /* of its own size, so that a step beyond is seen */

	if (!exact)
		abort();
	memcpy(exact, n ? p : (const uint8_t *)"", n);
	now = exact;
	now_n = n;
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	now_n = 0;
}

/* --- the corpus --- */

static void add_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct input *in = &corpus[files];

	in->p = malloc(INPUT_MAX);
	if (!f || !in->p || files == FILES_MAX - 1) {
		printf("Bail out! %s: %s\n", path, f ? "no room for it" : strerror(errno));
		exit(99);
	}
	in->n = fread(in->p, 1, INPUT_MAX, f);
	fclose(f);
	files++;
}

static int no_dots(const struct dirent *d) { return d->d_name[0] != '.'; }

static void add_folder(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char folder[4000], path[4300];
	struct dirent **entry;
	int n;

	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	n = scandir(folder, &entry, no_dots, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry[i]->d_name);
		add_file(path);
		free(entry[i]);
	}
	if (n <= 0) {
		printf("Bail out! no corpus in %s\n", folder);
		exit(99);
	}
	free(entry);
}

/* --- mutations --- */

static uint64_t state;

static uint64_t random_below(uint64_t n)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;      /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return n ? (z ^ z >> 31) % n : 0;
}

static const char *const words[] = { "\r\n", "\n", "\0", "%00", "\"", "\\u0000", "\\", "{", "}", "[", "]", ",", ":", "/", "*", "-", "0", "1", "9223372036854775807", "18446744073709551616", "-1",
	"1e999", "null", "true", "\xff", "\xc3\xa4", "\xed\xa0\x80", " ", "\t", "&", "=", "%", ";", "#", "$", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: a\r\n" };

/* Takes n bytes out of in[0..*len) at `at` and puts m in their place, as far as there is room. */
static void replace(uint8_t *in, size_t *len, size_t at, size_t n, const void *p, size_t m)
{
	if (*len - n + m > INPUT_MAX)
		return;
	memmove(in + at + m, in + at + n, *len - at - n);
	if (m)
		memcpy(in + at, p, m);
	*len += m - n;
}

static void mutate(uint8_t *in, size_t *len)
{
	size_t at = random_below(*len + 1), n = random_below(*len - at < 16 ? *len - at + 1 : 16);
	const struct input *other = &corpus[random_below(files)];
	size_t from = random_below(other->n), m = random_below(other->n - from + 1);
	size_t w = random_below(sizeof(words) / sizeof(words[0]));
	uint8_t byte = (uint8_t)random_below(256);

	switch (random_below(6)) {
	case 0: replace(in, len, at, 0, words[w], words[w][0] ? strlen(words[w]) : 1); break;
	case 1: replace(in, len, at, n, words[w], words[w][0] ? strlen(words[w]) : 1); break;
	case 2: replace(in, len, at, n, NULL, 0); break;
	case 3: replace(in, len, at, n, other->p + from, m); break;
	case 4: replace(in, len, at, at < *len, &byte, 1); break;
	default: if (at < *len) in[at] ^= (uint8_t)(1u << random_below(8));
	}
}

static void run_mutations(unsigned long runs)
{
	static uint8_t in[INPUT_MAX];

	for (unsigned long i = 0; i < runs; i++) {
		const struct input *from = &corpus[random_below(files)];
		size_t n = from->n;

		memcpy(in, from->p, n);
		for (unsigned k = 1 + (unsigned)random_below(6); k > 0; k--)
			mutate(in, &n);
		run(in, n);
	}
}

static void run_corpus(void)
{
	for (size_t i = 0; i < files; i++) {
		size_t step = corpus[i].n / 64 + 1;

		for (size_t n = 0; n < corpus[i].n; n += step)
			run(corpus[i].p, n);
		run(corpus[i].p, corpus[i].n);
	}
}

int main(int argc, char **argv)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0], *s = getenv("STINT_FUZZ_SEED"), *r = getenv("STINT_FUZZ_RUNS");
	unsigned long runs = r ? strtoul(r, NULL, 10) : RUNS;

	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = s ? strtoull(s, NULL, 10) : seed;
	state = seed;
	signal(SIGABRT, on_death);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]) && !__sanitizer_set_death_callback; i++)
		signal(deadly[i], on_death);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(show_input);
	if (argc == 2)
		add_file(argv[1]);
	else
		add_folder(strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
	printf("1..2\n");
	run_corpus();
	printf("ok 1 - %s: %zu files, whole and cut short\n", name, files);
	run_mutations(runs);
	printf("ok 2 - %s: %lu mutations of seed %llu\n", name, runs, seed);
	while (files > 0)
		free(corpus[--files].p);
	return 0;
}
