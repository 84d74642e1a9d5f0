"""weir-storm as the load of a test, and its history."""
import json
import pathlib
import signal
import subprocess
import tempfile

from support.stack import ENV


_running = []


def kill_all():
    """Those that a test which failed has left behind."""
    while _running:
        _running.pop().kill()


class Storm:
    """A run of weir-storm in the background: grabs of one coupon by users first, first+1, …, each one try of one or more clicks; until all have grabbed, or
    stop(). `keys`: each try has an Idempotency-Key of its own."""

    def __init__(self, coupon, first_user, users, rate=None, connections=64, base=None, timeout_ms=20000, clicks=1, keys=False):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-storm-")
        self.history_file = pathlib.Path(self.folder.name) / "history.jsonl"
        self.json_file = pathlib.Path(self.folder.name) / "summary.json"
        self.users, self.grabs, self.stopped = users, users * clicks, False
        pace = ["--burst"] if rate is None else ["--rate", str(rate)]
        self.process = subprocess.Popen(
            [f"{ENV['WEIR_BIN']}/weir-storm", "--url", base or ENV["WEIR_FRONT"], "--scenario", "grab", "--coupon", str(coupon), "--user-first", str(first_user),
             "--users", str(users), "--connections", str(connections), "--timeout-ms", str(timeout_ms), "--quiet", "--clicks", str(clicks), *(["--try-keys"] if keys else []),
             "--drain-ms", "300000", "--json", str(self.json_file), "--history", str(self.history_file), *pace],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        _running.append(self)

    def runs(self):
        return self.process.poll() is None

    def stop(self):
        """Sends no more grabs, however many are left; those that were sent are still answered."""
        if self.runs():
            self.stopped = True
            self.process.send_signal(signal.SIGINT)

    def wait(self, seconds=120):
        """Until all is answered. What came of it is read by finish(), which takes a while for a large history."""
        if not hasattr(self, "output"):
            self.output, _ = self.process.communicate(timeout=seconds)
            _running.remove(self)

    def finish(self, seconds=120):
        """Waits for the end; answers the summary, also when asked again. The exit code is not judged: a fault test makes transport errors."""
        if hasattr(self, "summary"):
            return self.summary
        self.wait(seconds)
        assert self.json_file.exists(), self.output
        self.summary = json.loads(self.json_file.read_text())
        self.history = [json.loads(line) for line in self.history_file.read_text().splitlines()]
        self.folder.cleanup()
        expected = self.summary["sent"] if self.stopped else self.grabs
        assert len(self.history) == expected, f"{len(self.history)} of {expected} grabs in the history"
        return self.summary

    def kill(self):
        if self.runs():
            self.process.kill()
            self.process.wait()

    # What was answered, by outcome.
    def accepted(self):
        return [h for h in self.history if h["status"] == 200 and h["grab_status"] == 1]

    def unknown(self):
        return [h for h in self.history if h["status"] == 202]

    def unavailable(self):
        return [h for h in self.history if h["status"] in (429, 503)]

    def lost(self):
        return [h for h in self.history if h["status"] == 0]
