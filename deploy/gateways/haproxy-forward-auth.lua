-- Asks the issuer who is calling. It sets txn.status to what came of it (503 where nothing did), and with 200 the token for
-- Hasura in txn.authorization. Put in your own address of the issuer.
local issuer = "http://issuer:8080/forward-auth"

local function first(headers, name)
  local values = headers and headers[name]
  return values and values[0]
end

core.register_action("forward_auth", { "http-req" }, function(txn)
  txn:set_var("txn.status", 503)
  txn:set_var("txn.retry_after", "5")
  txn:set_var("txn.challenge", "Bearer")
  local sent = txn.http:req_get_headers()
  local headers = { ["x-forwarded-for"] = { txn.f:src() } }
  local tokens = sent["authorization"]
  if tokens and tokens[1] then -- two of them: nobody can tell which one counts
    txn:set_var("txn.status", 401)
    return
  end
  if tokens then
    headers["authorization"] = { tokens[0] }
  end
  local answer = core.httpclient():get({ url = issuer, headers = headers, timeout = 9000 })
  if not answer or not answer.status then
    return
  end
  local token = first(answer.headers, "authorization")
  if answer.status == 200 and token then
    txn:set_var("txn.status", 200)
    txn:set_var("txn.authorization", token)
  elseif answer.status == 401 or answer.status == 403 or answer.status == 429 then
    txn:set_var("txn.status", answer.status)
  end
  txn:set_var("txn.retry_after", first(answer.headers, "retry-after") or "5")
  txn:set_var("txn.challenge", first(answer.headers, "www-authenticate") or "Bearer")
end, 0)
