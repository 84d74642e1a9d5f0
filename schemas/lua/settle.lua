-- SETTLE and CONFIRM: compare-and-set pending -> settled, for several grabs of one coupon.
-- ARGV: 3 epoch of the grabs  4.. grabs.  Answers 1 (it held) or 0 for each.
local mark = mark_get()
local same = valid(mark) and mark[2] == ARGV[3]
local answer = {}
for i = 4, #ARGV do
  local held = same and pending_get(ARGV[i]) == 'P'
  if held then redis.call('HDEL', PENDING, ARGV[i]) end
  answer[#answer + 1] = held and 1 or 0
end
return answer
