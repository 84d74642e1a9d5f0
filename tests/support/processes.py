"""Services that die, sleep or run twice: crash points, second copies, sleeps."""
import contextlib
import os
import pathlib
import signal
import subprocess
import threading

from support import stack


def crash_points(program):
    done = subprocess.run([f"{stack.ENV['WEIR_BIN']}/{program}", "--crash-points"], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.split()


def start_to_die(name, point, count=1, arguments=()):
    """Starts it so that it kills itself at the point's passing number `count`; answers the offset of its log. It may die before it is ready, which ctl calls a failure."""
    offset = stack.log_size(name)
    stack.ctl("start", name, "--", *arguments, env={"WEIR_CRASH_AT": f"{point}:{count}"}, check=False)
    return offset


def wait_dead(name, point, offset, seconds=60):
    """It died, and there."""
    stack.wait_for(lambda: not stack.runs(name), seconds, f"{name} dies at {point}")
    assert f"crash point {point}" in stack.log_since(name, offset), f"{name} died, but not at {point}"


def start_to_sleep(name, point, count=1, arguments=()):
    """Starts it so that it stops by SIGSTOP there; answers its pid and the offset of its log. It may sleep before it is ready, so nobody waits for that here."""
    offset = stack.log_size(name)
    threading.Thread(target=stack.ctl, args=("start", name, "--", *arguments), kwargs={"env": {"WEIR_STOP_AT": f"{point}:{count}"}, "check": False}, daemon=True).start()
    stack.wait_for(lambda: stack.runs(name), 30, f"{name} is started")
    return stack.pid_of(name), offset


def tells(base):
    """A service's own words of its parts; none before it listens."""
    try:
        return stack.get("/readyz?verbose", base=base, timeout=3).body.decode()
    except OSError:
        return ""


def is_stopped(pid):
    """All its threads: one that runs for a moment longer may still do something."""
    states = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            states.add(pathlib.Path(f"/proc/{pid}/task/{thread}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0])
    return states == {"T"}


def wait_asleep(pid, name, point, offset, seconds=60):
    stack.wait_for(lambda: is_stopped(pid), seconds, f"{name} stops at {point}")
    assert f"crash point {point}" in stack.log_since(name, offset), f"{name} stopped, but not at {point}"


class Second:
    """One more copy of a service, beside the stack's own, with a listener and a log of its own."""

    def __init__(self, name, port_offset, arguments=(), env=None):
        program = "weir-worker" if name.startswith("worker-") else f"weir-{name}"
        port = int(stack.ENV["WEIR_PORT_BASE"]) + port_offset
        self.base = f"http://127.0.0.1:{port}"
        self.log_path = pathlib.Path(stack.ENV["WEIR_VAR"]) / "log" / f"second-{name}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([f"{stack.ENV['WEIR_BIN']}/{program}", "--config", f"{stack.ENV['WEIR_VAR']}/etc/{name}.yaml", f"--http.port={port}", *arguments],
                                            stderr=log, stdout=log, env=dict(os.environ, **(env or {})))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_ready(self, seconds=60):
        stack.wait_for(lambda: stack.is_ready(self.base), seconds, f"the second service at {self.base} is ready")
