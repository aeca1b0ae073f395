"""`profile`: a small file that says which hub a partner talks to, as whom, with which key.

Three lines of TOML: `hub`, `client_id`, `key` (a path, relative to the file). It holds no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hub.client.errors import ClientError
from hub.client.hub_client import HubClient
from hub.client.keyfile import load_key
from schema.strict_toml import explained, read_toml

BYTES_MAX = 16_384
MEMBERS = {"hub", "client_id", "key"}


class ProfileError(ClientError):
    """The profile file cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(
            "PROFILE", message, "write three lines of TOML: hub, client_id and key (a path)"
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """Which hub, as whom, with which key file."""

    hub: str
    client_id: str
    key: Path

    def client(self) -> HubClient:
        """Return a client of the hub; KeyFileError when the key cannot be used."""
        return HubClient(self.hub, self.client_id, load_key(self.key))

    def write(self, path: Path) -> None:
        """Write the profile; the key's path is kept relative where it lies beside the file."""
        near = self.key.parent.resolve() == path.parent.resolve()
        key = self.key.name if near else str(self.key.resolve())
        lines = [f'hub = "{self.hub}"', f'client_id = "{self.client_id}"', f'key = "{key}"']
        path.write_text("\n".join(lines) + "\n", "utf-8")


def load_profile(path: Path) -> Profile:
    """Read a profile; ProfileError says what is wrong with it."""
    try:
        text = path.read_bytes()[: BYTES_MAX + 1].decode("utf-8")
        content = read_toml(text, characters_max=BYTES_MAX)
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        zh, en = explained(error)
        raise ProfileError(f"{path} 不是 TOML：{zh} is not TOML: {en}") from error
    if set(content) != MEMBERS or not all(isinstance(part, str) for part in content.values()):
        raise ProfileError(f"{path} must have exactly {', '.join(sorted(MEMBERS))}, as text")
    return Profile(content["hub"], content["client_id"], path.parent / content["key"])
