-- Last step of first open and of rebuild: stock, sentinels (that of the claims is there), and the mark, all from one read of the catalog's row.
-- ARGV: 3 epoch  4 state (open, or closed when the gate is)  5 left  6 total  7 limit  8 opens_ms  9 ends_ms (0: never)  10 hold_ms  11 room_id  12 version
-- Answers 1, or 0 when the mark is not building(epoch, this server) any more, or the claims are lost.
if not building(mark_get(), ARGV[3]) then return 0 end
redis.call('HSET', STOCK, 'epoch', ARGV[3], 'left', ARGV[5])
redis.call('HSET', PENDING, 'epoch', ARGV[3])
redis.call('HSET', MARK, 'state', ARGV[4], 'total', ARGV[6], 'limit', ARGV[7], 'opens_ms', ARGV[8], 'ends_ms', ARGV[9], 'hold_ms', ARGV[10],
  'room_id', ARGV[11], 'version', ARGV[12])
return 1
