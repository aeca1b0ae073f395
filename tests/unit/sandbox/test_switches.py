"""Switches of a running demo: found through its folder, set by one command, refused if unknown."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from typer.testing import CliRunner

from hub.cli.main import assemble
from hub.demo.parties import home
from hub.demo.switches import read_switches, switches_file
from hub.sandbox.anhui import platform
from hub.sandbox.customs_office import MESSAGE_FAULTS, CustomsOffice
from hub.sandbox.serve import serving

DAY = date(2026, 11, 24)


@pytest.fixture
async def command(tmp_path, monkeypatch):
    """Run `deltahub sandbox` beside a demo of one system; give what it printed and its code."""
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HUB_PORT", "18000")
    folder = home(tmp_path, "http://127.0.0.1:18000")
    folder.mkdir(parents=True)
    system = platform(lambda: DAY, 0.01)

    async def run(*words: str, is_up: bool = True):
        async def called():
            line = assemble("sandbox")
            return await asyncio.to_thread(CliRunner().invoke, line, ["sandbox", *words])

        if not is_up:
            return await called()
        async with serving(system.app) as url:
            with switches_file(folder, {"anhui": f"{url}/_faults"}):
                return await called()

    run.folder, run.system = folder, system
    return run


async def test_a_fault_is_switched_on_and_off_by_one_command(command):
    done = await command("fault", "anhui", "lying", "slow=0.5")
    assert (done.exit_code, done.output) == (0, "anhui  slow=0.5, lying\n")
    assert command.system.switchboard.faults.lying
    assert (await command("list")).output == "anhui  slow=0.5, lying\n"
    done = await command("fault", "anhui")
    assert (done.exit_code, done.output) == (0, "anhui  正常 well\n")
    assert not command.system.switchboard.faults.lying


@pytest.mark.parametrize(
    "words",
    [
        ("anhui", "tired"),
        ("anhui", "slow=soon"),
        ("anhui", "slow=-1"),
        ("anhui", "slow=nan"),
        ("anhui", "dead=1"),
        ("anhui", "expired"),
        ("other", "dead"),
    ],
    ids="-".join,
)
async def test_what_a_system_cannot_show_is_refused_and_nothing_is_switched(command, words):
    command.system.switchboard.set({"stale": True})
    done = await command("fault", *words)
    assert done.exit_code == 2
    assert done.output
    assert command.system.switchboard.faults.stale


async def test_without_a_demo_it_says_so_and_a_file_that_outlived_one_is_no_demo(command):
    done = await command("list", is_up=False)
    assert (done.exit_code, "make run" in done.output) == (2, True)
    with switches_file(command.folder, {"anhui": "http://127.0.0.1:9/_faults"}):
        done = await command("list", is_up=False)
        assert (done.exit_code, "make run" in done.output) == (2, True)
    assert read_switches(command.folder) == {}


def test_the_customs_office_leaves_messages_with_what_is_switched_on(tmp_path):
    folder = tmp_path / "drop"
    office = CustomsOffice(folder, lambda: DAY, 0.3)

    def left():
        return {each.name: each.read_bytes() for each in folder.glob("*.xml")}

    office.leave_one()
    (well,) = left().values()
    for fault in MESSAGE_FAULTS:
        before = left()
        office.switchboard.set({fault: True})
        (new,) = (content for name, content in left().items() if name not in before)
        assert new != well, fault
    before = left()
    office.switchboard.set({"repeated": True})
    twice = [content for name, content in left().items() if name not in before]
    assert twice == [well, well]
    before = left()
    office.switchboard.set({"stale": True})
    (name,) = left().keys() - before.keys()
    assert name.startswith("relief-20261110")
    before = left()
    office.switchboard.set({"dead": True})
    assert not folder.exists()
    office.switchboard.set({"dead": True})
    office.switchboard.set({})
    assert left().keys() > before.keys()
    with pytest.raises(ValueError, match="limited"):
        office.switchboard.set({"limited": True})
