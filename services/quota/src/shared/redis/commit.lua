-- Compare-and-set of one merchant, or of one model of an upstream project; all keys are of one slot. Bodies are opaque.
--
-- KEYS  1 the hash with epoch, version and rows; 2 the hash of holds; 3 the sorted set of settled reservations that the ledger is not
--       known to have; then the tombstones of reservations that are opened, of others that are asked about, and of those that end,
--       each of the last with the key of what billing must get.
-- ARGV  1, 2 epoch and version that must be there, both empty where nothing may be; 3, 4 those that are written with the rows;
--       5 how many tombstones must not be there; 6 how many others are asked about; then the rows:
--       W field value | X field | M prefix   put or drop a row; drop all rows whose field begins so
--       H field value | E field              put or drop a hold
--       L life                               drop all rows unless they change within so many milliseconds
--       T life value name at event           put the next tombstone for so many milliseconds; with `at`, when it ended, the ledger
--                                            is not known to have it, and `event` is what billing must get, if that is known
-- Answers {1} where all was as expected, and otherwise {0, rows, holds, tombstones opened or asked about} without a write.
local main, holds, awaiting = KEYS[1], KEYS[2], KEYS[3]
local seen = redis.call('HMGET', main, 'e', 'v')
local same = (seen[1] or '') == ARGV[1] and (seen[2] or '') == ARGV[2]
local opened, asked = tonumber(ARGV[5]), tonumber(ARGV[6])

for i = 4, 3 + opened do
  same = same and redis.call('EXISTS', KEYS[i]) == 0
end

if not same then
  local ends = {}
  for i = 4, 3 + opened + asked do
    ends[#ends + 1] = redis.call('GET', KEYS[i])
  end
  return {0, redis.call('HGETALL', main), redis.call('HGETALL', holds), ends}
end

if #ARGV == 6 then
  return {1}
end

local function put_tombstone(key, event_key, life, body, name, ended_at, event)
  redis.call('SET', key, body, 'PX', life)
  if ended_at == '' then
    redis.call('ZREM', awaiting, name)
    redis.call('DEL', event_key)
    return
  end
  redis.call('ZADD', awaiting, ended_at, name)
  -- Those whose tombstones are gone.
  redis.call('ZREMRANGEBYSCORE', awaiting, '-inf', '(' .. string.format('%d', ended_at - life))
  redis.call('PEXPIRE', awaiting, life)
  if event ~= '' then
    redis.call('SET', event_key, event, 'PX', life)
  end
end

redis.call('HSET', main, 'e', ARGV[3], 'v', ARGV[4])
local at, tombstone = 7, 4 + opened + asked
while at <= #ARGV do
  local verb, a = ARGV[at], ARGV[at + 1]
  if verb == 'W' then
    redis.call('HSET', main, a, ARGV[at + 2])
    at = at + 3
  elseif verb == 'H' then
    redis.call('HSET', holds, a, ARGV[at + 2])
    at = at + 3
  elseif verb == 'T' then
    put_tombstone(KEYS[tombstone], KEYS[tombstone + 1], a, ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
    tombstone = tombstone + 2
    at = at + 6
  elseif verb == 'E' then
    redis.call('HDEL', holds, a)
    at = at + 2
  elseif verb == 'X' then
    redis.call('HDEL', main, a)
    at = at + 2
  elseif verb == 'L' then
    redis.call('PEXPIRE', main, a)
    at = at + 2
  else
    for _, field in ipairs(redis.call('HKEYS', main)) do
      if string.sub(field, 1, #a) == a then
        redis.call('HDEL', main, field)
      end
    end
    at = at + 2
  end
end
return {1}
