"""A client of the hub without the hub's own: Python with httpx and joserfc alone
(which brings cryptography): pip install httpx joserfc

python hub_alone.py HUB CLIENT KEY.pem [SOURCE ROWS.ndjson]

Fetches a token, asks a question; with a source it pushes rows and fetches the first one's receipt.
"""

import sys
import time
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey

QUESTION = (
    "{ instruments(first: 1) { totalCount nodes { name { zh } } sources { id status asOf } } }"
)


def b64u(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class HubSession:
    """What every request needs: a token, and a proof that it is ours."""

    def __init__(self, base, client, key_file):
        self.base, self.client = base.rstrip("/"), client
        self.key = ECKey.import_key(Path(key_file).read_text())
        self.http = httpx.Client(
            base_url=self.base, timeout=60, headers={"Accept-Encoding": "identity"}
        )
        self.token = None

    def jws(self, header, claims):
        return jwt.encode({"alg": "ES256", **header}, claims, self.key, algorithms=["ES256"])

    def proof(self, method, path, **more):
        jwk = {name: self.key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
        claims = {
            "jti": token_urlsafe(16),
            "htm": method,
            "htu": self.base + path,
            "iat": int(time.time()),
        }
        return self.jws({"typ": "dpop+jwt", "jwk": jwk}, {**claims, **more})

    def ask_for_token(self, **nonce):
        now = int(time.time())
        claims = {
            "iss": self.client,
            "sub": self.client,
            "aud": self.base,
            "jti": token_urlsafe(16),
        }
        header = {"kid": self.key.thumbprint(), "typ": "client-authentication+jwt"}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.jws(header, {**claims, "iat": now, "exp": now + 60}),
            "resource": self.base,  # what the token is for; without it: invalid_target
        }
        headers = {"DPoP": self.proof("POST", "/oauth/token", **nonce)}
        answer = self.http.post("/oauth/token", data=form, headers=headers)
        if answer.json().get("error") == "use_dpop_nonce" and not nonce:
            return self.ask_for_token(nonce=answer.headers["DPoP-Nonce"])
        if answer.is_error:
            sys.exit(f"token refused: {answer.text}")
        self.token = answer.json()["access_token"]
        return answer.json()["scope"]

    def proven(self, method, path):
        """The two headers of an authorised request; a proof is good once."""
        ath = b64u(sha256(self.token.encode()).digest())
        return {"authorization": f"DPoP {self.token}", "dpop": self.proof(method, path, ath=ath)}

    def ask(self, document):
        answer = self.http.post(
            "/graphql", json={"query": document}, headers=self.proven("POST", "/graphql")
        ).json()
        if "errors" in answer:
            sys.exit(f"question refused: {answer['errors']}")
        return answer["data"]

    def push(self, source, body):
        """One signed request (RFC 9421): a line for each component, then the parameters."""
        target = f"/batches?source={source}"
        digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
        headers = {
            "content-digest": digest,
            "content-type": "application/x-ndjson",
            **self.proven("POST", "/batches"),
            "idempotency-key": token_urlsafe(18),
        }
        values = {"@method": "POST", "@target-uri": self.base + target, **headers}
        covered = " ".join(f'"{name}"' for name in values)
        now = int(time.time())
        params = (
            f'({covered});created={now};expires={now + 300};nonce="{token_urlsafe(24)}"'
            f';keyid="{self.key.thumbprint()}";alg="ecdsa-p256-sha256";tag="hub-req-1"'
        )
        lines = [f'"{name}": {value}' for name, value in values.items()]
        base = "\n".join([*lines, f'"@signature-params": {params}']).encode()
        pair = decode_dss_signature(self.key.private_key.sign(base, ECDSA(SHA256())))
        signature = b64encode(b"".join(part.to_bytes(32, "big") for part in pair)).decode()
        signed = {"signature-input": f"hub={params}", "signature": f"hub=:{signature}:"}
        answer = self.http.post(target, content=body, headers={**headers, **signed})
        if answer.is_error:
            sys.exit(f"push refused: {answer.text}")
        return answer.json()

    def get(self, path):
        """What is at a path; the log signs about once a second, 202 until then."""
        for _ in range(30):
            answer = self.http.get(path, headers=self.proven("GET", path))
            if answer.status_code == 200:
                return answer.content
            if answer.status_code != 202:
                sys.exit(f"{path}: {answer.text}")
            time.sleep(0.5)
        sys.exit(f"{path}: not signed yet")


def main(base, client, key_file, source=None, rows_file=None):
    hub = HubSession(base, client, key_file)
    print("token    ", hub.ask_for_token())
    instruments = hub.ask(QUESTION)["instruments"]
    first = instruments["nodes"][0]["name"]["zh"] if instruments["nodes"] else "-"
    print("question ", instruments["totalCount"], "instruments, the first:", first)
    if source is None:
        return
    told = hub.push(source, Path(rows_file).read_bytes())
    for row in told["rows"]:
        print(
            "push      row",
            row["row"],
            row["outcome"],
            row.get("entryId", ""),
            row.get("problems", ""),
        )
    entry = next((row["entryId"] for row in told["rows"] if "entryId" in row), None)
    if entry is None:
        sys.exit("nothing was taken")
    Path(f"{entry}.tlog-proof").write_bytes(hub.get(f"/receipts/{entry}"))
    Path(f"{entry}.record.json").write_bytes(hub.get(f"/records/{entry}"))
    print(f"receipt   {entry}.tlog-proof {entry}.record.json")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 6):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except httpx.HTTPError as error:
        sys.exit(f"{sys.argv[1]} does not answer: {error}")
    except (OSError, ValueError) as error:  # a file that is not there, or holds no key
        sys.exit(str(error))
