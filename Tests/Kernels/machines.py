"""Debian's kernels in virtual machines: what the scripts beside this file share."""

import fcntl, lzma, os, re, shlex, shutil, signal, subprocess, sys, time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("MEROPS_KERNELS")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "merops/kernels")
TOOLS = ["apt-get", "busybox", "depmod", "dpkg", "qemu-system-x86_64", "setpriv"]
DAY = 24 * 60 * 60

# Suite, and packages whose newest version is wanted, * being the same in all of them; the first one names the rest.
KERNELS = {
    "5.10": ("bullseye", ["linux-image-5.10.*-amd64-unsigned"]),
    "6.1": ("bookworm", ["linux-image-6.1.*-amd64-unsigned"]),
    "6.12": ("trixie", ["linux-image-6.12.*-amd64-unsigned"]),
    "7.2": ("sid", ["linux-binary-7.*-amd64", "linux-modules-7.*-amd64", "linux-base-7.*-amd64"]),
}
# What the guest needs to reach the host's files; all else is loaded from there.
BOOT_MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"]


def say(text):
    print(text, file=sys.stderr, flush=True)


# Packages: downloaded into the cache and unpacked there, never installed.


class Suite:
    """The packages of a kernel's suite, which leave alone what the machine itself has installed."""

    def __init__(self, kernel):
        self.name = KERNELS[kernel][0]
        apt = CACHE / kernel / "apt"
        for folder in ["lists/partial", "cache/archives/partial"]:
            (apt / folder).mkdir(parents=True, exist_ok=True)
        archive, security = mirrors()
        keys = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        sources = f"deb {keys} {archive} {self.name} main\n"
        if self.name != "sid":
            sources += f"deb {keys} {security} {self.name}-security main\n"
        (apt / "sources.list").write_text(sources)
        options = [f"Dir::State::Lists={apt}/lists", "Dir::State::Status=/dev/null", f"Dir::Cache={apt}/cache",
                   f"Dir::Etc::SourceList={apt}/sources.list", "Dir::Etc::SourceParts=/dev/null",
                   "APT::Architecture=amd64", "APT::Sandbox::User=", "APT::Update::Error-Mode=any",
                   "Acquire::Languages=none", "Acquire::Retries=2", "Acquire::http::Timeout=30"]
        self.options = [word for option in options for word in ("-o", option)]
        self.apt("apt-get", "-q", "update")

    def apt(self, command, *arguments, **more):
        return run(command, *self.options, *arguments, **more)

    def newest(self, patterns):
        """Names of packages by patterns, * being the same in all of them: the newest version of the first one."""
        names = self.apt("apt-cache", "pkgnames", "linux-").split()
        begin, end = patterns[0].split("*")
        middle = re.compile(re.escape(begin) + r"(\d[\w.+]*(?:-\d+)?)" + re.escape(end))
        versions = [match[1] for match in map(middle.fullmatch, names) if match]
        if not versions:
            raise LookupError(f"{self.name} has no package {patterns[0]}")
        newest = max(versions, key=lambda version: [int(number) for number in re.findall(r"\d+", version)])
        return [pattern.replace("*", newest) for pattern in patterns]

    def with_dependencies(self, package):
        """A package, and all that it needs on a machine that has nothing."""
        lines = self.apt("apt-get", "-q", "-y", "-o", "Debug::NoLocking=true", "-o", "APT::Install-Recommends=false",
                         "install", "--print-uris", package).splitlines()
        # 'address' file size hash
        names = [shlex.split(line)[1].partition("_")[0] for line in lines if line.startswith("'")]
        return [package, *(name for name in names if name != package)]

    def file_name(self, package):
        return shlex.split(self.apt("apt-get", "download", "--print-uris", package).splitlines()[-1])[1]


def run(*command, **more):
    # Standard output is answered, or of no interest; errors are shown.
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=1800, **more).stdout


def mirrors():
    """The archive and the security archive that this machine uses."""
    found = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages"],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    first = lambda end, default: next((uri for uri in found if uri.rstrip("/").endswith(end)), default)
    return (first("/debian", "http://deb.debian.org/debian"),
            first("/debian-security", "http://deb.debian.org/debian-security"))


def lock_cache():
    """Waits until no other script changes the cache. The caller keeps what is answered."""
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = (CACHE / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def download(kernel, prefix, choose, finish):
    """Brings the newest packages into the cache and returns their tree."""
    home, suite = CACHE / kernel, Suite(kernel)
    packages = choose(suite)
    tree = home / suite.file_name(packages[0]).removesuffix(".deb").replace("%3a", "_")
    if not tree.exists():
        say(f"{kernel}: downloading {', '.join(packages)}")
        partial = home / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "debs").mkdir(parents=True)
        suite.apt("apt-get", "-q", "download", *packages, cwd=partial / "debs")
        for package in (partial / "debs").iterdir():
            run("dpkg", "-x", package, partial)
        shutil.rmtree(partial / "debs")
        finish(partial)
        partial.rename(tree)
        for other in trees(home, prefix):
            if other != tree:
                shutil.rmtree(other)
    return tree


def trees(home, prefix):
    return [path for path in home.glob(f"{prefix}*") if path.is_dir()] if home.exists() else []


def cached(kernel, prefix, choose, finish=lambda tree: None):
    """The tree of some unpacked packages of a kernel's suite: from the cache while they are fresh, or when there is
    nothing newer to be had; None where there is nothing. The prefix is that of the first package's name; `choose`
    answers the packages' names, and `finish` completes the tree."""
    home = CACHE / kernel
    checked = home / f"{prefix}checked"
    old = next(iter(trees(home, prefix)), None)
    if old and checked.exists() and time.time() - checked.stat().st_mtime < DAY:
        return old
    try:
        tree = download(kernel, prefix, choose, finish)
        checked.touch()
        return tree
    except (OSError, subprocess.SubprocessError, LookupError) as error:
        command = getattr(error, "cmd", None)  # has told why
        say(f"{kernel}: {f'{command[0]} failed' if command else error}")
        if old:
            say(f"{kernel}: going on with {old.name} from the cache")
        return old


def kernel_tree(name):
    """The unpacked packages of a kernel."""

    def finish(tree):
        if not (tree / "lib").exists():
            (tree / "lib").symlink_to("usr/lib")
        run("depmod", "-b", tree, release_of(tree))

    return cached(name, "linux-", lambda suite: suite.newest(KERNELS[name][1]), finish)


def release_of(tree):
    return next((tree / "lib/modules").iterdir()).name


# Machines


def initramfs(tree, scratch):
    """The smallest root that can mount the host's files: busybox, a few modules and the script Tests/Kernels/init."""
    modules = tree / "lib/modules" / release_of(tree)
    paths = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        file, needs = line.split(":")
        paths[re.sub(r"\.ko.*", "", Path(file).name)] = (file, needs.split())
    root = scratch / "initramfs"
    (root / "modules").mkdir(parents=True)
    order = []
    for module in BOOT_MODULES:
        # What a kernel has built in is not in the list. Needs are listed last one first.
        file, needs = paths.get(module, (None, []))
        order += [path for path in [*reversed(needs), file] if path and path not in order]
    for path in order:
        bytes = (modules / path).read_bytes()
        if path.endswith(".xz"):
            bytes = lzma.decompress(bytes)
        (root / "modules" / f"{order.index(path):02}.ko").write_bytes(bytes)
    shutil.copy(shutil.which("busybox"), root / "busybox")
    shutil.copy(CHECKOUT / "Tests/Kernels/init", root / "init")
    (root / "scratch-path").write_text(f"{scratch}\n")
    archive = scratch / "initramfs.cpio"
    with archive.open("wb") as output:
        files = "\n".join(str(path.relative_to(root)) for path in root.rglob("*")) + "\n"
        subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], cwd=root, input=files.encode(), stdout=output,
                       stderr=subprocess.DEVNULL, check=True)
    return archive


class Machine:
    """A virtual machine, or the machine's own kernel ("own"), that runs a command once."""

    def __init__(self, name, tree, scratch, limit, command):
        self.name, self.tree, self.scratch, self.limit, self.command = name, tree, scratch, limit, command
        self.release = release_of(tree) if tree else os.uname().release
        self.process, self.trouble = None, None
        self.scratch.mkdir()

    @property
    def title(self):
        return f"{self.release} ({'own' if self.name == 'own' else KERNELS[self.name][0]})"

    def start(self):
        inside = ["bash", CHECKOUT / "Tests/Kernels/inside", self.scratch, self.tree or "", *self.command]
        command = [str(word) for word in inside]
        if self.tree:
            names = ("PATH", "LANG", "MEROPS_ROUNDS", "MEROPS_ALL_ROUNDS")
            keep = {name: os.environ[name] for name in names if name in os.environ}
            exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in keep.items())
            (self.scratch / "start").write_text(f"{exports}export HOME=/root\n{shlex.join(command)}\n")
            images = [*self.tree.glob("boot/vmlinuz-*"), *self.tree.glob("lib/modules/*/vmlinuz")]
            share = "local,security_model=none,multidevs=remap,mount_tag="
            command = [
                "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2G",
                "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
                "-virtfs", f"{share}host,path=/,readonly=on", "-virtfs", f"{share}scratch,path={self.scratch}",
                "-kernel", str(images[0]), "-initrd", str(initramfs(self.tree, self.scratch)),
                "-append", "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off random.trust_cpu=on lsm=lockdown,bpf"]
        elif os.geteuid() == 0:
            # Whatever is mounted goes with the name space.
            command = ["unshare", "--mount", "--propagation", "private", *command]
        say(f"{self.name}: starting {self.title}")
        self.began = time.monotonic()
        # Should this program be killed, the kernel ends its children.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], cwd=CHECKOUT,
                                        stdin=subprocess.DEVNULL, stdout=(self.scratch / "console").open("wb"),
                                        stderr=subprocess.STDOUT, start_new_session=True)

    def has_ended(self):
        """Whether it has; if so, it has been read, too."""
        if self.process.poll() is None:
            if time.monotonic() - self.began < self.limit:
                return False
            self.trouble = f"did not end within {self.limit} s"
        self.stop()
        self.read()
        if self.trouble:
            console = (self.scratch / "console").read_text(errors="replace").splitlines()
            say(f"{self.name}: {self.trouble}; the end of its console:\n" + "\n".join(console[-30:]))
        say(f"{self.name}: {self.summary} after {time.monotonic() - self.began:.0f} s")
        return True

    def stop(self):
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()

    def once_more(self):
        """A machine for what failed here or was not reached; None when there is no such thing."""
        return None

    def take(self, again):
        """Takes over what a second machine showed."""
        if self.trouble:
            say(f"WARNING: {self.title} {self.trouble}; a second machine ran what was left")
        self.trouble = again.trouble

    @property
    def status(self):
        """The command's exit status; None when it did not end."""
        file = self.scratch / "status"
        return int(file.read_text()) if file.exists() else None


def run_all(machines, at_once):
    """Runs machines, and for what failed on one or was not reached there, a second one."""
    run_once(machines, at_once)
    second = [(machine, again) for machine in machines if (again := machine.once_more())]
    run_once([again for _, again in second], at_once)
    for machine, again in second:
        machine.take(again)


def run_once(machines, at_once):
    waiting, running = list(machines), []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(waiting.pop(0))
                running[-1].start()
            time.sleep(0.2)
            running = [machine for machine in running if not machine.has_ended()]
    finally:
        for machine in running:
            machine.stop()


# Reports


def cut(text, length):
    text = " ".join(text.split())
    return text if len(text) <= length else text[:length - 1] + "…"


def table(header, rows):
    cell = lambda text: str(text).replace("|", "\\|").replace("<", "&lt;")
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(map(cell, line))} |" for line in lines]


def write_markdown(file, lines):
    """Replaces what stands between the marks of the script that runs."""
    begin, end = f"<!-- made by Tests/Kernels/{Path(sys.argv[0]).name} -->", "<!-- end -->"
    before, found, rest = file.read_text().partition(begin)
    old, found_end, after = rest.partition(end)
    if not (found and found_end):
        sys.exit(f"{file}: has no lines {begin} and {end}")
    file.write_text(before + "\n".join([begin, "", *lines, "", end]) + after)


def end_on_signals():
    """Lets what is to be done at the end be done when this process is told to end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
