/* Finds and reads the file of a time zone. Called where a conf is loaded, never in a loop. A name comes from a conf that anybody may have written: it is
 * checked before it becomes a path. Nothing here is fatal; every refusal is a sentence. */
#include "os/zone_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_DIR "/usr/share/zoneinfo"
#define NAME_MAX_BYTES 63       /* the longest zone has 32 */

/* UTC as a file of version 2: an empty first block, and a second with one kind of local time, no change and the rule "UTC0". */
static const unsigned char utc_bytes[] =
	"TZif2" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4" "\0\0\0\0\0\0" "UTC\0"
	"TZif2" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4" "\0\0\0\0\0\0" "UTC\0"
	"\nUTC0\n";

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '/';
}

/* What of a name can be shown in a message: printable and not endless. */
static const char *shown(const char *name, char out[NAME_MAX_BYTES + 4])
{
	size_t n = 0;

	for (; name[n] && n < NAME_MAX_BYTES; n++)
		out[n] = name[n] >= ' ' && name[n] <= '~' ? name[n] : '?';
	strcpy(out + n, name[n] ? "..." : "");
	return out;
}

/* NULL where the name can be one. */
static const char *name_mistake(const char *name)
{
	size_t n = strlen(name);

	if (n == 0)
		return "it is empty";
	if (name[0] == '/')
		return "it is a path of its own";
	for (const char *part = name;; part = strchr(part, '/') + 1) {
		if (strncmp(part, "..", 2) == 0)
			return "it leads out of the directory of zones";
		if (!strchr(part, '/'))
			break;
	}
	if (n > NAME_MAX_BYTES)
		return "it is too long";
	for (size_t i = 0; i < n; i++)
		if (!name_char(name[i]))
			return "names have letters, digits, \"_\", \"+\", \"-\" and \"/\" only";
	if (name[n - 1] == '/' || strstr(name, "//"))
		return "a part of it is empty";
	return NULL;
}

/* Sets name to the spelling that the directory has, upper and lower case aside. */
static bool respell(const char *dir, char *name)
{
	char path[PATH_MAX];
	size_t at = (size_t)snprintf(path, sizeof(path), "%s", dir);

	for (char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t n = strcspn(part, "/");
		bool found = false;
		struct dirent *entry;
		DIR *d = opendir(path);

		if (!d)
			return false;
		while (!found && (entry = readdir(d)))
			if (strlen(entry->d_name) == n && strncasecmp(entry->d_name, part, n) == 0) {
				memcpy(part, entry->d_name, n);
				found = true;
			}
		closedir(d);
		if (!found || at + n + 2 > sizeof(path))
			return false;
		at += (size_t)snprintf(path + at, sizeof(path) - at, "/%.*s", (int)n, part);
	}
	return true;
}

static void say_unknown(const char *dir, const char *name, char *why, size_t why_size)
{
	char right[NAME_MAX_BYTES + 1];

	snprintf(right, sizeof(right), "%s", name);
	if (strcasecmp(name, "UTC") == 0)
		snprintf(why, why_size, "there is no time zone \"%s\": \"UTC\" is meant?", name);
	else if (access(dir, F_OK) != 0)
		snprintf(why, why_size, "time zone \"%s\": there is no directory %s, where zones are kept (package tzdata); only \"UTC\" is known without it", name, dir);
	else if (respell(dir, right) && strcmp(right, name) != 0)
		snprintf(why, why_size, "there is no time zone \"%s\": \"%s\" is meant?", name, right);
	else
		snprintf(why, why_size, "there is no time zone \"%s\" in %s: names are like \"Europe/Berlin\" or \"UTC\"", name, dir);
}

/* The whole of a file; -1 with errno, EFBIG where it is too long. */
static ssize_t read_whole(int fd, unsigned char out[ZONE_FILE_MAX])
{
	size_t n = 0;

	for (;;) {
		char beyond;
		ssize_t done = n < ZONE_FILE_MAX ? read(fd, out + n, ZONE_FILE_MAX - n) : read(fd, &beyond, 1);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		if (done == 0)
			return (ssize_t)n;
		if (n == ZONE_FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
		n += (size_t)done;
	}
}

/* The open file; -1 where it cannot be had, with the sentence in why. */
static int zone_open(const char *dir, const char *name, char *why, size_t why_size)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
		snprintf(why, why_size, "time zone \"%s\": the path of the directory of zones is too long", name);
		return -1;
	}
	/* Not to wait for the other end where it is a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		say_unknown(dir, name, why, why_size);
	else if (fd < 0 || fstat(fd, &st) != 0)
		snprintf(why, why_size, "time zone \"%s\": %s: %s", name, path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		snprintf(why, why_size, "time zone \"%s\": it is a folder of zones; one in it is wanted, as \"Europe/Berlin\"", name);
	else if (!S_ISREG(st.st_mode))
		snprintf(why, why_size, "time zone \"%s\": %s is not a file", name, path);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

ssize_t zone_file_read(const char *dir, const char *name, unsigned char out[ZONE_FILE_MAX], char *why, size_t why_size)
{
	char text[NAME_MAX_BYTES + 4];
	const char *mistake = name_mistake(name);
	ssize_t n;
	int fd;

	if (mistake) {
		snprintf(why, why_size, "time zone \"%s\": %s; something like \"Europe/Berlin\" or \"UTC\" is wanted", shown(name, text), mistake);
		return -1;
	}
	if (strcmp(name, "UTC") == 0) {
		memcpy(out, utc_bytes, sizeof(utc_bytes) - 1);
		return sizeof(utc_bytes) - 1;
	}
	if (!dir || !*dir)
		dir = getenv("TZDIR");
	if (!dir || !*dir)
		dir = DEFAULT_DIR;
	fd = zone_open(dir, name, why, why_size);
	if (fd < 0)
		return -1;
	n = read_whole(fd, out);
	if (n < 0)
		snprintf(why, why_size, "time zone \"%s\" cannot be read from %s: %s", name, dir, errno == EFBIG ? "no zone is as long as this file" : strerror(errno));
	close(fd);
	return n;
}
