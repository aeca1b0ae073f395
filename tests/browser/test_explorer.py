"""The explorer in headless Chromium, used as a person uses it, against a hub that really runs.

`drive.mjs` visits once and writes down what was to be seen; each test reads it. Screenshots stay in
`.tools/browser/screenshots`, to be looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Browser
from tests.databases import lent_to_hub
from tests.running_hub import running_hub

pytestmark = [pytest.mark.browser, pytest.mark.integration]

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Seen]:
    with (
        lent_to_hub(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub")) as hub,
    ):
        done = browser.tools.node("drive.mjs", hub, browser.program, str(browser.pictures))
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)


def test_no_request_leaves_the_host(seen: Seen) -> None:
    assert set(seen["requests"]) == {"127.0.0.1", "localhost"}
    assert "default-src 'none'" in seen["policy"]


def test_the_page_opens_a_session_and_runs_the_first_sample(seen: Seen) -> None:
    first = seen["first"]
    assert first["state"] == "answered"
    assert "sandbox-" in first["session"]
    assert "graphql:adhoc" in first["session"]
    assert first["facts"].startswith("HTTP 200")
    assert first["errors"] == []
    assert first["data"]["instruments"]["totalCount"] == 1
    assert first["data"]["instruments"]["nodes"][0]["priceEstimate"]["status"] == "OK"


def test_the_manifest_shows_every_source_in_words_with_its_age(seen: Seen) -> None:
    told = {row[0]: row[1:] for row in seen["first"]["sources"]}
    assert set(told) == {"zju-push", "fudan", "silent"}
    assert told["zju-push"][0] == "正常 OK"
    assert told["fudan"][0] == "已过期 STALE"
    assert told["fudan"][3] == "3 天"
    assert told["silent"] == ["从未应答 NEVER", "—", "—", "—", "0"]


def test_every_sample_answers_by_keyboard_and_shows_something(seen: Seen) -> None:
    assert len(seen["samples"]) >= 9
    for name, sample in seen["samples"].items():
        assert sample["state"] == "answered", name
        assert sample["data"], name
        assert None not in sample["data"].values() or name == "service_records", name
    refused = {name: each["errors"] for name, each in seen["samples"].items() if each["errors"]}
    assert set(refused) == {"service_records"}
    assert "SCOPE_MISSING" in refused["service_records"][0]
    assert "service:read" in refused["service_records"][0]


def test_nothing_complains_in_the_console(seen: Seen) -> None:
    assert seen["failures"] == []
    assert seen["consoleOfSamples"] == []
    # The browser itself notes each answer with an error status that was provoked on purpose.
    rest = [line for line in seen["console"] if "the server responded with a status of" not in line]
    assert rest == []


def test_wrong_input_is_told_with_its_code_and_in_words(seen: Seen) -> None:
    document, broken = seen["wrongDocument"], seen["brokenDocument"]
    assert document["errors"][0].startswith("GRAPHQL_VALIDATION_FAILED 查询与接口定义不符")
    assert "第 1 行第 3 列" in document["errors"][0]
    assert broken["errors"][0].startswith("GRAPHQL_PARSE_FAILED 查询文本有语法错误")
    assert "第 1 行" in broken["errors"][0]
    assert seen["wrongVariables"]["errors"][0].startswith("NOT_JSON 变量不是合法的 JSON")
    english = seen["wrongInEnglish"]["errors"][0]
    assert english.startswith("GRAPHQL_VALIDATION_FAILED The document does not fit the schema")


def test_an_earlier_answer_does_not_stay_below_an_error(seen: Seen) -> None:
    for name in ("wrongDocument", "brokenDocument", "wrongVariables"):
        assert seen[name]["data"] is None
        assert seen[name]["sources"] == []


def test_a_refused_mutation_does_not_cost_the_session(seen: Seen) -> None:
    assert seen["mutation"]["errors"]
    assert seen["mutation"]["session"] == seen["markup"]["session"] == seen["first"]["session"]
    assert seen["markup"]["state"] == "answered"


def test_markup_in_data_is_shown_and_not_run(seen: Seen) -> None:
    names = [node["name"]["en"] for node in seen["markup"]["data"]["instruments"]["nodes"]]
    assert "<img src=x onerror=alert(1)>" in names
    assert seen["markup"]["images"] == 0


def test_the_schema_can_be_read_searched_and_followed(seen: Seen) -> None:
    assert seen["types"][0].startswith("Query")
    assert len(seen["types"]) > 100
    assert [name.split()[0] for name in seen["typesFound"]] == ["Availability"]
    assert "#type-" in seen["address"]
    assert "没有找到" in seen["nothingFound"]


def test_a_narrow_window_and_another_name_of_the_host_serve_as_well(seen: Seen) -> None:
    assert seen["narrow"]["state"] == "answered"
    assert seen["narrow"]["errors"] == []
    assert seen["narrow"]["overflow"] <= 0
    assert seen["first"]["overflow"] <= 0
