"""`HttpQuestion` and `HttpAnswer`: what is asked of a source over HTTP, and what is to be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

__all__ = ["HttpAnswer", "HttpQuestion"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpQuestion:
    """What is asked of a source."""

    path: str
    """Below the base address; empty: the base address itself."""
    query: Mapping[str, str] | None = None
    method: str = "GET"
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_safe: bool = True
    """Whether it changes nothing at the source, so that it may be asked again."""
    read_too: frozenset[int] = frozenset()
    """Statuses beside 2xx whose answer its asker reads: 304, or a SOAP fault with 500."""
    encoded: str = field(init=False, repr=False, compare=False)
    """The query as it is sent: made once, for a question may be asked many times."""

    def __post_init__(self) -> None:
        """Encode the query."""
        object.__setattr__(self, "encoded", urlencode(self.query) if self.query else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpAnswer:
    """One answer that is to be read: its raw bytes, and what is needed to read them."""

    place: str
    raw: bytes
    content_type: str
    status: int = 200
    entity_tag: str = ""
    """The name that the source gives this state of the answer (RFC 9110 section 8.8.3), if any."""
    modified: str = ""
    """When it last changed, in the words of the source, if it says so and has stood long enough for
    that to tell it from other states of it (RFC 9110 section 8.8.2.2)."""
