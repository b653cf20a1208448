#define _GNU_SOURCE
#include "spawn_program.h"

#include <signal.h>
#include <spawn.h>

int spawn_program(char *const arguments[], char *const environment[], const char *directory, const int descriptors[3])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	int error = posix_spawn_file_actions_addchdir_np(&actions, directory);
	for (int number = 0; number < 3 && !error; number++)
		error = posix_spawn_file_actions_adddup2(&actions, descriptors[number], number);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);

	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	pid_t pid = 0;
	if (!error)
		error = posix_spawn(&pid, arguments[0], &actions, &attributes, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error ? -error : pid;
}
