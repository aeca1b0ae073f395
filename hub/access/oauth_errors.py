"""`oauth_errors`: refusals of the authorization server, beside those that Authlib has."""

from __future__ import annotations

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidGrantError, OAuth2Error


class HubClientError(InvalidClientError):  # type: ignore[misc] # Authlib has no types
    """The client did not authenticate: 401, no hint which check failed."""

    def __init__(self) -> None:
        super().__init__(status_code=401, description="client authentication failed")

    def get_headers(self) -> list[tuple[str, str]]:
        """Return the headers without a `Basic` challenge."""
        return [line for line in super().get_headers() if line[0] != "WWW-Authenticate"]


class InvalidTargetError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """`resource` is missing or not one of ours (RFC 8707 §2)."""

    error = "invalid_target"
    description = "resource must be exactly one of the protected resources of this hub"


class InvalidProofError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """The DPoP proof is missing or not acceptable (RFC 9449 §5)."""

    error = "invalid_dpop_proof"
    description = "a valid DPoP proof is required"


class NonceError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """The proof needs the server's nonce, which the answer carries (RFC 9449 §8)."""

    error = "use_dpop_nonce"
    description = "repeat the request with the nonce of the DPoP-Nonce header"


class UnsupportedGrantError(OAuth2Error):  # type: ignore[misc] # Authlib has no types
    """No such grant type is served; the text never repeats what was sent."""

    error = "unsupported_grant_type"
    description = "grant_types_supported in the metadata lists what is served"


class InvalidAssertionError(InvalidGrantError):  # type: ignore[misc] # Authlib has no types
    """The ID token is not acceptable (RFC 7523 §3.1); no hint which check failed."""

    description = "the assertion is not acceptable"


class InvalidSubjectError(InvalidGrantError):  # type: ignore[misc] # Authlib has no types
    """The subject token is not acceptable (RFC 8693 §2.2.2); no hint which check failed."""

    description = "the subject_token is not acceptable"
