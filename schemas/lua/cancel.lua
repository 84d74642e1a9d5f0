-- First step of the sweep: compare-and-set pending -> cancelling, or take one that is cancelling already, when its hint has passed.
-- A hint further away than the hold was made before this clock was stepped back: it is due too, or its unit would be held for as long as the step was.
-- ARGV: 3 epoch  4.. grabs.  Answers {hold_ms, then for each grab: its user, or "" when there is nothing to sweep}.
local mark = mark_get('hold_ms')
local same = valid(mark) and mark[2] == ARGV[3] and numbers(mark, 5)
local now, hold = now_ms(), tonumber(mark[5] or '0')
local answer = {mark[5] or '0'}
for i = 4, #ARGV do
  local state, shown, hint, user, try
  if same then state, shown, hint, user, try = pending_get(ARGV[i]) end
  local due = state and (state == 'C' or tonumber(hint) <= now or tonumber(hint) > now + hold)
  if due and state == 'P' then pending_set(ARGV[i], 'C', shown, hint, user, try) end
  answer[#answer + 1] = due and user or ''
end
return answer
