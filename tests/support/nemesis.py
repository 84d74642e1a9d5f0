"""What can be done to a stack under load, and a plan of such faults drawn from a seed.

    plan = Plan(seed, round)          1 to 3 faults of different parts, each with a begin and a length; overlapping at times
    print(plan)
    plan.carry_out(sale)              each is done under load, seen to have happened, and healed

A fault has a name, the parts that it touches, prepare() before the first of a plan, do(), has_happened() and heal(). Each is seen to have happened, but for a
fault of a link that begins while another fault holds: it may be in its shadow (nobody uses the link, because ingest is stopped).
"""
import itertools
import pathlib
import random
import time

from support import links, processes, stack

SERVERS = ("kafka", "redis-stock", "catalog") + tuple(f"shard{number}" for number in range(stack.SHARDS))
SERVICES = ("ingest", "keeper", "query", "worker-hash", "worker-daily")
PARTS = SERVERS + SERVICES + ("haproxy",)
# Those that a sale without reads uses all the time.
BUSY_LINKS = tuple(
    ["haproxy-ingest", "ingest-redis", "ingest-kafka", "ingest-catalog", "keeper-redis", "keeper-catalog", "query-kafka", "query-catalog"]
    + [f"worker-{layout}-{server}" for layout in stack.LAYOUTS for server in ("kafka", *(f"shard{number}" for number in range(stack.SHARDS)))])
LINK_FAULTS = {"delay": {"delay_ms": 200}, "throttle": {"bytes_per_s": 4000}, "black_hole": {"black_hole": 1}, "hold": {"hold": 1},
               "cut": {"cut_after": 2000}, "swallow": {"swallow": 3, "then": "cut"}}
HAPPENS_S = 60


class Fault:
    may_be_in_shadow = False

    def prepare(self, coupon):
        """In health, before any fault; `coupon` is on sale."""


class Kill(Fault):
    """SIGKILL, and started again at the end."""

    def __init__(self, part):
        self.name, self.parts = f"kill {part}", {part}
        self.part = part

    def do(self):
        stack.ctl("kill", self.part)

    def has_happened(self):
        return not stack.runs(self.part)

    def heal(self):
        stack.ctl("launch", self.part)  # it may have to wait for others that are away


class Stop(Kill):
    """SIGTERM, and started again at the end."""

    def __init__(self, part):
        super().__init__(part)
        self.name = f"stop {part}"

    def do(self):
        stack.ctl("stop", self.part)


class Pause(Kill):
    """SIGSTOP, and SIGCONT at the end."""

    def __init__(self, part):
        super().__init__(part)
        self.name = f"pause {part}"

    def do(self):
        self.pid = stack.pid_of(self.part)
        stack.ctl("pause", self.part)

    def has_happened(self):
        return processes.is_stopped(self.pid)

    def heal(self):
        stack.ctl("resume", self.part)


def ends_of(link):
    """The two parts that a link joins."""
    client = next(part for part in sorted(PARTS, key=len, reverse=True) if link.startswith(f"{part}-"))
    server = link[len(client) + 1:]
    return {client, "redis-stock" if server == "redis" else server}


class Link(Fault):
    """A link is slow, silent or forgetful."""

    may_be_in_shadow = True

    def __init__(self, link, kind):
        self.name, self.parts = f"{kind} {link}", ends_of(link)
        self.link, self.kind = link, kind

    def do(self):
        self.seen = links.Fault([self.link], {})
        links.set_fault(self.link, **LINK_FAULTS[self.kind])

    def has_happened(self):
        return self.seen.hits(self.kind) > 0

    def heal(self):
        links.heal(self.link)


class Reset(Link):
    """A link's connections are reset, and new ones too."""

    def __init__(self, link):
        super().__init__(link, "reset")

    def do(self):
        self.seen = links.Fault([self.link], {})
        links.set_fault(self.link, reject=1)
        links.reset(self.link)

    def has_happened(self):
        return self.seen.hits("reset") + self.seen.hits("reject") > 0


class Redis(Fault):
    """The stock's Redis loses what it holds."""

    parts = {"redis-stock"}

    def _calls(self):
        return stack.stock_redis().info("commandstats").get(f"cmdstat_{self.command}", {}).get("calls", 0)

    def do(self):
        self.before = self._calls()
        self.lose()

    def has_happened(self):
        return self._calls() > self.before

    def heal(self):
        """It heals by itself: a rebuild, or scripts sent anew."""


class Flush(Redis):
    name, command = "FLUSHALL", "flushall"

    def lose(self):
        stack.stock_redis().flushall()


class ScriptFlush(Redis):
    name, command = "SCRIPT FLUSH", "script|flush"

    def lose(self):
        stack.stock_redis().script_flush()


class OldSnapshot(Fault):
    """The stock's Redis comes back as it was before the first fault of the plan: while another holds, nothing may be sold that it could forget."""

    name, parts = "old snapshot of redis-stock", {"redis-stock"}
    grabs_forgotten = 100

    def __init__(self):
        self.file = pathlib.Path(stack.ENV["WEIR_VAR"]) / "data" / "redis-stock" / "dump.rdb"

    def prepare(self, coupon):
        server = stack.stock_redis()
        self.before, self.keys, left = server.info("server")["run_id"], server.dbsize(), stack.left(coupon)
        server.save()
        assert self.file.exists()
        stack.wait_for(lambda: stack.left(coupon) <= left - self.grabs_forgotten, 30, "more is sold than the snapshot knows")

    def do(self):
        stack.ctl("kill", "redis-stock")
        stack.ctl("start", "redis-stock")

    def has_happened(self):
        now = stack.stock_redis()
        return now.info("server")["run_id"] != self.before and now.info("persistence")["rdb_last_load_keys_loaded"] == self.keys

    def heal(self):
        self.file.unlink(missing_ok=True)


def faults():
    """Every fault, by name."""
    made = [kind(part) for kind in (Kill, Stop, Pause) for part in PARTS]
    made += [Link(link, kind) for link, kind in itertools.product(BUSY_LINKS, LINK_FAULTS)]
    made += [Reset(link) for link in BUSY_LINKS]
    made += [Flush(), ScriptFlush(), OldSnapshot()]
    return {fault.name: fault for fault in made}


class Planned:
    def __init__(self, fault, begin_s, end_s):
        self.fault, self.begin_s, self.end_s = fault, begin_s, end_s
        self.seen = False


class Plan:
    """The same for the same seed and round."""

    begins_s, lasts_s, faults_max = 4, (1, 6), 3

    def __init__(self, seed, number):
        chance = random.Random(f"{seed}:{number}")
        self.seed, self.number, self.planned = seed, number, []
        every = faults()
        kinds = sorted({name.split()[0] for name in every})
        for _ in range(chance.randint(1, self.faults_max)):
            taken = set().union(*(planned.fault.parts for planned in self.planned))
            kind = chance.choice(kinds)  # by kind first: there are many more links than parts
            free = [fault for name, fault in sorted(every.items()) if name.split()[0] == kind and not fault.parts & taken]
            if free:
                begin = chance.uniform(0, self.begins_s)
                self.planned.append(Planned(chance.choice(free), begin, begin + chance.uniform(*self.lasts_s)))

    def __str__(self):
        lines = [f"{p.begin_s:5.1f} s to {p.end_s:5.1f} s: {p.fault.name}" for p in sorted(self.planned, key=lambda p: p.begin_s)]
        return "\n  ".join([f"seed {self.seed}, round {self.number}:", *lines])

    def carry_out(self, sale):
        """Each fault begins under load. Ends with everything healed, also when something failed. What a service took to come back is added to the times that follow."""
        steps = sorted([(p.begin_s, True, p) for p in self.planned] + [(p.end_s, False, p) for p in self.planned], key=lambda step: step[0])
        holding = []
        try:
            for planned in self.planned:
                planned.fault.prepare(sale.coupon)
            begin = time.monotonic()
            for at_s, begins, planned in steps:
                time.sleep(max(0, begin + at_s - time.monotonic()))
                if begins:
                    if not sale.storm.runs():
                        sale.more_load()
                    holding.append(planned)
                    self._begin(planned, alone=len(holding) == 1)
                else:
                    self._end(planned)
                    holding.remove(planned)
        finally:
            for planned in holding:
                planned.fault.heal()

    def _begin(self, planned, alone):
        planned.fault.do()
        if alone or not planned.fault.may_be_in_shadow:
            planned.seen = stack.wait_for(planned.fault.has_happened, HAPPENS_S, f"{planned.fault.name} has happened")

    def _end(self, planned):
        planned.seen = planned.seen or bool(planned.fault.has_happened())
        assert planned.seen or planned.fault.may_be_in_shadow, f"{planned.fault.name} has not happened"
        planned.fault.heal()
        print(f"  {planned.fault.name}: {'seen' if planned.seen else 'in the shadow of another'}")


def heal_everything():
    """After a round, whatever became of it."""
    links.heal_all()
    OldSnapshot().heal()
    stack.ctl("start", *PARTS)
    stack.ready_again(120)
