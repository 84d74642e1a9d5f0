-- First step of the sweep: compare-and-set pending -> cancelling, or take one that is cancelling already, when its hint has passed.
-- ARGV: 3 epoch  4.. grabs.  Answers {hold_ms, then for each grab: its user, or "" when there is nothing to sweep}.
local mark = mark_get('hold_ms')
local same = valid(mark) and mark[2] == ARGV[3]
local now = now_ms()
local answer = {mark[5] or '0'}
for i = 4, #ARGV do
  local state, shown, hint, user, try
  if same then state, shown, hint, user, try = pending_get(ARGV[i]) end
  local due = state and tonumber(hint) <= now
  if due and state == 'P' then pending_set(ARGV[i], 'C', shown, hint, user, try) end
  answer[#answer + 1] = due and user or ''
end
return answer
