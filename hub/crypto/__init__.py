"""What signs and is signed with: keys, ES256, compact JWS, base64url, files of private keys.

The lowest floor of the hub: whoever signs or verifies a token, a request, a record or a checkpoint
does it with what stands here. `es256` knows one algorithm, `keys` names keys and knows the two
suites, `jws` reads and writes tokens, `answer` what the hub says over its name, `key_files` keeps
private keys on disk.
"""
