-- Last step of the sweep, when the grab's row is final: VOID gives unit and claim back, OK settles.
-- ARGV: 3 epoch  4.. pairs  grab, "ok" or "void".  Answers 1 (done) or 0 (it was not cancelling under this epoch) for each.
local mark = mark_get()
local same = valid(mark) and mark[2] == ARGV[3]
local answer = {}
for i = 4, #ARGV, 2 do
  local state, _, _, user
  if same then state, _, _, user = pending_get(ARGV[i]) end
  local held = state == 'C'
  if held and ARGV[i + 1] == 'void' then give_back(ARGV[i], user)
  elseif held then redis.call('HDEL', PENDING, ARGV[i]) end
  answer[#answer + 1] = held and 1 or 0
end
return answer
