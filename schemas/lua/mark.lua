-- Put before every script by the build (schemas/stock.c): what all of them share.
--
-- KEYS: 1 mark (hash)  2 stock (hash: epoch, left)  3 claims (hash: epoch, user -> "grab:try grab:try")
--       4 pending (hash: epoch, grab -> "P0 hint_ms user try")          all of one coupon, so of one hash slot
-- ARGV: 1 run_id  2 master_replid, as read on this very connection; then the script's own
--
-- A pending grab's value begins with its state, P (pending) or C (cancelling), and its shown flag, 0 or 1. A grab is settled when its claim is there and it is pending no
-- more. Ids stay text: a Lua number is a double and would lose the last digits. Scripts check everything before their first write: Lua does not roll back.
local MARK, STOCK, CLAIMS, PENDING = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local function mark_get(...)
  return redis.call('HMGET', MARK, 'state', 'epoch', 'run_id', 'replid', ...)
end

-- Whether the fields of `mark` from `first` on are numbers: one that somebody removed or wrote over would end a script in its middle, behind its first write.
local function numbers(mark, first)
  for i = first, #mark do
    if not string.match(mark[i] or '', '^%d+$') then return false end
  end
  return true
end

local function same_server(mark)
  return mark[3] == ARGV[1] and mark[4] == ARGV[2]
end

-- Every key of the coupon carries the mark's epoch; one that was lost is never taken for empty.
local function whole(epoch)
  return epoch and redis.call('HGET', STOCK, 'epoch') == epoch and redis.call('HGET', CLAIMS, 'epoch') == epoch
    and redis.call('HGET', PENDING, 'epoch') == epoch
end

-- Open, or closed by an admin, on this server, with all of its keys.
local function valid(mark)
  return (mark[1] == 'open' or mark[1] == 'closed') and same_server(mark) and whole(mark[2])
end

-- The claims have their sentinel from the beginning: were they lost between their writing and the opening, they would be taken for none.
local function building(mark, epoch)
  return mark[1] == 'building' and mark[2] == epoch and same_server(mark) and redis.call('HGET', CLAIMS, 'epoch') == epoch
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- "P0 1732140000000 123 key" -> state, shown, hint, user, try
local function pending_get(grab)
  local value = redis.call('HGET', PENDING, grab)
  if not value then return nil end
  return string.match(value, '^(.)(.) (%d+) (%d+) (.*)$')
end

local function pending_set(grab, state, shown, hint, user, try)
  redis.call('HSET', PENDING, grab, state .. shown .. ' ' .. hint .. ' ' .. user .. ' ' .. try)
end

-- Takes one grab out of a user's claims, and gives its unit back.
local function give_back(grab, user)
  local kept = {}
  for entry in string.gmatch(redis.call('HGET', CLAIMS, user) or '', '%S+') do
    if string.match(entry, '^%d+') ~= grab then kept[#kept + 1] = entry end
  end
  if #kept == 0 then redis.call('HDEL', CLAIMS, user)
  else redis.call('HSET', CLAIMS, user, table.concat(kept, ' ')) end
  redis.call('HDEL', PENDING, grab)
  redis.call('HINCRBY', STOCK, 'left', 1)
end
