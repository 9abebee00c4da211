/* `stint import`: reads the file, says what was wrong with which line, and counts. A line that is refused does not stop the others. */
#include "cli/import.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <stdlib.h>

#include "os/clock.h"

void import_refused(struct import *m, uint64_t number, const char *field, const char *what)
{
	m->done.refused++;
	progress_end(&m->progress);
	cli_fail(EX_DATAERR, "%s:%llu: %s%s%s", m->name, (unsigned long long)number, field, *field ? ": " : "", what);
}

void import_shown(struct import *m)
{
	progress_show(&m->progress, m->total ? (double)m->bytes / (double)m->total : -1, m->done.jobs + m->done.there, clock_boot_ns() - m->began_ns);
}

static bool blank(struct slice s)
{
	return s.n == 0 || strspn(s.p, " \t\r") >= s.n;
}

/* The first line says what the file is; the last one that it is whole. */
static int frame(struct import *m, int *code)
{
	if (!m->begun) {
		m->begun = true;
		if (m->parsed.kind != WHOLE_HEAD)
			*code = cli_fail(EX_DATAERR, "%s is no export: its first line must be of the kind stint-export", m->name);
		else if (m->parsed.format > WHOLE_FORMAT)
			*code = cli_fail(EX_DATAERR, "%s has the format %llu, this program reads up to %u: it was written by a newer version", m->name, (unsigned long long)m->parsed.format, WHOLE_FORMAT);
		return *code == EX_OK ? 1 : -1;
	}
	if (m->parsed.kind == WHOLE_END)
		m->ended = true;
	return 1;
}

int import_next(struct import *m, struct slice *line, int *code)
{
	struct whole_error e;
	ssize_t n;

	while ((n = getline(&m->line, &m->cap, m->in)) > 0) {
		m->number++;
		m->bytes += (uint64_t)n;
		if (m->line[n - 1] == '\n')
			m->line[--n] = '\0';
		*line = (struct slice){ m->line, (size_t)n };
		if (blank(*line))
			continue;
		bool good = whole_parse(*line, &m->parsed, &e);
		if (!good && !m->begun) {
			*code = cli_fail(EX_DATAERR, "%s is no export: its first line must be of the kind stint-export", m->name);
			return -1;
		}
		if (!good) {
			import_refused(m, m->number, e.field, e.what);
			continue;
		}
		bool head = !m->begun;
		if (frame(m, code) < 0)
			return -1;
		if (!head && m->parsed.kind == WHOLE_HEAD)
			import_refused(m, m->number, "kind", "there is one head, the first line");
		else if (!head && m->parsed.kind != WHOLE_END)
			return 1;
	}
	if (ferror(m->in)) {
		*code = cli_fail(EX_IOERR, "cannot read %s: %s", m->name, strerror(errno));
		return -1;
	}
	return 0;
}

static void print(const struct import *m)
{
	char a[CLI_COUNT_BYTES], b[CLI_COUNT_BYTES], c[CLI_COUNT_BYTES];

	if (m->json)
		printf("{\"jobs\":%llu,\"there\":%llu,\"refused\":%llu}\n", (unsigned long long)m->done.jobs, (unsigned long long)m->done.there, (unsigned long long)m->done.refused);
	else
		printf("%s jobs, %s were there already, %s lines were refused\n", cli_count(a, m->done.jobs), cli_count(b, m->done.there), cli_count(c, m->done.refused));
}

static int run(struct import *m)
{
	struct stat st;
	int code;

	m->in = strcmp(m->name, "-") == 0 ? stdin : fopen(m->name, "re");
	if (!m->in)
		return cli_fail(errno == EACCES ? EX_NOPERM : EX_NOINPUT, "cannot open %s: %s", m->name, strerror(errno));
	m->total = fstat(fileno(m->in), &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	progress_begin(&m->progress, "importing", "jobs");
	m->began_ns = clock_boot_ns();
	code = m->url || m->place.server ? import_server(m) : import_store(m);
	progress_end(&m->progress);
	if (m->in != stdin)
		fclose(m->in);
	return code;
}

int import_end(struct import *m, int code)
{
	if (code != EX_OK)
		return code;
	if (!m->begun)
		return cli_fail(EX_DATAERR, "%s is empty: no export", m->name);
	if (!m->ended)
		code = cli_fail(EX_DATAERR, "%s ends without its last line: it is not whole; what it has was imported", m->name);
	print(m);
	return m->done.refused ? EX_DATAERR : code;
}

int cli_import(const struct cli_command *self, int argc, char **argv)
{
	struct import m = { .place.lock_fd = -1 };
	const char *file = NULL;
	const struct option_spec spec[] = {
		PLACE_OPTION(file),
		{ OPTION_TEXT, "url", 0, &m.url, NULL, "URL", 0, 0, "the server, whatever the conf says; else where one runs $STINT_URL, else where its conf listens" },
		{ OPTION_TEXT, "token", 0, &m.token, NULL, "TOKEN", 0, 0, "else $STINT_TOKEN" },
		{ OPTION_FLAG, "json", 0, &m.json, NULL, NULL, 0, 0, "print one JSON object" },
		{ .kind = OPTION_END },
	};
	int code;

	if (!cli_operand(self, spec, argc, argv, "an import comes from one file: stint import FILE, or - for standard input", &m.name, &code))
		return code;
	code = m.url ? EX_OK : place_open(&m.place, file, true);
	if (code == EX_OK)
		code = run(&m);
	whole_line_free(&m.parsed);
	free(m.line);
	place_close(&m.place);
	return code;
}
