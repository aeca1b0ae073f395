from __future__ import annotations

import pytest

from tests.integration.query.conftest import Asker

pytestmark = pytest.mark.integration


async def test_a_page_of_instruments_is_answered(ask: Asker) -> None:
    data = await ask(
        "{ instruments(first: 2) { totalCount nodes { id key name { zh en } status } } }"
    )
    assert ask.codes == []
    assert data["instruments"]["totalCount"] == 6
    assert len(data["instruments"]["nodes"]) == 2
