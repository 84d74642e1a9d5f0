-- Carries an admin's change from the catalog, when its version is newer: adds (total - the total seen here), takes gate, window, limit and hold (never made smaller while in use).
-- A total that was made smaller by hand is not followed: what it took away could not be told from what a later restock adds.
-- ARGV: 3 state (open, or closed when the gate is)  4 total  5 limit  6 opens_ms  7 ends_ms  8 hold_ms  9 version
-- Answers 1, or 0 when the mark is not valid or has this version already.
local mark = mark_get('total', 'version', 'hold_ms')
if not (valid(mark) and numbers(mark, 5)) or tonumber(mark[6]) >= tonumber(ARGV[9]) then return 0 end
local more = tonumber(ARGV[4]) - tonumber(mark[5])
local hold = math.max(tonumber(mark[7]), tonumber(ARGV[8]))
if more > 0 then redis.call('HINCRBY', STOCK, 'left', more) end
redis.call('HSET', MARK, 'state', ARGV[3], 'total', more > 0 and ARGV[4] or mark[5], 'limit', ARGV[5], 'opens_ms', ARGV[6], 'ends_ms', ARGV[7], 'hold_ms', string.format('%d', hold),
  'version', ARGV[9])
return 1
