// flood INTERFACE DESTINATION-MAC COUNT [PACKETS-PER-SECOND [CPU [PAYLOAD-BYTES]]]
//
// Sends COUNT TCP/IPv4 frames with varying ports and sequence numbers, as fast as it can where no rate is given (or 0), and
// prints how many were handed to the driver and how many seconds it took.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define CONNECTIONS 1024
#define PAYLOAD_MAX 1448

struct frame {
	struct ether_header ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
	unsigned char options[12];
	unsigned char payload[PAYLOAD_MAX];
} __attribute__((packed));

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void fill(struct frame *frame, const struct ether_addr *destination, size_t size)
{
	memcpy(frame->ethernet.ether_dhost, destination, ETH_ALEN);
	frame->ethernet.ether_shost[0] = 2;
	frame->ethernet.ether_type = htons(ETHERTYPE_IP);
	frame->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
				   .tot_len = htons(size - sizeof frame->ethernet),
				   .saddr = inet_addr("198.18.0.1"), .daddr = inet_addr("198.18.0.2")};
	unsigned sum = 0;
	for (unsigned i = 0; i < sizeof frame->ip / 2; i++) {
		unsigned short word;
		memcpy(&word, (char *)&frame->ip + i * 2, 2);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	frame->ip.check = ~(sum + (sum >> 16));
	frame->tcp = (struct tcphdr){.dest = htons(443), .ack_seq = htonl(1), .doff = 8, .ack = 1, .psh = 1,
				     .window = htons(512)};
	// nop, nop, time stamps
	memcpy(frame->options, (unsigned char[]){1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0}, sizeof frame->options);
}

int main(int count, char **arguments)
{
	if (count < 4) {
		fprintf(stderr, "usage: flood INTERFACE DESTINATION-MAC COUNT [PACKETS-PER-SECOND [CPU [PAYLOAD-BYTES]]]\n");
		return 2;
	}
	long wanted = atol(arguments[3]);
	double rate = count > 4 ? atof(arguments[4]) : 0;
	long payload = count > 6 ? atol(arguments[6]) : 0;
	if (payload < 0 || payload > PAYLOAD_MAX) {
		fprintf(stderr, "flood: a payload has %d bytes at most\n", PAYLOAD_MAX);
		return 2;
	}
	size_t size = sizeof(struct frame) - PAYLOAD_MAX + payload;
	if (count > 5) {
		cpu_set_t cpus;
		CPU_ZERO(&cpus);
		CPU_SET(atoi(arguments[5]), &cpus);
		if (sched_setaffinity(0, sizeof cpus, &cpus))
			perror("flood: sched_setaffinity");
	}

	int descriptor = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(arguments[1])};
	if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address)) {
		perror("flood: AF_PACKET socket");
		return 1;
	}
	setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);

	static struct frame frames[BATCH];
	static struct iovec vectors[BATCH];
	static struct mmsghdr messages[BATCH];
	for (int i = 0; i < BATCH; i++) {
		fill(&frames[i], ether_aton(arguments[2]), size);
		vectors[i] = (struct iovec){&frames[i], size};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
	}

	double start = now();
	long sent = 0;
	while (sent < wanted) {
		int batch = wanted - sent < BATCH ? wanted - sent : BATCH;
		for (int i = 0; i < batch; i++) {
			frames[i].tcp.source = htons(10000 + (sent + i) % CONNECTIONS);
			frames[i].tcp.seq = htonl((sent + i) / CONNECTIONS * (payload ? payload : 100) + 1);
		}
		while (rate > 0 && now() - start < sent / rate)
			;
		int done = sendmmsg(descriptor, messages, batch, 0);
		if (done > 0)
			sent += done;
		else if (errno != ENOBUFS && errno != EAGAIN) {
			perror("flood: sendmmsg");
			return 1;
		}
	}
	printf("%ld %f\n", sent, now() - start);
	return 0;
}
