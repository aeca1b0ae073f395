"""The compositions of Apollo and of the Guild, and the subgraphs that tests give them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.graphql.schema import interface
from hub.graphql.subgraph import subgraph_sdl
from hub.store.records import standard_records
from tests.node_tools import NodeTools

COMPOSITION = Path(__file__).parent / "composition"
CALIBRATIONS = COMPOSITION / "calibrations.graphql"
"""The subgraph of a partner that adds to Instrument and Institution."""


@dataclass(frozen=True)
class Compositions:
    """Runs both compositions."""

    tools: NodeTools

    def of(self, folder: Path, subgraphs: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
        """Compose subgraphs, given by name as address and text; say what each composition found.

        A supergraph stands in the folder afterwards, as `apollo.graphql` and `guild.graphql`.
        """
        named = []
        for name, (address, text) in subgraphs.items():
            file = folder / f"{name}.subgraph.graphql"
            file.write_text(text, "utf-8")
            named.append(f"{name}={address}={file}")
        done = self.tools.node("compose.mjs", str(folder), *named)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def hub_subgraph() -> str:
    """Return the text that the hub gives to a gateway."""
    return subgraph_sdl(interface(standard_records()).model)
