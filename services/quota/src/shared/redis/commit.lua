-- Compare-and-set of one merchant, or of one model of an upstream project; all keys are of one slot. Bodies are opaque.
--
-- KEYS  1 the hash with epoch, version and rows; 2 the hash of holds; then the tombstones of reservations that are opened, of others
--       that are asked about, and of those that end, in this order.
-- ARGV  1, 2 epoch and version that must be there, both empty where nothing may be; 3, 4 those that are written with the rows;
--       5 how many tombstones must not be there; 6 how many others are asked about; then the rows:
--       W field value | X field | M prefix   put or drop a row; drop all rows whose field begins so
--       H field value | E field              put or drop a hold
--       T life value                         put the next tombstone for so many milliseconds
-- Answers {1} where all was as expected, and otherwise {0, rows, holds, tombstones opened or asked about} without a write.
local main, holds = KEYS[1], KEYS[2]
local seen = redis.call('HMGET', main, 'e', 'v')
local same = (seen[1] or '') == ARGV[1] and (seen[2] or '') == ARGV[2]
local opened, asked = tonumber(ARGV[5]), tonumber(ARGV[6])

for i = 3, 2 + opened do
  same = same and redis.call('EXISTS', KEYS[i]) == 0
end

if not same then
  local ends = {}
  for i = 3, 2 + opened + asked do
    ends[#ends + 1] = redis.call('GET', KEYS[i])
  end
  return {0, redis.call('HGETALL', main), redis.call('HGETALL', holds), ends}
end

if #ARGV == 6 then
  return {1}
end

redis.call('HSET', main, 'e', ARGV[3], 'v', ARGV[4])
local at, tombstone = 7, 3 + opened + asked
while at <= #ARGV do
  local verb, a = ARGV[at], ARGV[at + 1]
  if verb == 'W' then
    redis.call('HSET', main, a, ARGV[at + 2])
    at = at + 3
  elseif verb == 'H' then
    redis.call('HSET', holds, a, ARGV[at + 2])
    at = at + 3
  elseif verb == 'T' then
    redis.call('SET', KEYS[tombstone], ARGV[at + 2], 'PX', a)
    tombstone = tombstone + 1
    at = at + 3
  elseif verb == 'E' then
    redis.call('HDEL', holds, a)
    at = at + 2
  elseif verb == 'X' then
    redis.call('HDEL', main, a)
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
