/* Finds a handler's program, and says whom it runs as, within which limits, in which environment. Used by the exec kind.
 * Nothing here is fatal: what is missing is the reason for a failed attempt. */
#include "run/program.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/buf.h"
#include "text/duration.h"
#include "text/uuid.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define GROUPS_MAX 256
#define JOB_VARIABLES 9                 /* STINT_* and TRACEPARENT */

struct program {
	struct program *next;
	const struct conf_handler *handler;
	char **argv;
	char *found;                    /* where a program named without a slash was found last */
	char **env;                     /* from the conf, then PATH, HOME, LANG where it has none; nenv of them */
	size_t nenv;
	bool change_user;
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	int ngroups;
	/* one attempt's */
	struct buf text;
	char **envp;
};

static struct program *programs;

static void program_free(struct program *p)
{
	for (size_t i = 0; p->env && i < p->nenv; i++)
		free(p->env[i]);
	free(p->env);
	free(p->envp);
	free(p->argv);
	free(p->found);
	buf_free(&p->text);
	free(p);
}

void program_forget(void)
{
	while (programs) {
		struct program *p = programs;
		programs = p->next;
		program_free(p);
	}
}

static const char *value_of(const struct program *p, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < p->nenv; i++)
		if (strncmp(p->env[i], name, n) == 0 && p->env[i][n] == '=')
			return p->env[i] + n + 1;
	return NULL;
}

static bool add_env(struct program *p, const char *name, const char *value)
{
	if (value_of(p, name))
		return true;
	if (asprintf(&p->env[p->nenv], "%s=%s", name, value) < 0) {
		p->env[p->nenv] = NULL;
		return false;
	}
	p->nenv++;
	return true;
}

/* Names that the job's own variables have are not the conf's to set. */
static bool reserved(const char *name)
{
	static const char *const names[JOB_VARIABLES] = {
		"STINT_JOB_ID", "STINT_TYPE", "STINT_QUEUE", "STINT_ATTEMPT", "STINT_MAX_ATTEMPTS", "STINT_DEADLINE", "STINT_NAME", "STINT_COPROCESS", "TRACEPARENT",
	};

	for (size_t i = 0; i < JOB_VARIABLES; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* One entry of `env`: NAME=VALUE, or NAME to pass on ours. */
static bool add_entry(struct program *p, const char *entry)
{
	size_t n = strcspn(entry, "=");
	char name[256];

	if (n == 0 || n >= sizeof(name))
		return true;
	memcpy(name, entry, n);
	name[n] = '\0';
	const char *value = entry[n] == '=' ? entry + n + 1 : getenv(name);
	return !value || reserved(name) || add_env(p, name, value);
}

static bool make_env(struct program *p, const char *home)
{
	const char *path = getenv("PATH"), *lang = getenv("LANG");
	size_t most = p->handler->env.n + 3;

	p->env = calloc(most, sizeof(*p->env));
	p->envp = calloc(most + JOB_VARIABLES + 1, sizeof(*p->envp));
	if (!p->env || !p->envp)
		return false;
	for (size_t i = 0; i < p->handler->env.n; i++)
		if (!add_entry(p, p->handler->env.v[i]))
			return false;
	return add_env(p, "PATH", path && *path ? path : PATH_DEFAULT) && add_env(p, "HOME", home) && add_env(p, "LANG", lang && *lang ? lang : "C.UTF-8");
}

static bool make_argv(struct program *p)
{
	const struct conf_list *exec = p->handler->kind == CONF_HANDLER_COPROCESS ? &p->handler->coprocess : &p->handler->exec;

	p->argv = calloc(exec->n + 1, sizeof(*p->argv));
	if (!p->argv)
		return false;
	for (size_t i = 0; i < exec->n; i++)
		p->argv[i] = exec->v[i];
	return true;
}

static bool given(const char *s)
{
	return s && *s;
}

/* User and group of the conf. False with the reason where one of them is not there. */
static bool find_identity(struct program *p, const struct passwd *pw, char *why, size_t size)
{
	const struct conf_handler *h = p->handler;

	p->uid = pw ? pw->pw_uid : geteuid();
	p->gid = pw ? pw->pw_gid : getegid();
	if (given(h->group)) {
		const struct group *gr = getgrnam(h->group);
		if (!gr) {
			snprintf(why, size, "handler \"%s\" is to run in group \"%s\", which this host does not have", h->pattern, h->group);
			return false;
		}
		p->gid = gr->gr_gid;
	}
	p->ngroups = GROUPS_MAX;
	if (!pw) {
		p->groups[0] = p->gid;
		p->ngroups = 1;
	} else if (getgrouplist(pw->pw_name, p->gid, p->groups, &p->ngroups) < 0) {
		snprintf(why, size, "handler \"%s\": user \"%s\" is in more than %d groups", h->pattern, h->user, GROUPS_MAX);
		return false;
	}
	p->change_user = geteuid() == 0 || p->uid != geteuid() || p->gid != getegid();
	return true;
}

static bool program_fill(struct program *p, char *why, size_t size)
{
	const struct conf_handler *h = p->handler;
	const struct passwd *pw = NULL;
	char *home = NULL;
	bool ok = false;

	if (given(h->user)) {
		pw = getpwnam(h->user);
		if (!pw) {
			snprintf(why, size, "handler \"%s\" is to run as user \"%s\", which this host does not have", h->pattern, h->user);
			return false;
		}
	}
	const struct passwd *self = pw ? pw : getpwuid(geteuid());
	home = strdup(self && given(self->pw_dir) ? self->pw_dir : "/");
	if (!home)
		goto memory;
	if ((given(h->user) || given(h->group)) && !find_identity(p, pw, why, size))
		goto done;
	ok = make_argv(p) && make_env(p, home);
memory:
	if (!ok) {
		snprintf(why, size, "out of memory");
		errno = ENOMEM;
	}
done:
	free(home);
	return ok;
}

struct program *program_of(const struct conf_handler *h, char *why, size_t why_size)
{
	for (struct program *p = programs; p; p = p->next)
		if (p->handler == h)
			return p;
	errno = 0;
	struct program *p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(why, why_size, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	p->handler = h;
	errno = 0;
	if (!program_fill(p, why, why_size)) {
		int saved = errno;
		program_free(p);
		errno = saved;
		return NULL;
	}
	p->next = programs;
	programs = p;
	return p;
}

/* The first file of that name on PATH that may be executed. */
static char *search(const char *name, const char *path)
{
	for (const char *dir = path; *dir; ) {
		int n = (int)strcspn(dir, ":");
		char *file = NULL;
		struct stat st;
		if (n > 0 && dir[0] == '/' && asprintf(&file, "%.*s/%s", n, dir, name) >= 0) {
			if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
				return file;
			free(file);
		}
		dir += n + (dir[n] == ':');
	}
	return NULL;
}

static const char *find(struct program *p, char *why, size_t size)
{
	const char *name = p->argv[0], *path = value_of(p, "PATH");

	if (strchr(name, '/'))
		return name;
	if (p->found && access(p->found, X_OK) == 0)
		return p->found;
	free(p->found);
	p->found = *name ? search(name, path) : NULL;
	if (!p->found) {
		snprintf(why, size, "cannot run \"%s\": no such program on PATH (%s)", name, path);
		errno = ENOENT;
	}
	return p->found;
}

static void put(struct buf *b, const char *name, const char *value)
{
	buf_str(b, name);
	buf_str(b, value ? value : "");
	buf_char(b, '\0');
}

static void put_number(struct buf *b, const char *name, unsigned value)
{
	buf_str(b, name);
	buf_u64(b, value);
	buf_char(b, '\0');
}

/* What stands in p->text, one after another, then the handler's. */
static bool finish_env(struct program *p)
{
	size_t n = 0;

	if (p->text.failed)
		return false;
	for (size_t at = 0; at < p->text.len; at += strlen(p->text.data + at) + 1)
		p->envp[n++] = p->text.data + at;
	memcpy(p->envp + n, p->env, p->nenv * sizeof(*p->env));
	p->envp[n + p->nenv] = NULL;
	return true;
}

static bool attempt_env(struct program *p, const struct run_task *t)
{
	char id[UUID_TEXT_BYTES], deadline[TIME_TEXT_BYTES] = "";
	struct buf *b = &p->text;

	uuid_format(t->id.b, id);
	if (t->deadline_ms)
		time_format(t->deadline_ms, deadline);
	buf_clear(b);
	put(b, "STINT_JOB_ID=", id);
	put(b, "STINT_TYPE=", t->type);
	put(b, "STINT_QUEUE=", t->queue);
	put_number(b, "STINT_ATTEMPT=", t->attempt);
	put_number(b, "STINT_MAX_ATTEMPTS=", t->max_attempts);
	put(b, "STINT_DEADLINE=", deadline);
	put(b, "STINT_NAME=", t->name);
	if (given(t->trace))
		put(b, "TRACEPARENT=", t->trace);
	return finish_env(p);
}

static bool mark_env(struct program *p, const char *mark)
{
	buf_clear(&p->text);
	put(&p->text, mark, "");
	return finish_env(p);
}

static void plan_limits(const struct conf_handler *h, struct spawn_plan *plan)
{
	if (h->rlimit_cpu) {
		rlim_t seconds = (rlim_t)((h->rlimit_cpu + 999) / 1000);
		spawn_limit_add(plan, RLIMIT_CPU, seconds, seconds + 1);
	}
	if (h->rlimit_memory)
		spawn_limit_add(plan, RLIMIT_AS, h->rlimit_memory, h->rlimit_memory);
	if (h->rlimit_files)
		spawn_limit_add(plan, RLIMIT_NOFILE, h->rlimit_files, h->rlimit_files);
	if (h->rlimit_processes)
		spawn_limit_add(plan, RLIMIT_NPROC, h->rlimit_processes, h->rlimit_processes);
	if (h->rlimit_file_size)
		spawn_limit_add(plan, RLIMIT_FSIZE, h->rlimit_file_size, h->rlimit_file_size);
}

/* For an attempt, or where there is none a program that stays. */
static bool make_plan(struct program *p, const struct run_task *t, const char *mark, struct spawn_plan *plan, char *why, size_t why_size)
{
	const struct conf_handler *h = p->handler;
	const char *file = find(p, why, why_size);

	if (!file)
		return false;
	if (!(t ? attempt_env(p, t) : mark_env(p, mark))) {
		snprintf(why, why_size, "out of memory");
		errno = ENOMEM;
		return false;
	}
	*plan = (struct spawn_plan){
		.file = file, .argv = p->argv, .envp = p->envp, .cwd = given(h->cwd) ? h->cwd : "/", .umask = (mode_t)(h->umask & 0777), .nice = (int)h->nice,
		.change_user = p->change_user, .drop_rights = geteuid() != 0, .uid = p->uid, .gid = p->gid, .groups = p->groups, .ngroups = (size_t)p->ngroups,
	};
	plan_limits(h, plan);
	return true;
}

bool program_plan(struct program *p, const struct run_task *t, struct spawn_plan *plan, char *why, size_t why_size)
{
	return make_plan(p, t, NULL, plan, why, why_size);
}

bool program_plan_to_stay(struct program *p, const char *mark, struct spawn_plan *plan, char *why, size_t why_size)
{
	return make_plan(p, NULL, mark, plan, why, why_size);
}

/* execve() says ENOENT for the program and for the interpreter that it names. */
static const char *exec_reason(const struct spawn_plan *plan, int error)
{
	switch (error) {
	case ENOENT:
		return access(plan->file, F_OK) == 0 ? "the interpreter that it names in its first line, or its loader, does not exist" : "no such file";
	case EACCES:
		return "permission denied (it must be a regular file with its execute bit set, in directories that the handler's user may enter)";
	case ENOEXEC:
		return "it is no program: neither a binary of this machine nor a script that begins with #!";
	case ETXTBSY:
		return "the file is open for writing";
	case E2BIG:
		return "its arguments and environment are too long";
	default:
		return strerror(error);
	}
}

void program_explain(const struct program *p, const struct spawn_plan *plan, const struct spawn_error *e, char *why, size_t why_size)
{
	const char *pattern = p->handler->pattern, *text = strerror(e->error);

	switch (e->step) {
	case SPAWN_EXEC:
		snprintf(why, why_size, "cannot run \"%s\": %s", plan->file, exec_reason(plan, e->error));
		break;
	case SPAWN_CWD:
		snprintf(why, why_size, "cannot run \"%s\": cannot enter its directory \"%s\" (cwd of handler \"%s\"): %s", plan->file, plan->cwd, pattern, text);
		break;
	case SPAWN_USER:
		snprintf(why, why_size, "cannot run \"%s\" as uid %u, gid %u (user and group of handler \"%s\"): %s%s", plan->file, (unsigned)plan->uid, (unsigned)plan->gid, pattern,
			text, e->error == EPERM ? "; the server must be started as root for that" : "");
		break;
	case SPAWN_CAGE:
		snprintf(why, why_size, "cannot run \"%s\" in a control group of its own: %s", plan->file, text);
		break;
	case SPAWN_NICE:
		snprintf(why, why_size, "cannot run \"%s\" with nice %d (handler \"%s\"): %s", plan->file, plan->nice, pattern, text);
		break;
	case SPAWN_LIMIT:
		snprintf(why, why_size, "cannot run \"%s\" within the limits of handler \"%s\": %s", plan->file, pattern, text);
		break;
	default:
		snprintf(why, why_size, "cannot start a process for \"%s\": %s", plan->file, text);
	}
}
