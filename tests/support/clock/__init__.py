"""A part of the stack under a wall clock that a test moves (clock_shim.c).

    with Clock("ingest") as clock:      restarted under the shim, its clock not moved yet
        clock.move(3600)                one hour ahead, at once; CLOCK_BOOTTIME and CLOCK_MONOTONIC stay
                                        restarted without the shim at the end
"""
import pathlib
import struct
import tempfile

from support import stack

HOUR_S = 3600
READY_S = 120  # a Redis that was restarted is filled by a rebuild
SHIM = pathlib.Path(stack.ENV["WEIR_BIN"]).parent / "lib" / "clock_shim.so"


class Clock:
    def __init__(self, *names, offset_s=0, arguments=()):
        """`arguments`: of each part, also when it is started again at the end."""
        assert SHIM.exists(), f"{SHIM} is not built: ninja -C build/test clock_shim"
        self.names, self.arguments = names, arguments
        self.folder = tempfile.TemporaryDirectory(prefix="weir-clock-")
        self.file = pathlib.Path(self.folder.name) / "offset_us"
        self.file.write_bytes(struct.pack("=q", int(offset_s * 1_000_000)))

    def __enter__(self):
        self.log_sizes = {name: stack.log_size(name) for name in self.names}
        for name in self.names:
            stack.ctl("stop", name)
            stack.ctl("start", name, "--", *self.arguments, env={"WEIR_CLOCK_FILE": str(self.file), "WEIR_CLOCK_SHIM": str(SHIM)})
            self.check(name)
        stack.ready_again(READY_S)
        return self

    def check(self, name):
        """The shim is in the process, for a clock that cannot be moved would pass every test."""
        maps = pathlib.Path(f"/proc/{stack.pid_of(name)}/maps").read_text()
        assert SHIM.name in maps and str(self.file) in maps, f"{name} runs without the clock shim"

    def move(self, offset_s):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=q", int(offset_s * 1_000_000)))

    def __exit__(self, *_):
        for name in self.names:
            stack.ctl("stop", name)
            stack.ctl("start", name, "--", *self.arguments)
        stack.ready_again(READY_S)
        self.folder.cleanup()
