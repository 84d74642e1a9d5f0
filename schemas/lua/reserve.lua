-- RESERVE: takes one unit for each of several grabs of one coupon.
-- ARGV: 3.. triples  user, grab, try ("" when the client named none)
-- Answers {epoch, hold_ms, room_id, then for each grab: code, existing grab ("" or its id), left}, or {} when there is no valid mark.
-- The codes are enum reserve_result of protocol/grab.h.
local EXISTS_SETTLED, EXISTS_PENDING, ENDED, NOT_STARTED, LIMIT_REACHED, OUT_OF_STOCK, TAKEN = 2, 3, 4, 5, 6, 7, 1

local mark = mark_get('opens_ms', 'ends_ms', 'limit', 'hold_ms', 'room_id')
local left = tonumber(redis.call('HGET', STOCK, 'left'))
if not (valid(mark) and numbers(mark, 5) and left) then return {} end
local epoch, opens, ends, limit, hold = mark[2], tonumber(mark[5]), tonumber(mark[6]), tonumber(mark[7]), tonumber(mark[8])
local now = now_ms()

-- The grab that this try has already: with limit 1 any grab of the user, above it the one with the same key. Also counts the user's grabs.
local function existing(claims, try)
  local count = 0
  for entry in string.gmatch(claims, '%S+') do
    local grab, its_try = string.match(entry, '^(%d+):(.*)$')
    if limit == 1 or (try ~= '' and its_try == try) then return grab, count end
    count = count + 1
  end
  return nil, count
end

local function reserve(user, grab, try)
  local claims = redis.call('HGET', CLAIMS, user) or ''
  local known, count = existing(claims, try)
  if known then
    local state, shown, hint, its_user, its_try = pending_get(known)
    if not state then return EXISTS_SETTLED, known end
    if shown == '0' then pending_set(known, state, '1', hint, its_user, its_try) end
    return EXISTS_PENDING, known
  end
  if mark[1] == 'closed' then return ENDED, '' end -- by an admin; whoever has a grab keeps it
  if now < opens then return NOT_STARTED, '' end
  if ends > 0 and now >= ends then return ENDED, '' end
  if count >= limit then return LIMIT_REACHED, '' end
  if left <= 0 then return OUT_OF_STOCK, '' end
  redis.call('HINCRBY', STOCK, 'left', -1)
  left = left - 1
  local entry = grab .. ':' .. try
  redis.call('HSET', CLAIMS, user, claims == '' and entry or claims .. ' ' .. entry)
  pending_set(grab, 'P', '0', now + hold, user, try)
  return TAKEN, ''
end

local answer = {epoch, mark[8], mark[9]}
for i = 3, #ARGV, 3 do
  local code, known = reserve(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  answer[#answer + 1] = code
  answer[#answer + 1] = known
  answer[#answer + 1] = left
end
return answer
