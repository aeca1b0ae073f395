"""`python -m tests.guides.empty_machine`: the three quick starts on a new machine, with times.

Each reader has an empty folder, an empty home and an environment without anything of ours; he
installs the package into a new venv and types every command of his page into a shell. The operator
answers from this checkout. What is edited by hand takes no time. Prints the seconds of each step.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hub.embedded.server import EmbeddedPostgres
from hub.store.roles import prepare
from tests.conftest import PREFIX
from tests.databases import lent_database, logins, make_roles
from tests.guides.by_hand import do_by_hand
from tests.guides.pages import GUIDES, ROOT, Known, Step, Who, steps
from tests.running_hub import running_hub

STEP_S = 600
KEPT = ("PIP_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Settings of the machine's network that a reader would have as well."""
WIDTH = 60


def main() -> int:
    """Walk all pages; 1 as soon as a command does not do what its page says."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        place = Path(name)
        wheel = _wheel(place)
        with (
            EmbeddedPostgres(place / "pg", throwaway=True) as server,
            lent_database(server.url_of("postgres")) as url,
        ):
            prepare(make_roles(url))
            (place / "hub").mkdir()
            with running_hub(logins(url).hub, place / "hub") as base:
                operator = {
                    "HUB_DATABASE_URL": logins(url).hub,
                    "HUB_DATA_DIR": f"{place}/hub/data",
                }
                return max(Reader(guide, base, place, wheel, operator).walk() for guide in GUIDES)


class Reader:
    """Somebody with a new machine and one page."""

    def __init__(
        self, guide: str, base: str, place: Path, wheel: Path, operator: dict[str, str]
    ) -> None:
        self.guide, self.known = guide, Known(base)
        self.folder, home = place / guide, place / f"{guide}-home"
        self.folder.mkdir()
        home.mkdir()
        (self.folder / wheel.name).write_bytes(wheel.read_bytes())
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        clean = [part for part in os.environ["PATH"].split(":") if ".venv" not in part]
        self.environment = {**kept, "PATH": ":".join(clean), "HOME": str(home), "LANG": "C.UTF-8"}
        own = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.operator = {**os.environ, **operator, "PATH": own, "PYTHONPATH": str(ROOT)}
        self.exports = ""

    def walk(self) -> int:
        """Take every step; return 0 when all went as the page says."""
        print(self.guide)
        spent = dict.fromkeys(Who, 0.0)
        for step in steps(self.guide):
            if step.who is Who.HAND:
                do_by_hand(self.folder, step.file, self.guide, self.folder.parent / GUIDES[0])
                continue
            began = time.monotonic()
            code, output = self._run(step)
            seconds = time.monotonic() - began
            spent[step.who] += seconds
            last = step.text.strip().splitlines()[-1]
            print(f"  {seconds:6.1f} s  {step.who.name.lower():<8}  {last[:WIDTH]}", flush=True)
            if code != step.exit_code:
                print(output)
                return 1
        parts = ", ".join(f"{who.name.lower()} {s:.1f} s" for who, s in spent.items() if s)
        print(f"  {sum(spent.values()):6.1f} s  in all: {parts}", flush=True)
        return 0

    def _run(self, step: Step) -> tuple[int, str]:
        text = self.known.put_into(step.text)
        if text.startswith("export "):
            self.exports += text
            return 0, ""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.exports + text],
            cwd=self.folder,
            env=self.operator if step.who is Who.OPERATOR else self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_S,
            check=False,
        )
        self.known.hear(done.stdout)
        return done.returncode, done.stdout


def _wheel(place: Path) -> Path:
    """Build the package from what is committed, as the operator does."""
    source = place / "source"
    source.mkdir()
    packed = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True, timeout=STEP_S
    )
    subprocess.run(["tar", "-x"], cwd=source, input=packed.stdout, check=True, timeout=STEP_S)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "-w", str(place), "."],
        cwd=source,
        check=True,
        timeout=STEP_S,
    )
    return next(place.glob("*.whl"))


if __name__ == "__main__":
    sys.exit(main())
