-- wrk: sends what it is told, checks every answer, and tells what came back as JSON on the last line of standard error.
--   EACH      same:  one request over and over
--             again: a request for each line of LINES, from the top when they run out
--             once:  a request for each line of LINES; running out is an error
--             chain: each line of LINES is a refresh token; each answer brings the one that takes its place
--   AS        where a line goes: bearer (the Authorization header) or body (after PREFIX)
--   COUNT     answers after which it ends; without it, wrk's own time decides
--   EXPECT    what every answer's body contains; every status is 200
--   KEEP      a file for the access tokens that come back
--   METHOD, BODY, TYPE, AUTHORIZATION

local ffi = require("ffi")
ffi.cdef [[ int getpid(void); int kill(int pid, int signal); ]]
local SIGINT = 2

local function env(name, otherwise)
  return os.getenv(name) or otherwise
end

local each, as, prefix = env("EACH", "same"), env("AS", "bearer"), env("PREFIX", "")
local count, expect = tonumber(env("COUNT", "0")), env("EXPECT")
local queue, first, last = {}, 1, 0
local asked_by_wrk, keep = false, nil

-- Read from outside with thread:get, so they are global.
sent, answered, wrong, wrong_status, wrong_body = 0, 0, 0, 0, ""

local thread_of_ours
function setup(thread)
  thread_of_ours = thread
end

local function format(line)
  local headers = {
    ["User-Agent"] = "bench/1",
    ["Accept"] = "application/json",
    ["Accept-Encoding"] = "gzip",
    ["Content-Type"] = env("TYPE"),
    ["Authorization"] = env("AUTHORIZATION"),
  }
  local body = env("BODY")
  if line and as == "bearer" then
    headers["Authorization"] = "Bearer " .. line
  elseif line then
    body = prefix .. line
  end
  return wrk.format(env("METHOD", "GET"), wrk.path, headers, body)
end

local function push(line)
  last = last + 1
  queue[last] = format(line)
end

function init()
  if each == "same" then
    push(nil)
  else
    for line in io.lines(os.getenv("LINES_FILE")) do
      push(line)
    end
  end
  if env("KEEP") then
    keep = assert(io.open(env("KEEP"), "w"))
  end
end

local function ran_out()
  io.stderr:write(string.format("%d lines ran out after %d answers; EACH=%s never uses one twice\n", last, answered, each))
  os.exit(1)
end

function request()
  -- Before it begins, wrk asks for one request to look at. That one is never sent.
  if not asked_by_wrk then
    asked_by_wrk = true
    return queue[1]
  end
  sent = sent + 1
  if each == "same" then
    return queue[1]
  elseif each == "again" then
    return queue[(sent - 1) % last + 1]
  elseif first > last then
    ran_out()
  end
  local next = queue[first]
  queue[first] = nil
  first = first + 1
  return next
end

function response(status, headers, body)
  answered = answered + 1
  if status ~= 200 or (expect and not body:find(expect, 1, true)) then
    if wrong == 0 then
      wrong_status, wrong_body = status, body:sub(1, 300)
    end
    wrong = wrong + 1
  elseif each == "chain" then
    push(body:match('"refresh_token":"([^"]+)"'))
  end
  if keep then
    keep:write(body:match('"access_token":"([^"]+)"') or "", "\n")
  end
  if answered == count then
    if keep then
      keep:close()
      keep = nil
    end
    -- The first ends the thread that asks, the second the one that waits for the time to pass.
    wrk.thread:stop()
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
end

function done(summary)
  local errors, thread = summary.errors, thread_of_ours
  io.stderr:write(string.format(
    '{"requests":%d,"us":%d,"sent":%d,"wrong":%d,"wrong_status":%d,"wrong_body":"%s","broken":%d}\n',
    summary.requests, summary.duration, thread:get("sent"), thread:get("wrong"), thread:get("wrong_status"),
    thread:get("wrong_body"):gsub('[%c"\\]', " "), errors.connect + errors.read + errors.write + errors.timeout))
end
