"""A sale under load while something is done to it, and what must hold of it afterwards.

    sale = Sale(total=20_000, users_count=4000, rate=600)     a coupon, and a storm of recorded grabs that is under way
    ... the fault: done, and asserted to have happened ...
    ... the fault is healed ...
    sale.end()                                                I1-I8 and I14 of this sale, by history, tables, log and Redis
"""
import time

from support import audit, history, stack, users
from support.storm import Storm

LARGEST_HOLD_S = 4  # of the catalog, in every stack under test: what a rebuild waits by
REBUILT_S = LARGEST_HOLD_S / 2 + 15  # what a rebuild waits, and what its steps may take on a busy machine
CAUGHT_UP_S = 60  # a worker's session (4 s), after which a broker that came back gives its partitions out again, which takes a busy one long; and storing what waited
ASKING_S = 3  # what asking for many places takes on a busy machine; no part of the promise


def all_back(seconds=90):
    """Waits for the moment that I4 counts from: all parts are ready, and the workers have caught up. Answers it (time.monotonic)."""
    stack.ready_again(seconds)
    stack.wait_lag_zero(CAUGHT_UP_S)
    return time.monotonic()


def promised_s(hold_ms):
    """I4, as README has it: two holds; one and a half and 2 s where they are below 4 s."""
    return (2 * hold_ms if hold_ms >= 4000 else 1.5 * hold_ms + 2000) / 1000


def unknown(answer):
    """A 202 of one grab, as resolve wants it."""
    return {"grab_id": answer.json["grab_id"], "location": answer.headers["location"]}


def resolve(unknowns, hold_ms=4000, seconds=90, back=None):
    """I4: each unknown, of a grab that was sent before `back` (now, when it is None), has its end in time; {grab_id: "ok" or "void"}."""
    back = all_back(seconds) if back is None else back
    return history.resolve(unknowns, back + promised_s(hold_ms) + ASKING_S)


def decided(user, coupon):
    answer = stack.grab(user, coupon)
    return answer if answer.status == 200 else None


def sells(coupon):
    """One unit of it, to a user of its own."""
    user = users.take(1)
    return stack.wait_for(lambda: decided(user, coupon), ASKING_S, "a grab is decided").json["success"]


class Sale:
    """`clicks`: how often each user sends its try, one click after the other. With a limit above 1 a key names the try."""

    def __init__(self, total=20_000, users_count=4000, rate=600, hold_ms=4000, limit=1, base=None, rows=200, clicks=1):
        self.total, self.hold_ms, self.limit = total, hold_ms, limit
        self.users = range(first := users.take(users_count), first + users_count)
        self.coupon = stack.new_coupon(total, limit=limit, hold_ms=hold_ms)
        self.how = {"rate": rate, "base": base, "clicks": clicks, "keys": limit > 1}
        self.beside = []  # coupons that were made while something was broken: at the end each is open and sells
        self.storm, self.ended = Storm(self.coupon, first, users_count, **self.how), []
        stack.wait_for(lambda: len(stack.ok_rows("hash", self.coupon)) > rows, 30, "the sale is under way")
        assert self.storm.runs(), "the load was over before the fault"

    def finish_load(self, seconds=180):
        """Waits for the storm's end; answers its summary. Called before end() by who wants every user's grab."""
        if not hasattr(self.storm, "history"):
            self.storm.finish(seconds)
        return self.storm.summary

    def more_load(self):
        """The same users once more, each with a try of its own: who has a grab and a limit of 1 gets it again, and nobody passes the limit."""
        self.finish_load()
        self.ended.append(self.storm)
        self.storm = Storm(self.coupon, self.users.start, len(self.users), **self.how)

    def history(self):
        """Of all that these users have asked."""
        return [h for storm in (*self.ended, self.storm) for h in storm.history]

    def end(self, seconds=90, sell_rest=False):
        """After the fault is healed: the load goes on until every part is ready again. Answers the states of the unknowns, {grab_id: "ok" or "void"}."""
        stack.ready_again(seconds)
        self.storm.stop()
        back = all_back(seconds)
        self.finish_load()
        states = resolve([h for h in self.history() if h["status"] == 202], self.hold_ms, back=back)
        stack.wait_quiet(self.coupon, seconds)  # I14: lag zero, nothing pending
        history.check(self.coupon, self.history(), states, self.limit)  # I2, I3, I4, I6
        stack.check_coupon(self.coupon, self.total)  # I1, I5
        user = users.take(1)
        fresh = stack.wait_for(lambda: decided(user, self.coupon), ASKING_S, "a grab is decided")  # I14: what is free can be sold
        assert fresh.json["success"] or stack.left(self.coupon) == 0, fresh
        for coupon in self.beside:
            stack.wait_for(lambda: stack.is_open(coupon), REBUILT_S, "a coupon that was made meanwhile is open")
            assert sells(coupon), "a coupon that was made meanwhile does not sell"
        if sell_rest:
            self.sell_rest()
        audit.audit(history=self.history())  # I1-I8 of everything, from outside
        return states

    def sell_rest(self):
        """To more users than there are units."""
        free = stack.left(self.coupon)
        rest = Storm(self.coupon, users.take(free + 50), free + 50, connections=64)
        summary = rest.finish()
        assert summary["accepted_new"] == free, (free, summary)
        stack.wait_quiet(self.coupon)
        assert len(stack.check_coupon(self.coupon, self.total)) == self.total
