-- The keeper's look at a coupon. Answers {state ("" when missing), epoch, 1 when the mark is of this server, 1 when every key carries its epoch, the mark has all of its numbers and
-- the stock is one from 0 to the total, version, left, pending, hold_ms (0 when the mark names none)}.
local mark = mark_get('version', 'hold_ms', 'total', 'limit', 'opens_ms', 'ends_ms', 'room_id')
local pending = redis.call('HLEN', PENDING)
local left = redis.call('HGET', STOCK, 'left') or ''
local counts = string.match(left, '^%d+$') and numbers(mark, 5) and tonumber(left) <= tonumber(mark[7])
return {mark[1] or '', mark[2] or '0', same_server(mark) and 1 or 0, whole(mark[2]) and counts and 1 or 0, mark[5] or '0',
  counts and left or '0', pending > 0 and pending - 1 or 0, mark[6] or '0'}
