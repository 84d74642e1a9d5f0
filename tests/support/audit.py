"""`weir audit` on the stack under test: log, tables and Redis against one another, from outside."""
import json
import tempfile

from support import tool


def run(*arguments, settings=()):
    """The finished process of `weir SETTINGS audit ARGUMENTS`."""
    return tool.run("audit", *arguments, settings=settings)


def findings(*arguments, history=()):
    """The answer as an object, agreeing or not; `history` is a list of what weir-storm tells of each grab."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", prefix="weir-history-") as file:
        file.writelines(json.dumps(line) + "\n" for line in history)
        file.flush()
        done = run("--json", *arguments, *(("--history", file.name) if history else ()))
    assert done.returncode in (0, 1) and done.stdout, f"exit code {done.returncode}: {done.stderr}"
    found = json.loads(done.stdout)
    assert done.returncode == (1 if found["disagreements"] or found["unchecked"] else 0), done
    return found


def audit(history=(), wait_s=90):
    """Waits for rest; fails when anything disagrees."""
    found = findings("--rest", "--wait-s", str(wait_s), history=history)
    assert found["disagreements"] == 0, json.dumps(found["kept"][:20], indent=1)
    assert found["at_rest"], found["not_at_rest"]
    assert found["unchecked"] == [], found["unchecked"]
    return found
