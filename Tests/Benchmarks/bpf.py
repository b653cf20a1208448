"""bpf(2) as far as the benchmarks need it: programs are loaded, found by their number, and run on a packet."""

import ctypes, os, platform, struct

CALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280}[platform.machine()]
PROG_LOAD, PROG_TEST_RUN, PROG_GET_FD_BY_ID = 5, 10, 13
XDP = 6
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(CALL, command, buffer, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf(2), command {command}: {os.strerror(ctypes.get_errno())}")
    return result, buffer.raw


def instruction(opcode, destination=0, source=0, offset=0, immediate=0):
    return struct.pack("<BBhI", opcode, source << 4 | destination, offset, immediate & 0xffffffff)


def load(instructions):
    """Loads an XDP program; returns its descriptor, which stays open."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    licence = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack("<IIQQIIQII", XDP, len(instructions) // 8, ctypes.addressof(code),
                                      ctypes.addressof(licence), 0, 0, 0, 0, 0))[0]


def run(program, packet, repeat):
    """What the program returns for a packet, and how many nanoseconds that takes: whole ones, as the kernel has it."""
    data = ctypes.create_string_buffer(packet, len(packet))
    _, raw = bpf(PROG_TEST_RUN, struct.pack("<IIIIQQIIIIQQ", program, 0, len(packet), 0, ctypes.addressof(data), 0,
                                            repeat, 0, 0, 0, 0, 0))
    return struct.unpack_from("<I", raw, 4)[0], struct.unpack_from("<I", raw, 36)[0]


def program_of(process):
    """A descriptor of the first program that a process has."""
    folder = f"/proc/{process}/fdinfo"
    for name in os.listdir(folder):
        for line in open(os.path.join(folder, name)):
            if line.startswith("prog_id:"):
                return bpf(PROG_GET_FD_BY_ID, struct.pack("<III", int(line.split()[1]), 0, 0))[0]
    raise LookupError(f"process {process} has no BPF program")
