"""What the machine no longer gives a running part: file descriptors, memory. Only its soft limits, so that they can be put back.

    with limits.no_descriptor_left("keeper"): ...                    it can open nothing more
    with limits.limited("query", limits.DATA, limits.data_bytes("query")): ...   it gets no more memory
"""
import contextlib
import os
import pathlib
import re
import resource

from support import stack

FILES, DATA = resource.RLIMIT_NOFILE, resource.RLIMIT_DATA
NO_DESCRIPTOR = re.compile(r"Too many open files|\(24\)|error 24\b")


@contextlib.contextmanager
def limited(name, what, value):
    """The limit is put back at the end, where the part still runs."""
    pid = stack.pid_of(name)
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (value, before[1]))
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, what, before)


def no_descriptor_left(name):
    """It can open nothing more: no connection, no file."""
    pid = stack.pid_of(name)
    opened = {int(number): os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
    listener = min(number for number, what in opened.items() if what.startswith("socket:"))  # those before it stay open for its whole life
    return limited(name, FILES, min(set(range(listener + 1)) - set(opened), default=listener))


def wait_no_descriptor(name, since, seconds=60):
    stack.wait_for(lambda: NO_DESCRIPTOR.search(stack.log_since(name, since)), seconds, f"{name} says that it has no descriptor left")


def data_bytes(name):
    """What it has of memory that counts under DATA: its heap and its private mappings, the stacks of threads among them."""
    status = pathlib.Path(f"/proc/{stack.pid_of(name)}/status").read_text()
    return int(re.search(r"VmData:\s+(\d+) kB", status).group(1)) * 1024
