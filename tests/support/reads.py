"""Reads that go on beside a sale while something is done to it: each answer is whole or an error (I9).

    with Reads(sale) as reads:
        ... the fault ...
        reads.wait_answered()            every question has been answered since
    reads.check(may_fail=False)          of all answers: none was an error
"""
import threading

from support import stack


class Reads:
    """Questions that make query ask every part. What must be in a whole answer was stored before the fault."""

    def __init__(self, sale):
        grab_id, user, *_ = stack.ok_rows("hash", sale.coupon)[0]
        self.grab_id, self.mine, self.stock = str(grab_id), f"/api/user/{user}/coupons", f"/api/coupon/{sale.coupon}/stock"
        self.recent, self.all = "/api/orders/recent?hours=1&limit=5", "/api/statistics/global"
        self.sold_before, self.ok_before = stack.get(self.stock).json["sold"], stack.get(self.all).json["ok"]
        assert self.sold_before > 0
        self.paths = [self.mine, self.stock, self.recent, self.all, "/admin/shards/status"]
        self.answers, self.stop = [], threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def _ask(self):
        while not self.stop.is_set():
            for path in self.paths:
                try:
                    answer = stack.get(path, timeout=10)
                except Exception as error:  # none in time, or one that was cut: judged by check()
                    answer = error
                self.answers.append((path, answer))
            self.stop.wait(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def wait_answered(self, seconds=30):
        """Each question that is asked from now on has an answer."""
        seen = len(self.answers)

        def unanswered():
            return set(self.paths) - {path for path, answer in self.answers[seen:] if isinstance(answer, stack.Answer) and answer.status == 200}
        stack.wait_for(lambda: not unanswered(), seconds, "every question is answered")

    def is_whole(self, path, answer):
        """Holds what it must hold, if it says that it is complete."""
        found = answer.json
        if path == self.mine:
            return any(row["grab_id"] == self.grab_id for row in found["data"])
        if path == self.recent:
            return found["count"] == 5
        if path == "/admin/shards/status":  # told also when one is away, of those that are not
            return all(shard["alive"] for shard in found["shards"])
        return found["sold"] >= self.sold_before if path == self.stock else found["ok"] >= self.ok_before

    def check(self, may_fail, may_be_cut=False):
        """Of all answers; and now every question is answered. `may_fail`: query, or what it asks, was at fault; it says so or is waited for in vain.
        `may_be_cut`: so was the way to query."""
        assert {path for path, _ in self.answers} == set(self.paths), "a question was not asked"
        for path, answer in self.answers:
            if may_be_cut and isinstance(answer, Exception) or may_fail and isinstance(answer, TimeoutError):
                continue
            assert isinstance(answer, stack.Answer) and answer.status in ((200, 502, 503, 504) if may_fail else (200,)), (path, answer)
            if answer.status == 200 and path == "/admin/shards/status":
                assert answer.json["complete"] == self.is_whole(path, answer) and (may_fail or answer.json["complete"]), (path, answer)
            elif answer.status == 200:
                assert answer.json["complete"] and self.is_whole(path, answer), (path, answer)
        for path in self.paths:
            # each connection of query that died while nobody used it is found out by one question
            answer = stack.wait_for(lambda: (lambda a: a.status == 200 and a)(stack.get(path)), 30 if may_fail else 0, f"{path} is answered")
            assert answer.json["complete"] and self.is_whole(path, answer), (path, answer)
