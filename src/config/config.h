/* The conf as checked tables. Loaded by config/load.c through the directive table in config/directives.c; freed whole by conf_free(). */
#ifndef STINT_CONFIG_CONFIG_H
#define STINT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/buf.h"

struct conf_list { char **v; size_t n; };

struct conf_listen {
	char *text;                     /* as written, "127.0.0.1:8080"; a Unix socket's path has the prefix */
	bool is_unix, tls, loopback;    /* loopback: an address of 127/8, ::1, or a Unix socket */
	char *host;                     /* without brackets; the path of a Unix socket */
	uint16_t port;
};

enum { CONF_ROLE_READ = 1, CONF_ROLE_SUBMIT = 2, CONF_ROLE_WORK = 4, CONF_ROLE_ADMIN = 8 };
struct conf_role { const char *name; unsigned bit; };
extern const struct conf_role conf_roles[];     /* ended by a NULL name */
unsigned conf_role_of(struct slice name);       /* 0: no such */

struct conf_token {                     /* a line of token_file */
	char *name;
	unsigned roles;
	uint8_t hash[32];               /* SHA-256 of the token */
	char *queues;                   /* these alone, each of which ends with '\0'; NULL: all */
	size_t queues_bytes;
};

struct conf_pem { char *p; size_t n; };

struct conf_http {
	struct conf_list listen_text;
	struct conf_listen *listen;     /* parsed, nlisten of them */
	size_t nlisten;
	uint64_t max_body, max_header, max_connections;
	int64_t header_timeout, body_timeout, idle_timeout, write_timeout;     /* ms */
	char *token_file;               /* "": everything is open */
	struct conf_token *token;       /* its lines, ntoken of them; conf_load() alone reads them */
	size_t ntoken;
	struct conf_list hosts;
	char *tls_certificate, *tls_key;
	struct conf_pem certificate_pem, key_pem;       /* what is in them; conf_load() alone reads them */
	double submit_rate;             /* per second and client; 0: no limit */
};

enum conf_sync { CONF_SYNC_FULL, CONF_SYNC_DELAYED };

struct conf_store {
	char *path, *url;
	int sync;                       /* enum conf_sync */
	int64_t sync_interval;          /* ms */
	uint64_t map_size, min_free, max_queued;
	int64_t retain_succeeded, retain_failed;        /* ms */
	uint64_t retain_count;
	int64_t idempotency_window;     /* ms */
	uint64_t idempotency_max;
};

struct conf_queue {
	char *name;                     /* "default" is also what unnamed queues get */
	uint64_t weight, concurrency, max_queued;
	double rate;
	int64_t priority_aging;         /* ms; 0: strict priorities */
};

#define CONF_COPROCESSES 32               /* handlers with coprocesses, at most: each has room of its own in the segment */

enum conf_handler_kind { CONF_HANDLER_NONE, CONF_HANDLER_EXEC, CONF_HANDLER_COPROCESS, CONF_HANDLER_HTTP, CONF_HANDLER_SMTP, CONF_HANDLER_BUILTIN, CONF_HANDLER_REMOTE };
enum conf_builtin { CONF_BUILTIN_NOOP, CONF_BUILTIN_PRINT, CONF_BUILTIN_SLEEP, CONF_BUILTIN_FAIL };

struct conf_handler {
	char *pattern;                  /* the title: a type, "img.*" or "*" */
	int kind;                       /* enum conf_handler_kind: which of the following is set */
	struct conf_list exec, coprocess;
	char *url, *smtp;
	int builtin;                    /* enum conf_builtin */
	bool remote;
	char *queue;
	int64_t timeout, kill_grace;    /* ms */
	uint64_t max_retries, max_crashes;
	int64_t backoff_base, backoff_max;      /* ms */
	double backoff_factor;
	uint64_t backoff_jitter;        /* percent */
	uint64_t concurrency, key_concurrency;
	double rate;
	uint64_t breaker_failures;
	int64_t breaker_cooldown;
	uint64_t max_output;
	struct conf_list env;           /* NAME=VALUE, or NAME to pass on ours */
	char *cwd;
	uint64_t umask;                 /* octal in the file */
	int64_t nice;
	char *user, *group;
	int64_t rlimit_cpu;             /* ms; 0: none */
	uint64_t rlimit_memory, rlimit_files, rlimit_processes, rlimit_file_size;      /* 0: none */
	uint64_t instances, pipeline;
	char *secret_file;
	struct buf secret;              /* what the file has, decoded; read by conf_load() alone */
	struct conf_list allow;
	char *smtp_user, *smtp_password, *smtp_from;
};

struct conf_schedule { char *name, *cron, *timezone, *type, *queue, *payload; int missed; /* enum tick_missed */ };

enum conf_unknown_types { CONF_UNKNOWN_REJECT, CONF_UNKNOWN_ACCEPT };

struct conf {
	uint64_t worker_processes;      /* auto is resolved to the number of processors we may run on */
	uint64_t worker_jobs;
	char *user, *group;
	bool user_given;                /* said in the file or the environment, not the default */
	char *pid_file, *run_dir, *log;
	int log_level, log_format;      /* enum log_level, enum log_format */
	int64_t drain_timeout, watchdog;/* ms */
	char *environment_file;
	int unknown_types;
	struct conf_http http;
	struct conf_store store;
	struct conf_queue *queue;       /* queue[0] is always "default" */
	size_t nqueue;
	struct conf_handler *handler;
	size_t nhandler;
	struct conf_schedule *schedule;
	size_t nschedule;
	char *otlp_url;
	char *file;                     /* the path it was loaded from */
};

struct conf_message { char *file; unsigned line; bool warning; char *text; };
struct conf_report { struct conf_message *v; size_t n, errors; };

/* Reads, checks and resolves the file, its includes, and the environment's overrides. Every mistake is in *report (conf_report_free() it in any case).
 * NULL where there was an error; the first errno of a file that cannot be read is in its message.
 *
 * prefix (may be NULL) is put before relative paths: pid_file, run_dir, environment_file, log (where it is a path), http's token_file and tls_*, store's path,
 * handlers' secret_file, the path of a unix: listener, and a handler's program (exec) with a '/' in it. Without a prefix they stay as written, so whoever
 * changes its directory passes one. `file` itself is opened as given; an include is relative to the file that has it. A program without a '/' stays as
 * written: it is looked for in the handler's PATH when it is started. */
struct conf *conf_load(const char *file, const char *prefix, struct conf_report *report);
/* The same from text, such as conf_dump() made: no includes, no environment, no look at the file system, so no tokens. */
struct conf *conf_parse(const char *name, const char *text, size_t n, struct conf_report *report);
void conf_free(struct conf *c);
void conf_report_free(struct conf_report *r);
void conf_report_print(const struct conf_report *r, int fd);   /* FILE:LINE: message, one a line */

/* Writes every option with its value in force as a conf file that conf_parse() reads back to the same tables (-T, and the hand-over to the keeper).
 * Secrets (smtp_password) are written in full only where `secrets` is true, else as "***". */
void conf_dump(const struct conf *c, bool secrets, struct buf *out);

/* Calls fn for each option that differs and needs a restart (R in the directive table). */
void conf_restart_only(const struct conf *running, const struct conf *wanted, void (*fn)(void *arg, const char *option), void *arg);
/* Copies those options' values from `running` into `wanted`, so that it can be put in force. -1 where memory is out. */
int conf_keep_restart_only(const struct conf *running, struct conf *wanted);

/* The handler of a job type: its own section, else the longest family "img.*" that matches, else "*", else NULL. */
const struct conf_handler *conf_handler_of(const struct conf *c, struct slice type);
/* Coprocess handlers. What names the room that a handler's jobs take in the workers; 0: no room of their own. */
uint32_t conf_room_of(const struct conf_handler *h);
/* How many of the handler's instances the worker of that number (from 1) has. */
uint64_t conf_deal(const struct conf *c, const struct conf_handler *h, uint64_t worker);
/* The queue's options: its own section or those of `default`. Never NULL. */
const struct conf_queue *conf_queue_of(const struct conf *c, struct slice queue);

#endif
