-- The ledger of the budget. Redis runs one script at a time, so that between looking at what is left and taking it nobody
-- else can take it too: LiteLLM checks before a call and books after it, and lets calls that come together all pass
-- (BerriAI/litellm#34732, #40095).
--
-- Amounts are whole nano-dollars: sums of floats drift, and these stay below 2^53 up to nine million dollars.
-- KEYS[1] prefix of all keys. ARGV[1] verb, ARGV[2] seconds since 1970, empty for Redis' own clock: one clock for every
-- instance. UTC days of 86,400 s, as Unix time counts them: there is no daylight saving and no leap second in them.
--
-- A day's and a month's hash: settled, reserved, excess (spend that no reservation covered), the same by scope
-- ("settled/openai"), calls and reclaimed, and what a person was told of ("told/critical"). A reservation is in `open` (what it holds) and in `leases` (until when).

local prefix, verb = KEYS[1], ARGV[1]
local now = tonumber(ARGV[2]) or tonumber(redis.call('TIME')[1])
local OPEN, LEASES, MODE, KNOWN = prefix .. ':open', prefix .. ':leases', prefix .. ':mode', prefix .. ':known'
local KEPT = { day = 70, month = 100 }

local function date(seconds)
  -- Civil date of a day number (proleptic Gregorian calendar, eras of 400 years).
  local z = math.floor(seconds / 86400) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day, month = doy - math.floor((153 * mp + 2) / 5) + 1, mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02d', year, month, day)
end

local today = date(now)
local LEDGER = { day = prefix .. ':day:' .. today, month = prefix .. ':month:' .. string.sub(today, 1, 7) }

local function number(key, field)
  return tonumber(redis.call('HGET', key, field) or 0)
end

local function used(key, suffix)
  return number(key, 'settled' .. suffix) + number(key, 'reserved' .. suffix) + number(key, 'excess' .. suffix)
end

local function book(key, field, scope, amount)
  if amount ~= 0 then
    redis.call('HINCRBY', key, field, string.format('%.0f', amount))
    redis.call('HINCRBY', key, field .. '/' .. scope, string.format('%.0f', amount))
  end
end

-- Ends a reservation: what it cost is settled as far as it was reserved, the rest is excess. Nil where there is none.
local function settle(id, actual)
  local held = redis.call('HGET', OPEN, id)
  if not held then
    return nil
  end
  local key, scope, cost = string.match(held, '^(%S+) (%S+) (%d+)$')
  cost = tonumber(cost)
  actual = math.max(actual or cost, 0)
  redis.call('HDEL', OPEN, id)
  redis.call('ZREM', LEASES, id)
  book(key, 'reserved', scope, -cost)
  book(key, 'settled', scope, math.min(actual, cost))
  book(key, 'excess', scope, math.max(actual - cost, 0))
  return math.min(actual, cost)
end

-- A call whose process was killed may have been billed: its lease over, it counts as if it had cost all that it could.
local function reclaim(most)
  local ids = redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, most)
  for _, id in ipairs(ids) do
    local held = redis.call('HGET', OPEN, id)
    settle(id, nil)
    redis.call('HINCRBY', string.match(held, '^(%S+)'), 'reclaimed', 1)
  end
  return #ids
end

local function mode()
  local word = redis.call('GET', MODE) or 'normal'
  -- What nobody wrote is no reason to spend.
  return (word == 'normal' or word == 'eco') and word or 'blocked'
end

-- reserve ID PERIOD SCOPE COST ECO TOTAL_CAP SCOPE_CAP LEASE; a cap of -1 is none.
-- Answers {'ok', mode, what is left} or {reason, mode, what is left}.
local function reserve()
  local id, period, scope, cost, eco = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7] == '1'
  local total, share, lease = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
  reclaim(100)
  local word, key = mode(), LEDGER[period]
  if redis.call('EXISTS', KNOWN) == 0 then
    -- Redis has lost what was spent, or never knew: the guard brings it back from LiteLLM's own records.
    return { 'unknown', word, '0' }
  end
  if redis.call('HEXISTS', OPEN, id) == 1 then
    return { 'twice', word, '0' }
  end
  -- A month's budget stands beside the day's, so the day's mode is not for it.
  if period == 'day' and word ~= 'normal' and not eco then
    return { word, word, '0' }
  end
  local left = total < 0 and 2 ^ 53 or total - used(key, '')
  if cost > left then
    return { 'total', word, string.format('%.0f', left) }
  end
  left = share < 0 and left or math.min(left, share - used(key, '/' .. scope))
  if cost > left then
    return { 'scope', word, string.format('%.0f', left) }
  end
  redis.call('HSET', OPEN, id, string.format('%s %s %.0f', key, scope, cost))
  redis.call('ZADD', LEASES, now + lease, id)
  book(key, 'reserved', scope, cost)
  redis.call('HINCRBY', key, 'calls', 1)
  return { 'ok', word, string.format('%.0f', left - cost) }
end

-- floor PERIOD [SCOPE AMOUNT]...: LiteLLM's own records say that so much was spent. What the ledger has not is excess:
-- Redis lost it, or a call went by the hook. The ledger is known from now on.
local function floor()
  local key, added = LEDGER[ARGV[3]], 0
  for position = 4, #ARGV, 2 do
    local scope, recorded = ARGV[position], tonumber(ARGV[position + 1])
    -- What is still reserved is not in the records yet.
    local missing = recorded - number(key, 'settled/' .. scope) - number(key, 'excess/' .. scope)
    if missing > 0 then
      book(key, 'excess', scope, missing)
          added = added + missing
    end
  end
  redis.call('SET', KNOWN, today)
  return string.format('%.0f', added)
end

-- Books end by this, and not by an expiry: what has one Redis may throw away when its memory is full.
local function forget()
  for age = 0, 7 do
    redis.call('DEL', prefix .. ':day:' .. date(now - (KEPT.day + age) * 86400))
  end
  redis.call('DEL', prefix .. ':month:' .. string.sub(date(now - KEPT.month * 86400), 1, 7))
end

-- Lua takes 'nan' for a number, and nothing is greater than that.
local function whole(text)
  return string.match(text or '', '^%d+$') ~= nil
end

if verb == 'reserve' then
  if not whole(ARGV[6]) or tonumber(ARGV[6]) == 0 then
    return redis.error_reply('budget: a call costs a whole number above 0, not ' .. tostring(ARGV[6]))
  end
  return reserve()
elseif verb == 'settle' then
  if ARGV[4] ~= '' and not whole(ARGV[4]) then
    return redis.error_reply('budget: a call has cost a whole number, not ' .. tostring(ARGV[4]))
  end
  local charged = settle(ARGV[3], tonumber(ARGV[4]))
  return charged and string.format('%.0f', charged) or ''
elseif verb == 'charge' then
  -- charge PERIOD SCOPE AMOUNT: what was spent while Redis was away, from the allowance that was held back for it.
  book(LEDGER[ARGV[3]], 'settled', ARGV[4], tonumber(ARGV[5]))
  return 'ok'
elseif verb == 'floor' then
  return floor()
elseif verb == 'look' then
  local reclaimed = reclaim(10000)
  forget()
  return {
    today, mode(), redis.call('GET', KNOWN) or '', tostring(reclaimed),
    redis.call('HGETALL', LEDGER.day), redis.call('HGETALL', LEDGER.month),
  }
end
return redis.error_reply('budget: no verb ' .. verb)
