"""What a recorded history of grabs promises, held against the tables."""
import time
import urllib.parse

from support.stack import LAYOUTS, get, ok_rows


def state_of(location):
    answer = get(location)
    assert answer.status == 200, f"{location}: {answer}"
    return answer.json["state"]


def resolve(unknowns, seconds):
    """Asks the place of every unknown until it is OK or VOID; answers {grab_id: state}."""
    end = time.monotonic() + seconds
    states = {}
    waiting = [(h["grab_id"], h["location"]) for h in unknowns]
    while waiting:
        left_over = []
        for grab_id, location in waiting:
            state = state_of(location)
            if state == "open":
                left_over.append((grab_id, location))
            else:
                states[int(grab_id)] = state
        waiting = left_over
        assert not waiting or time.monotonic() < end, f"{len(waiting)} unknowns are still open after {seconds} s, among them {waiting[0]}"
        if waiting:
            time.sleep(0.3)
    return states


# No answer (0), a decision, unknown, refused; and the front door's own words for an ingest that went away in the middle.
STATUSES = {0, 200, 202, 408, 429, 502, 503, 504}


def check(coupon, history, states):
    """I2, I3, I4 at rest: success has exactly one OK row in each layout, a refusal none, an unknown's place agrees with its row."""
    strange = [h for h in history if h["status"] not in STATUSES or h["outcome"] == "bad_answer"]
    assert not strange, f"{len(strange)} answers that no good request may get, among them {strange[0]}"
    for layout in LAYOUTS:
        by_user = {}
        for grab_id, user, _, _ in ok_rows(layout, coupon):
            by_user.setdefault(user, []).append(grab_id)
        ids = {g for grabs in by_user.values() for g in grabs}
        for h in history:
            if h["status"] == 200 and h["grab_status"] == 1:
                assert int(h["grab_id"]) in ids, f"{layout}: success without a row: {h}"
            elif h["status"] in (200, 429, 503):
                assert h["user"] not in by_user, f"{layout}: refused with an OK row: {h}"
        for grab_id, state in states.items():
            assert (state == "ok") == (grab_id in ids), f"{layout}: the place of grab {grab_id} says {state}"
        for user, grabs in by_user.items():
            assert len(grabs) == 1, f"{layout}: user {user} has {len(grabs)} OK rows"


def place_of(location):
    """(grab_id, user, epoch) of a Location."""
    parts = urllib.parse.urlparse(location)
    query = dict(urllib.parse.parse_qsl(parts.query))
    return int(parts.path.rsplit("/", 1)[1]), int(query["user"]), int(query["epoch"])
