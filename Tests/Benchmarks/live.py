"""How fast live packets become lines, beside tcpdump and beside the same program loaded by libbpf."""

import json, os, random, re, select, shutil, signal, socket, struct, subprocess, sys, threading, time
from statistics import median

from bench import (RECEIVER, RECEIVING, SENDER, SENDER_CPU, SENDING, Capture, capture_object, enter, flood, loader, mac,
                   median_of, merops, options, ratio, table, tcpdump, tool)


def measure_start():
    def once(start):
        # The attaching process waits for an RCU grace period, which follows the timer tick: any phase has to come up.
        time.sleep(0.05 + random.random() * 0.008)
        capture = start()
        _, usage = capture.wait()
        return [capture.seconds_to_ready * 1e3, capture.seconds * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3]

    def first_packet():
        return Capture([options.merops, "capture", "-i", RECEIVING, "-c", "1", "-t"], b"IP ", None)

    rounds = options.rounds * 5
    traffic = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{SENDER}", tool("flood"), SENDING, mac(), str(10 ** 9), "10000", str(SENDER_CPU)])
    try:
        first = [[once(first_packet)[0], once(lambda: loader("--first"))[0]] for _ in range(rounds)]
    finally:
        traffic.kill()
        traffic.wait()
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(once(lambda: merops("--duration", "0")))
        peer.append(once(loader))
    rows = [["exec to the first packet read, wall ms", *median_of(first)]]
    names = ["exec to the kernel's answer, wall ms", "exec to end of process, wall ms",
             "exec to end of process, user + system ms"]
    rows += [[name, a, b] for name, a, b in zip(names, median_of(ours), median_of(peer))]
    table("### Start", ["", "merops", "libbpf", "merops / libbpf"],
          [[name, f"{a:.1f}", f"{b:.1f}", ratio(a, b)] for name, a, b in rows])


def count_lines(path):
    return int(subprocess.run(["wc", "-l", path], capture_output=True, text=True, check=True).stdout.split()[0])


def flood_merops(rate, *arguments, pause=False):
    lines, stats = tool("lines"), tool("stats.json")
    with open(lines, "w") as file:
        capture = merops("--stats-json", stats, *arguments, stdout=file)
        if pause:
            for seconds, what in ((0.1, signal.SIGSTOP), (0.2, signal.SIGCONT)):
                threading.Timer(seconds, capture.process.send_signal, [what]).start()
        arrived, traffic = flood(rate)
        time.sleep(1)
        _, usage = capture.stop()
    counters = json.load(open(stats))
    written = count_lines(lines)
    matched, lost = counters["matched"], sum(counters["lost"].values())
    sums = {
        "seen = passed over + matched": counters["seen"] == sum(counters["passed_over"].values()) + matched,
        "matched = delivered + lost": matched == counters["delivered"] + lost,
        "delivered = lines in the file": counters["delivered"] == written,
        "seen = packets the interface took": counters["seen"] == arrived,
    }
    return [traffic, matched, lost, written, usage.ru_utime, usage.ru_stime], sums


def flood_tcpdump(rate, *arguments):
    lines = tool("lines")
    with open(lines, "w") as file:
        capture = tcpdump(*arguments, stdout=file)
        _, traffic = flood(rate)
        time.sleep(1)
        said, usage = capture.stop()
    offered = int(re.search(r"(\d+) packets? received by filter", said)[1])
    lost = int(re.search(r"(\d+) packets? dropped by kernel", said)[1])
    return [traffic, offered, lost, count_lines(lines), usage.ru_utime, usage.ru_stime]


def flood_loader(rate):
    """What XDP on this pair costs without any line: records are taken and dropped."""
    capture = loader("--drain")
    arrived, traffic = flood(rate)
    time.sleep(1)
    said, _ = capture.stop()
    return [traffic, arrived, arrived - int(re.search(r"(\d+) records taken", said)[1]), 0, 0, 0]


def flood_nobody(rate):
    return [flood(rate)[1], 0, 0, 0, 0, 0]


def measure_flood(rate):
    subjects = {
        "no capture": flood_nobody,
        "libbpf, no lines": flood_loader,
        "merops": lambda rate: flood_merops(rate)[0],
        "merops --via xdp-generic": lambda rate: flood_merops(rate, "--via", "xdp-generic")[0],
        "tcpdump": flood_tcpdump,
        "tcpdump -B 16384": lambda rate: flood_tcpdump(rate, "-B", "16384"),
    }
    runs = {name: [] for name in subjects}
    for _ in range(options.rounds):
        for name, subject in subjects.items():
            runs[name].append(subject(rate))
    results = {name: median_of(rows) for name, rows in runs.items()}

    def values(name):
        traffic, matched, lost, lines, user, system = results[name]
        lost_percent = 100 * lost / matched if matched else 0
        # How many lines it made in a second of CPU time.
        return [traffic, lost_percent, user / lines * 1e9 if lines else 0, (user + system) / lines * 1e9 if lines else 0,
                lines / (user + system) if user + system else 0]

    def row(name):
        traffic, lost, user, both, speed = values(name)
        if name == "no capture":
            return [name, f"{traffic / 1e3:.0f}", "-", "-", "-", "-", "-"]
        if not speed:
            return [name, f"{traffic / 1e3:.0f}", f"{lost:.1f}", "-", "-", "-", "-"]
        # Against the peer with the large buffer, which has the same room as our ring and more.
        return [name, f"{traffic / 1e3:.0f}", f"{lost:.1f}", f"{user:.0f}", f"{both:.0f}", f"{speed / 1e3:.0f}",
                ratio(user, values("tcpdump -B 16384")[2])]

    speed = f"{rate} packets/s" if rate else "as fast as the sender can"
    table(f"### Flood, {options.packets} packets, {speed}",
          ["", "traffic, thousand/s", "lost, %", "user CPU ns/line", "user + system ns/line",
           "thousand lines per CPU second", "user CPU / tcpdump -B 16384"], [row(name) for name in subjects])


def measure_small_ring():
    rows, sums = [], {}
    for _ in range(options.rounds):
        counters, holds = flood_merops(0, "--ring-size", "65536", pause=True)
        rows.append(counters)
        for name, held in holds.items():
            sums[name] = sums.get(name, 0) + held
    _, matched, lost, lines, _, _ = median_of(rows)
    table("### Flood with a ring of 64 KiB and a reader stopped for 0.1 s", ["", "merops"],
          [["matched", f"{matched:.0f}"], ["lost", f"{lost:.0f}"], ["lines", f"{lines:.0f}"]]
          + [[name, f"{held} of {options.rounds} runs"] for name, held in sums.items()])


def tcp_frame(number):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, number, 0, 64, 6, 0, socket.inet_aton("198.18.0.1"),
                         socket.inet_aton("198.18.0.2"))
    words = sum(struct.unpack("!10H", header))
    words = (words & 0xffff) + (words >> 16)
    header = header[:10] + struct.pack("!H", ~(words + (words >> 16)) & 0xffff) + header[12:]
    tcp = struct.pack("!HHIIBBHHH", 10000 + number, 443, number, 0, 0x50, 2, 512, 0, 0)
    return bytes.fromhex(mac().replace(":", "")) + b"\2\0\0\0\0\1\x08\0" + header + tcp


def sender_socket():
    enter(f"/run/netns/{SENDER}")
    packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    packet.bind((SENDING, 0))
    enter(f"/run/netns/{RECEIVER}")
    return packet


def latencies(start, count=50):
    read, write = os.pipe()
    capture = start(write)
    os.close(write)
    times = []
    with sender_socket() as packet:
        time.sleep(0.3)
        for number in range(count):
            frame = tcp_frame(number)
            before = time.perf_counter()
            packet.send(frame)
            if not select.select([read], [], [], 5)[0]:
                sys.exit("a packet did not become a line within 5 s")
            times.append((time.perf_counter() - before) * 1e6)
            os.read(read, 4096)
            time.sleep(0.05)
    capture.stop()
    os.close(read)
    return [median(times), max(times)]


def measure_latency():
    ours, peer = [], []
    for _ in range(options.rounds):
        ours.append(latencies(lambda pipe: merops(stdout=pipe)))
        peer.append(latencies(lambda pipe: tcpdump("-l", "--immediate-mode", stdout=pipe)))
    ours, peer = median_of(ours), median_of(peer)
    table("### From sending one packet to its line on a pipe, at idle, microseconds",
          ["", "merops", "tcpdump -l --immediate-mode", "merops / tcpdump"],
          [[name, f"{a:.0f}", f"{b:.0f}", ratio(a, b)] for name, a, b in zip(["median of 50", "largest of 50"], ours, peer)])


def resident(capture):
    """KiB resident outside the rings shared with the kernel: anonymous, of files."""
    anonymous = of_files = 0
    is_ring = False
    for line in open(f"/proc/{capture.process.pid}/smaps"):
        fields = line.split()
        if not fields[0].endswith(":"):
            is_ring = len(fields) > 5 and ("bpf-map" in fields[5] or "socket:" in fields[5])
        elif not is_ring and fields[0] == "Rss:":
            total = int(fields[1])
        elif not is_ring and fields[0] == "Anonymous:":
            anonymous += int(fields[1])
            of_files += total - int(fields[1])
    return anonymous, of_files


def measure_memory():
    def once(start):
        capture = start()
        flood(100000)
        time.sleep(0.5)
        memory = resident(capture)
        capture.stop()
        return memory

    packets, options.packets = options.packets, 100000
    subjects = {"merops": (merops, options.merops), "libbpf, no lines": (lambda: loader("--drain"), None),
                "tcpdump": (tcpdump, shutil.which("tcpdump"))}
    rows = []
    for name, (start, file) in subjects.items():
        anonymous, of_files = median_of([once(start) for _ in range(options.rounds)])
        size = os.path.getsize(file or tool("libbpf-loader"))
        rows.append([name, f"{anonymous:.0f}", f"{of_files:.0f}", f"{size / 1e6:.1f}"])
    options.packets = packets
    table("### Memory after 100000 packets, without the ring's pages, and size on disk",
          ["", "anonymous, KiB", "of files, KiB", "executable, MB"], rows)
