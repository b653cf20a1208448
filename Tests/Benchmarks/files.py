"""Packets to and from files, beside tcpdump and xdpdump."""

import os, re, shutil, struct, subprocess, sys, tempfile, time

from bench import (RECEIVING, Capture, flood, median_of, merops, options, ratio, spend, table, tcpdump, tool)
from filters import frame


# Writing

def xdpdump(*arguments):
    return Capture(["xdpdump", "-i", RECEIVING, "--load-xdp-program", *arguments], b"listening on", None)


def packets_in(path):
    said = subprocess.run(["tcpdump", "--count", "-r", path], check=True, capture_output=True, text=True)
    return int(re.search(r"(\d+) packets?", said.stdout + said.stderr)[1])


def file_system(folder):
    return subprocess.run(["findmnt", "-no", "FSTYPE", "-T", folder], check=True, capture_output=True, text=True).stdout.split()[-1]


def write_once(start, path, *sent):
    capture = start(path)
    arrived, traffic = flood(*sent)
    # tcpdump's last block is handed over after a second, and lost if it ends before.
    time.sleep(1.5)
    _, usage = capture.stop()
    kept = packets_in(path)
    os.unlink(path)
    return [traffic, 100 * kept / arrived, usage.ru_utime / kept * 1e6, (usage.ru_utime + usage.ru_stime) / kept * 1e6]


def write_nothing(*sent):
    return [flood(*sent)[1], 0, 0, 0]


def measure_writing(rate):
    with tempfile.TemporaryDirectory(prefix="merops-bench-", dir=options.disk) as disk:
        # Of packets' headers more, so that starting, which takes some milliseconds, does not count for much.
        for folder, whole, payload, count in (
                (options.work, False, 500, 2 * options.packets), (disk, False, 500, 2 * options.packets),
                (options.work, True, 60, options.packets), (options.work, True, 500, options.packets),
                (disk, True, 500, options.packets), (options.work, True, 1400, options.packets)):
            measure_writing_to(folder, whole, rate, payload, count)
    if not shutil.which("xdpdump"):
        print("\n(Without xdpdump, which is not installed: Debian's package xdp-tools.)")


def measure_writing_to(folder, whole, *sent):
    ours, theirs = (["-s", "0"], []) if whole else ([], ["-s", "96"])
    # What tcpdump does as another user is no matter here, and it could not write into our folder.
    common = ["-Z", "root", "-w"]
    subjects = {
        "merops": lambda path: merops(*ours, "-w", path),
        "tcpdump": lambda path: tcpdump(*theirs, *common, path),
        "tcpdump -B 16384": lambda path: tcpdump("-B", "16384", *theirs, *common, path),
    }
    if shutil.which("xdpdump"):
        subjects["xdpdump"] = lambda path: xdpdump(*theirs, "-w", path)
    runs = {"no capture": [], **{name: [] for name in subjects}}
    for _ in range(options.rounds):
        runs["no capture"].append(write_nothing(*sent))
        for name, start in subjects.items():
            runs[name].append(write_once(start, os.path.join(folder, "capture"), *sent))
    results = {name: median_of(rows) for name, rows in runs.items()}
    rows = []
    for name, (traffic, kept, user, both) in results.items():
        cells = [f"{kept:.1f}", f"{user:.3f}", f"{both:.3f}", ratio(both, results["tcpdump -B 16384"][3])]
        rows.append([name, f"{traffic / 1e3:.0f}", *(cells if both else ["-"] * 4)])
    rate, payload, count = sent
    what = f"whole packets with {payload} bytes of payload" if whole else f"headers of packets with {payload} bytes of payload"
    speed = f"{rate} packets/s" if rate else "as fast as the sender can"
    table(f"### To a file on {file_system(folder)}: {what}, {count} packets, {speed}",
          ["", "traffic, thousand/s", "kept, %", "user CPU s per million", "user + system CPU s per million",
           "user + system / tcpdump -B 16384"], rows)


# Reading

READ_PACKETS = 300000


def make_file(path):
    """TCP segments of 1024 connections, of 0 to 1400 bytes."""
    packets = [bytearray(frame(payload=payload)) for payload in (0, 60, 500, 1400)]
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for number in range(READ_PACKETS):
            packet = packets[number % len(packets)]
            struct.pack_into("!H", packet, 34, 10000 + number % 1024)
            struct.pack_into("!I", packet, 38, 1 + number // 1024 * 1400)
            file.write(struct.pack("<IIII", 1700000000 + number // 100000, number % 100000 * 10, len(packet), len(packet)))
            file.write(packet)


def measure_reading():
    path = tool("read.pcap")
    make_file(path)
    ours, theirs = [options.merops, "capture", "-r", path], ["tcpdump", "-nn", "-r", path]
    ways = {"test-run": ["--via", "test-run"], "interpreter": ["--via", "interpreter"]}
    rows = []
    for title, arguments in (
            ("`--count`", ["--count"]), ("`--count tcp port 443`, all of them", ["--count", "tcp port 443"]),
            ("`--count udp`, none of them", ["--count", "udp"]), ("lines", []),
            ("lines, `tcp port 10007`, one in 1024", ["tcp port 10007"])):
        commands = {way: [*ours, *words, *arguments] for way, words in ways.items()}
        commands["tcpdump"] = [*theirs, *arguments]
        best = {}
        for _ in range(options.rounds):
            for name, command in commands.items():
                spent = spend(command)
                best[name] = [min(pair) for pair in zip(best.get(name, spent), spent)]
        for kind, index in (("wall", 0), ("user + system", 1)):
            values = {name: both[index] for name, both in best.items()}
            rows.append([f"{title}, {kind} ms", *(f"{values[name] * 1e3:.0f}" for name in commands),
                         *(ratio(values[way], values["tcpdump"]) for way in ways)])
    os.unlink(path)
    table(f"### From a file of {READ_PACKETS} packets",
          ["", "merops --via test-run", "merops --via interpreter", "tcpdump", "test-run / tcpdump", "interpreter / tcpdump"],
          rows)
