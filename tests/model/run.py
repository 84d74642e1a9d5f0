#!/usr/bin/env python3
"""Checks the models of the protocol with spin: each fixed configuration must be clean, each switch must be found.

    run.py                      all rows of configs.tsv of size `core`
    run.py --clean | --switches the core rows of one kind
    run.py --long               all rows, the long ones too; also with WEIR_MODELS=all, as ops/test --models sets it
    run.py --only TEXT          the rows whose name contains TEXT, whatever their size; --clean and --switches choose among them
    run.py --trail NAME         the counterexample of the row of this name, step by step
    run.py --list               the rows

A clean row passes when pan has searched everything (no depth, memory or time that was too small), has found no error and has
stored at least the states that the row names, so that a model that does nothing can not pass. A row of a switch passes when pan
has found an error, and the assertion that failed is commented with what the row says that it breaks (a liveness claim breaks by
a cycle). A switch of a model that no row uses is an error of the table.

Exit code: 0 all as expected, 1 something else was found, 2 a wrong argument or table, 3 spin or gcc is missing,
130 it was interrupted.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE / "configs.tsv"
COLUMNS = ("name", "model", "switches", "expect", "size", "states")
JOBS = 2
DEPTH_MAX = 1_000_000  # steps of one schedule
OPTIMISE_STATES = 500_000  # a search below this is over before gcc -O2 would be
TIME_MAX_S = {"core": 600, "long": 3600}  # a machine that is busy with other things
TOOL_MAX_S = 300  # spin or gcc
MEMORY_MAX_MB = {"core": 2000, "long": 8000}
TRAIL_STEPS_MAX = 100_000

Row = collections.namedtuple("Row", COLUMNS)
Result = collections.namedtuple("Result", "row passed found states seconds")


class TableError(Exception):
    """configs.tsv or a model is not as it should be; the text says where."""


# ---- the table and what the models say of themselves ----

def read_table(path=TABLE):
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
        if len(cells) != len(COLUMNS):
            raise TableError(f"{path.name}:{number}: {len(cells)} columns, not {len(COLUMNS)} ({', '.join(COLUMNS)})")
        rows.append(row_of(dict(zip(COLUMNS, cells)), f"{path.name}:{number}"))
    names = [row.name for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TableError(f"{path.name}: two rows of the name {', '.join(twice)}")
    return rows


def row_of(cells, where):
    if cells["size"] not in TIME_MAX_S:
        raise TableError(f"{where}: size is '{cells['size']}', not core or long")
    if (cells["expect"] == "clean") != cells["states"].isdigit():
        raise TableError(f"{where}: a clean row names its states, any other one has '-'")
    switches = () if cells["switches"] == "-" else tuple(cells["switches"].split())
    return Row(cells["name"], cells["model"], switches, cells["expect"], cells["size"], int(cells["states"]) if cells["states"].isdigit() else 0)


def parameters_of(text):
    """Sizes: what a model gives a default."""
    return set(re.findall(r"^#ifndef (\w+)\n#define \1\b", text, re.MULTILINE))


def switches_of(text):
    """What a model asks for with #if, and neither defines itself nor gives a default."""
    asked = set()
    for condition in re.findall(r"^#\s*(?:ifdef|ifndef|if|elif)\b(.*)$", text, re.MULTILINE):
        asked |= set(re.findall(r"[A-Za-z_]\w*", re.sub(r"/\*.*?\*/", "", condition))) - {"defined"}
    return asked - parameters_of(text) - set(re.findall(r"^#define (\w+)", text, re.MULTILINE))


def is_liveness(text):
    return re.search(r"^(ltl|never)\b", text, re.MULTILINE) is not None


def check_table(rows, folder=HERE):
    """Every model has a clean row, every switch a row that must fail by it, and no row names what its model does not know."""
    wrong = []
    for path in sorted(folder.glob("*.pml")):
        mine = [row for row in rows if row.model == path.stem]
        text = path.read_text()
        used = {switch[2:].split("=")[0] for row in mine for switch in row.switches}
        failing = {switch[2:].split("=")[0] for row in mine if row.expect != "clean" for switch in row.switches}
        if not any(row.expect == "clean" and row.size == "core" for row in mine):
            wrong.append(f"{path.name} has no clean core row")
        wrong += [f"{path.name}: no row shows what -D{name} breaks" for name in sorted(switches_of(text) - failing)]
        wrong += [f"{path.name} does not know -D{name}" for name in sorted(used - switches_of(text) - parameters_of(text))]
    wrong += [f"there is no model {row.model}.pml (row {row.name})" for row in rows if not (folder / f"{row.model}.pml").exists()]
    if wrong:
        raise TableError("; ".join(wrong))


# ---- one run ----

class Stopped(Exception):
    """An interrupt: what runs is ended, and every folder of ours is removed on the way out."""


_children = set()
_stopping = threading.Event()


def stop(_signal, _frame):
    _stopping.set()
    for child in list(_children):
        child.kill()


def run(command, folder, seconds):
    if _stopping.is_set():
        raise Stopped
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        _children.add(child)
        try:
            stdout, stderr = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        finally:
            _children.discard(child)
    if _stopping.is_set():
        raise Stopped
    return subprocess.CompletedProcess(command, child.returncode, stdout, stderr)


def model_of(row):
    return (HERE / f"{row.model}.pml").read_text()


def build(row, folder):
    """Leaves the model and `pan` in `folder`."""
    name = f"{row.model}.pml"
    pathlib.Path(folder, name).write_text(model_of(row))
    made = run(["spin", "-a", *row.switches, name], folder, TOOL_MAX_S)
    if made.returncode != 0 or "error" in made.stdout.lower():
        raise TableError(f"{row.name}: spin does not read {name}: {(made.stdout + made.stderr).strip()[-500:]}")
    kind = ["-DNFAIR=4"] if is_liveness(model_of(row)) else ["-DSAFETY"]
    level = "-O2" if row.states > OPTIMISE_STATES else "-O0"
    made = run(["gcc", level, "-w", *kind, "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MAX_MB[row.size]}", "-o", "pan", "pan.c"], folder, TOOL_MAX_S)
    if made.returncode != 0:
        raise TableError(f"{row.name}: gcc does not compile pan.c: {made.stderr.strip()[-500:]}")


def search(row, folder):
    """pan's own report; "" when it took too long."""
    fair = ["-a", "-f"] if is_liveness(model_of(row)) else []
    buckets = max(18, row.states.bit_length())
    try:
        return run(["./pan", f"-m{DEPTH_MAX}", f"-w{buckets}", *fair], folder, TIME_MAX_S[row.size]).stdout
    except subprocess.TimeoutExpired:
        return ""


def number_in(pattern, text):
    match = re.search(pattern, text)
    return int(match.group(1)) if match else -1


def incomplete(report):
    """Why the search is not a proof; "" when it is one."""
    signs = {"max search depth too small": "the depth was too small", "Search not completed": "it was not completed", "out of memory": "memory was too small",
             "reached -DMEMLIM bound": "memory was too small", "hash table full": "the hash table was full"}
    found = [text for sign, text in signs.items() if sign in report]
    return "it took too long" if not report else found[0] if found else ""


def replay(row, folder, *options):
    return run(["spin", "-t", *options, f"-u{TRAIL_STEPS_MAX}", *row.switches, f"{row.model}.pml"], folder, TOOL_MAX_S).stdout


def broken_promise(row, folder):
    """What the failed assertion is commented with, e.g. "I2"; spin replays the trail to find its line."""
    trail = replay(row, folder)
    line = number_in(r"\.pml:(\d+), Error: assertion violated", trail)
    if line < 0:
        return "an error that is no assertion"
    comment = re.search(r"/\* (.*?) \*/", model_of(row).splitlines()[line - 1])
    return comment.group(1) if comment else f"the assertion of line {line}"


def what_was_found(row, report, folder):
    if "errors: 0" in report:
        return incomplete(report) or "clean"
    if "acceptance cycle" in report:
        return "cycle"
    if "assertion violated" in report:
        return broken_promise(row, folder)
    if "invalid end state" in report:
        return "stuck"
    return incomplete(report) or "no report of pan"


def judge(row, found, states):
    if row.expect == "clean":
        return found == "clean" and states >= row.states
    return row.expect in found.split(":")[0].split(", ")


def check(row):
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weir-model-") as folder:
        build(row, folder)
        report = search(row, folder)
        found = what_was_found(row, report, folder)
    states = number_in(r"(\d+) states, stored", report)
    return Result(row, judge(row, found, states), found, states, time.monotonic() - begun)


def print_trail(row):
    with tempfile.TemporaryDirectory(prefix="weir-model-") as folder:
        build(row, folder)
        report = search(row, folder)
        print(f"{row.name}: {what_was_found(row, report, folder)}")
        if not list(pathlib.Path(folder).glob("*.trail")):
            print("there is no counterexample")
            return 1
        steps = replay(row, folder, "-p", "-g")
    print(steps)
    return 0


# ---- all of them ----

def choose(rows, options):
    chosen = [row for row in rows if (options.only or "") in row.name and (options.only or options.long or row.size == "core")]
    if options.clean != options.switches:
        chosen = [row for row in chosen if (row.expect == "clean") == options.clean]
    return chosen


def tell(result, at, of):
    row = result.row
    verdict = "ok" if result.passed else "WRONG"
    wanted = "" if result.passed else f", expected {row.expect}" + (f" with {row.states} states or more" if row.states else "")
    print(f"[{at:>3} of {of}] {row.name:<34} {verdict:<6} {result.found}, {result.states:,} states, {result.seconds:.1f} s{wanted}", flush=True)


def check_all(rows, quiet):
    results = []
    largest_first = sorted(rows, key=lambda row: -row.states)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for at, task in enumerate(concurrent.futures.as_completed([pool.submit(check, row) for row in largest_first]), 1):
            results.append(task.result())
            if not quiet:
                tell(results[-1], at, len(rows))
    return sorted(results, key=lambda result: rows.index(result.row))


def print_table(results):
    print(f"\n{'row':<34} {'expected':<10} {'found':<34} {'states':>12} {'s':>7}")
    for result in results:
        print(f"{result.row.name:<34} {result.row.expect:<10} {result.found:<34.34} {result.states:>12,} {result.seconds:>7.1f}")
    wrong = [result.row.name for result in results if not result.passed]
    print(f"{len(results)} runs, {len(wrong)} not as expected{': ' + ', '.join(wrong) if wrong else ''}")


def as_json(results):
    return json.dumps([{"name": r.row.name, "model": r.row.model, "switches": list(r.row.switches), "expected": r.row.expect, "found": r.found, "passed": r.passed,
                        "states": r.states, "seconds": round(r.seconds, 1)} for r in results], indent=1)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clean", action="store_true")
    parser.add_argument("--switches", action="store_true")
    parser.add_argument("--long", action="store_true", default=os.environ.get("WEIR_MODELS") == "all")
    parser.add_argument("--only", metavar="TEXT")
    parser.add_argument("--trail", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", action="store_true", help="the results as JSON, nothing else")
    return parser.parse_args()


def main():
    options = parse()
    missing = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]
    if missing:
        print(f"{' and '.join(missing)} is needed to check the models: install the package of that name", file=sys.stderr)
        return 3
    rows = read_table()
    check_table(rows)
    if options.list:
        print("\n".join(f"{row.name:<34} {row.model}.pml {' '.join(row.switches)}" for row in rows))
        return 0
    if options.trail:
        named = [row for row in rows if row.name == options.trail]
        if not named:
            raise TableError(f"there is no row {options.trail}: run.py --list names them all")
        return print_trail(named[0])
    chosen = choose(rows, options)
    if not chosen:
        raise TableError("no row is chosen: run.py --list names them all")
    results = check_all(chosen, options.json)
    print(as_json(results)) if options.json else print_table(results)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        sys.exit(main())
    except Stopped:
        sys.exit(130)
    except TableError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
