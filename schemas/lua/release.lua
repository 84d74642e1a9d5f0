-- RELEASE: compare-and-set pending -> gone; unit and claim go back. A grab that was shown to a second request is left alone: the sweep ends it.
-- ARGV: 3 epoch of the grabs  4.. grabs.  Answers 1 (given back) or 0 for each.
local mark = mark_get()
local same = valid(mark) and mark[2] == ARGV[3]
local answer = {}
for i = 4, #ARGV do
  local state, shown, _, user
  if same then state, shown, _, user = pending_get(ARGV[i]) end
  local held = state == 'P' and shown == '0'
  if held then give_back(ARGV[i], user) end
  answer[#answer + 1] = held and 1 or 0
end
return answer
