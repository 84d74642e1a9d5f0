"""A small disk under one part's data folder, which can be filled: a tmpfs, for a quota or a loop device would not be there everywhere.

    with SmallDisk("shard1", free_mb=24) as disk:     the part was stopped, its data copied there, and it runs again
        disk.fill()                                   no byte is left
        disk.free()                                   there is room again
                                                      the data goes back to the folder at the end, the part runs on

Needs the right to mount; without it the test fails and says so.
"""
import errno
import os
import pathlib
import subprocess

from support import stack


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def copy(source, target, sparse):
    done = run("cp", "-a", f"--sparse={sparse}", f"{source}/.", str(target))
    assert done.returncode == 0, done.stderr


class SmallDisk:
    def __init__(self, name, free_mb, sparse="never"):
        """`sparse`: whether holes of files stay holes (cp --sparse): then the full disk is also met where a file is only written, not grown."""
        self.name, self.free_mb, self.sparse = name, free_mb, sparse
        self.folder = pathlib.Path(stack.ENV["WEIR_VAR"]) / "data" / name
        self.kept = self.folder.with_name(f"{name}.kept")
        self.ballast = self.folder / "ballast"

    def size_mb(self):
        apparent = [] if self.sparse == "auto" else ["--apparent-size"]
        done = run("du", "-sm", *apparent, str(self.kept))
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[0]) + self.free_mb

    def __enter__(self):
        stack.ctl("stop", self.name)
        self.folder.rename(self.kept)
        self.folder.mkdir(mode=0o700)
        done = run("mount", "-t", "tmpfs", "-o", f"size={self.size_mb()}m,mode=0700", "weir-test", str(self.folder))
        if done.returncode != 0:
            self.folder.rmdir()
            self.kept.rename(self.folder)
            stack.ctl("start", self.name)
            raise AssertionError(f"this test mounts a small disk over {self.folder}, which was refused; run it as root, where mounting is allowed: {done.stderr}")
        try:
            copy(self.kept, self.folder, self.sparse)
            stack.ctl("start", self.name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
        assert self.bytes_free() < 65536, "the disk is not full"

    def bytes_free(self):
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def __exit__(self, *_):
        self.free()
        stack.ctl("stop", self.name, check=False)
        back = self.folder.with_name(f"{self.name}.back")
        back.mkdir(mode=0o700)
        copy(self.folder, back, self.sparse)
        done = run("umount", str(self.folder))
        assert done.returncode == 0, done.stderr
        self.folder.rmdir()
        back.rename(self.folder)
        run("rm", "-rf", str(self.kept))
        stack.ctl("start", self.name)
