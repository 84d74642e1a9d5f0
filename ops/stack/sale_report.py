"""What came of a sale: waits until the lag is zero, then compares what was answered with what is stored.

    sale_report.py STACK_ENV before BEFORE.json
    sale_report.py STACK_ENV after BEFORE.json SALE.json HISTORY.jsonl

Reads the totals and the progress of every shard itself, and the log's ends from the broker, so that it does not
believe the services about themselves. Counts only this sale: nobody else may grab meanwhile. Exit code 1 when the
two differ or the lag does not end.
"""
import json
import re
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlsplit

import pymysql

TOPIC = "grabs"
LAG_DEADLINE_S = 60
RESOLVE_DEADLINE_S = 45  # two holds of 10 s, and room
UNKNOWN_MAX = 500  # how many unknown outcomes are asked for


def stack_env(path):
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("=", 1) for line in lines if "=" in line and line[0] != "#")


def shard_rows(env, sql):
    """(shard number, row…) of one question to every shard."""
    number = 0
    while url := env.get(f"WEIR_MYSQL_SHARD_{number}"):
        at = urlsplit(url)
        connection = pymysql.connect(host=at.hostname, port=at.port, user=at.username, password=at.password,
                                     database=at.path[1:], connect_timeout=5, read_timeout=30)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            yield from ((number, *row) for row in cursor.fetchall())
        number += 1


def totals(env):
    """{layout: {shard: OK rows}}"""
    found = {}
    for shard, layout, rows in shard_rows(env, "SELECT layout, SUM(ok_rows) FROM grab_totals GROUP BY layout"):
        found.setdefault(layout, {})[str(shard)] = int(rows)
    return found


def log_ends(env):
    """{partition: the offset that the next record will get}"""
    listing = subprocess.run(["kcat", "-b", env["WEIR_KAFKA"], "-L", "-t", TOPIC], capture_output=True, text=True, check=True, timeout=20)
    partitions = re.findall(r"partition (\d+), leader", listing.stdout)
    query = ["kcat", "-b", env["WEIR_KAFKA"], "-Q"]
    for partition in partitions:
        query += ["-t", f"{TOPIC}:{partition}:-1"]
    answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20).stdout
    return {int(partition): int(end) for partition, end in re.findall(r"\[(\d+)\] offset (\d+)", answer)}


def lag(env):
    """{layout: records that are in the log and not yet in its tables}"""
    ends = log_ends(env)
    done = {}
    sql = f"SELECT layout, `partition`, next_offset FROM progress WHERE topic = '{TOPIC}'"
    for _, layout, partition, offset in shard_rows(env, sql):
        mine = done.setdefault(layout, {})
        mine[partition] = max(offset, mine.get(partition, 0))
    return {layout: sum(max(0, end - mine.get(p, 0)) for p, end in ends.items()) for layout, mine in done.items()}


def wait_for_no_lag(env):
    """The seconds it took, and the last lag."""
    begin = time.monotonic()
    while True:
        left = lag(env)
        waited = time.monotonic() - begin
        if not any(left.values()) or waited > LAG_DEADLINE_S:
            return waited, left
        time.sleep(0.1)


def state_of(env, location):
    with urllib.request.urlopen(env["WEIR_FRONT"] + location, timeout=5) as answer:
        return json.load(answer)["state"]


def resolve_unknown(env, history):
    """How the 202 answers ended: {"ok": n, "void": n, "open": n}, asked for at the places they named."""
    with open(history, encoding="utf-8") as lines:
        places = [grab["location"] for grab in map(json.loads, lines) if grab.get("status") == 202 and grab.get("location")]
    ended = {"ok": 0, "void": 0, "open": 0}
    end = time.monotonic() + RESOLVE_DEADLINE_S
    for place in places[:UNKNOWN_MAX]:
        while (state := state_of(env, place)) == "open" and time.monotonic() < end:
            time.sleep(0.25)
        ended[state] += 1
    ended["open"] += len(places[UNKNOWN_MAX:])
    return ended


def growth(before, after):
    """{layout: {shard: rows added}}"""
    return {layout: {shard: rows - before.get(layout, {}).get(shard, 0) for shard, rows in shards.items()}
            for layout, shards in after.items()}


def judge(answered, most, grown):
    """Sentences about each layout, and whether all is well."""
    fine = bool(grown)
    lines = [] if grown else ["nothing is stored in any layout"]
    for layout, shards in sorted(grown.items()):
        stored = sum(shards.values())
        good = answered <= stored <= most
        fine = fine and good
        wanted = f"{answered}" if answered == most else f"{answered} to {most}"
        lines.append(f"{layout}: stored {stored}, answered {wanted}: {'equal' if good else 'NOT EQUAL'}")
    return lines, fine


def spread(shards):
    rows = [shards[key] for key in sorted(shards, key=int)]
    mean = sum(rows) / len(rows)
    skew = f", the fullest has {max(rows) / mean:.2f} times the mean" if mean else ""
    return " / ".join(map(str, rows)) + skew


def summary(sale, waited, left, grown):
    refused = ", ".join(f"{reason} {count}" for reason, count in sorted(sale["refused"].items()) if count) or "none"
    rejected = sum(sale["rejected"].values())
    latency = sale["latency_us"]
    yield f"accepted   {sale['accepted_new']} new, {sale['replayed']} replayed, of {sale['sent']} requests in {sale['seconds']:.1f} s"
    yield f"refused    {refused}"
    yield f"unknown    {sale['unknown']}   rejected {rejected}   lost {sale['lost']}   other {sale['http_other']}"
    yield f"latency    p50 {latency['p50'] / 1000:.1f} ms, p99 {latency['p99'] / 1000:.1f} ms, from the intended send time"
    if sale["rate_sent"] < 0.9 * sale["rate_asked"]:
        yield (f"slow       {sale['rate_sent']:.0f} of {sale['rate_asked']} requests/s were sent; the latency is that of the queue"
               " (WEIR_SALE_RATE asks for fewer)")
    yield f"lag zero   {waited:.1f} s after the sale" if not any(left.values()) else f"lag        NOT ZERO after {waited:.0f} s: {left}"
    for layout, shards in sorted(grown.items()):
        yield f"rows       {layout}: {spread(shards)}"


def after(env, before_path, sale_path, history_path):
    with open(before_path, encoding="utf-8") as text:
        before = json.load(text)
    with open(sale_path, encoding="utf-8") as text:
        sale = json.load(text)
    waited, left = wait_for_no_lag(env)
    unknown = resolve_unknown(env, history_path)
    if sum(unknown.values()):
        waited_again, left = wait_for_no_lag(env)
        waited += waited_again
    grown = growth(before, totals(env))
    certain = sale["accepted_new"] + unknown["ok"]
    no_answer = sale["lost"] + sale.get("bad_answers", 0) + sale["http_other"]  # each may or may not have a row
    verdicts, fine = judge(certain, certain + unknown["open"] + no_answer, grown)
    for line in [*summary(sale, waited, left, grown), *(f"stored     {line}" for line in verdicts)]:
        print("  " + line)
    if sum(unknown.values()):
        print(f"  resolved   of the unknown: {unknown['ok']} ok, {unknown['void']} void, {unknown['open']} still open")
    return fine and not any(left.values())


def main(arguments):
    env = stack_env(arguments[0])
    if arguments[1] == "before":
        wait_for_no_lag(env)  # else the tail of an earlier sale would count as this one's
        with open(arguments[2], "w", encoding="utf-8") as text:
            json.dump(totals(env), text)
        return 0
    return 0 if after(env, *arguments[2:]) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failure:
        sys.exit(f"error: {failure.cmd[0]} failed: {(failure.stderr or failure.stdout).strip()[-300:]}")
    except (OSError, pymysql.Error, KeyError, ValueError) as failure:
        sys.exit(f"error: {type(failure).__name__}: {failure}")
