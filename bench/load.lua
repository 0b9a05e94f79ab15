-- wrk: sends requests whose bearer token comes from a file, one after the other, and tells what came back as JSON.
--   TOKENS  a file with a token per line, or nothing
--   METHOD  GET or POST; BODY and TYPE for a POST; AUTHORIZATION instead of TOKENS

local requests = {}
local at = 0

function init()
  local method = os.getenv("METHOD") or "GET"
  local body = os.getenv("BODY")
  local headers = {
    ["User-Agent"] = "bench/1",
    ["Accept"] = "application/json",
    ["Accept-Encoding"] = "gzip",
    ["Content-Type"] = os.getenv("TYPE"),
  }
  local function add(authorization)
    headers["Authorization"] = authorization
    requests[#requests + 1] = wrk.format(method, wrk.path, headers, body)
  end
  if os.getenv("TOKENS") then
    for token in io.lines(os.getenv("TOKENS")) do
      add("Bearer " .. token)
    end
  else
    add(os.getenv("AUTHORIZATION"))
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests":%d,"us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
