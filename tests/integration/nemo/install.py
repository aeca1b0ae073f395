"""Install NEMO 8.1.5 in an environment of its own and prepare an empty database.

NEMO pins its own Django, so it never shares an environment with the hub. What is made here lies
under `.tools/nemo` of the checkout and is ignored by git:

- `venv/` from `requirements.lock`, every file checked against its hash;
- `empty.db`, the migrated SQLite file that each run copies (migrating takes a minute).

`installed.txt` names the inputs it was made from; a changed lock file or changed settings make it
anew. Run as a script, or call `install()`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
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
        "PYTHONDONTWRITEBYTECODE": "1",
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


def install() -> Path:
    """Make the environment and the empty database unless they are there; return the folder."""
    if is_installed():
        return HOME
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    step("create the environment", [sys.executable, "-m", "venv", str(HOME / "venv")])
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    step(
        "install NEMO from the package index",
        [*pip, "--require-hashes", "-r", str(HERE / "requirements.lock")],
    )
    migration = HOME / "migration"
    (migration / "media").mkdir(parents=True)
    step(
        "migrate an empty database",
        [str(PYTHON), "-m", "django", "migrate", "-v0"],
        environment(migration),
    )
    (migration / "sqlite.db").rename(EMPTY)
    STAMP.write_text(fingerprint(), "utf-8")
    return HOME


if __name__ == "__main__":
    try:
        sys.stdout.write(f"NEMO lies in {install().relative_to(ROOT)}\n")
    except InstallError as error:
        sys.exit(str(error))
