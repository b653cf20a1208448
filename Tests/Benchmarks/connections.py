"""What following connections costs those who make them, beside libbpf-tools' tcplife."""

import os, shutil, signal, subprocess, time

from bench import HERE, Capture, median_of, options, ratio, table, tool

SETTLED = 1.5


def other(*command):
    """What starts a program that does not say when it is ready, or with a pipe only at the end."""
    def start():
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(SETTLED)
        return process
    return start


def merops(says, *arguments):
    """What starts merops, until it says this."""
    def start():
        process = Capture([options.merops, *arguments], says, subprocess.DEVNULL)
        time.sleep(SETTLED)
        return process.process
    return start


def followers():
    """Nobody, and the programs that follow connections: what to call each, and what starts it."""
    known = [("nobody", None), ("merops", merops(b"following", "connections")),
             ("merops, filtered out", merops(b"following", "connections", "--port", "1"))]
    # It needs tracefs to be mounted.
    tcplife = ("unshare", "--mount", "sh", "-c", "mount -t tracefs tracefs /sys/kernel/tracing 2>&-; exec tcplife")
    return known + ([("tcplife", other(*tcplife))] if shutil.which("tcplife") else [])


def capturers():
    """Nobody, and the programs that print the packets of connections, with their owners and without."""
    capture = ["capture", "-i", "lo", "tcp"]
    return [("nobody", None), ("merops capture", merops(b"capturing", *capture)),
            ("with --process", merops(b"capturing", *capture, "--process")),
            ("tcpdump -nn", other("tcpdump", "-nn", "-i", "lo", "tcp"))]


def made(*arguments):
    """What the making process says, and the user and system seconds of it and its children."""
    before = os.times()
    text = subprocess.run([tool("connection-day"), *arguments], check=True, capture_output=True, text=True).stdout
    after = os.times()
    return text.split(), after.children_user + after.children_system - before.children_user - before.children_system


def cpu(process):
    """User and system seconds of a process until now."""
    fields = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_connections():
    measure("### Following connections", "follower's own CPU µs", followers())


def measure_owners():
    measure("### Whose packets are", "capturer's own CPU µs", capturers())


def measure(title, own_title, programs):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["cc", "-O2", "-o", tool("connection-day"), os.path.join(HERE, "../Support/ConnectionDay/main.c")],
                   check=True)
    runs = {name: [] for name, _ in programs}
    for _ in range(options.rounds):
        for name, start in programs:
            process = start() if start else None
            try:
                spent = cpu(process) if process else 0
                # Ports that wait for late segments are taken again from the loopback interface after a second only.
                (count, _, seconds), _ = made("many", "10000", "1000000", "60")
                time.sleep(1)
                (paced, _, _), busy = made("many", "6000", "2000", "60")
                own = cpu(process) - spent if process else 0
                (bulk,), _ = made("bulk", "3000")
            finally:
                if process:
                    process.send_signal(signal.SIGINT)
                    process.wait()
            runs[name].append([float(seconds) / int(count) * 1e6, busy / int(paced) * 1e6,
                               own / (int(count) + int(paced)) * 1e6, 3000 / 1024 / float(bulk)])
    medians = {name: median_of(values) for name, values in runs.items()}
    base = medians["nobody"]
    table(title,
          ["", "µs a connection, as fast as it goes", "to nobody", "CPU µs a connection, at 2,000/s", "to nobody",
           own_title, "bulk GiB/s", "to nobody"],
          [[name, f"{fast:.1f}", ratio(fast, base[0]), f"{busy:.1f}", ratio(busy, base[1]), f"{own:.1f}", f"{bulk:.2f}",
            ratio(bulk, base[3])] for name, (fast, busy, own, bulk) in medians.items()])
