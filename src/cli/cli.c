/* What the subcommands of `stint` share: messages, options with their help, the conf. Nothing here exits. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "text/buf.h"

#ifndef PACKAGE_VERSION
#error "PACKAGE_VERSION is not defined: build through configure"
#endif
#ifndef SYSCONFDIR
#error "SYSCONFDIR is not defined: build through configure"
#endif

const char cli_version[] = PACKAGE_VERSION;
const char cli_conf_file[] = SYSCONFDIR "/stint/stint.conf";

int cli_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("stint: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

void cli_out(const struct buf *out)
{
	if (out->len > 0)
		fwrite(out->data, 1, out->len, stdout);
}

int cli_finish(int code)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == EX_OK)
		return cli_fail(EX_IOERR, "cannot write the output: %m");
	return code;
}

const char *cli_count(char out[CLI_COUNT_BYTES], uint64_t v)
{
	char *p = out + CLI_COUNT_BYTES - 1;
	unsigned digits = 0;

	*p = '\0';
	do {
		if (digits > 0 && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + v % 10);
		v /= 10;
		digits++;
	} while (v > 0);
	return p;
}

void cli_text(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool c1 = c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] >= 0x80 && (unsigned char)s.p[i + 1] <= 0x9f;

		if (c < 0x20 || c == 0x7f || c1)
			buf_printf(out, "\\x%02x", c1 ? (unsigned char)s.p[++i] : c);
		else
			buf_char(out, (char)c);
	}
}

static void help(const char *prefix, const struct cli_command *self, const struct option_spec *spec)
{
	struct buf out = { 0 };

	buf_printf(&out, "stint %s %s\n%s\n\n", prefix, self->usage, self->about);
	options_describe(spec, &out);
	buf_printf(&out, "  %-28s %s\n", "-h, --help", "this text");
	cli_out(&out);
	buf_free(&out);
}

bool cli_options(const char *prefix, const struct cli_command *self, const struct option_spec *spec, int argc, char **argv,
	struct option_operands *args, int *code)
{
	char why[512];

	switch (options_parse(spec, argc, argv, args, why, sizeof(why))) {
	case OPTIONS_OK:
		return true;
	case OPTIONS_HELP:
		help(prefix, self, spec);
		*code = EX_OK;
		return false;
	case OPTIONS_BAD:
		break;
	}
	*code = cli_fail(EX_USAGE, "%s: %s", prefix, why);
	return false;
}

bool cli_operand(const struct cli_command *self, const struct option_spec *spec, int argc, char **argv, const char *wanted, const char **operand, int *code)
{
	struct option_operands args;

	if (!cli_options(self->name, self, spec, argc, argv, &args, code))
		return false;
	if (args.n == 1) {
		*operand = args.v[0];
		return true;
	}
	*code = cli_fail(EX_USAGE, "%s", wanted);
	return false;
}

struct conf *cli_conf(const char *file, int *code)
{
	struct conf_report report = { 0 };
	struct conf *c = conf_load(file ? file : cli_conf_file, NULL, &report);

	if (!c) {
		fflush(stdout);
		conf_report_print(&report, STDERR_FILENO);
		*code = cli_fail(EX_CONFIG, "cannot use the conf %s; name another with -c FILE", file ? file : cli_conf_file);
	}
	conf_report_free(&report);
	return c;
}
