"""Apollo Gateway and Hive Gateway join the hub with another subgraph, through a partner's proxy."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.sandbox.serve import serving
from tests.external.supergraph import COMPOSITION, Compositions, hub_subgraph
from tests.node_tools import NodeTools, node_tools
from tests.programs.calibrations import DAY, Calibrations
from tests.running_proxy import START_S, free_port, stop

pytestmark = [pytest.mark.external, pytest.mark.integration]
GATEWAYS = {"apollo": "apollo", "hive": "guild"}
"""By gateway: whose composition made its supergraph."""
FROM_THE_HUB = """{ instruments(search: "talos", first: 2) {
  totalCount nodes { key name { zh } calibratedOn } sources { id status } } }"""
FROM_THE_OTHER = """{ calibrations { number on instrument {
  key name { zh } institution { key name { zh } } } } }"""
BAD_KEY = "talos\x00"


@pytest.fixture(scope="module")
def compositions() -> Compositions:
    return Compositions(node_tools(COMPOSITION))


def command(name: str, tools: NodeTools, supergraph: Path, port: int) -> list[str]:
    if name == "apollo":
        return ["node", str(tools.folder / "apollo.mjs"), str(supergraph), str(port)]
    program = tools.folder / "node_modules" / ".bin" / "hive-gateway"
    host = ["--port", str(port), "--host", "127.0.0.1"]
    return [str(program), "supergraph", str(supergraph), *host]


@asynccontextmanager
async def running(
    name: str, tools: NodeTools, supergraph: Path, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of a gateway that answers."""
    port, log = free_port(), folder / f"{name}.log"
    with log.open("wb") as out:
        arguments = command(name, tools, supergraph, port)
        process = subprocess.Popen(arguments, stdout=out, stderr=out, cwd=tools.folder)
    address = f"http://127.0.0.1:{port}/{'' if name == 'apollo' else 'graphql'}"
    try:
        async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
            until = time.monotonic() + START_S
            while not await answers(client):
                told = log.read_text("utf-8", "replace")[-2000:]
                assert process.poll() is None and time.monotonic() < until, told
                await asyncio.sleep(0.2)
            yield client
    finally:
        stop(process)


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        answer = await client.post("", json={"query": "{ __typename }"})
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


async def ask(client: httpx.AsyncClient, query: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.post("", json={"query": query})).json()
    return found


@pytest.mark.parametrize("name", GATEWAYS)
async def test_a_gateway_joins_the_hub_with_another_subgraph(
    name: str, gateways: NodeTools, compositions: Compositions, proxy: str, tmp_path: Path
) -> None:
    door = f"{proxy}/federation/graphql"
    async with httpx.AsyncClient(timeout=30, trust_env=False) as direct:
        query = '{ instruments(search: "talos", first: 2) { nodes { key name { zh } } } }'
        answer = (await direct.post(door, json={"query": query})).json()
        names = {each["key"]: each["name"] for each in answer["data"]["instruments"]["nodes"]}
        text = (await direct.post(door, json={"query": "{ _service { sdl } }"})).json()
    assert text["data"]["_service"]["sdl"] == hub_subgraph()
    first, second = names
    other = Calibrations([first, "no/such", BAD_KEY, first])
    async with serving(other.app) as url:
        calibrations = (COMPOSITION / "calibrations.graphql").read_text("utf-8")
        subgraphs = {"hub": (door, hub_subgraph()), "cal": (f"{url}/", calibrations)}
        assert not compositions.of(tmp_path, subgraphs)[GATEWAYS[name]]["errors"]
        supergraph = tmp_path / f"{GATEWAYS[name]}.graphql"
        async with running(name, gateways, supergraph, tmp_path) as client:
            found = await ask(client, FROM_THE_HUB)
            assert "errors" not in found, found
            page = found["data"]["instruments"]
            assert page["totalCount"] == 2
            assert page["nodes"] == [
                {"key": first, "name": names[first], "calibratedOn": DAY},
                {"key": second, "name": names[second], "calibratedOn": None},
            ]
            assert {each["status"] for each in page["sources"]} >= {"OK"}
            assert [each["key"] for each in other.referred] == [first, second]

            found = await ask(client, FROM_THE_OTHER)
            joined = [each["instrument"] for each in found["data"]["calibrations"]]
            assert [each["name"] for each in joined if each] == [names[first]] * 2
            assert all(each["institution"]["name"]["zh"] for each in joined if each)
            assert [each is None for each in joined] == [False, True, True, False]
            assert found["errors"]  # of the reference that cannot be read, and of it alone
