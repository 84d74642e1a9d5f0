"""The command line tool `weir` on the stack under test, as an operator would call it: asks the engines directly, past all links."""
import os
import subprocess

from support.stack import ENV


def run(*arguments, seconds=180):
    """Answers the finished process; the caller judges its exit code."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return subprocess.run([f"{ENV['WEIR_BIN']}/weir", "--config", f"{ENV['WEIR_VAR']}/etc/weir.yaml", *arguments], env=clean, capture_output=True, text=True,
                          timeout=seconds, check=False)


def audit_at_rest(history_file=None):
    """I1 to I8 from outside, over everything that is in log, tables and Redis; and over what clients were told."""
    told = ["--history", str(history_file)] if history_file else []
    done = run("audit", "--rest", *told)
    assert done.returncode == 0, f"weir audit: exit {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
