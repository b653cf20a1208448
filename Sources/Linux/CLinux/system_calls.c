#define _GNU_SOURCE
#include "system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define ANSWER(call)                        \
  do {                                      \
    __auto_type result = (call);            \
    return result < 0 ? -errno : result;    \
  } while (0)

long linux_bpf(int command, void *attribute, size_t size) {
  union {
    unsigned char bytes[512];
    uint64_t alignment;
  } buffer;
  if (size > sizeof buffer / 2) return -E2BIG;
  memset(&buffer, 0, sizeof buffer);
  memcpy(&buffer, attribute, size);
  long result = syscall(SYS_bpf, command, &buffer, size);
  int error = errno;
  memcpy(attribute, &buffer, size);
  return result < 0 ? -error : result;
}

const char *linux_errno_name(int number) { return strerrorname_np(number); }
const char *linux_errno_message(int number) { return strerrordesc_np(number); }

int linux_close(int descriptor) { ANSWER(close(descriptor)); }
int linux_duplicate(int descriptor) { ANSWER(fcntl(descriptor, F_DUPFD_CLOEXEC, 0)); }
int linux_open(const char *path, int flags) { ANSWER(open(path, flags | O_CLOEXEC)); }
int linux_create(const char *path, int flags, unsigned mode) {
  ANSWER(open(path, flags | O_CREAT | O_CLOEXEC, mode));
}
ssize_t linux_read_link(const char *path, void *buffer, size_t size) { ANSWER(readlink(path, buffer, size)); }
int linux_open_cgroup(int mount, uint64_t number) {
  union {
    struct file_handle handle;
    unsigned char bytes[sizeof(struct file_handle) + sizeof number];
  } place;
  place.handle.handle_bytes = sizeof number;
  place.handle.handle_type = 0xfe;  // FILEID_KERNFS, include/linux/exportfs.h (5.5)
  memcpy(place.handle.f_handle, &number, sizeof number);
  ANSWER(open_by_handle_at(mount, &place.handle, O_PATH | O_CLOEXEC));
}
ssize_t linux_read(int descriptor, void *buffer, size_t count) { ANSWER(read(descriptor, buffer, count)); }
ssize_t linux_read_at(int descriptor, void *buffer, size_t count, off_t offset)
{
	ANSWER(pread(descriptor, buffer, count, offset));
}
ssize_t linux_write(int descriptor, const void *buffer, size_t count) { ANSWER(write(descriptor, buffer, count)); }
int linux_truncate(int descriptor, off_t length) { ANSWER(ftruncate(descriptor, length)); }

off_t linux_file_size(int descriptor)
{
	struct stat status;
	return fstat(descriptor, &status) ? -errno : status.st_size;
}

int linux_mount_nowhere(const char *file_system)
{
	int context = fsopen(file_system, FSOPEN_CLOEXEC);
	if (context < 0)
		return -errno;
	int mount = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (mount == 0)
		mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	int error = errno;
	close(context);
	return mount < 0 ? -error : mount;
}

intptr_t linux_mmap(size_t length, int protection, int flags, int descriptor, off_t offset) {
  void *address = mmap(NULL, length, protection, flags, descriptor, offset);
  return address == MAP_FAILED ? -errno : (intptr_t)address;
}

int linux_munmap(void *address, size_t length) { ANSWER(munmap(address, length)); }
int linux_ioctl_number(int descriptor, unsigned long request, unsigned long argument)
{
	ANSWER(ioctl(descriptor, request, argument));
}
int linux_ioctl(int descriptor, unsigned long request, void *argument) {
  ANSWER(ioctl(descriptor, request, argument));
}

int linux_perf_event_open(const struct linux_perf_event *attribute, int pid, int cpu, int group, unsigned long flags)
{
	ANSWER(syscall(SYS_perf_event_open, attribute, pid, cpu, group, flags));
}

int linux_epoll_create(void) { ANSWER(epoll_create1(EPOLL_CLOEXEC)); }

int linux_epoll_add(int epoll, int descriptor, uint64_t token, int for_output, int edge_triggered) {
  struct epoll_event event = {
      .events = (for_output ? EPOLLOUT : EPOLLIN) | (edge_triggered ? EPOLLET : 0), .data.u64 = token};
  ANSWER(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

int linux_epoll_add_hang_up(int epoll, int descriptor, uint64_t token) {
  // EPOLLERR and EPOLLHUP come unasked.
  struct epoll_event event = {.data.u64 = token};
  ANSWER(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

int linux_epoll_remove(int epoll, int descriptor) {
  ANSWER(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL));
}

int linux_epoll_wait(int epoll, uint64_t *tokens, int capacity, int timeout_milliseconds) {
  struct epoll_event events[16];
  if (capacity > 16) capacity = 16;
  int count = epoll_wait(epoll, events, capacity, timeout_milliseconds);
  if (count < 0) return -errno;
  for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
  return count;
}

int linux_poll_input(int descriptor, int timeout_milliseconds) {
  struct pollfd poller = {.fd = descriptor, .events = POLLIN};
  ANSWER(poll(&poller, 1, timeout_milliseconds));
}

// SYS_pidfd_open is 434 on every architecture; distribution headers may be older.
int linux_pidfd_open(int pid) { ANSWER(syscall(434, pid, 0)); }

int linux_eventfd(void) { ANSWER(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int linux_signalfd(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
  ANSWER(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// What a dying process still says. A slot is in use while its length is not 0; the handler only reads.
static struct last_word {
  volatile size_t length;
  int descriptor;
  unsigned char message[128];
} last_words[8];

// The terminal that a dying process leaves as it found it, while `length` is not 0.
static struct {
  volatile size_t length;
  int output, input;
  char message[64];
  struct termios mode;
} last_terminal;

static struct sigaction previous_actions[65];

static void say_last_words(int signal) {
  if (last_terminal.length) {
    if (write(last_terminal.output, last_terminal.message, last_terminal.length) < 0) { /* nobody is left to be told */ }
    tcsetattr(last_terminal.input, TCSANOW, &last_terminal.mode);
  }
  for (unsigned i = 0; i < 8; i++)
    if (last_words[i].length) send(last_words[i].descriptor, last_words[i].message, last_words[i].length, MSG_DONTWAIT);
  // Whoever handled the signal before, mostly the kernel, now ends the process as the signal says.
  sigaction(signal, &previous_actions[signal], NULL);
  raise(signal);
}

static void handle_deadly_signals(void) {
  static const int deadly[] = {SIGSEGV, SIGBUS,  SIGILL,    SIGFPE,  SIGABRT, SIGTRAP, SIGSYS, SIGUSR2,
                               SIGALRM, SIGPROF, SIGVTALRM, SIGXCPU, SIGXFSZ, SIGIO,   SIGPWR, SIGSTKFLT};
  for (unsigned j = 0; j < sizeof deadly / sizeof *deadly; j++) {
    struct sigaction current, action = {.sa_handler = say_last_words};
    if (sigaction(deadly[j], NULL, &current) < 0 || current.sa_handler == say_last_words) continue;
    previous_actions[deadly[j]] = current;
    sigaction(deadly[j], &action, NULL);
  }
}

int linux_send_before_death(int descriptor, const void *message, size_t length) {
  if (length > sizeof last_words[0].message) return -1;
  for (int i = 0; i < 8; i++) {
    if (last_words[i].length) continue;
    memcpy(last_words[i].message, message, length);
    last_words[i].descriptor = descriptor;
    last_words[i].length = length;
    handle_deadly_signals();
    return i;
  }
  return -1;
}

void linux_reset_terminal_before_death(int output, const void *message, size_t length, int input) {
  last_terminal.length = 0;
  if (length == 0 || length > sizeof last_terminal.message || tcgetattr(input, &last_terminal.mode) < 0) return;
  memcpy(last_terminal.message, message, length);
  last_terminal.output = output;
  last_terminal.input = input;
  last_terminal.length = length;
  handle_deadly_signals();
}

void linux_no_send_before_death(int number) {
  if (number >= 0 && number < 8) last_words[number].length = 0;
}

int linux_socket(int domain, int type, int protocol) { ANSWER(socket(domain, type | SOCK_CLOEXEC, protocol)); }
int linux_bind(int descriptor, const void *address, unsigned length) { ANSWER(bind(descriptor, address, length)); }
int linux_bind_netlink(int descriptor, uint32_t groups) {
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
  ANSWER(bind(descriptor, (struct sockaddr *)&address, sizeof address));
}
int linux_connect(int descriptor, const void *address, unsigned length) {
  ANSWER(connect(descriptor, address, length));
}
int linux_listen(int descriptor, int backlog) { ANSWER(listen(descriptor, backlog)); }
int linux_accept(int descriptor) { ANSWER(accept4(descriptor, NULL, NULL, SOCK_CLOEXEC)); }
int linux_getsockname(int descriptor, void *address, unsigned length) {
  socklen_t size = length;
  ANSWER(getsockname(descriptor, address, &size));
}
int linux_shutdown(int descriptor, int how) { ANSWER(shutdown(descriptor, how)); }
int linux_setsockopt(int descriptor, int level, int option, const void *value, unsigned length) {
  ANSWER(setsockopt(descriptor, level, option, value, length));
}
ssize_t linux_send(int descriptor, const void *buffer, size_t count, int flags) {
  ANSWER(send(descriptor, buffer, count, flags));
}
ssize_t linux_receive(int descriptor, void *buffer, size_t count, int flags) {
  ANSWER(recv(descriptor, buffer, count, flags));
}

ssize_t linux_receive_netlink(int descriptor, void *buffer, size_t count, int flags, uint32_t *sender) {
  struct sockaddr_nl from = {0};
  socklen_t size = sizeof from;
  ssize_t result = recvfrom(descriptor, buffer, count, flags, (struct sockaddr *)&from, &size);
  if (result < 0) return -errno;
  *sender = from.nl_pid;
  return result;
}

int linux_setns(int descriptor, int kind) { ANSWER(setns(descriptor, kind)); }
int linux_unshare(int flags) { ANSWER(unshare(flags)); }

struct thread_task {
  void (*body)(void *);
  void *context;
};

static void *thread_start(void *argument) {
  struct thread_task *task = argument;
  task->body(task->context);
  return NULL;
}

int linux_run_on_new_thread(void (*body)(void *), void *context) {
  struct thread_task task = {body, context};
  pthread_t thread;
  int error = pthread_create(&thread, NULL, thread_start, &task);
  if (error) return -error;
  return -pthread_join(thread, NULL);
}

int linux_setgroups(size_t count, const uint32_t *groups) { ANSWER(setgroups(count, groups)); }
int linux_setgid(uint32_t gid) { ANSWER(setresgid(gid, gid, gid)); }
int linux_setuid(uint32_t uid) { ANSWER(setresuid(uid, uid, uid)); }
int linux_raise_memlock(void) {
  struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  ANSWER(setrlimit(RLIMIT_MEMLOCK, &unlimited));
}

uint64_t linux_effective_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
  if (syscall(SYS_capget, &header, data) < 0) return 0;
  return (uint64_t)data[1].effective << 32 | data[0].effective;
}

uint64_t linux_clock(int clock) {
  struct timespec now = {0};
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

long linux_page_size(void) { return sysconf(_SC_PAGESIZE); }
int linux_stay_on_processor(int processor) {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  for (int i = 0; i < CPU_SETSIZE; i++)
    if (processor < 0 || i == processor) CPU_SET(i, &processors);
  ANSWER(sched_setaffinity(0, sizeof processors, &processors));
}

int linux_processor_count(void) { return (int)sysconf(_SC_NPROCESSORS_CONF); }
