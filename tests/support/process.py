"""What a running part holds and burns, as the kernel counts it (proc(5))."""
import pathlib
import resource
import time


def files_open(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def memory_kib(pid):
    """Resident, of its own (not the shared pages of libraries)."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError(f"/proc/{pid}/status has no RssAnon")


def cpu_s(pid):
    """Seconds of processor time that it has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100  # USER_HZ


def _wanted_ns(pid):
    """thread -> ns that it ran or wanted to: one that spins wants all the time, also where it gets little of it."""
    wanted = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            ran, waited, _ = (task / "schedstat").read_text().split()
        except FileNotFoundError:
            continue  # it has ended meanwhile
        wanted[task.name] = int(ran) + int(waited)
    return wanted


def busiest_thread(pid, seconds):
    """The share of the next `seconds` in which the process's busiest thread runs or wants to, 0 to 1."""
    before, begin = _wanted_ns(pid), time.monotonic()
    time.sleep(seconds)
    after, took = _wanted_ns(pid), time.monotonic() - begin
    return max((after[task] - before.get(task, 0)) / 1e9 / took for task in after)


class FileLimit:
    """Within it, a running process may open no more than `count` files."""

    def __init__(self, pid, count):
        self.pid, self.count = pid, count

    def __enter__(self):
        self.before = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (self.count, self.before[1]))

    def __exit__(self, *_):
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self.before)
