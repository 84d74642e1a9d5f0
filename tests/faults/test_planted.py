"""The checks can fail: a service that makes a planted mistake (core/planted.h) is found out by an ordinary test, which knows nothing of it.

    each bug: its services started with it -> an ordinary test runs, and must fail, by the check that is named here -> all started without it

The mistakes of the protocol are planted in the simulator, which finds each of them; here are those of the parts that it does not have, and some that it has, on
real servers. The table of who found what, here and there, is printed, and kept in log/planted.txt of the stack. What they have done to tables and stock is repaired
at the end in the way that holds for any damage: both are folds of the log, so they are emptied and folded again.
"""
import json
import pathlib
import re
import subprocess

import pytest

pytest.register_assert_rewrite("faults.test_kafka", "faults.test_shards", "faults.test_workers", "integration.test_records")

from faults import test_kafka, test_shards, test_workers  # noqa: E402
from integration import test_records  # noqa: E402
from support import audit, stack  # noqa: E402

WORKERS = ("worker-hash", "worker-daily")
CASES = {  # name -> (who makes the mistake, an ordinary test, what its check says)
    "success_before_report": (("ingest",), test_kafka.test_killed_with_grabs_on_their_way, "success without a row"),
    "offset_before_rows": (WORKERS, lambda: test_workers.test_killed_at_each_crash_point("worker.after_rows"), r"left \d+ \+ OK \d+ != total|layouts differ"),
    "progress_without_owner": (WORKERS, test_workers.test_a_zombie_can_not_commit_before_the_owner_has, "a zombie has committed"),
    "insert_ignore": (WORKERS, test_records.test_first_wins_across_batches, r"'duplicates': 0"),
    "dead_letter_on_outage": (WORKERS, lambda: test_records.test_an_outage_is_never_a_dead_letter(1290), "an outage has made dead letters"),
    "partial_called_complete": (("query",), test_shards.test_one_shard_hung_slows_no_other, r"<200 .*\"complete\": ?true"),
}
COUNTS = ("next_offset", "epoch", "checksum", "records", "ok_rows", "void_rows", "duplicates", "dead_letters", "barriers")
found = {}


def names_of(path, pattern):
    return re.findall(pattern, (stack.ROOT / path).read_text(encoding="utf-8"))


def simulated():
    text = (stack.ROOT / "tests/sim/sim_planted.c").read_text(encoding="utf-8")
    return re.findall(r'"(\w+)"', re.search(r"names\[\] = \{(.*?)\};", text, re.DOTALL).group(1))


def test_each_is_looked_for_somewhere():
    assert set(simulated()) | set(CASES) == set(names_of("tests/planted.txt", r"\w+"))


@pytest.fixture
def names(bug):
    """Who makes the mistake. Afterwards every part runs, and none makes it."""
    yield CASES[bug][0]
    for name in (f"shard{test_shards.DOWN}", "kafka"):
        stack.ctl("resume", name, check=False)
        stack.ctl("start", name)
    stack.ctl("restart", *CASES[bug][0])
    stack.ready_again()


@pytest.mark.parametrize("bug", CASES)
def test_is_found(bug, names, monkeypatch):
    _, scenario, says = CASES[bug]
    with monkeypatch.context() as chosen:
        chosen.setenv("WEIR_PLANTED", bug)  # whatever is started again makes it too
        since = {name: stack.log_size(name) for name in names}
        stack.ctl("restart", *names)
        stack.ready_again()
        with pytest.raises(AssertionError) as failed:
            scenario()
    for name in names:
        assert f"planted bug {bug}" in stack.log_since(name, since[name]), f"{name} was not asked to make the mistake"
    assert re.search(says, str(failed.value)), f"found, but not by the check that looks for it: {failed.value}"
    found[bug] = f"{failed.traceback[-1].path.parent.name}/{failed.traceback[-1].path.stem}: {one_line(failed)}"


def one_line(failed):
    return str(failed.value).splitlines()[0][:100]


def fold_again(number):
    """Throws away what a shard has of the grabs."""
    for layout in stack.LAYOUTS:
        for table in stack.tables_of(number, layout):
            stack.shard(number, f"TRUNCATE TABLE `{table}`")
    stack.shard(number, "DELETE FROM grab_totals")
    stack.shard(number, "DELETE FROM dead_letters WHERE topic = 'grabs'")
    stack.shard(number, f"UPDATE progress SET {', '.join(f'{column} = 0' for column in COUNTS)} WHERE topic = 'grabs'")


def test_tables_and_stock_are_folded_again():
    stack.ctl("stop", *WORKERS)
    for number in range(stack.SHARDS):
        fold_again(number)
    stack.ctl("start", *WORKERS)
    stack.ready_again()
    stack.wait_lag_zero(300)
    epoch = stack.epoch()
    stack.stock_redis().flushall()
    stack.wait_for(lambda: stack.epoch() > epoch, 30, "the epoch is raised")
    audit.audit(wait_s=300)


def found_by_simulator():
    """name -> the check that found it there, and at which seed."""
    done = subprocess.run([f"{stack.ENV['WEIR_BIN']}/weir-sim", "--planted-all", "--json"], capture_output=True, text=True, timeout=500, check=False)
    told = {one["planted"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 0 and set(told) == set(simulated()), done.stdout
    return {name: f"weir-sim: {one['found_by']}, seed {one['seed']}" for name, one in told.items()}


def test_table(capsys):
    by_simulator = found_by_simulator()
    lines = [f"{name:29} | {'; '.join(by[name] for by in (found, by_simulator) if name in by)}" for name in names_of("tests/planted.txt", r"\w+")]
    text = "\n".join([f"{'planted bug':29} | found by", *lines]) + "\n"
    (pathlib.Path(stack.ENV["WEIR_VAR"]) / "log" / "planted.txt").write_text(text, encoding="utf-8")
    with capsys.disabled():
        print(f"\n{text}")
    assert set(found) == set(CASES)
