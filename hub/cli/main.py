"""`deltahub`: everything an operator or a partner does, as commands.

Exit codes: 0 done, 1 the answer is no (not valid, not fresh, rows refused), 2 it could not be done.
"""

from __future__ import annotations

import sys

import typer

from hub.cli import client, demo, harvest, quarantine, serve, source, standard, store
from hub.cli import verify as verify_command
from hub.errors import HubError

app = typer.Typer(
    name="deltahub",
    help="Yangtze Delta Instrument Exchange Hub 长三角大型科研仪器数据交换枢纽",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("verify")(verify_command.verify)
app.command("standard")(standard.standard)
app.command("harvest")(harvest.harvest)
app.add_typer(client.app, name="client")
app.add_typer(source.app, name="source")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(store.app, name="store")


def main() -> None:
    """Run the command line; an error of the hub is told in words and not as a traceback."""
    try:
        app()
    except HubError as error:
        print(f"{error.code.name}: {error.message_zh}\n{error.message_en}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        sys.exit(2)
