-- Rebuild: writes claims of sold grabs, which are settled, for nothing makes them pending.
-- ARGV: 3 epoch  4.. pairs  user, "grab:try grab:try".  Answers 1, or 0 when the mark is not building(epoch, this server) any more, or the claims are lost.
if not building(mark_get(), ARGV[3]) then return 0 end
redis.call('HSET', CLAIMS, unpack(ARGV, 4)) -- at most STOCK_ARGS_MAX values, far below what Lua's stack holds
return 1
