"""`deltahub`: everything an operator or a partner does, as commands.

Exit codes: 0 done, 1 the answer is no (not valid, not fresh, rows refused), 2 it could not be done.

Only the module of the command that is called is imported: `deltahub verify` must start at once and
needs no more than the verifier.
"""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from tempfile import NamedTemporaryFile
from typing import NoReturn

import typer

from hub.errors import HubError
from hub.ledger.errors import LedgerError
from hub.watching.scrub import SCRUBBER

VERBS = {
    "serve": "serve",
    "demo": "demo",
    "harvest": "harvest",
    "submit": "submit",
    "status": "status",
    "verify": "verify",
    "doctor": "doctor",
    "standard": "standard",
    "erase": "erase",
}
"""Single commands, each a function of its own name in `hub.cli.<module>`."""
GROUPS = {
    "client": "client",
    "mapping": "mapping",
    "source": "source",
    "booking": "booking",
    "identity": "identity",
    "quarantine": "quarantine",
    "store": "store",
    "policy": "policy",
    "customs": "customs",
    "voucher": "voucher",
    "audit": "audit",
    "keys": "keys",
    "database": "database",
    "report": "report",
    "export": "export",
    "sandbox": "sandbox",
    "webhook": "webhook",
}
"""Groups of commands, each an `app` in `hub.cli.<module>`."""


def assemble(only: str | None = None) -> typer.Typer:
    """Return the command line, with one command or group, or with all of them."""
    command_line = typer.Typer(
        name="deltahub",
        help="Yangtze Delta Instrument Exchange Hub 长三角大型科研仪器数据交换枢纽",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    command_line.callback()(lambda: None)
    for name, module in VERBS.items():
        if only in (None, name):
            command_line.command(name)(getattr(import_module(f"hub.cli.{module}"), name))
    for name, module in GROUPS.items():
        if only in (None, name):
            command_line.add_typer(import_module(f"hub.cli.{module}").app, name=name)
    return command_line


def main() -> None:
    """Run the command line; an error of the hub is printed without a traceback."""
    first = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        assemble(first if first in {**VERBS, **GROUPS} else None)()
    except HubError as error:
        advice = dict.fromkeys((error.hint_zh, error.hint))
        _tell(f"{error.code.name}: {error.message_zh}\n{error.message_en}", "\n".join(advice))
    except LedgerError as error:
        _tell(f"{error.code}: {error.message}", error.hint)
    except BrokenPipeError:
        raise  # nobody listens any more
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _tell(
            f"无法读写文件或连接：{place}{error.strerror or error}\n"
            f"A file or a connection cannot be used: {place}{error.strerror or error}",
            "请检查路径、属主与权限、磁盘剩余空间。\n"
            "Check the path, its owner and permissions, and the free space of its disk.",
        )
    except Exception:  # noqa: BLE001 - the last resort: nobody reads a traceback
        file = _keep_fault()
        _tell(
            "程序自身出错，没有做完。\nThis program did not finish, by a fault of its own.",
            f"请将此文件交给开发者 give this file to the developers: {file}",
        )


def _keep_fault() -> str:
    """Write down how the program failed, for those who mend it; return the file's path."""
    with NamedTemporaryFile(
        "w", prefix="deltahub-", suffix=".txt", encoding="utf-8", errors="replace", delete=False
    ) as file:
        file.write(SCRUBBER(traceback.format_exc()))
    return file.name


def _tell(message: str, hint: str) -> NoReturn:
    """Say what went wrong and what to do, and end."""
    print(SCRUBBER(message), file=sys.stderr)
    if hint:
        print(SCRUBBER(hint), file=sys.stderr)
    sys.exit(2)
