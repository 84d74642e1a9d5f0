"""A stack beside the one under test, for what would spoil that one, or for engines that it does not have.

    with own_stack.up("--kafka-brokers", "3", "--links"):
        ...                                      everything in tests/support asks the new stack

It is one for use: without links between its parts, unless it is made with "--links".
"""
import contextlib
import os
import subprocess

from support import stack

PORTS_AWAY = 100  # from the ports of the stack under test
UP_S, DOWN_S = 400, 260  # down: longer than the deadlines of all parts together


def _run(command, *options, seconds):
    done = subprocess.run([str(stack.ROOT / "ops" / command), *options], capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@contextlib.contextmanager
def up(*options):
    outer, outer_environ = dict(stack.ENV), dict(os.environ)
    for name in [name for name in os.environ if name.startswith("WEIR_")]:
        del os.environ[name]
    os.environ.update(WEIR_VAR=outer["WEIR_VAR"] + "-own", WEIR_PORT_BASE=str(int(outer["WEIR_PORT_BASE"]) + PORTS_AWAY))
    try:
        _run("up", "--no-sale", "--bin", outer["WEIR_BIN"], *options, seconds=UP_S)
        os.environ["WEIR_STACK_ENV"] = os.environ["WEIR_VAR"] + "/stack.env"
        stack.ENV.clear()
        stack.ENV.update(stack.read_env())
        yield
    finally:
        stack.ENV.clear()
        stack.ENV.update(outer)
        try:
            _run("down", "--wipe", seconds=DOWN_S)
        finally:
            os.environ.clear()
            os.environ.update(outer_environ)
