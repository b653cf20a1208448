"""What all measurements share: two network namespaces, capturing processes, a sender of packets, and Markdown tables."""

import argparse, ctypes, glob, json, os, signal, subprocess, sys, time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SENDER, RECEIVER = f"merops-bench-{os.getpid()}-s", f"merops-bench-{os.getpid()}-r"
SENDING, RECEIVING = "bench0", "bench1"
SENDER_CPU, CAPTURE_CPU = 0, 1
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

# Filled by `run`: the command line's, and `work`, a folder that goes away at the end.
options = argparse.Namespace()


# The network

def enter(path):
    with open(path) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")


def ip(*arguments):
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def make_network():
    """Two namespaces and a veth pair. This process, and what it starts, moves into the receiving one."""
    for name in (SENDER, RECEIVER):
        ip("netns", "add", name)
        # IPv6 would send packets of its own into the measurements.
        ip("netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    ip("link", "add", SENDING, "netns", SENDER, "type", "veth", "peer", "name", RECEIVING, "netns", RECEIVER)
    ip("-n", SENDER, "link", "set", SENDING, "up")
    ip("-n", RECEIVER, "link", "set", RECEIVING, "up")
    enter(f"/run/netns/{RECEIVER}")


def remove_network():
    for name in (SENDER, RECEIVER):
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def received():
    """Packets that the receiving interface took, and those it had no room for."""
    for line in open("/proc/thread-self/net/dev"):
        if line.strip().startswith(RECEIVING + ":"):
            return int(line.split(":")[1].split()[1])


def mac():
    return json.loads(ip("-j", "link", "show", RECEIVING))[0]["address"]


# Processes

class Capture:
    """A capturing process on the other CPU than the sender's, ready when it has said so."""

    def __init__(self, command, ready, stdout):
        read, write = os.pipe()
        self.start = time.perf_counter()
        streams = {"stdout": stdout or write, "stderr": write}
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, [CAPTURE_CPU]), **streams)
        os.close(write)
        self.said, self.pipe = b"", read
        while ready not in self.said:
            more = os.read(read, 4096)
            if not more:
                sys.exit(f"{command[0]} did not start: {self.said.decode()}")
            self.said += more
        self.seconds_to_ready = time.perf_counter() - self.start

    def wait(self):
        """Returns what it said, and its resource usage."""
        while more := os.read(self.pipe, 4096):
            self.said += more
        os.close(self.pipe)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.perf_counter() - self.start
        if self.process.returncode != 0:
            sys.exit(f"a capture failed ({self.process.returncode}): {self.said.decode()}")
        return self.said.decode(), usage

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.wait()


def merops(*arguments, stdout=subprocess.DEVNULL):
    return Capture([options.merops, "capture", "-i", RECEIVING, *arguments], b"capturing packets", stdout)


def tcpdump(*arguments, stdout=subprocess.DEVNULL):
    return Capture(["tcpdump", "-i", RECEIVING, "-nn", *arguments], b"listening on", stdout)


def loader(*arguments):
    return Capture([tool("libbpf-loader"), capture_object(), RECEIVING, *arguments], b"ready", None)


def tool(name):
    return os.path.join(options.work, name)


def capture_object():
    if options.object:
        return options.object
    found = glob.glob(os.path.join(
        ROOT, ".build/plugins/outputs/*/CaptureProgram/destination/CompileBPF/capture.bpf.swift.o"))
    return found[0] if found else sys.exit("no capture.bpf.swift.o below .build: build merops first, or name one (--object)")


def build():
    for name, libraries in (("flood", []), ("spent", []), ("libbpf-loader", ["-static", "-lbpf", "-lelf", "-lz"])):
        subprocess.run(["cc", "-O2", "-Wall", "-o", tool(name), os.path.join(HERE, name + ".c"), *libraries], check=True)


def spend(command):
    """Wall, and user and system seconds of a process whose output goes nowhere."""
    result = subprocess.run([tool("spent"), *command], check=True, capture_output=True, text=True)
    busy, _, status, wall = map(int, result.stdout.split())
    if status:
        sys.exit(f"{' '.join(command)[:200]}: exit {status}: {result.stderr}")
    return wall / 1e6, busy / 1e6


def flood(rate, payload=0, count=None):
    """Sends the packets, of so many bytes of payload; returns how many arrived, and how many a second."""
    before = received()
    text = subprocess.run(
        ["nsenter", f"--net=/run/netns/{SENDER}", tool("flood"), SENDING, mac(), str(count or options.packets), str(rate),
         str(SENDER_CPU), str(payload)], check=True, capture_output=True, text=True).stdout
    seconds = float(text.split()[1])
    arrived = received() - before
    return arrived, arrived / seconds


# Output

def table(title, head, rows):
    print(f"\n{title}\n\n| {' | '.join(head)} |\n| {' | '.join(['---'] + ['---:'] * (len(head) - 1))} |")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)


def ratio(ours, peer):
    return f"{ours / peer:.2f}" if peer else "-"


def median_of(runs):
    """The median of each column of equally long rows."""
    return [median(column) for column in zip(*runs)]
