/* What the files of config share among themselves; nobody else includes it.
 *
 * A load goes: lex (bytes to tokens) -> parse (tokens to blocks of settings, includes followed) -> environment (.env file, overrides become settings of
 * their own) -> apply (settings to the tables of config.h, through the directive table) -> check. Every step goes on after a mistake and reports it. */
#ifndef STINT_CONFIG_INTERNAL_H
#define STINT_CONFIG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"

/* ---- the directive table (directives.c) ---- */

enum conf_section { CONF_MAIN, CONF_HTTP, CONF_STORE, CONF_QUEUE, CONF_HANDLER, CONF_SCHEDULE, CONF_METRICS, CONF_SECTIONS };

enum conf_type {
	CONF_AUTO,              /* uint64_t; "auto" is the number of processors */
	CONF_UINT, CONF_OCTAL,  /* uint64_t */
	CONF_INT,               /* int64_t */
	CONF_SIZE,              /* uint64_t, bytes */
	CONF_DURATION,          /* int64_t, ms */
	CONF_RATE, CONF_REAL,   /* double */
	CONF_BOOL,              /* bool */
	CONF_CHOICE,            /* int, index in names[] */
	CONF_STRING,            /* char * */
	CONF_PATH,              /* char *; a relative one gets the prefix */
	CONF_LOG,               /* char *; stderr, syslog or a path */
	CONF_LIST,              /* struct conf_list */
};

enum conf_flag {
	CONF_RESTART = 1,       /* R: a reload keeps the old value */
	CONF_LATER = 2,         /* this version has only its default value */
	CONF_SECRET = 4,        /* not shown by conf_dump() unless asked */
	CONF_FILLED = 8,        /* must not be empty */
	CONF_KIND = 16,         /* says what a handler is: exactly one of these in a handler, no default */
};

struct directive {
	enum conf_section section;
	const char *name;
	enum conf_type type;
	const char *def;                /* as written in the conf without quotes; a list's elements with commas between; NULL: none */
	int64_t min, max;               /* of numbers, sizes (bytes), durations (ms) and lengths */
	unsigned flags;
	size_t offset;                  /* in the section's struct */
	const char *const *names;       /* CONF_CHOICE, NULL-terminated */
	int kind;                       /* CONF_KIND: enum conf_handler_kind */
	const char *doc;                /* one line */
};

struct section {
	const char *name;               /* "" for the top level */
	bool titled;
};

extern const struct directive directives[];
extern const size_t ndirectives;
extern const struct section sections[CONF_SECTIONS];

const struct directive *directive_of(enum conf_section section, struct slice name);
const struct directive *directive_elsewhere(enum conf_section not_here, struct slice name);
const char *directive_nearest(enum conf_section section, struct slice name);   /* NULL where none is near */
int section_of(struct slice name);                      /* -1: no such */
const char *section_nearest(struct slice name);
unsigned edit_distance(struct slice a, struct slice b); /* insert, delete, change, swap of neighbours */
bool edit_near(struct slice written, const char *known, unsigned *best);       /* nearer than *best and near enough to be meant */
/* Where the section's struct is; index counts queues, handlers and schedules. */
void *section_base(struct conf *c, enum conf_section section, size_t index);
size_t section_count(const struct conf *c, enum conf_section section);
const char *section_title(const struct conf *c, enum conf_section section, size_t index);      /* NULL where it has none */

/* ---- one typed value (value.c) ---- */

union conf_slot { uint64_t u; int64_t i; double r; bool b; int w; char *s; struct conf_list l; };

enum value_rc { VALUE_OK, VALUE_BAD, VALUE_NO_MEMORY };

/* Reads v[0..n) into the slot, whose old value is freed. */
enum value_rc value_set(const struct directive *d, void *slot, char *const *v, size_t n);
enum value_rc value_default(const struct directive *d, void *slot);
void value_expected(const struct directive *d, struct buf *out);        /* "a whole number from 1 to 4096" */
void value_put(const struct directive *d, const void *slot, struct buf *out);  /* in the conf's own syntax */
bool value_equal(const struct directive *d, const void *a, const void *b);
bool value_copy(const struct directive *d, void *to, const void *from);        /* false: memory is out */
void value_clear(const struct directive *d, void *slot);
void string_put(struct slice s, struct buf *out);                       /* a quoted string that the lexer reads back */
/* Splits at commas, spaces around an element dropped; "" is the empty list. The array is malloc'ed, so are its elements. */
bool list_split(struct slice text, struct conf_list *out);
void list_free(struct conf_list *l);

/* ---- one load (load.c) ---- */

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_EQUALS, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA, TOKEN_LPAREN, TOKEN_RPAREN };

struct token {
	enum token_type type;
	unsigned line;
	struct slice text;              /* of a string: between the quotes, escapes and ${} still in it */
};

struct source {                         /* a file */
	struct source *next;
	struct source *from;            /* the one that includes it */
	const char *name;
	struct slice text;
	struct token *token;            /* ends with TOKEN_END */
	size_t ntoken;
	dev_t dev;
	ino_t ino;
};

struct raw { struct slice text; bool quoted; unsigned line; };

struct setting {
	struct setting *next;
	const struct directive *d;
	const char *file;
	unsigned line;
	bool list;                      /* written as one */
	bool overrides;                 /* from the environment: stands after the file's own and wins */
	struct raw *v;
	size_t n;
};

struct block {                          /* a section as written, or the top level, or one that no file has and so has line 0 */
	struct block *next;
	enum conf_section section;
	struct raw title_raw;
	const char *title;              /* "" where it has none */
	bool untold;                    /* it should have one, which is missing or cannot be resolved: said already */
	const char *file;
	unsigned line;
	size_t index;                   /* of its struct */
	struct setting *first, *last;
};

struct variable { struct variable *next; const char *name, *value; unsigned line; };

struct loader {
	struct conf_report *report;
	struct conf *conf;
	const char *prefix;
	bool text_only;                 /* conf_parse(): no includes, no environment */
	bool no_memory;
	void *held;                     /* what lives as long as the load */
	struct source *source, **last_source;
	struct block *block, **last_block;      /* the first is the top level */
	const char *env_file;           /* environment_file's path */
	struct variable *env;           /* and what it has */
};

void *hold(struct loader *l, size_t n);                 /* zeroed, freed with the loader; NULL where memory is out (and no_memory set) */
char *hold_slice(struct loader *l, struct slice s);
const char *shown(struct loader *l, struct slice s);    /* fit for a message: cut, control characters replaced */
void mistake(struct loader *l, const char *file, unsigned line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void warning(struct loader *l, const char *file, unsigned line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* path behind the prefix where it is relative and there is one. */
char *hold_path(struct loader *l, const char *dir, const char *path);
struct block *block_add(struct loader *l, enum conf_section section, const char *file, unsigned line);
/* The setting in force, NULL where the block has none. */
const struct setting *setting_of(const struct block *b, const char *name);
/* Where the option's value i stands, or the section where it was not written (s NULL). */
unsigned setting_line(const struct block *b, const struct setting *s, size_t i);
const char *setting_file(const struct block *b, const struct setting *s);

/* lex.c */
bool lex(struct loader *l, struct source *s);
/* What a string token means: escapes and ${NAME}, ${NAME:-default} resolved. NULL where it cannot be (reported). */
char *lex_string(struct loader *l, const char *file, const struct raw *r);

/* parse.c */
void parse(struct loader *l, struct source *s, struct block *b);
/* Reads a file whole; NULL with *why static or strerror text. */
struct source *source_open(struct loader *l, const char *path, struct source *from, const char **why);
/* The same of a file that `option` of `b` names and that only the server's user need be allowed to read: what goes wrong is told, and NULL is returned. To another user it is a warning, since commands read the conf too. */
struct source *source_private(struct loader *l, const struct block *b, const char *option, const char *path);
/* Tells that such a file, which is known as `what`, cannot be read. */
void private_unread(struct loader *l, const char *file, unsigned line, const char *what, const char *path, const char *why);
struct source *source_add(struct loader *l, const char *name, struct slice text);

/* environment.c */
void environment_file(struct loader *l);                /* finds the option, loads the file */
const char *environment_get(struct loader *l, struct slice name);
void environment_override(struct loader *l);            /* STINT_... become settings */
extern const char *const handler_variables[];           /* what the server itself sets for a handler, NULL-terminated */

/* listen.c */
void check_listen(struct loader *l, const struct block *http);

/* pem.c */
void pem_read(struct loader *l, const struct block *http);
void pem_free(struct conf_http *http);

/* tokens.c */
void tokens_read(struct loader *l, const struct block *http);
void tokens_free(struct conf_http *http);

/* check_call.c */
void check_call(struct loader *l, const struct block *b, struct conf_handler *h);

/* check_schedule.c */
void check_schedule(struct loader *l, const struct block *b);

/* check.c */
void check(struct loader *l);
bool name_good(const char *s, size_t n);                /* of a type, queue or schedule */

#endif
