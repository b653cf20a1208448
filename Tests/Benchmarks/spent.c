/* Runs a command and prints what it spent, on one line: user + system time in microseconds, the largest resident set in
 * KiB, the exit status (128 and more: the signal), and wall time in microseconds. The kernel counts what a process was before exec for the largest
 * resident set, too; started from a Python program, every command would have that one's. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	if (count < 2) {
		fprintf(stderr, "usage: spent COMMAND [ARGUMENT...]\n");
		return 2;
	}
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid_t child = fork();
	if (child == 0) {
		int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(nothing, 0);
		dup2(nothing, 1);
		execvp(arguments[1], arguments + 1);
		perror(arguments[1]);
		_exit(127);
	}
	int status;
	struct rusage usage;
	if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
		perror("spent");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	long wall = (end.tv_sec - start.tv_sec) * 1000000L + (end.tv_nsec - start.tv_nsec) / 1000;
	long microseconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	printf("%ld %ld %d %ld\n", microseconds, usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), wall);
	return 0;
}
