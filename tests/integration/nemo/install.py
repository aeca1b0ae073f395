"""Install NEMO 8.1.5 in an environment of its own and prepare an empty database.

NEMO pins its own Django, so it never shares an environment with the hub. What is made here lies
under `.tools/nemo` of the checkout and is ignored by git:

- `venv/` from `requirements.lock`, every file checked against its hash;
- `empty.db`, the SQLite file that each run copies. Its tables are made by NEMO's Django from the
  models of the release, in a second. Walking through all migrations since 2015 takes a minute of
  processor time and ends at the same tables: `python install.py --compare` walks and compares
  every column, index and reference. What only the migrations bring is four rows of choices for
  interlocks, one for sensor cards, one setting and NEMO's own news; a test that needs them seeds
  them.

`installed.txt` names the inputs it was made from; a changed lock file or changed settings make it
anew (compare then). Run as a script, or call `install()`.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOME = ROOT / ".tools" / "nemo"
PYTHON = HOME / "venv" / "bin" / "python"
EMPTY = HOME / "empty.db"
STAMP = HOME / "installed.txt"
INPUTS = ("requirements.lock", "nemo_settings.py")
STEP_SECONDS_MAX = 600
"""Upper bound of one step; a hanging index must not hang the tests."""


class InstallError(Exception):
    """NEMO could not be installed; the message says which step failed and how."""


def fingerprint() -> str:
    """Name the inputs of an installation by their content."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update((HERE / name).read_bytes())
    return f"{digest.hexdigest()} {sys.version_info.major}.{sys.version_info.minor}\n"


def is_installed() -> bool:
    """Tell whether the folder holds what the present inputs ask for."""
    return (
        STAMP.is_file()
        and STAMP.read_text("utf-8") == fingerprint()
        and PYTHON.is_file()
        and EMPTY.is_file()
    )


def environment(folder: Path) -> dict[str, str]:
    """Return the variables under which NEMO's own commands run, with `folder` for its data."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "nemo_settings",
        "PYTHONPATH": str(HERE),
        "PYTHONPYCACHEPREFIX": str(HOME / "compiled"),
        "NEMO_FOLDER": str(folder),
    }


def step(title: str, command: list[str], variables: dict[str, str] | None = None) -> None:
    """Run one command to its end; a failure carries the last lines of what it wrote."""
    try:
        done = subprocess.run(
            command,
            env=variables,
            check=False,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{title}: {error}") from error
    if done.returncode != 0:
        raise InstallError(f"{title}: {(done.stdout + done.stderr).strip()[-800:]}")


@contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time install; the lock ends with the process that holds it."""
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with (HOME.parent / "nemo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install() -> Path:
    """Make the environment and the empty database unless they are there; return the folder."""
    with alone():
        if not is_installed():
            shutil.rmtree(HOME, ignore_errors=True)
            HOME.mkdir(parents=True)
            _packages()
            make_tables(EMPTY)
            STAMP.write_text(fingerprint(), "utf-8")
    return HOME


def _packages() -> None:
    """Install what the lock file names; modules are compiled when they are first imported."""
    venv = [sys.executable, "-m", "venv", str(HOME / "venv")]
    pip = [str(PYTHON), "-m", "pip"]
    if any(distributions(name="pip")):  # one more pip takes longer than half of the packages
        venv.append("--without-pip")
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    step("create the environment", venv)
    pip += ["--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    step(
        "install NEMO from the package index",
        [*pip, "--require-hashes", "-r", str(HERE / "requirements.lock")],
    )


def make_tables(file: Path, **how: str) -> None:
    """Let NEMO make its tables in a new SQLite file."""
    with tempfile.TemporaryDirectory(dir=file.parent) as name:
        folder = Path(name)
        (folder / "media").mkdir()
        step(
            "make the tables",
            [str(PYTHON), "-m", "django", "migrate", "-v0", "--run-syncdb"],
            environment(folder) | how,
        )
        (folder / "sqlite.db").rename(file)


COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?) ORDER BY name'
INDEXES = """
SELECT i."unique", (SELECT group_concat(name) FROM pragma_index_info(i.name)) AS columns
FROM pragma_index_list(?) AS i ORDER BY columns, 1
"""
REFERENCES = """
SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?) ORDER BY 2, 1
"""


def tables(file: Path) -> dict[str, list[object]]:
    """Read columns, indexes and references of every table, whatever order they were made in."""
    with sqlite3.connect(file) as store:
        names = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [store.execute(ask, (name,)).fetchall() for ask in (COLUMNS, INDEXES, REFERENCES)]
            for (name,) in names
            if not name.startswith("sqlite_") and name != "django_migrations"
        }


def compare() -> list[str]:
    """Walk through all migrations and name each table that differs from `empty.db`."""
    with tempfile.TemporaryDirectory() as name:
        walked = Path(name) / "walked.db"
        make_tables(walked, NEMO_MIGRATES="1")
        one, other = tables(install() / EMPTY.name), tables(walked)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


if __name__ == "__main__":
    try:
        sys.stdout.write(f"NEMO lies in {install().relative_to(ROOT)}\n")
        if "--compare" in sys.argv:
            differing = compare()
            sys.stdout.write(f"tables that differ: {', '.join(differing) or 'none'}\n")
            sys.exit(bool(differing))
    except InstallError as error:
        sys.exit(str(error))
