#include "server/upgrade.h"

#include "base/clock.h"
#include "base/str.h"
#include "server/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FREE_FD = 16 }; /* beyond the numbers that a successor's descriptors get */

static bool is_same_file(const char *path, const struct stat *self)
{
	struct stat found;

	return stat(path, &found) == 0 && found.st_dev == self->st_dev && found.st_ino == self->st_ino;
}

/* As execvp(3) found it. */
static const char *search(struct arena *arena, const char *name, const struct stat *self)
{
	const char *path = getenv("PATH");
	struct str rest = str_of(path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"), folder;
	bool is_more = true;

	while (is_more) {
		is_more = str_cut(&rest, ':', &folder);
		const char *found = arena_printf(arena, "%.*s%s%s", STR_ARGS(folder), folder.len > 0 ? "/" : "", name);
		if (is_same_file(found, self))
			return found;
	}
	return NULL;
}

static const char *absolute(struct arena *arena, const char *path)
{
	char here[PATH_MAX];

	if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		return path;
	return arena_printf(arena, "%s/%s", here, path);
}

/* argv[0] may be anything: it counts only where it is this program's file. */
static const char *program_path(struct arena *arena, const char *name)
{
	char self_path[PATH_MAX] = "";
	struct stat self;

	if (readlink("/proc/self/exe", self_path, sizeof(self_path) - 1) < 0 || stat("/proc/self/exe", &self) != 0)
		return name;
	const char *found = strchr(name, '/') != NULL ? name : search(arena, name, &self);
	if (found != NULL && is_same_file(found, &self))
		return absolute(arena, found);
	return arena_strdup(arena, self_path);
}

void upgrade_init(struct upgrade *upgrade, struct arena *arena, char **argv)
{
	*upgrade = (struct upgrade){.program = program_path(arena, argv[0]), .argv = argv, .fd = -1};
	pthread_sigmask(SIG_BLOCK, NULL, &upgrade->signals);
}

static char **environment_with(struct arena *arena, char *variable)
{
	size_t count = 0;

	while (environ[count] != NULL)
		count++;
	char **made = arena_array(arena, count + 2, sizeof(*made));
	for (size_t i = 0; i < count; i++)
		made[i] = environ[i];
	made[count] = variable;
	made[count + 1] = NULL;
	return made;
}

/* Nothing of ours is open in the child but what is named here. */
static int spawn(struct upgrade *upgrade, char **environment, int listener_fd, int channel_fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t defaults;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, listener_fd, HANDOVER_LISTENER_FD);
	posix_spawn_file_actions_adddup2(&files, channel_fd, HANDOVER_CHANNEL_FD);
	posix_spawn_file_actions_addclosefrom_np(&files, HANDOVER_CHANNEL_FD + 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &upgrade->signals);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	const int failed =
		posix_spawn(&upgrade->pid, upgrade->program, &files, &attributes, upgrade->argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return failed;
}

static int spawn_apart(struct upgrade *upgrade, int listener_fd, bool is_shared, int channel_fd)
{
	char variable[] = HANDOVER_VARIABLE "=shared";
	const int listener = fcntl(listener_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	const int channel = fcntl(channel_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int failed = errno;
	struct arena arena;

	arena_init(&arena);
	if (!is_shared)
		strcpy(variable, HANDOVER_VARIABLE "=own");
	if (listener >= 0 && channel >= 0)
		failed = spawn(upgrade, environment_with(&arena, variable), listener, channel);
	close(listener);
	close(channel);
	arena_done(&arena);
	return failed;
}

bool upgrade_start(struct upgrade *upgrade, int listener_fd, bool is_shared, uint32_t timeout_ms, struct error *err)
{
	int ends[2];

	if (getpid() == 1)
		return error_set(err, ERR_INVALID_STATE,
			"process 1 cannot be followed by another: what it runs in ends with it");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "open a channel to the successor");
	const int failed = spawn_apart(upgrade, listener_fd, is_shared, ends[1]);
	close(ends[1]);
	if (failed != 0) {
		close(ends[0]);
		upgrade->pid = 0;
		return error_set_errno(err, ERR_INTERNAL, failed, "start '%s'", upgrade->program);
	}
	upgrade->fd = ends[0];
	upgrade->until_ms = clock_ms() + timeout_ms;
	return true;
}

bool upgrade_is_under_way(const struct upgrade *upgrade)
{
	return upgrade->pid != 0;
}

static int reap(struct upgrade *upgrade, bool is_killed)
{
	int status = 0;

	if (is_killed)
		kill(upgrade->pid, SIGKILL);
	while (waitpid(upgrade->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	close(upgrade->fd);
	upgrade->fd = -1;
	upgrade->pid = 0;
	return status;
}

static bool on_end(struct upgrade *upgrade, struct error *err)
{
	/* The channel ended, so it is on its way out, and its own status says more than our signal would. */
	const int status = reap(upgrade, false);

	if (WIFSIGNALED(status))
		return error_set(err, ERR_INTERNAL, "'%s' was ended by signal %d before it was ready", upgrade->program,
			WTERMSIG(status));
	return error_set(err, ERR_INTERNAL, "'%s' ended with status %d before it was ready", upgrade->program,
		WEXITSTATUS(status));
}

bool upgrade_check(struct upgrade *upgrade, struct error *err)
{
	char said = '\0';
	const ssize_t got = recv(upgrade->fd, &said, 1, MSG_DONTWAIT);

	error_clear(err);
	if (got == 1 && said == 'R')
		return true;
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		return on_end(upgrade, err);
	if (clock_ms() < upgrade->until_ms)
		return false;
	reap(upgrade, true);
	return error_set(err, ERR_DEADLINE, "'%s' was not ready within --upgrade-timeout-ms", upgrade->program);
}

void upgrade_let_go(struct upgrade *upgrade)
{
	send(upgrade->fd, "G", 1, MSG_NOSIGNAL);
	upgrade->pid = 0;
}

void upgrade_abort(struct upgrade *upgrade)
{
	if (upgrade_is_under_way(upgrade))
		reap(upgrade, true);
}

void upgrade_done(struct upgrade *upgrade)
{
	upgrade_abort(upgrade);
	if (upgrade->fd >= 0)
		close(upgrade->fd);
	upgrade->fd = -1;
}
