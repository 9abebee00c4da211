/* What single values cannot tell: names, what stands twice, what a handler is, and options that must fit each other. The last step of a load; reads the tables
 * that apply made, and the blocks for the lines. */
#include "config/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_MAX_CHARS 128              /* of types and queues, as in the HTTP contract */
#define FILES_MIN 16                    /* of rlimit_files: three for the program, some for the dynamic linker */

static const char name_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";

bool name_good(const char *s, size_t n)
{
	return n >= 1 && n <= NAME_MAX_CHARS && strspn(s, name_chars) >= n;
}

/* ---- titles ---- */

static void check_title(struct loader *l, const struct block *b)
{
	const char *t = b->title, *said = shown(l, slice_of(t)), *star = strchr(t, '*');
	size_t n = strlen(t);

	if (b->section == CONF_HANDLER && star && star[1]) {
		mistake(l, b->file, b->line, "bad handler pattern '%s': '*' may stand at its end only, as in \"img.*\" or \"*\"", said);
		return;
	}
	if (b->section == CONF_HANDLER && star)
		n--;
	if (!(b->section == CONF_HANDLER && star && n == 0) && !name_good(t, n))
		mistake(l, b->file, b->line, "bad %s name '%s': expected 1 to %d characters of A-Z a-z 0-9 . _ : / -", sections[b->section].name, said, NAME_MAX_CHARS);
}

static void check_twice(struct loader *l, const struct block *b)
{
	const char *name = sections[b->section].name;

	for (const struct block *a = l->block; a != b; a = a->next) {
		if (a->section != b->section || a->untold || strcmp(a->title, b->title) != 0)
			continue;
		if (sections[b->section].titled)
			mistake(l, b->file, b->line, "%s '%s' is given twice: the first is at %s:%u", name, shown(l, slice_of(b->title)), a->file, a->line);
		else
			mistake(l, b->file, b->line, "section %s is given twice: the first is at %s:%u", name, a->file, a->line);
		return;
	}
}

/* ---- handlers ---- */

/* An empty value, or remote = false, says nothing. */
static bool says_kind(const struct directive *d, const struct conf_handler *h, const struct setting *s)
{
	const char *slot = (const char *)h + d->offset;

	switch (d->type) {
	case CONF_BOOL: return *(const bool *)slot;
	case CONF_LIST: return ((const struct conf_list *)slot)->n > 0;
	case CONF_CHOICE: return s != NULL;
	default: return **(char *const *)slot;
	}
}

static void check_kind(struct loader *l, const struct block *b, struct conf_handler *h)
{
	const struct setting *first = NULL;

	for (size_t i = 0; i < ndirectives; i++) {
		const struct directive *d = &directives[i];
		const struct setting *s = d->flags & CONF_KIND ? setting_of(b, d->name) : NULL;
		if (!s || !says_kind(d, h, s))
			continue;
		if (first) {
			mistake(l, s->file, s->line, "handler %s has both %s and %s: only one may say what it is", shown(l, slice_of(b->title)), first->d->name, d->name);
			return;
		}
		first = s;
		h->kind = d->kind;
	}
	if (!first)
		mistake(l, b->file, b->line, "handler %s does nothing: write exec = {\"/path/of/program\"} or builtin = NAME", shown(l, slice_of(b->title)));
}

/* The PATH that the handler's program will have: its own, else ours. */
static const char *path_of(const struct conf_handler *h)
{
	const char *own = getenv("PATH");

	for (size_t i = 0; i < h->env.n; i++)
		if (strncmp(h->env.v[i], "PATH=", 5) == 0)
			return h->env.v[i] + 5;
	return own && *own ? own : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Why the program cannot be started; NULL where it can. */
static const char *not_startable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a file";
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? NULL : "it is not executable";
}

static bool in_path(struct loader *l, const char *dirs, const char *program)
{
	while (*dirs) {
		size_t n = strcspn(dirs, ":");
		const char *dir = hold_slice(l, (struct slice){ dirs, n }), *whole = dir && *dir == '/' ? hold_path(l, dir, program) : NULL;
		if (whole && !not_startable(whole))
			return true;
		dirs += n + (dirs[n] == ':');
	}
	return false;
}

/* A program that is not there is no mistake of the conf: it may be installed later. */
static void check_program(struct loader *l, const struct block *b, const struct conf_handler *h, const char *option, struct conf_list *argv)
{
	const struct setting *s = setting_of(b, option);
	const char *file = setting_file(b, s), *name = shown(l, slice_of(b->title)), *program = argv->v[0];
	unsigned line = setting_line(b, s, 0);

	if (!*program) {
		mistake(l, file, line, "handler %s: the program of %s is empty: expected its path", name, option);
		return;
	}
	if (l->text_only)
		return;
	if (!strchr(program, '/')) {
		if (!in_path(l, path_of(h), program))
			warning(l, file, line, "handler %s: program '%s' is not in PATH: its jobs will fail until it is", name, shown(l, slice_of(program)));
		return;
	}
	const char *whole = hold_path(l, l->prefix, program);
	char *copy = whole ? strdup(whole) : NULL;
	if (!copy) {
		l->no_memory = true;
		return;
	}
	free(argv->v[0]);
	argv->v[0] = copy;
	const char *why = not_startable(copy);
	if (why)
		warning(l, file, line, "handler %s: program '%s' cannot be started: %s; its jobs will fail until it can", name, shown(l, slice_of(copy)), why);
}

static bool variable_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z') || s[i] == '_' || (i && s[i] >= '0' && s[i] <= '9')))
			return false;
	return n > 0 && n < 256;
}

static bool set_by_server(const char *s, size_t n)
{
	for (size_t i = 0; handler_variables[i]; i++)
		if (slice_eq((struct slice){ s, n }, handler_variables[i]))
			return true;
	return false;
}

/* A NAME that only the .env file has becomes NAME=VALUE: whoever starts the program sees the process's environment alone. */
static void env_from_file(struct loader *l, char **entry)
{
	const char *value = strchr(*entry, '=') || getenv(*entry) ? NULL : environment_get(l, slice_of(*entry));
	char *whole;

	if (!value)
		return;
	if (asprintf(&whole, "%s=%s", *entry, value) < 0) {
		l->no_memory = true;
		return;
	}
	free(*entry);
	*entry = whole;
}

static void check_env(struct loader *l, const struct block *b, struct conf_list *env)
{
	const struct setting *s = setting_of(b, "env");

	for (size_t i = 0; i < env->n; i++) {
		const char *e = env->v[i];
		size_t n = strcspn(e, "=");
		unsigned line = setting_line(b, s, i);
		const char *name = shown(l, (struct slice){ e, n });
		if (!variable_ok(e, n))
			mistake(l, setting_file(b, s), line, "bad env entry '%s': expected NAME=VALUE, or NAME to pass on the server's own", name);
		else if (set_by_server(e, n))
			mistake(l, setting_file(b, s), line, "bad env entry '%s': the server sets %s for each job", name, name);
		for (size_t j = 0; j < i; j++)
			if (strcspn(env->v[j], "=") == n && memcmp(env->v[j], e, n) == 0) {
				mistake(l, setting_file(b, s), line, "env has '%s' twice", name);
				break;
			}
		env_from_file(l, &env->v[i]);
	}
}

static void check_cwd(struct loader *l, const struct block *b, const char *cwd)
{
	const struct setting *s = setting_of(b, "cwd");
	struct stat st;

	if (*cwd != '/')
		mistake(l, setting_file(b, s), setting_line(b, s, 0), "bad value '%s' for cwd: expected an absolute path, such as \"/\"", shown(l, slice_of(cwd)));
	else if (!l->text_only && stat(cwd, &st) != 0)
		warning(l, setting_file(b, s), setting_line(b, s, 0), "handler %s: cwd '%s': %s; its jobs will fail until it is there", shown(l, slice_of(b->title)),
			shown(l, slice_of(cwd)), strerror(errno));
	else if (!l->text_only && !S_ISDIR(st.st_mode))
		warning(l, setting_file(b, s), setting_line(b, s, 0), "handler %s: cwd '%s' is not a directory; its jobs will fail until it is", shown(l, slice_of(b->title)),
			shown(l, slice_of(cwd)));
}

/* Whether we may become somebody else. */
static bool may_switch(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct own[2] = { { 0 } };

	return geteuid() == 0 || (syscall(SYS_capget, &head, own) == 0 && own[0].effective & 1u << CAP_SETUID);
}

/* Whoever a program is to run as must be there: as for the server's own user a name that is not is a mistake, not something that may come later. */
static void check_identity(struct loader *l, const struct block *b, const struct conf_handler *h)
{
	const struct setting *user = setting_of(b, "user"), *group = setting_of(b, "group");
	const char *name = shown(l, slice_of(b->title));
	const struct passwd *pw = NULL;

	if (l->text_only)
		return;
	if (h->user[0] && !(pw = getpwnam(h->user)))
		mistake(l, setting_file(b, user), setting_line(b, user, 0), "handler %s: there is no user '%s': add it, or set user", name, shown(l, slice_of(h->user)));
	if (h->group[0] && !getgrnam(h->group))
		mistake(l, setting_file(b, group), setting_line(b, group, 0), "handler %s: there is no group '%s': add it, or set group", name, shown(l, slice_of(h->group)));
	if (pw && pw->pw_uid != geteuid() && !may_switch())
		warning(l, setting_file(b, user), setting_line(b, user, 0), "handler %s: its programs can run as user '%s' only where the server is started as root: its jobs will fail otherwise",
			name, shown(l, slice_of(h->user)));
}

static void check_coprocess(struct loader *l, const struct block *b, const struct conf_handler *h)
{
	const struct setting *s = setting_of(b, h->instances != 1 ? "instances" : "pipeline");
	size_t before = 0;

	if (h->kind != CONF_HANDLER_COPROCESS) {
		if (h->instances != 1 || h->pipeline != 1)
			mistake(l, setting_file(b, s), setting_line(b, s, 0), "handler %s: instances and pipeline are for handlers with coprocess = {...}", shown(l, slice_of(b->title)));
		return;
	}
	for (const struct conf_handler *o = l->conf->handler; o != h; o++)
		before += o->kind == CONF_HANDLER_COPROCESS;
	if (before == CONF_COPROCESSES)
		mistake(l, b->file, b->line, "handler %s is one coprocess handler too many: there may be %d of them", shown(l, slice_of(b->title)), CONF_COPROCESSES);
}

static void check_handler(struct loader *l, const struct block *b)
{
	struct conf_handler *h = &l->conf->handler[b->index];
	const struct setting *s;

	check_kind(l, b, h);
	check_env(l, b, &h->env);
	if (h->exec.n)
		check_program(l, b, h, "exec", &h->exec);
	if (h->coprocess.n)
		check_program(l, b, h, "coprocess", &h->coprocess);
	check_cwd(l, b, h->cwd);
	check_identity(l, b, h);
	check_call(l, b, h);
	check_coprocess(l, b, h);
	s = setting_of(b, "queue");
	if (!name_good(h->queue, strlen(h->queue)))
		mistake(l, setting_file(b, s), setting_line(b, s, 0), "bad value '%s' for queue: expected 1 to %d characters of A-Z a-z 0-9 . _ : / -",
			shown(l, slice_of(h->queue)), NAME_MAX_CHARS);
	s = setting_of(b, "rlimit_files");
	if (h->rlimit_files && h->rlimit_files < FILES_MIN)
		mistake(l, setting_file(b, s), setting_line(b, s, 0), "bad value '%" PRIu64 "' for rlimit_files: expected 0, or %d to 1048576 so that a program can start",
			h->rlimit_files, FILES_MIN);
	s = setting_of(b, h->backoff_base == 1000 ? "backoff_max" : "backoff_base");
	if (h->backoff_max < h->backoff_base)
		mistake(l, setting_file(b, s), setting_line(b, s, 0), "backoff_max is less than backoff_base: the longest pause must not be shorter than the first");
}

/* ---- the rest ---- */

static void check_hosts(struct loader *l, const struct block *b)
{
	const struct setting *s = setting_of(b, "hosts");
	const struct conf_list *hosts = &l->conf->http.hosts;
	static const char host_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

	for (size_t i = 0; i < hosts->n; i++) {
		size_t n = strlen(hosts->v[i]);
		if (n < 1 || n > 253 || strspn(hosts->v[i], host_chars) != n)
			mistake(l, setting_file(b, s), setting_line(b, s, i), "bad value '%s' for hosts: expected a host name without a port, such as jobs.example.org",
				shown(l, slice_of(hosts->v[i])));
	}
}

/* The store refuses a directory with foreign files in it, so ours must not be there. */
static void check_store(struct loader *l, const struct block *b)
{
	const struct conf *c = l->conf;
	const struct setting *s = setting_of(b, "path");
	size_t n = strlen(c->store.path);
	const struct { const char *name, *path; } other[] = { { "run_dir", c->run_dir }, { "pid_file", c->pid_file }, { "log", c->log } };

	while (n > 1 && c->store.path[n - 1] == '/')
		n--;
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		if (strncmp(other[i].path, c->store.path, n) == 0 && (!other[i].path[n] || other[i].path[n] == '/'))
			mistake(l, setting_file(b, s), setting_line(b, s, 0), "path of store is '%s' and %s is '%s': the store's directory is for the store alone",
				shown(l, slice_of(c->store.path)), other[i].name, shown(l, slice_of(other[i].path)));
}

void check(struct loader *l)
{
	for (const struct block *b = l->block; b && !l->no_memory; b = b->next) {
		if (sections[b->section].titled && !b->untold)
			check_title(l, b);
		if (!b->untold)
			check_twice(l, b);
		if (b->section == CONF_HANDLER)
			check_handler(l, b);
		if (b->section == CONF_STORE)
			check_store(l, b);
		if (b->section == CONF_SCHEDULE)
			check_schedule(l, b);
		if (b->section == CONF_HTTP && !l->conf->http.listen) {
			check_listen(l, b);
			check_hosts(l, b);
			tokens_read(l, b);
			pem_read(l, b);
		}
	}
}
