#!/usr/bin/env bash
# A client of the hub with nothing but bash, curl and openssl:
#   bash hub.sh HUB CLIENT KEY.pem [SOURCE ROWS.ndjson]
# Fetches a token, asks a question; with a source it pushes rows and fetches the first one's receipt.
set -euo pipefail
[[ $# == 3 || $# == 5 ]] || { sed -n '2,4p' "$0" >&2; exit 2; }
[[ -r $3 ]] || { echo "$3: no such key file" >&2; exit 2; }
hub=${1%/} client=$2 key=$3 source=${4:-} rows=${5:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

b64u() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
sha256() { openssl dgst -sha256 -binary; }
unhex() { printf "$(sed 's/../\\x&/g')"; }
random() { openssl rand 24 | b64u; }
member() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }   # the first plain value; use jq in earnest

# openssl signs in DER; the hub wants r and s, 32 bytes each.
sign() {
  openssl dgst -sha256 -sign "$key" | openssl asn1parse -inform DER |
    sed -n 's/.*INTEGER *:\([0-9A-F]*\).*/\1/p' |
    while read -r number; do printf '%64s' "$number" | tr ' ' 0; done | unhex
}
jws() { # header, claims
  local text
  text="$(printf %s "$1" | b64u).$(printf %s "$2" | b64u)"
  printf '%s.%s' "$text" "$(printf %s "$text" | sign | b64u)"
}

# The public key: its last 64 bytes in DER are x and y. The key id is the hash of the JWK (RFC 7638).
openssl pkey -in "$key" -pubout -outform DER | tail -c 64 > "$work/point"
x=$(head -c 32 "$work/point" | b64u) y=$(tail -c 32 "$work/point" | b64u)
jwk="{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"$x\",\"y\":\"$y\"}"
kid=$(printf %s "$jwk" | sha256 | b64u)

proof() { # method, path, further claims
  jws "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\",\"jwk\":$jwk}" \
    "{\"jti\":\"$(random)\",\"htm\":\"$1\",\"htu\":\"$hub$2\",\"iat\":$(date +%s)$3}"
}
ask_for_token() { # further claims of the proof
  local now assertion
  now=$(date +%s)
  assertion=$(jws "{\"alg\":\"ES256\",\"kid\":\"$kid\",\"typ\":\"client-authentication+jwt\"}" \
    "{\"iss\":\"$client\",\"sub\":\"$client\",\"aud\":\"$hub\",\"jti\":\"$(random)\",\"iat\":$now,\"exp\":$((now + 60))}")
  curl -sS -D "$work/head" "$hub/oauth/token" -H "DPoP: $(proof POST /oauth/token "$1")" \
    --data-urlencode grant_type=client_credentials --data-urlencode "resource=$hub" \
    --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
    --data-urlencode "client_assertion=$assertion"
}
header() { tr -d '\r' < "$work/head" | sed -n "s/^$1: //Ip"; }

# The first answer names a nonce, the second has the token.
answer=$(ask_for_token "")
if [[ $answer == *use_dpop_nonce* ]]; then answer=$(ask_for_token ",\"nonce\":\"$(header dpop-nonce)\""); fi
token=$(member access_token <<< "$answer")
[[ -n $token ]] || { echo "token refused: $answer" >&2; exit 1; }
ath=",\"ath\":\"$(printf %s "$token" | sha256 | b64u)\""
echo "token     $(member scope <<< "$answer")"

question='{"query":"{ instruments(first: 1) { totalCount nodes { name { zh } } sources { id status asOf } } }"}'
answer=$(curl -sS "$hub/graphql" -H "Authorization: DPoP $token" -H "DPoP: $(proof POST /graphql "$ath")" \
  -H 'Content-Type: application/json' -d "$question")
[[ $answer != *'"errors"'* ]] || { echo "question refused: $answer" >&2; exit 1; }
echo "question  $(member totalCount <<< "$answer") instruments, the first: $(member zh <<< "$answer")"
[[ -n $source ]] || exit 0

# A signed push (RFC 9421): one line for each component, then the parameters.
target="$hub/batches?source=$source"
digest="sha-256=:$(sha256 < "$rows" | openssl base64 -A):"
dpop=$(proof POST /batches "$ath")
idempotency=$(random) created=$(date +%s)
params='("@method" "@target-uri" "content-digest" "content-type" "authorization" "dpop" "idempotency-key")'
params+=";created=$created;expires=$((created + 300));nonce=\"$(random)\";keyid=\"$kid\";alg=\"ecdsa-p256-sha256\";tag=\"hub-req-1\""
signature=$(printf '"@method": POST\n"@target-uri": %s\n"content-digest": %s\n"content-type": application/x-ndjson\n"authorization": DPoP %s\n"dpop": %s\n"idempotency-key": %s\n"@signature-params": %s' \
  "$target" "$digest" "$token" "$dpop" "$idempotency" "$params" | sign | openssl base64 -A)
answer=$(curl -sS "$target" -H "Content-Digest: $digest" -H 'Content-Type: application/x-ndjson' \
  -H "Authorization: DPoP $token" -H "DPoP: $dpop" -H "Idempotency-Key: $idempotency" \
  -H "Signature-Input: hub=$params" -H "Signature: hub=:$signature:" --data-binary "@$rows")
entry=$(grep -o '"entryId":"[0-9]*"' <<< "$answer" | head -n 1 | tr -dc 0-9)
[[ -n $entry ]] || { echo "nothing was taken: $answer" >&2; exit 1; }
echo "push      $(grep -o '"counts":{[^}]*}' <<< "$answer") first entry $entry"

# The log signs about once a second: 202 until then.
get() { # path, file
  curl -sS -o "$2" -w '%{http_code}' "$hub$1" -H "Authorization: DPoP $token" -H "DPoP: $(proof GET "$1" "$ath")"
}
for _ in $(seq 30); do
  status=$(get "/receipts/$entry" "$entry.tlog-proof")
  [[ $status == 202 ]] || break
  sleep 0.5
done
[[ $status == 200 ]] || { echo "no receipt: $status $(cat "$entry.tlog-proof")" >&2; exit 1; }
get "/records/$entry" "$entry.record.json" > "$work/status"
echo "receipt   $entry.tlog-proof $entry.record.json"
