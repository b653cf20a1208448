// Makes TCP connections of every kind, and says on standard output what it knows of each of their ends: a JSON object a
// line, with the names of `merops connections`, and between which moments of CLOCK_MONOTONIC it began and ended.
//
//   connection-day day NAMESPACE    all kinds; NAMESPACE is a network namespace that 192.0.2.2 and 2001:db8::2 are in
//   connection-day many COUNT RATE SECONDS
//                                   up to COUNT short ones over loopback, up to RATE a second, for up to SECONDS; says how
//                                   many, to which port, and how long it took
//   connection-day bulk MEGABYTES   so much over one connection; says how many seconds it took
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int sure(int result, const char *what) {
  if (result < 0) fail(what);
  return result;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void rest(double seconds) {
  struct timespec time = {seconds, (seconds - (long)seconds) * 1e9};
  while (nanosleep(&time, &time) && errno == EINTR) {}
}

// Addresses

struct address {
  struct sockaddr_storage bytes;
  socklen_t length;
};

static struct address address(const char *text, int port) {
  struct address address = {.length = sizeof(struct sockaddr_in6)};
  struct sockaddr_in6 *v6 = (void *)&address.bytes;
  struct sockaddr_in *v4 = (void *)&address.bytes;
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
  } else {
    memset(v4, 0, sizeof *v4);
    v4->sin_family = AF_INET;
    sure(inet_pton(AF_INET, text, &v4->sin_addr) - 1, "inet_pton");
    v4->sin_port = htons(port);
    address.length = sizeof *v4;
  }
  return address;
}

static int port(int socket) {
  struct address address = {.length = sizeof address.bytes};
  sure(getsockname(socket, (void *)&address.bytes, &address.length), "getsockname");
  return ntohs(((struct sockaddr_in6 *)&address.bytes)->sin6_port);
}

// Sockets

static void set(int socket, int level, int option, int value) {
  sure(setsockopt(socket, level, option, &value, sizeof value), "setsockopt");
}

static int listen_on(const char *text, int backlog) {
  struct address place = address(text, 0);
  int listener = sure(socket(place.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sure(bind(listener, (void *)&place.bytes, place.length), "bind");
  sure(listen(listener, backlog), "listen");
  return listener;
}

// From now on, nothing reaches the socket.
static void deafen(int socket) {
  struct sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  struct sock_fprog filter = {1, nothing};
  sure(setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), "SO_ATTACH_FILTER");
}

static void send_all(int socket, size_t count) {
  static char bytes[65536];
  while (count > 0) {
    ssize_t sent = sure(send(socket, bytes, count < sizeof bytes ? count : sizeof bytes, MSG_NOSIGNAL), "send");
    count -= sent;
  }
}

static void receive_all(int socket, size_t count) {
  static char bytes[65536];
  while (count > 0) {
    ssize_t came = sure(recv(socket, bytes, count < sizeof bytes ? count : sizeof bytes, 0), "recv");
    if (came == 0) fail("the connection ended too early");
    count -= came;
  }
}

static void reset(int socket) {
  struct linger linger = {1, 0};
  sure(setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), "SO_LINGER");
  sure(close(socket), "close");
}

// Moments between which something happened.
struct moment {
  double from, to;
};

#define DURING(...)                  \
  ({                                 \
    struct moment moment = {now(), 0}; \
    __VA_ARGS__;                     \
    moment.to = now();               \
    moment;                          \
  })

// A connection with both of its ends.
struct pair {
  const char *kind;
  int listener, client, server;
  int client_port, server_port;
  struct moment opened;
};

static struct pair connect_pair(const char *kind, const char *to, const char *from) {
  struct pair pair = {.kind = kind, .listener = listen_on(to, 16)};
  pair.server_port = port(pair.listener);
  struct address place = address(from, pair.server_port);
  pair.client = sure(socket(place.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  pair.opened = DURING(sure(connect(pair.client, (void *)&place.bytes, place.length), "connect"));
  pair.server = sure(accept4(pair.listener, NULL, NULL, SOCK_CLOEXEC), "accept4");
  pair.client_port = port(pair.client);
  return pair;
}

// What is said

struct said {
  const char *owner, *end, *by;  // NULL where it is not said
  long sent, received;
  int pid;  // 0 for this process
};

static void say(const char *kind, const char *direction, const char *family, int local, int remote, struct moment opened,
                struct moment closed, struct said said) {
  printf("{\"kind\":\"%s\",\"direction\":\"%s\",\"family\":\"%s\",\"local_port\":%d,\"remote_port\":%d,", kind, direction,
         family, local, remote);
  if (said.owner) printf("\"owner\":\"%s\",\"pid\":%d,", said.owner, said.pid ? said.pid : getpid());
  if (said.by) printf("\"ended_by\":\"%s\",", said.by);
  printf("\"bytes_sent\":%ld,\"bytes_received\":%ld,", said.sent, said.received);
  printf("\"end\":\"%s\",\"shortest\":%.9f,\"longest\":%.9f}\n", said.end, closed.from - opened.to, closed.to - opened.from);
  fflush(stdout);
}

// Both ends, the way most things are.
static void say_both(struct pair pair, const char *family, struct moment closed, const char *end, const char *client_by,
                     const char *server_by, long sent, long received) {
  say(pair.kind, "outgoing", family, pair.client_port, pair.server_port, pair.opened, closed,
      (struct said){"connected", end, client_by, .sent = sent, .received = received});
  say(pair.kind, "incoming", family, pair.server_port, pair.client_port, pair.opened, closed,
      (struct said){"accepted", end, server_by, .sent = received, .received = sent});
  close(pair.listener);
}

// The day

static void data(const char *kind, const char *to, const char *from, const char *family, bool client_first, size_t sent,
                 size_t received) {
  struct pair pair = connect_pair(kind, to, from);
  send_all(pair.client, sent);
  receive_all(pair.server, sent);
  send_all(pair.server, received);
  receive_all(pair.client, received);
  rest(0.02);
  struct moment closed = DURING({
    close(client_first ? pair.client : pair.server);
    close(client_first ? pair.server : pair.client);
  });
  say_both(pair, family, closed, "fin", client_first ? "local" : "remote", client_first ? "remote" : "local", sent, received);
}

static void refused(void) {
  // Bound, and not listening: nobody else gets the port.
  struct address place = address("127.0.0.1", 0);
  int holder = sure(socket(AF_INET, SOCK_STREAM, 0), "socket"), client = sure(socket(AF_INET, SOCK_STREAM, 0), "socket");
  sure(bind(holder, (void *)&place.bytes, place.length), "bind");
  sure(bind(client, (void *)&place.bytes, place.length), "bind");
  int to = port(holder), from = port(client);
  place = address("127.0.0.1", to);
  struct moment all = DURING(if (connect(client, (void *)&place.bytes, place.length) == 0) fail("connected"));
  struct moment opened = {all.from, all.to};
  say("refused", "outgoing", "ipv4", from, to, opened, all, (struct said){"connected", "refused", "remote", 0, 0, 0});
  say("refused", "incoming", "ipv4", to, from, opened, all, (struct said){NULL, "refused", "local", 0, 0, 0});
  close(client);
  close(holder);
}

static void reset_by_client(void) {
  struct pair pair = connect_pair("reset by client", "127.0.0.1", "127.0.0.1");
  send_all(pair.client, 10);
  receive_all(pair.server, 10);
  struct moment closed = DURING(reset(pair.client));
  say_both(pair, "ipv4", closed, "reset", "local", "remote", 10, 0);
  close(pair.server);
}

static void reset_by_server(void) {
  struct pair pair = connect_pair("reset by server", "::1", "::1");
  send_all(pair.client, 10);
  rest(0.01);
  // With data that it has not read.
  struct moment closed = DURING(close(pair.server));
  say_both(pair, "ipv6", closed, "reset", "remote", "local", 10, 0);
  close(pair.client);
}

static void late_data(void) {
  struct pair pair = connect_pair("data behind the end", "127.0.0.1", "127.0.0.1");
  // A closed socket that is to wait for longer than TIME_WAIT lasts stays one; else it may be a minisocket by now.
  set(pair.client, IPPROTO_TCP, TCP_LINGER2, 100);
  close(pair.client);
  struct moment closed = DURING(send_all(pair.server, 4));
  // What comes behind the end is received by nobody.
  say(pair.kind, "outgoing", "ipv4", pair.client_port, pair.server_port, pair.opened, closed,
      (struct said){"connected", "reset", "local", 0, 0, 0});
  say(pair.kind, "incoming", "ipv4", pair.server_port, pair.client_port, pair.opened, closed,
      (struct said){"accepted", "reset", "remote", 4, 0, 0});
  close(pair.server);
  close(pair.listener);
}

static void half_closed(void) {
  struct pair pair = connect_pair("half-closed", "127.0.0.1", "127.0.0.1");
  send_all(pair.client, 1000);
  shutdown(pair.client, SHUT_WR);
  receive_all(pair.server, 1000);
  rest(0.02);
  send_all(pair.server, 30000);
  receive_all(pair.client, 30000);
  struct moment closed = DURING({
    close(pair.server);
    close(pair.client);
  });
  say_both(pair, "ipv4", closed, "fin", "local", "remote", 1000, 30000);
}

static void never_accepted(void) {
  int listener = listen_on("127.0.0.1", 16), to = port(listener);
  struct address place = address("127.0.0.1", to);
  int client = sure(socket(AF_INET, SOCK_STREAM, 0), "socket");
  struct moment opened = DURING(sure(connect(client, (void *)&place.bytes, place.length), "connect"));
  int from = port(client);
  struct moment closed = DURING(close(listener));
  say("never accepted", "outgoing", "ipv4", from, to, opened, closed, (struct said){"connected", "reset", "remote", 0, 0, 0});
  say("never accepted", "incoming", "ipv4", to, from, opened, closed, (struct said){"listened", "reset", "local", 0, 0, 0});
  close(client);
}

static void unanswered(void) {
  int listener = listen_on("127.0.0.1", 16), to = port(listener);
  deafen(listener);
  struct address place = address("127.0.0.1", to);
  int client = sure(socket(AF_INET, SOCK_STREAM, 0), "socket");
  struct address any = address("127.0.0.1", 0);
  sure(bind(client, (void *)&any.bytes, any.length), "bind");
  set(client, IPPROTO_TCP, TCP_SYNCNT, 1);
  int from = port(client);
  struct moment opened = DURING(
      sure(fcntl(client, F_SETFL, O_NONBLOCK), "fcntl"); connect(client, (void *)&place.bytes, place.length));
  double before = now();
  int error = 0;
  while (!error) {
    socklen_t size = sizeof error;
    rest(0.0005);
    getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size);
    if (!error) before = now() - 0.0005;
  }
  struct moment closed = {before - 0.001, now()};
  say("unanswered", "outgoing", "ipv4", from, to, opened, closed, (struct said){"connected", "unanswered", NULL, 0, 0, 0});
  close(client);
  close(listener);
}

static void given_up(void) {
  int listener = listen_on("127.0.0.1", 16), to = port(listener);
  deafen(listener);
  struct address place = address("127.0.0.1", to), any = address("127.0.0.1", 0);
  int client = sure(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  sure(bind(client, (void *)&any.bytes, any.length), "bind");
  int from = port(client);
  struct moment opened = DURING(connect(client, (void *)&place.bytes, place.length));
  rest(0.05);
  struct moment closed = DURING(close(client));
  say("given up", "outgoing", "ipv4", from, to, opened, closed, (struct said){"connected", "given_up", NULL, 0, 0, 0});
  close(listener);
}

static void timed_out(void) {
  struct pair pair = connect_pair("timed out", "127.0.0.1", "127.0.0.1");
  deafen(pair.server);
  set(pair.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 700);
  send_all(pair.client, 10);
  double before = now();
  int error = 0;
  while (!error) {
    socklen_t size = sizeof error;
    rest(0.0005);
    getsockopt(pair.client, SOL_SOCKET, SO_ERROR, &error, &size);
    if (!error) before = now() - 0.0005;
  }
  struct moment closed = {before - 0.001, now()};
  say(pair.kind, "outgoing", "ipv4", pair.client_port, pair.server_port, pair.opened, closed,
      (struct said){"connected", "timeout", .sent = 10});
  struct moment end = DURING(reset(pair.server));
  say(pair.kind, "incoming", "ipv4", pair.server_port, pair.client_port, pair.opened, end,
      (struct said){"accepted", "reset", "local", 0, 0, 0});
  close(pair.client);
  close(pair.listener);
}

// A socket goes to another process, which ends what this one has accepted.
static void handed_over(void) {
  struct pair pair = connect_pair("handed over", "127.0.0.1", "127.0.0.1");
  int ends[2];
  sure(pipe(ends), "pipe");
  struct moment closed = {now(), 0};
  pid_t child = sure(fork(), "fork");
  if (child == 0) {
    close(ends[1]);
    char word;
    // Until the others have closed theirs.
    if (read(ends[0], &word, 1) != 0) _exit(1);
    send_all(pair.server, 500);
    _exit(0);
  }
  close(pair.server);
  close(ends[0]);
  rest(0.01);
  closed.from = now();
  close(ends[1]);
  receive_all(pair.client, 500);
  int status;
  sure(waitpid(child, &status, 0), "waitpid");
  if (status) fail("the child");
  close(pair.client);
  closed.to = now();
  say_both(pair, "ipv4", closed, "fin", "remote", "local", 0, 500);
}

// One process listens, another accepts.
static void accepted_by_child(void) {
  int listener = listen_on("127.0.0.1", 16), to = port(listener);
  struct address place = address("127.0.0.1", to);
  pid_t child = sure(fork(), "fork");
  if (child == 0) {
    int server = sure(accept(listener, NULL, NULL), "accept");
    receive_all(server, 7);
    char word;
    if (recv(server, &word, 1, 0) != 0) _exit(1);
    _exit(0);
  }
  int client = sure(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  struct moment opened = DURING(sure(connect(client, (void *)&place.bytes, place.length), "connect"));
  int from = port(client);
  send_all(client, 7);
  struct moment closed = DURING({
    close(client);
    int status;
    sure(waitpid(child, &status, 0), "waitpid");
    if (status) fail("the child");
  });
  say("accepted by child", "outgoing", "ipv4", from, to, opened, closed,
      (struct said){"connected", "fin", "local", .sent = 7});
  say("accepted by child", "incoming", "ipv4", to, from, opened, closed,
      (struct said){"accepted", "fin", "remote", .received = 7, .pid = child});
  close(listener);
}

// From one network namespace to another.
static void through_namespaces(const char *namespace, const char *to, const char *family) {
  int ports[2], go[2];
  sure(pipe(ports), "pipe");
  sure(pipe(go), "pipe");
  pid_t child = sure(fork(), "fork");
  if (child == 0) {
    int there = sure(open(namespace, O_RDONLY | O_CLOEXEC), namespace);
    sure(setns(there, CLONE_NEWNET), "setns");
    int listener = listen_on(to, 16), number = port(listener);
    sure(write(ports[1], &number, sizeof number), "write");
    int server = sure(accept(listener, NULL, NULL), "accept");
    receive_all(server, 50000);
    char word;
    if (recv(server, &word, 1, 0) != 0) _exit(1);
    _exit(0);
  }
  int number;
  sure(read(ports[0], &number, sizeof number), "read");
  struct address place = address(to, number);
  int client = sure(socket(place.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  struct moment opened = DURING(sure(connect(client, (void *)&place.bytes, place.length), "connect"));
  int from = port(client);
  send_all(client, 50000);
  struct moment closed = DURING({
    close(client);
    int status;
    sure(waitpid(child, &status, 0), "waitpid");
    if (status) fail("the child");
    // The last segments are on their way between two processors.
    rest(0.02);
  });
  say("through namespaces", "outgoing", family, from, number, opened, closed,
      (struct said){"connected", "fin", "local", .sent = 50000});
  say("through namespaces", "incoming", family, number, from, opened, closed,
      (struct said){"accepted", "fin", "remote", .received = 50000, .pid = child});
}

// The other side never gets our answer.
static void half_open(void) {
  int retries = sure(open("/proc/sys/net/ipv4/tcp_synack_retries", O_WRONLY), "tcp_synack_retries");
  sure(write(retries, "1", 1), "tcp_synack_retries");
  close(retries);
  int listener = listen_on("127.0.0.1", 16), to = port(listener);
  struct address place = address("127.0.0.1", to), any = address("127.0.0.1", 0);
  int client = sure(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  sure(bind(client, (void *)&any.bytes, any.length), "bind");
  int from = port(client);
  deafen(client);
  set(client, IPPROTO_TCP, TCP_SYNCNT, 2);
  struct moment opened = DURING(connect(client, (void *)&place.bytes, place.length));
  double start = now();
  int error = 0;
  while (!error) {
    socklen_t size = sizeof error;
    rest(0.01);
    getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  struct moment closed = {start, now()};
  say("half-open", "outgoing", "ipv4", from, to, opened, closed, (struct said){"connected", "unanswered", NULL, 0, 0, 0});
  say("half-open", "incoming", "ipv4", to, from, opened, closed, (struct said){"listened", "half_open", NULL, 0, 0, 0});
  close(client);
  close(listener);
}

static void day(const char *namespace) {
  data("IPv4", "127.0.0.1", "127.0.0.1", "ipv4", true, 12345, 200000);
  data("IPv6", "::1", "::1", "ipv6", false, 1, 0);
  data("mapped", "127.0.0.1", "::ffff:127.0.0.1", "ipv4", true, 10, 20);
  data("mapped listener", "::", "127.0.0.1", "ipv4", false, 0, 0);
  refused();
  reset_by_client();
  reset_by_server();
  late_data();
  half_closed();
  never_accepted();
  given_up();
  timed_out();
  handed_over();
  accepted_by_child();
  through_namespaces(namespace, "192.0.2.2", "ipv4");
  through_namespaces(namespace, "2001:db8::2", "ipv6");
  unanswered();
  half_open();
}

static void many(long count, double rate, double seconds) {
  int listener = listen_on("127.0.0.1", 1024), to = port(listener);
  struct address place = address("127.0.0.1", to);
  double start = now();
  long made = 0;
  while (made < count && now() - start < seconds) {
    int client = sure(socket(AF_INET, SOCK_STREAM, 0), "socket");
    sure(connect(client, (void *)&place.bytes, place.length), "connect");
    int server = sure(accept(listener, NULL, NULL), "accept");
    send_all(client, 100);
    receive_all(server, 100);
    close(client);
    close(server);
    made++;
    double ahead = made / rate - (now() - start);
    if (ahead > 0.002) rest(ahead);
  }
  printf("%ld %d %.3f\n", made, to, now() - start);
}

static void bulk(long megabytes) {
  struct pair pair = connect_pair("bulk", "127.0.0.1", "127.0.0.1");
  double start = now();
  pid_t child = sure(fork(), "fork");
  if (child == 0) {
    send_all(pair.client, megabytes << 20);
    _exit(0);
  }
  receive_all(pair.server, megabytes << 20);
  printf("%.6f\n", now() - start);
  sure(waitpid(child, NULL, 0), "waitpid");
}

int main(int count, char **arguments) {
  if (count == 3 && !strcmp(arguments[1], "day")) {
    day(arguments[2]);
  } else if (count == 5 && !strcmp(arguments[1], "many")) {
    many(atol(arguments[2]), atof(arguments[3]), atof(arguments[4]));
  } else if (count == 3 && !strcmp(arguments[1], "bulk")) {
    bulk(atol(arguments[2]));
  } else {
    fprintf(stderr, "usage: connection-day day NAMESPACE | many COUNT RATE SECONDS | bulk MEGABYTES\n");
    return 2;
  }
  return 0;
}
