-- What an audit reads of a coupon at one moment; changes nothing.
-- ARGV: 3 users_max: claims of more users than these are not counted one by one (one call must not hold up the sale)
-- Answers {state ("" when missing), epoch, 1 when the mark is of this server, 1 when every key carries its epoch, total, limit, hold_ms, version, left,
-- users, claims (-1: not counted), pending}.
local mark = mark_get('total', 'limit', 'hold_ms', 'version')
local users, pending = redis.call('HLEN', CLAIMS), redis.call('HLEN', PENDING)
users, pending = users > 0 and users - 1 or 0, pending > 0 and pending - 1 or 0
local claims = mark[6] == '1' and users or -1
if users <= tonumber(ARGV[3]) then
  claims = 0
  for _, value in ipairs(redis.call('HVALS', CLAIMS)) do claims = claims + select(2, string.gsub(value, '%d+:%S*', '')) end
end
return {mark[1] or '', mark[2] or '0', same_server(mark) and 1 or 0, whole(mark[2]) and 1 or 0, mark[5] or '0', mark[6] or '0', mark[7] or '0',
  mark[8] or '0', redis.call('HGET', STOCK, 'left') or '0', users, claims, pending}
