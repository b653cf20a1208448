"""What following connections costs those who make them, beside libbpf-tools' tcplife."""

import os, shutil, signal, subprocess, time

from bench import HERE, Capture, median_of, options, ratio, table, tool

SETTLED = 1.5


def followers():
    """Nobody, and the programs that follow connections: what starts each, and what to call it."""
    # It says nothing when it is ready, and with a pipe even the title comes at the end.
    def tcplife():
        process = subprocess.Popen(["tcplife"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(SETTLED)
        return process

    def merops(*arguments):
        process = Capture([options.merops, "connections", *arguments], b"following", subprocess.DEVNULL)
        time.sleep(SETTLED)
        return process.process
    known = [("nobody", None), ("merops", merops), ("merops, filtered out", lambda: merops("--port", "1"))]
    return known + ([("tcplife", tcplife)] if shutil.which("tcplife") else [])


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
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["cc", "-O2", "-o", tool("connection-day"), os.path.join(HERE, "../Support/ConnectionDay/main.c")],
                   check=True)
    runs = {name: [] for name, _ in followers()}
    for _ in range(options.rounds):
        for name, start in followers():
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
    table("### Following connections",
          ["", "µs a connection, as fast as it goes", "to nobody", "CPU µs a connection, at 2,000/s", "to nobody",
           "follower's own CPU µs", "bulk GiB/s", "to nobody"],
          [[name, f"{fast:.1f}", ratio(fast, base[0]), f"{busy:.1f}", ratio(busy, base[1]), f"{own:.1f}", f"{bulk:.2f}",
            ratio(bulk, base[3])] for name, (fast, busy, own, bulk) in medians.items()])
