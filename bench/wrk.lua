-- Sends prepared requests in turn. BENCH_BODIES: a file with one JSON body a line.
-- BENCH_HEADERS: a file with the header lines of one request a line (tabs between them); each is
-- sent once, because a proof is good for one request. Without it every request has HEADER alone.
local bodies, proofs, sent, requests = {}, nil, 0, {}
local host = os.getenv("BENCH_HOST")

local function lines(name)
  local found = {}
  for line in io.lines(name) do found[#found + 1] = line end
  return found
end

local function head(body, extra)
  return "POST /graphql HTTP/1.1\r\nHost: " .. host .. "\r\nAccept: application/json\r\n"
    .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n" .. extra .. "\r\n" .. body
end

function init(args)
  bodies = lines(os.getenv("BENCH_BODIES"))
  local file = os.getenv("BENCH_HEADERS")
  if file then
    proofs = lines(file)
  else
    local extra = os.getenv("BENCH_HEADER") or ""
    if extra ~= "" then extra = extra .. "\r\n" end
    for n = 1, #bodies do requests[n] = head(bodies[n], extra) end
  end
end

function request()
  sent = sent + 1
  local n = (sent - 1) % #bodies + 1
  if not proofs then return requests[n] end
  local extra = proofs[(sent - 1) % #proofs + 1]:gsub("\t", "\r\n")
  return head(bodies[n], extra .. "\r\n")
end

function done(summary, latency, _)
  io.write(string.format(
    '\nRESULT {"requests":%d,"us":%d,"bytes":%d,"bad":%d,"failed":%d,"p50":%.1f,"p99":%.1f}\n',
    summary.requests, summary.duration, summary.bytes, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50.0), latency:percentile(99.0)))
end
