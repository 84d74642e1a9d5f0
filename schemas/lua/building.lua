-- Sets the mark to building(epoch, this server) if it is missing or holds a lower epoch, and deletes everything else of the coupon. Sent once.
-- The claims get their sentinel here: they are written by many calls, and a loss between two of them must be seen.
-- ARGV: 3 epoch.  Answers 1, or 0 when the mark has this epoch or a higher one.
-- Epochs are small numbers (one a rebuild), of 15 digits at most (EPOCH_MAX). What somebody else wrote over the mark is none of ours: it counts as missing.
local mark = redis.call('TYPE', MARK).ok == 'hash' and mark_get() or {}
local epoch = mark[2] and #mark[2] <= 15 and string.match(mark[2], '^%d+$')
if epoch and tonumber(epoch) >= tonumber(ARGV[3]) then return 0 end
redis.call('UNLINK', MARK, STOCK, CLAIMS, PENDING) -- a million claims are freed by another thread: other coupons go on selling
redis.call('HSET', MARK, 'state', 'building', 'epoch', ARGV[3], 'run_id', ARGV[1], 'replid', ARGV[2])
redis.call('HSET', CLAIMS, 'epoch', ARGV[3])
return 1
