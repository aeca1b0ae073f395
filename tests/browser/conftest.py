"""The browser that pages are opened in, and where its pictures go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.node_tools import NodeTools, node_tools

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Browser:
    """A headless Chromium, driven by programs of Node."""

    program: str
    tools: NodeTools
    pictures: Path


@pytest.fixture(scope="session")
def browser() -> Browser:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium: run tests/browser/install.sh as root on Debian, or install it")
    tools = node_tools(Path(__file__).parent)
    pictures = tools.folder / "screenshots"
    pictures.mkdir(exist_ok=True)
    return Browser(program, tools, pictures)
