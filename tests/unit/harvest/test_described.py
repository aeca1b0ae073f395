"""What `deltahub source describe` prints of the metadata of a source."""

from __future__ import annotations

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from adapters import discover
from adapters._metadata import YES_OR_NO
from adapters._metadata_text import CURRENCIES
from hub.cli.source import app
from hub.cli.source_describe import all_metadata
from hub.harvest.described import description_of, span
from schema.codes import code_lists


def printed(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["describe", *arguments])
    return done.exit_code, done.output


def test_a_source_is_described_in_both_languages_with_every_word_that_it_may_send() -> None:
    code, text = printed("shanghai")
    assert code == 0
    for told in (
        "上海市科学技术委员会",
        "Science and Technology Commission of Shanghai",
        "未公开 not public",
        "多个单位 several institutions",
        "每 6 h 读取一次 read every 6 h；24 h 后视为过期 stale after 24 h",
        "每次 20 至 150,000 条 20 to 150,000 records in one reading",
        "prices.audience → Audience",
        "内部 → INSIDE 本单位",
        "REJECTED → 撤回 withdrawn: CANCELLED",
        "高等学校 → UNIVERSITY",
        "国家网络管理平台填报表",
        "待报废 → AWAITING_SCRAPPING",
    ):
        assert told in text, told


def test_without_a_name_all_are_listed_and_one_that_is_not_there_is_told() -> None:
    code, text = printed()
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()] == [*discover(), "tables"]
    code, text = printed("shangahi")
    assert code == 2
    assert "没有 shangahi" in text


@pytest.mark.parametrize("name", all_metadata())
def test_nothing_that_metadata_say_is_left_out(name: str) -> None:
    known = all_metadata()[name]
    text = "\n".join(description_of(known))
    assert known.publisher_zh in text
    assert known.basis_en in text
    assert text.count("stale after") == len(known.feeds)
    for look_up in known.look_ups:
        assert look_up.of in (*code_lists(), CURRENCIES, YES_OR_NO, "")
        for word in (*look_up.words, *look_up.ended, *look_up.nothing):
            assert f"      {word} → " in text


def test_times_are_written_as_metadata_have_them() -> None:
    times = {"15 min": 15, "1 h": 60, "24 h": 1_440, "36 h": 2_160, "2 d": 2_880, "7 d": 10_080}
    assert [span(timedelta(minutes=each)) for each in times.values()] == list(times)
