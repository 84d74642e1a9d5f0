"""Where rows land: the same partition as any Kafka client, even shards, both layouts alike."""
from support import stack, users
from support.storm import Storm

BUYERS = 40_000  # a fair draw is within 6 % nearly always


def test_rows_are_spread_evenly_over_the_shards():
    coupon = stack.new_coupon(BUYERS)
    storm = Storm(coupon, users.take(BUYERS), BUYERS, rate=6000, connections=128)
    summary = storm.finish(seconds=180)
    assert summary["accepted_new"] == BUYERS, summary
    stack.wait_quiet(coupon, seconds=120)
    counts = []
    for number in range(stack.SHARDS):
        tables = stack.tables_of(number, "hash")
        union = " UNION ALL ".join(f"SELECT COUNT(*) AS n FROM `{t}` WHERE coupon_id = {coupon}" for t in tables)
        counts.append(int(stack.shard(number, f"SELECT SUM(n) FROM ({union}) AS c")[0][0]))
    print(f"rows per shard: {counts}, skew {max(counts) / min(counts) - 1:.2%}")
    assert sum(counts) == BUYERS
    assert max(counts) <= min(counts) * 1.10, counts
    assert len(stack.check_coupon(coupon, BUYERS)) == BUYERS
    for number in range(stack.SHARDS):
        for layout, partition, ok, voided, duplicates, dead, barriers, count in stack.shard(
                number, "SELECT layout, `partition`, ok_rows, void_rows, duplicates, dead_letters, barriers, records FROM progress"):
            assert count == ok + voided + duplicates + dead + barriers, f"I8 is broken on shard {number}, layout {layout}, partition {partition}"
