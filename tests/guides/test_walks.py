"""Whoever copies the commands of a quick start one after the other arrives where it says.

The commands of `deltahub` run in this process, which spares a start of two seconds each; all others
run in a shell. `tests/guides/empty_machine.py` walks the same steps with nothing but a shell.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli.main import assemble
from hub.errors import HubError
from tests.guides.by_hand import do_by_hand
from tests.guides.conftest import RunningHub
from tests.guides.pages import GUIDES, ROOT, Known, Step, Who, page, steps

pytestmark = pytest.mark.integration
RUN_S = 60
TIMES = 10
"""How often a command is given while the hub says that it should come again in a moment."""
COMMAND = "deltahub "
HEREDOC = re.compile(r"<<'(\w+)'")


@pytest.fixture(scope="module")
def walked(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the commands of each guide printed, walked in their order against one hub."""
    for program in ("bash", "curl", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}")
    place = tmp_path_factory.mktemp("readers")
    return {name: Walk(name, hub, place).to_the_end() for name in GUIDES}


class Walk:
    """One reader on one page, in an empty folder."""

    def __init__(self, name: str, hub: RunningHub, place: Path) -> None:
        self.name, self.hub, self.folder = name, hub, place / name
        self.folder.mkdir()
        self.known = Known(hub.base)

    def to_the_end(self) -> list[str]:
        for step in steps(self.name):
            if step.who is Who.HAND:
                do_by_hand(self.folder, step.file, self.name, self.folder.parent / GUIDES[0])
            elif step.who is not Who.INSTALL:
                self._take(step)
        return self.known.said

    def _take(self, step: Step) -> None:
        commands = list(_commands(step.text))
        for number, command in enumerate(commands, start=1):
            text = self.known.put_into(command)
            for _ in range(TIMES):
                code, output = self._run(text, is_operator=step.who is Who.OPERATOR)
                if "STATE_UNAVAILABLE" not in output:  # nothing was done; it says: send it again
                    break
                time.sleep(1)
            expected = step.exit_code if number == len(commands) else 0
            assert code == expected, f"{self.name}: {text}\n{output}"
            self.known.hear(output)

    def _run(self, text: str, *, is_operator: bool) -> tuple[int, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name in set(os.environ) - set(kept):
                patch.delenv(name)
            patch.setenv("HUB_DATA_DIR", str(self.hub.data_dir if is_operator else self.folder))
            if is_operator:
                patch.setenv("HUB_DATABASE_URL", self.hub.database_url)
            if text.startswith(COMMAND):
                words = shlex.split(text, comments=True)[1:]
                done = CliRunner().invoke(assemble(words[0]), words)
                if isinstance(done.exception, HubError):
                    return 2, str(done.exception)
                return done.exit_code, done.output
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            shell = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text],
                env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=RUN_S,
                check=False,
            )
            return shell.returncode, shell.stdout


def _commands(text: str) -> Iterator[str]:
    """Give the commands of a block; a document that is typed in belongs to its command."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(("#", "export PATH=")) or not line.strip():
            continue
        ends = HEREDOC.search(line)
        command = [line]
        while ends and command[-1] != ends[1]:
            command.append(next(lines))
        yield "\n".join(command)


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_of_a_quick_start_does_what_it_says(
    name: str, walked: dict[str, list[str]]
) -> None:
    assert len(walked[name]) >= 10
    assert not [said for said in walked[name] if "Traceback" in said]


def test_a_university_reports_corrects_pushes_and_holds_a_receipt(
    walked: dict[str, list[str]],
) -> None:
    said = "\n".join(walked["start-university"])
    assert "CODE_UNKNOWN" in said
    assert re.search(r"quarantined +1\b", said)
    assert '"outcome": "QUARANTINED"' in said
    assert '"quarantined": 0' in said
    assert '"outcome": "PROVEN"' in said
    assert '"proven": 2' in said
    assert "VALID_UNWITNESSED" in said
    assert "CURRENT" in said


def test_a_platform_asks_follows_and_knows_its_sources(walked: dict[str, list[str]]) -> None:
    said = walked["start-platform"]
    assert any("场发射透射电子显微镜" in each for each in said)
    assert any('"status": "STALE"' in each and '"status": "NEVER"' in each for each in said)
    first, second = [each for each in said if re.match(r"\d+ instruments: ", each)]
    count = first.split()[0]
    assert int(count) >= 6
    assert first.split(": ")[1].startswith(f"{count} new")
    assert second == f"{count} instruments: 0 new, 0 changed, 0 gone\n"


def test_a_voucher_officer_finds_a_service_and_proves_it(walked: dict[str, list[str]]) -> None:
    said = walked["start-voucher"]
    found = [each for each in said if '"totalCount": 1' in each]
    assert len(found) == 2, "by number, and by invoice"
    assert '"voucherFen": 180000' in found[0]
    words = [each.split()[0] for each in said if each.startswith(("VALID", "BAD"))]
    assert words == ["VALID_UNWITNESSED", "BAD_PRODUCER_SIG"]
    assert '"standing": "CURRENT"' in said[-1]


@pytest.mark.parametrize("name", GUIDES)
def test_both_languages_of_a_quick_start_have_the_same_commands(name: str) -> None:
    chinese, english = list(steps(name)), list(steps(f"{name}-en"))
    assert chinese == english
    assert len(chinese) >= 8


@pytest.mark.parametrize("name", [*GUIDES, *(f"{name}-en" for name in GUIDES)])
def test_a_quick_start_names_the_resource_of_a_token_and_only_codes_that_exist(name: str) -> None:
    text = page(name).read_text("utf-8")
    assert "`resource`" in text
    known = "".join(
        (ROOT / path).read_text("utf-8")
        for path in (
            "docs/errors.md",
            "docs/standard/receipts.md",
            "docs/standard/hub-sig-1.md",
            "schema/published/hub.graphql",
            "hub/client/hub_client.py",
        )
    )
    named = set(re.findall(r"`([A-Z][A-Z_]{2,}[A-Z])`", text))
    assert len(named) >= 10
    assert sorted(code for code in named if code not in known) == []
