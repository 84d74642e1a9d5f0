"""What a recorded history of grabs promises, held against the tables."""
import collections
import time
import urllib.parse

from support.stack import LAYOUTS, get, rows_of


def state_of(location):
    answer = get(location)
    assert answer.status == 200, f"{location}: {answer}"
    return answer.json["state"]


def resolve(unknowns, end):
    """Asks the place of every unknown until it is OK or VOID; answers {grab_id: state}. One that is still open when it is asked after `end` (time.monotonic) fails."""
    states = {}
    waiting = [(h["grab_id"], h["location"]) for h in unknowns]
    while waiting:
        late, left_over = time.monotonic() > end, []
        for grab_id, location in waiting:
            state = state_of(location)
            if state == "open":
                left_over.append((grab_id, location))
            else:
                states[int(grab_id)] = state
        waiting = left_over
        assert not waiting or not late, f"{len(waiting)} unknowns are still open after their time, among them {waiting[0]}"
        if waiting:
            time.sleep(0.3)
    return states


# No answer (0), a decision, unknown, refused; and the front door's own words for an ingest that went away in the middle.
STATUSES = {0, 200, 202, 408, 429, 502, 503, 504}


def tries_of(history):
    """(user, try key) -> all that its clicks were answered."""
    tries = collections.defaultdict(list)
    for h in history:
        tries[h["user"], h["try_key"]].append(h)
    return tries


def success(h):
    return h["status"] == 200 and h["grab_status"] == 1


def open_ended(h):
    """Not answered to the end: it may have become anything."""
    return h["status"] in (0, 408, 502, 504)


def check_tries(history):
    """I6: the same try again gives the same grab, and its success is told once as new."""
    for (user, key), answers in tries_of(history).items():
        told = {h["grab_id"] for h in answers if success(h)}
        assert len(told) <= 1, f"user {user}, try {key}: told {len(told)} grabs: {answers}"
        assert sum(h["outcome"] == "accepted_new" for h in answers) <= 1, f"user {user}, try {key}: two new grabs: {answers}"


def check(coupon, history, states, limit=1):
    """I2, I3, I4, I6 at rest: success has exactly one OK row in each layout, a try that was only refused none, an unknown's place agrees with its row, and no
    user passes the limit. `history` holds all that these users have asked of the coupon."""
    strange = [h for h in history if h["status"] not in STATUSES or h["outcome"] == "bad_answer"]
    assert not strange, f"{len(strange)} answers that no good request may get, among them {strange[0]}"
    check_tries(history)
    by_key = limit > 1  # else a try of a user has any grab of theirs
    of_try = collections.defaultdict(list)
    for h in history:
        of_try[h["user"], h["try_key"] or "" if by_key else ""].append(h)
    for layout in LAYOUTS:
        by_user, by_try = collections.defaultdict(set), collections.defaultdict(set)
        rows = rows_of(layout, f"coupon_id = {coupon} AND grab_status = 1", "grab_id, user_id, try_key")
        for grab_id, user, key in rows:
            by_user[user].add(grab_id)
            by_try[user, key or "" if by_key else ""].add(grab_id)
        assert len(rows) == sum(map(len, by_user.values())), f"{layout}: a grab has two OK rows"
        asked = {user for user, _ in of_try}
        for one in {*of_try, *(one for one in by_try if one[0] in asked)}:  # also one whose key nobody has sent
            check_try(layout, of_try.get(one, []), by_try[one])
        for grab_id, state in states.items():
            assert (state == "ok") == any(grab_id in grabs for grabs in by_user.values()), f"{layout}: the place of grab {grab_id} says {state}"
        for user, grabs in by_user.items():
            assert len(grabs) <= limit, f"{layout}: user {user} has {len(grabs)} OK rows"


def check_try(layout, answers, grabs):
    for h in answers:
        assert not success(h) or int(h["grab_id"]) in grabs, f"{layout}: success without a row: {h}"
    told = {int(h["grab_id"]) for h in answers if success(h) or h["status"] == 202}  # an unknown names its grab, and may have become that one alone
    assert grabs <= told or any(map(open_ended, answers)), f"{layout}: refused with an OK row: rows {grabs - told}, answers {answers}"


def place_of(location):
    """(grab_id, user, epoch) of a Location."""
    parts = urllib.parse.urlparse(location)
    query = dict(urllib.parse.parse_qsl(parts.query))
    return int(parts.path.rsplit("/", 1)[1]), int(query["user"]), int(query["epoch"])
