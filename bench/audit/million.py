#!/usr/bin/python3
"""How long `weir audit` takes, and how much memory: many grabs of a few coupons, in the log, both layouts and Redis.

    WEIR_STACK_ENV=var-test/stack.env bench/audit/million.py [--grabs N] [--coupons N] [--memory-mb N]… [--seconds-max N]

The records are written past ingest, with kcat, as fast as the broker takes them; the workers store them, and the stock's Redis is flushed, so that the
keeper's rebuild makes a claim of each. Then the audit runs at rest, once for each --memory-mb, and its own figures are printed. Exit code 1: it disagreed,
took longer than --seconds-max, or held more than --memory-mb and what a run without grabs holds. The stack is one of ops/test (WEIR_KEEP=yes) or ops/up: it
keeps the coupons and rows.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from support import records, stack, users  # noqa: E402

REBUILT_S = 300
BASE_MB = 64  # of a run that holds hardly a grab: code, libraries, what librdkafka reads ahead, one answer of each server


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grabs", type=int, default=1_000_000)
    parser.add_argument("--coupons", type=int, default=10)
    parser.add_argument("--memory-mb", type=int, action="append", help="of the audit; may be given again (256)")
    parser.add_argument("--seconds-max", type=float, default=60, help="longest time of one audit, s (%(default)s)")
    return parser.parse_args()


def write(count, coupons):
    """Each user grabs once; one kcat a partition takes its lines as they are made."""
    epoch, first = stack.epoch(), users.take(count)
    command = ["kcat", "-P", "-b", stack.ENV["WEIR_KAFKA"], "-t", "grabs", "-K", "\t", "-X", "enable.idempotence=true", "-X", "linger.ms=20"]
    sinks = [subprocess.Popen([*command, "-p", str(p)], stdin=subprocess.PIPE, text=True) for p in range(records.PARTITIONS)]
    for number in range(count):
        user = first + number
        sinks[records.partition_of(user)].stdin.write(
            f'{user}\t{{"v":1,"type":"grab","grab_id":"{records.new_id()}","user_id":{user},"coupon_id":{coupons[number % len(coupons)]},'
            f'"room_id":17,"epoch":{epoch},"try_key":null}}\n')
    for sink in sinks:
        sink.stdin.close()
    assert [sink.wait() for sink in sinks] == [0] * len(sinks), "kcat failed"


def audit(memory_mb):
    tool = [f"{stack.ENV['WEIR_BIN']}/weir", "--config", f"{stack.ENV['WEIR_VAR']}/etc/weir.yaml"]
    done = subprocess.run([*tool, "audit", "--rest", "--json", "--wait-s", "120", "--memory-mb", str(memory_mb)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        sys.exit(f"weir audit: exit code {done.returncode}")
    return json.loads(done.stdout)


def measure(memory_mb, seconds_max):
    """One audit: its figures are printed, and the bounds that it passed are answered."""
    found = audit(memory_mb)
    seconds, peak_mb = found["took_ms"] / 1000, found["memory_peak_kb"] / 1024
    print(f"--memory-mb {memory_mb}: {found['records']} records, {found['rows']} rows, {found['claims']} claims in {seconds:.1f} s, "
          f"{found['passes']} passes, peak {peak_mb:.0f} MB, {found['disagreements']} disagreements", flush=True)
    if found["disagreements"] > 0:
        yield f"{found['disagreements']} disagreements"
    if seconds > seconds_max:
        yield f"{seconds:.1f} s, longer than {seconds_max:g} s"
    if peak_mb > memory_mb + BASE_MB:
        yield f"a peak of {peak_mb:.0f} MB, more than {memory_mb} MB and {BASE_MB} MB"


def main():
    options = parse()
    begun = time.monotonic()
    coupons = [stack.new_coupon(options.grabs, hold_ms=1000) for _ in range(options.coupons)]
    write(options.grabs, coupons)
    print(f"written in {time.monotonic() - begun:.1f} s")
    stack.wait_lag_zero(600)
    print(f"stored after {time.monotonic() - begun:.1f} s")
    stack.stock_redis().flushall()
    stack.wait_for(lambda: all(stack.is_open(coupon) for coupon in coupons), REBUILT_S, "the coupons are rebuilt", every=1)
    print(f"rebuilt after {time.monotonic() - begun:.1f} s", flush=True)
    passed = [f"--memory-mb {memory_mb}: {what}" for memory_mb in options.memory_mb or [256] for what in measure(memory_mb, options.seconds_max)]
    if passed:
        sys.exit("\n".join(passed))


if __name__ == "__main__":
    main()
