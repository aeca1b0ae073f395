"""What the contract of readers is tried on: for each kind of reader, servers or files that obey.

A new reader is tested by one more entry of `DOUBLES`. A double gives `ROWS` by default, in four
documents; `play` changes what it gives: other rows, or a fault of those that it lists, which shows
at `FAULTY` at the earliest, so that something came before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from connectors.files import DroppedFiles
from connectors.jsonrpc import SearchToken, StartAndNumber
from connectors.mqtt import Messages
from connectors.rest import (
    Cursor,
    NextLink,
    Offset,
    PageNumber,
    TimeSlices,
    WholeList,
)
from connectors.sql.view import SqlView
from tests.contract.file_doubles import (
    csv_of,
    folder_double,
    lines_of,
    sftp_double,
    sheet_double,
    xlsx_of,
)
from tests.contract.http_doubles import (
    CHANGE_FEED,
    GRAPHQL_LIST,
    SOAP_LIST,
    bare_double,
    over_http_double,
    rest_double,
    rpc_list_double,
    write_changes,
    write_graphql,
    write_soap,
)
from tests.contract.mqtt_double import MQTT_FAULTS, mqtt_broker
from tests.contract.plays import (
    FAULTY,
    PAGE,
    TOKEN,
    Double,
    Open,
    Play,
)
from tests.contract.sql_double import mariadb_double, sql_double


@asynccontextmanager
async def mqtt_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    del folder
    async with mqtt_broker(play, TOKEN, PAGE, FAULTY) as open_session:
        yield open_session


DOUBLES = (
    rest_double("pages", PageNumber(rows=PAGE), counts=True),
    rest_double("pages without a count", PageNumber(rows=PAGE)),
    rest_double("offsets", Offset(rows=PAGE), counts=True),
    rest_double("offsets without a count", Offset(rows=PAGE)),
    rest_double("links", NextLink(rows=PAGE)),
    rest_double("cursors", Cursor(size="page_size", rows=PAGE, more_at="more")),
    rest_double("slices of time", TimeSlices(), documents=1),
    rest_double("a whole list", WholeList(), documents=1),
    over_http_double("SOAP", SOAP_LIST, write_soap, "short"),
    over_http_double("GraphQL", GRAPHQL_LIST, write_graphql),
    replace(
        over_http_double("changes", CHANGE_FEED, write_changes, is_move_seen=False),
        text=lambda row: row["id"],
    ),
    bare_double(),
    rpc_list_double(
        "calls by token", SearchToken(search="list.search", fetch="list.fetch", rows=PAGE)
    ),
    rpc_list_double("calls", StartAndNumber(method="list.get", rows=PAGE), is_move_seen=False),
    sheet_double("a CSV file", csv_of, is_path=True),
    sheet_double("a CSV file in memory", csv_of, is_path=False),
    sheet_double("a workbook", xlsx_of, is_path=True),
    Double(
        name="a folder",
        reader=DroppedFiles(parse=lines_of, names="*.txt"),
        open=folder_double,
        text=lambda row: row["text"],
        faults=("spoiled", "first-missing", "first-crowded"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    ),
    Double(
        name="a view of PostgreSQL",
        reader=SqlView(view="the view", key=("n",), changed_at="changed", rows=PAGE),
        open=sql_double,
        text=lambda row: row["text"],
        faults=("bytes", "broken", "silent", "hang-up", "denied"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    ),
    Double(
        name="a view of MariaDB",
        reader=SqlView(
            view="the view", key=("n",), changed_at="changed", zone="Asia/Shanghai", rows=PAGE
        ),
        open=mariadb_double,
        text=lambda row: row["text"],
        faults=("bytes", "broken", "silent", "denied"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    ),
    Double(
        name="a folder behind SFTP",
        reader=DroppedFiles(parse=lines_of, names="*.txt"),
        open=sftp_double,
        text=lambda row: row["text"],
        faults=("spoiled", "first-missing", "first-crowded", "first-silent", "hang-up"),
        bytes_limit="response_bytes_max",
        is_move_seen=False,
    ),
    Double(
        name="messages",
        reader=Messages(count=PAGE, quiet_s=0.05),
        open=mqtt_double,
        text=lambda row: row["text"],
        faults=(*MQTT_FAULTS, "first-denied"),
        bytes_limit="packet_bytes_max",
        is_move_seen=False,
    ),
)
