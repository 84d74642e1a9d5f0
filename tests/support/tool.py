"""The command line tool `weir` on the stack under test, as an operator would call it: asks the engines directly, past all links."""
import os
import subprocess

from support.stack import ENV


def run(*arguments, settings=(), seconds=600):
    """The finished process of `weir SETTINGS ARGUMENTS`; the caller judges its exit code."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return subprocess.run([f"{ENV['WEIR_BIN']}/weir", "--config", f"{ENV['WEIR_VAR']}/etc/weir.yaml", *settings, *arguments],
                          env=clean, capture_output=True, text=True, timeout=seconds, check=False)
