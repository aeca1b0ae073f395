"""`deltahub sandbox`: makes the systems of a running demo fail on purpose, and puts them right."""

from __future__ import annotations

import re
from typing import Annotated, Any, NoReturn

import httpx
import typer

from hub.cli.context import settings
from hub.demo.parties import home
from hub.demo.switches import read_switches

app = typer.Typer(
    help="Fault switches of the demo's systems 演示系统的故障开关", no_args_is_help=True
)
WAIT_S = 10.0
NUMBER = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?", re.ASCII)
NO_DEMO = (
    "没有正在运行的演示：先 make run（或 deltahub demo），并使用相同的 HUB_DATA_DIR 与地址\n"
    "No demo runs: make run (or deltahub demo) first, with the same HUB_DATA_DIR and address"
)


@app.command("list")
def list_switches() -> None:
    """List the systems of the running demo, and what is switched on."""
    for name, url in _switches().items():
        typer.echo(f"{name}  {_words(_asked('GET', url))}")


@app.command()
def fault(
    system: Annotated[str, typer.Argument(help="a source of the demo, such as ecnu")],
    faults: Annotated[
        list[str] | None,
        typer.Argument(help="such as slow=30, dead, html, lying; none: all is well again"),
    ] = None,
) -> None:
    """Switch faults of one system on, and all others of it off."""
    switches = _switches()
    if system not in switches:
        _refuse(f"没有该系统 no such system: {system}\n{', '.join(switches)}")
    values = dict(map(_value, faults or ()))
    typer.echo(f"{system}  {_words(_asked('POST', switches[system], values))}")


def _switches() -> dict[str, str]:
    deployment = settings()
    switches = read_switches(home(deployment.data_dir, deployment.base))
    if not switches:
        _refuse(NO_DEMO)
    return switches


def _value(text: str) -> tuple[str, bool | float]:
    name, is_given, value = text.partition("=")
    if not is_given:
        return name, True
    if not NUMBER.fullmatch(value):
        _refuse(f"{text}: 等号后须为秒数 after = comes a number of seconds")
    return name, float(value)


def _asked(method: str, url: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        answer = httpx.request(method, url, json=values, timeout=WAIT_S, trust_env=False)
    except httpx.HTTPError:
        _refuse(NO_DEMO)
    told: dict[str, Any] = answer.json()
    if not answer.is_success:
        _refuse(f"该系统不能如此 the system cannot: {told.get('error', '')}")
    return told


def _words(stands: dict[str, Any]) -> str:
    on = [name if value is True else f"{name}={value:g}" for name, value in stands.items() if value]
    return ", ".join(on) or "正常 well"


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)
