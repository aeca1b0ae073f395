"""`access`: who may call (OAuth bound by DPoP) and what they signed (RFC 9421, RFC 9530).

- Profiles `hub-oauth-1` and `hub-sig-1`; no security input is ever read from `request.url` or Host.
- A refusal tells its code and nothing that helps an attacker.
"""
