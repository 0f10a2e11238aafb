"""The script that Redis runs, in Lua: a write or a listing is one run of it, and so at once.

``ARGV[1]`` is what is asked, as MessagePack; the arguments after it are the bytes of objects, in
the order of ``puts``. ``KEYS[1]`` is a key of the slot, which routes the request in a cluster. A
folder is a map of ``names`` (the key of the hash of what is in it), ``at`` (what the keys of its
objects begin with), and ``before`` and ``after``, what its other keys have around ``mtime-index``
and the like.
"""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["SCRIPT", "SCRIPT_DIGEST"]

SCRIPT: Final = r"""
local MARK, MARKED = '.folder-', '\128\4\136.'
local asked = cmsgpack.unpack(ARGV[1])
local decided = {}

local function key(folder, what) return folder.before .. what .. folder.after end

local function is_marker(name) return string.sub(name, 1, #MARK) == MARK end

local function type_of(at) return redis.call('TYPE', at).ok end

local function milliseconds()
  local now = redis.call('TIME')
  return now[1] * 1000 + math.floor(now[2] / 1000)
end

local function version(at)
  local data = redis.pcall('GET', at)
  if type(data) ~= 'string' then return false end
  return redis.sha1hex(data) .. string.format('-%x', #data)
end

-- 'object', 'folder', false for nothing, or the type of what is not ours. An object counts where
-- both are, which KYDB allows.
local function kind(folder, name)
  local at = folder.at .. name
  if decided[at] ~= nil then return decided[at] end
  local found = type_of(at)
  if found == 'string' then return 'object' end
  if found == 'hash' then return 'folder' end
  if found ~= 'none' then return found end
  return redis.call('EXISTS', folder.at .. MARK .. name) == 1 and 'folder'
end

-- Take an object out of all but its own key.
local function forget(folder, name)
  redis.call('HDEL', folder.names, name)
  redis.call('ZREM', key(folder, 'expires'), name)
  redis.call('HDEL', key(folder, 'ctime-index'), name)
  local indexes = redis.call('SMEMBERS', key(folder, 'index-names'))
  indexes[#indexes + 1] = 'mtime'
  for _, index in ipairs(indexes) do
    redis.call('ZREM', key(folder, index .. '-index'), name)
    redis.call('HDEL', key(folder, index .. '-values'), name)
  end
end

-- Forget objects that have expired; true if there may be more of them. Their keys decide: KYDB,
-- which knows nothing of this, may have written one anew, to stay.
local function purge(folder)
  local expires, now = key(folder, 'expires'), milliseconds()
  local due = redis.call('ZRANGEBYSCORE', expires, '-inf', now, 'LIMIT', 0, 1000)
  for _, name in ipairs(due) do
    local left = redis.call('PTTL', folder.at .. name)
    if left == -2 or type_of(folder.at .. name) ~= 'string' then
      forget(folder, name)
    elseif left == -1 then
      redis.call('ZREM', expires, name)
    else
      redis.call('ZADD', expires, now + left + 1, name)
    end
  end
  return #due == 1000
end

local function set_times(folder, name, now)
  redis.call('ZADD', key(folder, 'mtime-index'), now, name)
  redis.call('HSET', key(folder, 'mtime-values'), name, now)
  redis.call('HSETNX', key(folder, 'ctime-index'), name, now)
end

local function set_index(folder, name, index, value)
  if value then
    redis.call('ZADD', key(folder, index .. '-index'), value, name)
    redis.call('HSET', key(folder, index .. '-values'), name, value)
    redis.call('SADD', key(folder, 'index-names'), index)
  else
    redis.call('ZREM', key(folder, index .. '-index'), name)
    redis.call('HDEL', key(folder, index .. '-values'), name)
  end
end

local function put(each, data)
  local folder, name = each.folder, each.name
  local at = folder.at .. name
  if redis.call('EXISTS', at) == 0 then forget(folder, name) end -- what one that expired has left
  redis.call('SET', at, data)
  if each.ttl then
    local ends = string.format('%.0f', milliseconds() + each.ttl)
    redis.call('PEXPIREAT', at, ends)
    redis.call('ZADD', key(folder, 'expires'), ends, name)
  else
    redis.call('ZREM', key(folder, 'expires'), name)
  end
  redis.call('HSET', folder.names, name, '.')
  for _, pair in ipairs(each.index) do set_index(folder, name, pair[1], pair[2]) end
  if each.now then set_times(folder, name, each.now) end
end

local function enter(folder, name)
  local marker = folder.at .. MARK .. name
  if redis.call('EXISTS', marker) == 0 then
    forget(folder, name) -- the object that it may have been, and that expired
    redis.call('SET', marker, MARKED)
  end
  redis.call('HSETNX', folder.names, MARK .. name, '.')
end

local function leave(parent, name)
  redis.call('DEL', parent.at .. MARK .. name)
  redis.call('HDEL', parent.names, MARK .. name)
end

local function no_refusal_of_reads()
  for i, each in ipairs(asked.reads) do
    if version(each.at) ~= each.version then return {'conflict', i} end
  end
  for i, each in ipairs(asked.deletes) do
    local at = each.folder.at .. each.name
    if kind(each.folder, each.name) ~= 'object' then
      if not each.lenient then return {'nothing', i} end
    elseif each.match ~= nil and version(at) ~= each.match then
      return {'changed', i, version(at)}
    else
      decided[at] = false
    end
  end
end

local function refusal()
  local found = no_refusal_of_reads()
  if found then return found end
  for i, each in ipairs(asked.folders) do
    found = kind(each.folder, each.name)
    if found and found ~= 'folder' then return {'object', i} end
    decided[each.folder.at .. each.name] = 'folder'
  end
  for i, each in ipairs(asked.puts) do
    local at = each.folder.at .. each.name
    found = kind(each.folder, each.name)
    if found and found ~= 'object' then return {'folder', i} end
    if each.match ~= nil then
      local now = found and version(at)
      if now ~= each.match then return {'changed', i, now} end
    end
    decided[at] = 'object'
  end
end

local ask = {}

-- All of it, or nothing. In a cluster it is written elsewhere that a folder is one: what is
-- `within` an empty one is the first there, and is not written if that is only `believed` to be
-- one.
function ask.write()
  local first = asked.within and redis.call('HLEN', asked.within.names) == 0
  if first and asked.believed then return 'first' end
  local refused = refusal()
  if refused then return refused end
  for _, each in ipairs(asked.deletes) do
    if redis.call('DEL', each.folder.at .. each.name) == 1 then forget(each.folder, each.name) end
  end
  for _, each in ipairs(asked.folders) do enter(each.folder, each.name) end
  for i, each in ipairs(asked.puts) do put(each, ARGV[i + 1]) end
  return first and 'first' or 1
end

function ask.read()
  if version(asked.at) == asked.known then return 1 end
  local data = redis.pcall('GET', asked.at)
  return type(data) == 'string' and data
end

function ask.kind() return kind(asked.folder, asked.name) end

-- One reply in the place of thousands. Names with control characters, which KYDB takes, are left
-- out: no key can name them.
local function lines(names)
  local found = {}
  for _, name in ipairs(names) do
    if not string.find(name, '%c') then found[#found + 1] = name end
  end
  return table.concat(found, '\n')
end

local function scanned(folder, cursor)
  if type_of(folder.names) ~= 'hash' then return '0', {} end
  local found, names = redis.call('HSCAN', folder.names, cursor, 'COUNT', asked.count), {}
  for i = 1, #found[2], 2 do names[#names + 1] = found[2][i] end
  return found[1], names
end

function ask.list()
  if type_of(asked.folder.names) == 'string' then return 'object' end
  if asked.cursor == '0' and purge(asked.folder) then return 'again' end
  local cursor, names = scanned(asked.folder, asked.cursor)
  return {cursor, lines(names)}
end

-- Objects without a time, to which `now` gives one.
function ask.untimed()
  local folder = asked.folder
  local index = key(folder, 'mtime-index')
  if asked.cursor == '0' then
    if type_of(folder.names) == 'string' then return {'0', ''} end
    if purge(folder) then return 'again' end
    if redis.call('HLEN', folder.names) == redis.call('ZCARD', index) then return {'0', ''} end
  end
  local cursor, names = scanned(folder, asked.cursor)
  local untimed = {}
  for _, name in ipairs(names) do
    if not is_marker(name) and not redis.call('ZSCORE', index, name)
      and redis.call('EXISTS', folder.at .. name) == 1 then
      untimed[#untimed + 1] = name
      if asked.now then set_times(folder, name, asked.now) end
    end
  end
  return {cursor, lines(untimed)}
end

-- Some entries of an index with their scores, and all that share the last one's: the score is a
-- double, so it does not tell apart what lies close together.
function ask.page()
  local folder = asked.folder
  if purge(folder) then return 'again' end
  local index, values = key(folder, asked.index .. '-index'), key(folder, asked.index .. '-values')
  local command = asked.descending and 'ZREVRANGEBYSCORE' or 'ZRANGEBYSCORE'
  local found = redis.call(
    command, index, asked.first, asked.last, 'WITHSCORES', 'LIMIT', 0, asked.count)
  local score = false
  if #found == 2 * asked.count then
    score = found[#found]
    while #found > 0 and found[#found] == score do
      found[#found] = nil
      found[#found] = nil
    end
    for _, each in ipairs(redis.call('ZRANGEBYSCORE', index, score, score, 'WITHSCORES')) do
      found[#found + 1] = each
    end
  end
  local mtimes, ctimes = key(folder, 'mtime-values'), key(folder, 'ctime-index')
  local rows = {}
  for i = 1, #found, 2 do
    local name = found[i]
    if not string.find(name, '%c') then
      rows[#rows + 1] = table.concat({name, redis.call('HGET', values, name) or found[i + 1],
        redis.call('HGET', mtimes, name) or '', redis.call('HGET', ctimes, name) or ''}, '\t')
    end
  end
  return {score, table.concat(rows, '\n')}
end

-- The index values of an object: names and values in turns.
function ask.values()
  local folder, name, found = asked.folder, asked.name, {}
  if type_of(folder.at .. name) ~= 'string' then return found end -- it may have expired
  for _, index in ipairs(redis.call('SMEMBERS', key(folder, 'index-names'))) do
    local value = redis.call('HGET', key(folder, index .. '-values'), name)
      or redis.call('ZSCORE', key(folder, index .. '-index'), name)
    if value then
      found[#found + 1] = index
      found[#found + 1] = value
    end
  end
  return found
end

-- Remove some objects of a folder, and say which folders are in it; with `parent` the folder too,
-- once it is empty.
function ask.empty()
  local folder, below, count = asked.folder, {}, 0
  local cursor, names = scanned(folder, asked.cursor)
  for _, name in ipairs(names) do
    if is_marker(name) then
      below[#below + 1] = string.sub(name, #MARK + 1)
    else
      count = count + redis.call('UNLINK', folder.at .. name)
      forget(folder, name)
    end
  end
  local gone = asked.parent and cursor == '0' and redis.call('EXISTS', folder.names) == 0
  if gone then
    redis.call('DEL', key(folder, 'index-names'))
    leave(asked.parent, asked.name)
  end
  return {cursor, below, count, gone and 1 or 0}
end

function ask.rmdir()
  if kind(asked.parent, asked.name) ~= 'folder' then return 'nothing' end
  repeat until not purge(asked.folder)
  if redis.call('HLEN', asked.folder.names) > 0 then return 'full' end
  redis.call('DEL', key(asked.folder, 'index-names'))
  leave(asked.parent, asked.name)
  return 1
end

-- The same in a cluster, where a folder and what it is in are in different slots: it is `vacant`,
-- then told to `leave` what it is in, and must be vacant still.
function ask.vacant()
  repeat until not purge(asked.folder)
  if redis.call('HLEN', asked.folder.names) > 0 then return 'full' end
  redis.call('DEL', key(asked.folder, 'index-names'))
  return 1
end

function ask.leave()
  if kind(asked.parent, asked.name) ~= 'folder' then return 'nothing' end
  leave(asked.parent, asked.name)
  return 1
end

return ask[asked.ask]()
"""

SCRIPT_DIGEST: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
