"""`scripts`: Lua scripts, for several commands that Redis must run as one.

- Written for Redis 6.2 and newer and for Valkey: effects are replicated, so that `TIME` and `INFO`
  may come before a write.
- Every key that they write has a time to live, but the one key of the epoch.

The epoch: `run_id` is random at each start of a Redis server. It is stored beside the instant from
which proofs are accepted. When the stored one is missing (started empty, flushed) or another
server's (restarted from a file, a replica promoted), acknowledged writes may be lost, and a new
epoch begins by the caller's clock, with which the age of proofs is measured.
"""

EPOCH = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local kept = redis.call('HMGET', KEYS[1], 'run', 'from')
local from = kept[2]
if kept[1] ~= run then
  from = ARGV[1]
  redis.call('HSET', KEYS[1], 'run', run, 'from', from)
end
"""
"""KEYS[1]: the epoch. ARGV[1]: from when proofs are believed if it begins now, in seconds."""

BEGIN = EPOCH + "return from"

RESERVE = (
    "if redis.call('EXISTS', KEYS[2]) == 1 then return {0, ''} end\n"
    + EPOCH
    + """
if ARGV[3] ~= '' and tonumber(ARGV[3]) < tonumber(from) then return {-1, from} end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return {1, ''}
"""
)
"""KEYS[2]: the nonce. ARGV[2]: milliseconds to live. ARGV[3]: when the proof was issued, or ''.

Answers 1 new, 0 known, -1 from before the epoch, and then from when proofs are believed.
"""

TAKE = """
local capacity, refill, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = capacity
if kept[1] then
  tokens = math.min(capacity, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * refill)
end
local ok = tokens >= cost
if ok then tokens = tokens - cost end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens),
           'at', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - tokens) / refill * 1000) + 1)
return {ok and 1 or 0, string.format('%.17g', tokens)}
"""
"""KEYS[1]: the bucket. ARGV: capacity, refill per second, cost. Answers taken, tokens left.

The time is Redis's own, so that workers whose clocks differ share one bucket fairly.
"""

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
"""KEYS[1]: the lease. ARGV[1]: the token of whoever means to hold it."""
