// System calls with the error in the result: each returns what the kernel returned, or `-errno`.
// Nothing runs between the call and the reading of errno.
#ifndef MEROPS_SYSTEM_CALLS_H
#define MEROPS_SYSTEM_CALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// bpf(2). Copies `attribute` into a zeroed buffer larger than any kernel's `union bpf_attr` and back: some commands
// write results past the size they were given.
long linux_bpf(int command, void *attribute, size_t size);

// `EPERM` and `Operation not permitted`; NULL for a number that the C library does not know.
const char *linux_errno_name(int number);
const char *linux_errno_message(int number);

int linux_close(int descriptor);
int linux_duplicate(int descriptor);
int linux_open(const char *path, int flags);
// openat(2) with O_CREAT.
int linux_create(const char *path, int flags, unsigned mode);
ssize_t linux_read_link(const char *path, void *buffer, size_t size);
// open_by_handle_at(2) of a cgroup, by its number; `mount` is a descriptor of anything in the hierarchy.
int linux_open_cgroup(int mount, uint64_t number);
ssize_t linux_read(int descriptor, void *buffer, size_t count);
ssize_t linux_read_at(int descriptor, void *buffer, size_t count, off_t offset);
ssize_t linux_write(int descriptor, const void *buffer, size_t count);
int linux_truncate(int descriptor, off_t length);
// fsopen(2), fsconfig(2) and fsmount(2): a file system for whoever has the descriptor, at no place in any name space (5.2).
int linux_mount_nowhere(const char *file_system);
// mmap(2); returns the address or a negative errno.
/* fstat(2): the size of a file in bytes. */
off_t linux_file_size(int descriptor);
intptr_t linux_mmap(size_t length, int protection, int flags, int descriptor, off_t offset);
int linux_munmap(void *address, size_t length);
int linux_ioctl(int descriptor, unsigned long request, void *argument);
int linux_ioctl_number(int descriptor, unsigned long request, unsigned long argument);

// perf_event_open(2); the attribute is a struct linux_perf_event.
struct linux_perf_event;
int linux_perf_event_open(const struct linux_perf_event *attribute, int pid, int cpu, int group, unsigned long flags);

int linux_epoll_create(void);
// Watches `descriptor` for input, or for room to write; `token` comes back from the wait.
int linux_epoll_add(int epoll, int descriptor, uint64_t token, int for_output, int edge_triggered);
// Watches `descriptor` for nothing but its other end being closed.
int linux_epoll_add_hang_up(int epoll, int descriptor, uint64_t token);
int linux_epoll_remove(int epoll, int descriptor);
// Returns how many of `tokens` were filled.
int linux_epoll_wait(int epoll, uint64_t *tokens, int capacity, int timeout_milliseconds);

// poll(2) of one descriptor for input; returns 1 when there is some, 0 after the timeout.
int linux_poll_input(int descriptor, int timeout_milliseconds);

// A non-blocking eventfd(2), at 0.
int linux_eventfd(void);

// pidfd_open(2): a descriptor that stands for a process (5.3).
int linux_pidfd_open(int pid);

// A signalfd(2) for the signals in `signals`, which this blocks for the calling thread.
int linux_signalfd(const int *signals, int count);

// Sends `message` to `descriptor` if a signal is about to end the process: one that nobody handles otherwise, a crash among
// them. Returns a number to take that back with, or -1 when eight messages wait already. `message` has at most 128 bytes.
int linux_send_before_death(int descriptor, const void *message, size_t length);
void linux_no_send_before_death(int number);
// Before the same signals end the process: writes `message` (at most 64 bytes) to the terminal `output` and gives the terminal
// `input` the mode that it has now. A length of 0 takes that back.
void linux_reset_terminal_before_death(int output, const void *message, size_t length, int input);

int linux_socket(int domain, int type, int protocol);
int linux_bind(int descriptor, const void *address, unsigned length);
int linux_bind_netlink(int descriptor, uint32_t groups);
int linux_connect(int descriptor, const void *address, unsigned length);
int linux_listen(int descriptor, int backlog);
int linux_accept(int descriptor);
int linux_getsockname(int descriptor, void *address, unsigned length);
int linux_shutdown(int descriptor, int how);
int linux_setsockopt(int descriptor, int level, int option, const void *value, unsigned length);
ssize_t linux_send(int descriptor, const void *buffer, size_t count, int flags);
ssize_t linux_receive(int descriptor, void *buffer, size_t count, int flags);

// recvfrom(2) on a netlink socket; `sender` becomes the port that sent the datagram, 0 for the kernel.
ssize_t linux_receive_netlink(int descriptor, void *buffer, size_t count, int flags, uint32_t *sender);
int linux_setns(int descriptor, int kind);
int linux_unshare(int flags);
// Calls `body` on a new thread and returns when that thread has ended; an error is that of pthread_create(3).
int linux_run_on_new_thread(void (*body)(void *), void *context);
// setrlimit(RLIMIT_MEMLOCK, infinity).
int linux_raise_memlock(void);
// setgroups(2), setresgid(2), setresuid(2), for all threads of the process.
int linux_setgroups(size_t count, const uint32_t *groups);
int linux_setgid(uint32_t gid);
int linux_setuid(uint32_t uid);
// The effective capabilities of this thread as one word, 0 where they cannot be read.
uint64_t linux_effective_capabilities(void);
uint64_t linux_clock(int clock);
long linux_page_size(void);
int linux_processor_count(void);
// sched_setaffinity(2) of the calling thread: one processor, or all for -1.
int linux_stay_on_processor(int processor);

#endif
