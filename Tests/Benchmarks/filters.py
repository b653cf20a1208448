"""What filters cost: in the kernel, a packet at a time, and before it, until they are loaded."""

import ctypes, os, platform, random, shutil, signal, socket, struct, subprocess, sys, time
from statistics import median

import bpf
from bench import HERE, Capture, RECEIVING, ROOT, mac, median_of, merops, options, ratio, spend, table, tool

HUNDRED_HOSTS = " or ".join(f"host 10.1.0.{number}" for number in range(100))


def frame(protocol=6, port=443, payload=0):
    """IPv4 from and to hosts that are in no list, with a TCP or UDP header."""
    if protocol == 6:
        transport = struct.pack("!HHIIBBHHH", 10000, port, 1, 2, 0x80, 0x18, 512, 0, 0) + bytes([1, 1, 8, 10]) + bytes(8)
    else:
        transport = struct.pack("!HHHH", 10000, port, 8 + payload, 0)
    addresses = socket.inet_aton("198.18.0.1") + socket.inet_aton("198.18.0.2")
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(transport) + payload, 1, 0, 64, protocol, 0) + addresses
    return bytes.fromhex(mac().replace(":", "")) + b"\2\0\0\0\0\1\x08\0" + header + transport + bytes(payload)


# One filter by itself

def our_filter(expression, *arguments):
    """The instructions of a function that takes the context and the packet's length."""
    text = subprocess.run([options.merops, "capture", "-ddd", *arguments, expression], check=True, capture_output=True,
                          text=True).stdout
    fields = [[int(word) for word in line.split()] for line in text.splitlines()[1:]]
    return b"".join(bpf.instruction(*line) for line in fields)


def clang_filters():
    """The functions of filters.bpf.c, by section."""
    path = tool("filters.o")
    subprocess.run(
        ["clang", "--target=bpf", "-mcpu=v3", "-O2", "-std=gnu11", "-Wall", "-I", os.path.join(ROOT, "bpf/include"),
         "-idirafter", f"/usr/include/{platform.machine()}-linux-gnu", "-c", os.path.join(HERE, "filters.bpf.c"), "-o", path],
        check=True)
    data = open(path, "rb").read()
    start, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    sections = [struct.unpack_from("<IIQQQQ", data, start + size * number) for number in range(count)]
    text = sections[names][4]
    found = {data[text + name:data.index(b"\0", text + name)].decode(): data[offset:offset + length]
             for name, _, _, _, offset, length in sections}
    return {name.removeprefix("xdp/"): code for name, code in found.items() if name.startswith("xdp/")}


def calling(function):
    """A program that calls the filter as the capture program does: with the context and the packet's length."""
    return bpf.load(
        bpf.instruction(0x61, 3, 1, 0) + bpf.instruction(0x61, 2, 1, 4) + bpf.instruction(0x1f, 2, 3)
        + bpf.instruction(0x85, 0, 1, 0, 1) + bpf.instruction(0x95) + function)


def alone():
    """No other process takes the CPU meanwhile."""
    os.sched_setaffinity(0, [os.cpu_count() - 1])
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def among_others():
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.sched_setaffinity(0, range(os.cpu_count()))


def in_kernel(programs, packet, repeat=1000000):
    """Answers, and the best time of each of several runs of all in turn, in nanoseconds."""
    answers, best = {}, {}
    alone()
    try:
        for _ in range(2 * options.rounds + 1):
            for name, program in programs.items():
                answers[name], spent = bpf.run(program, packet, repeat)
                best[name] = min(best.get(name, spent), spent)
    finally:
        among_others()
    return answers, best


class SocketFilter:
    """A classic filter at one end of a pair of sockets. The kernel runs it on each datagram that is sent; what it refuses is
    dropped there and then, so that nothing has to be read. A filter that takes the packet has its answers swapped for that."""

    ATTACH_FILTER, RETURN, BATCH = 26, 6, 1024
    REFUSE = [(RETURN, 0, 0, 0)]

    def __init__(self, instructions, packet):
        self.instructions = instructions
        self.sender, self.receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.packet = ctypes.create_string_buffer(packet, len(packet))
        self.vector = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(self.packet), len(packet)))
        message = struct.pack("QQQQQQQQ", 0, 0, ctypes.addressof(self.vector), 1, 0, 0, 0, 0)
        self.messages = ctypes.create_string_buffer(message * self.BATCH)
        self.answer = self.asked()
        if self.answer:
            self.instructions = [(code, jt, jf, 0 if value else 1) if code == self.RETURN else (code, jt, jf, value)
                                 for code, jt, jf, value in instructions]
            if self.asked():
                sys.exit("a classic filter takes a packet both ways")

    def attach(self, instructions):
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in instructions))
        self.receiver.setsockopt(socket.SOL_SOCKET, self.ATTACH_FILTER,
                                 struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(code)))

    def asked(self):
        self.attach(self.instructions)
        self.sender.send(self.packet.raw)
        try:
            return len(self.receiver.recv(1, socket.MSG_DONTWAIT)) > 0
        except BlockingIOError:
            return False

    def send(self, instructions):
        """Nanoseconds for sending one datagram."""
        self.attach(instructions)
        best = float("inf")
        for _ in range(5):
            before = time.perf_counter()
            bpf.libc.sendmmsg(self.sender.fileno(), self.messages, self.BATCH, 0)
            best = min(best, time.perf_counter() - before)
        return best / self.BATCH * 1e9


def classic_instructions(expression):
    text = subprocess.run(["tcpdump", "-y", "EN10MB", "-ddd", expression], check=True, capture_output=True, text=True).stdout
    return [tuple(map(int, line.split())) for line in text.splitlines()[1:]]


def classic(cases):
    """Answer, and nanoseconds more than the filter that only refuses; by name, of (expression, packet)."""
    filters = {name: SocketFilter(classic_instructions(expression), packet) for name, (expression, packet) in cases.items()}
    times = {name: ([], []) for name in filters}
    alone()
    try:
        for _ in range(100 * options.rounds):
            for name, one in filters.items():
                times[name][0].append(one.send(one.instructions))
                times[name][1].append(one.send(one.REFUSE))
            # Others have to run, too.
            time.sleep(0.001)
    finally:
        among_others()
    # Single sends differ by far more than filters do, in both directions.
    return {name: (one.answer, median(more - less for more, less in zip(*times[name]))) for name, one in filters.items()}


def measure_filters():
    by_clang = clang_filters()
    cases = {
        "`ip6`, an IPv4 packet": ("ip6", "ip6", frame()),
        "`tcp port 443`, taken": ("tcp port 443", "port", frame()),
        "`tcp port 443`, another port": ("tcp port 443", "port", frame(port=80)),
        "100 hosts, none of them": (HUNDRED_HOSTS, "hosts", frame()),
    }
    by_tcpdump = classic({name: (expression, packet) for name, (expression, _, packet) in cases.items()})
    every = calling(bpf.instruction(0xb4, 0, 0, 0, 1) + bpf.instruction(0x95))
    rows, calls = [], []
    for name, (expression, section, packet) in cases.items():
        answers, best = in_kernel({
            "every": every,
            "ours": calling(our_filter(expression)), "clang": calling(by_clang[section]),
            "ours exact": calling(our_filter(expression, "--pcap-exact")),
            "clang exact": calling(by_clang[section + "_exact"]),
        }, packet)
        del answers["every"]
        calls.append(best["every"])
        if len(set(map(bool, answers.values())) | {by_tcpdump[name][0]}) != 1:
            sys.exit(f"{name}: the programs do not agree: {answers}, tcpdump {by_tcpdump[name][0]}")
        rows.append([name] + [best[key] for key in ("ours", "clang")] + [ratio(best["ours"], best["clang"])]
                    + [best[key] for key in ("ours exact", "clang exact")]
                    + [ratio(best["ours exact"], best["clang exact"]), best["ours exact"] - best["every"],
                       f"{by_tcpdump[name][1]:.0f}"])
    call = min(calls)
    table("### A filter in the kernel, ns per packet",
          ["", "merops", "clang", "ratio", "merops --pcap-exact", "clang", "ratio", "merops --pcap-exact, less the call",
           "tcpdump's classic filter, less the call"],
          [["every packet: the call alone", call, call, "1.00", call, call, "1.00", "0", "0"], *rows])


# The whole capture program

RING_BYTES = 8 << 20
RECORD_OVERHEAD = 32


def measure_program():
    """The program that merops has loaded, with its reader stopped; it goes on in between, to empty the ring."""
    def written(*arguments):
        return merops("-w", "/dev/null", *arguments)

    def flows(*arguments):
        return Capture([options.merops, "flows", "-i", RECEIVING, "-Q", "in", *arguments], b"capturing", None)

    def once(arguments, packet, record, is_lost=False, start=written):
        """`record`: how many bytes of the ring each packet takes; 0 for one that takes none."""
        capture = start(*arguments)
        try:
            program = bpf.program_of(capture.process.pid)
            repeat = RING_BYTES // 2 // record if record else 1000000
            best = float("inf")
            for _ in range(2 * options.rounds + 1):
                capture.process.send_signal(signal.SIGSTOP)
                time.sleep(0.02)
                if is_lost:
                    bpf.run(program, packet, RING_BYTES // record + 1)
                alone()
                best = min(best, bpf.run(program, packet, repeat)[1])
                among_others()
                capture.process.send_signal(signal.SIGCONT)
                time.sleep(0.05)
            os.close(program)
        finally:
            capture.process.send_signal(signal.SIGCONT)
            capture.stop()
        return best

    headers = 96 + RECORD_OVERHEAD
    port, exact, hosts = ["tcp port 443"], ["--pcap-exact", "tcp port 443"], [HUNDRED_HOSTS]
    rows = [
        ["no filter, headers delivered", once([], frame(), headers)],
        ["no filter, the ring is full", once([], frame(), headers, is_lost=True)],
        ["`tcp port 443`, headers delivered", once(port, frame(), headers)],
        ["`tcp port 443`, filtered out by the port", once(port, frame(port=80), 0)],
        ["`tcp port 443`, filtered out by the protocol", once(port, frame(protocol=17), 0)],
        ["`--pcap-exact tcp port 443`, headers delivered", once(exact, frame(), headers)],
        ["`--pcap-exact tcp port 443`, filtered out by the port", once(exact, frame(port=80), 0)],
        ["100 hosts, filtered out", once(hosts, frame(), 0)],
    ]
    for payload in (60, 500, 1400):
        record = (512 if payload < 400 else 1536) + RECORD_OVERHEAD
        rows.append([f"`-s 0`, {payload} bytes of payload delivered", once(["-s", "0"], frame(payload=payload), record)])
    rows += [
        ["`merops flows`, counted", once([], frame(), 0, start=flows)],
        ["`merops flows tcp port 443`, counted", once(port, frame(), 0, start=flows)],
        ["`merops flows --sample 1/1000000`, left out", once(["--sample", "1/1000000"], frame(), 0, start=flows)],
    ]
    table("### The whole XDP program, ns per packet", ["", "ns"], rows)


# Until it is loaded

def random_filter(seed, terms):
    """A deep tree of terms of all kinds."""
    source = random.Random(seed)

    def term():
        kind = source.randrange(8)
        number = source.randrange(1, 60000)
        return [
            f"port {number}", f"udp src port {number}", f"host 10.{number % 256}.{number // 256}.1",
            f"net 172.16.{number % 256}.0/24", f"tcp[13] & {number % 255 + 1} != 0", f"ip[8] < {number % 256}",
            f"portrange {number}-{number + 100}", f"greater {number % 1500}",
        ][kind]

    def tree(count):
        if count == 1:
            return ("not " if source.random() < 0.2 else "") + term()
        left = source.randrange(1, count)
        return f"({tree(left)} {source.choice(['and', 'or', 'or'])} {tree(count - left)})"

    return tree(terms)


LOADED = {
    "`tcp port 443`": "tcp port 443",
    "100 hosts": HUNDRED_HOSTS,
    "1000 hosts": " or ".join(f"host 10.2.{number // 250}.{number % 250}" for number in range(1000)),
    "5000 hosts": " or ".join(f"host 10.2.{number // 250}.{number % 250}" for number in range(5000)),
    "1000 hosts of IPv6, each of a network": " or ".join(
        f"host 2001:db8:{number * 48271 % 65521:x}:{number:x}::{number * 16807 % 65521:x}" for number in range(1, 1001)),
    "200 random terms, nested": random_filter(1, 200),
    "bytes at variable places":
        "tcp[(tcp[12] & 0xf0) >> 2] = 22 or udp[udp[4:2] - 1] = 0 or ip[(ip[0] & 15) * 4 + 13] & 7 != 0 or "
        "ether[ether[13]:4] > ip[ip[2:2] - 4:4] or icmp[icmp[8] & 15 * 4 + 8] = 6",
    "`ip6 protochain 6`": "ip6 protochain 6",
}


def load_milliseconds(arguments):
    """How long BPF_PROG_LOAD takes in all, as strace sees it."""
    trace = tool("trace")
    subprocess.run(["strace", "-f", "-T", "-e", "trace=bpf", "-o", trace, options.merops, *arguments], check=True,
                   capture_output=True)
    return 1e3 * sum(float(line.split("<")[-1].rstrip(">\n")) for line in open(trace) if "BPF_PROG_LOAD" in line)


def measure_load():
    if not shutil.which("strace"):
        sys.exit("this takes strace")
    capture = ["capture", "-i", RECEIVING, "--duration", "0"]
    subjects, counts = {"no filter": []}, {"no filter": 0}
    for name, expression in LOADED.items():
        said = subprocess.run([options.merops, "capture", "-ddd", expression], capture_output=True, text=True)
        if said.returncode:
            print(f"\n(left out: {name}: {said.stderr.splitlines()[0]})")
            continue
        subjects[name], counts[name] = [expression], int(said.stdout.split()[0])
    runs = {name: [] for name in subjects}
    for _ in range(5 * options.rounds):
        for name, words in subjects.items():
            # The attaching process waits for an RCU grace period, which follows the timer tick: any phase has to come up.
            time.sleep(random.random() * 0.008)
            compiled = spend([options.merops, "capture", "-ddd", *words])[0]
            wall, busy = spend([options.merops, *capture, *words])
            runs[name].append([compiled * 1e3, load_milliseconds([*capture, *words]), wall * 1e3, busy * 1e3])
    results = {name: median_of(rows) for name, rows in runs.items()}
    none = results["no filter"]
    rows = []
    for name, row in results.items():
        more = [f"{value - base:+.1f}" if name != "no filter" else f"{value:.1f}" for value, base in zip(row, none)]
        rows.append([name, counts[name] or "-", *more])
    table("### Compiling and loading a filter, ms more than without",
          ["", "instructions", "compiling (`-ddd`), wall", "BPF_PROG_LOAD", "whole process, wall",
           "whole process, user + system"], rows)
