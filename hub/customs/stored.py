"""`stored`: what the store holds for customs law, bounded.

All claims are read, and not only those that speak: sources that contradict each other decide too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from psycopg.rows import dict_row

from hub.access.grants import PartyGrants
from hub.access.visibility import sql
from hub.customs.limits import RECORDS_MAX, REPORTS_MAX, SERVICES_MAX, SUPERVISIONS_MAX
from hub.customs.question import Row, StoredCustoms
from hub.customs.sight import APPROVAL, SUPERVISION, TYPES
from hub.identity.links import Names
from hub.policy.law import EVERYWHERE
from hub.store.database import Database
from hub.store.legal_persons import legal_persons
from hub.store.records import StoredRecords
from hub.store.side_by_side import SharedStatement, SideBySide, reads_of
from hub.store.view import names_now, names_seen
from schema.codes import AgreementDataset, CustomsApprovalKind, SystemPurpose, UserKind
from schema.dates import local_day

SERVICE = "ServiceRecord"
_HEARD = """
SELECT s.source_id, coalesce(min(f.heard_at), s.last_ok_at) AS heard
FROM source s LEFT JOIN feed f ON f.source = s.source_id AND f.record_type = ANY(%(types)s)
WHERE s.source_id = ANY(%(stating)s)
   OR (s.active AND s.purpose = %(purpose)s AND (s.owners IS NULL OR i.owner = ANY(s.owners)))
GROUP BY s.source_id, s.last_ok_at"""
_HEARD_TYPES = {"types": "text[]", "stating": "text[]", "purpose": "text"}


async def read_customs(
    database: Database,
    instrument: str,
    institutions: Iterable[str] = (),
    *,
    clinical_user: str | None = None,
    beside: SideBySide | None = None,
) -> tuple[StoredCustoms, Mapping[str, str]] | None:
    """Return what is stored of an instrument, by its key or identity; None where there is none.

    `institutions`: keys that the question names; the answer's mapping has the name of each.
    `clinical_user`: the hospital whose approvals of clinical use are read too. `beside`: the reads
    of others who look at the same moment.
    """
    records = database.records
    async with reads_of(database.reads, beside) as reads:
        names = await names_seen(reads, records)
        reader = _Reader(reads, records)
        one = await reader.instrument(names.of("Instrument", instrument))
        if one is None:
            return None
        named = {key: names.party(key) for key in institutions}
        rows = {name: await reader.of(name, one["key"]) for name in one["stated"]}
        rows |= {name: [] for name in TYPES if name not in rows}
        users = {key for row in rows[APPROVAL] for key in row["users"] or ()}
        named |= {key: names.party(key) for key in users}
        persons = await legal_persons(reads, records, {one["owner"], *named.values()})
        persons |= {key: persons[name] for key, name in named.items() if name in persons}
        stating = {row["source"] for found in rows.values() for row in found}
        heard = await reader.heard(stating, one["owner"]) if stating else _heard(one)
        stored = StoredCustoms(
            instrument=one,
            claims=tuple(reader.claims(one)),
            supervisions=tuple(rows[SUPERVISION]),
            approvals=tuple(rows[APPROVAL]),
            reports=tuple(rows["CustomsReport"]),
            duties=tuple(rows["DutyPayment"]),
            legal_persons=persons,
            clinical=tuple(await reader.clinical(clinical_user, persons, names)),
            heard=heard,
            is_whole=reader.is_whole,
            region=one["place_division_code"] or one["owner_division"] or EVERYWHERE,
        )
    return stored, named


async def read_supervisions(
    database: Database, grants: PartyGrants, instrument: str | None = None
) -> tuple[list[Row], list[Row], bool]:
    """Return the supervised items that a party may see, with their reports; whether that is all.

    Who may see is the rule that the record declares.
    """
    records = database.records
    spec = records.registry[SUPERVISION]
    table, named = records.tables[SUPERVISION].source.name, _Named(grants)
    may = "true" if grants.sees_everything else sql(spec.rows, spec, "x", named, grants.limited)
    condition = "" if instrument is None else "AND x.instrument_key = %(instrument)s "
    statement = (
        f"SELECT x.*, i.name->>'zh' AS instrument_name FROM {table} x "  # noqa: S608 - own names
        f"LEFT JOIN {records.tables['Instrument'].read.name} i ON i.key = x.instrument_key "
        f"WHERE NOT x.withdrawn AND x.speaks AND {may} {condition}"
        f"ORDER BY x.released_on NULLS FIRST, x.key LIMIT {SUPERVISIONS_MAX + 1}"
    )
    reports = (
        f"SELECT * FROM {records.tables['CustomsReport'].source.name} "  # noqa: S608 - own names
        "WHERE NOT withdrawn AND instrument_key = ANY(%(instruments)s) "
        f"LIMIT {REPORTS_MAX}"
    )
    async with database.reads.connection() as connection, connection.transaction():
        if instrument is not None:
            names = await names_now(connection, records)
            instrument = names.of("Instrument", instrument)
        reader = _Reader(SideBySide(connection), records)
        found = await reader.rows(statement, {**named.values, "instrument": instrument})
        kept = found[:SUPERVISIONS_MAX]
        keys = list({row["instrument_key"] for row in kept})
        filed = await reader.rows(reports, {"instruments": keys}) if keys else []
    return kept, filed, len(found) == len(kept)


async def read_services(
    database: Database, grants: PartyGrants, since: Mapping[str, date]
) -> tuple[list[Row], bool]:
    """Return the services to outside users since a day of each instrument; whether that is all.

    Who may see is the rule of the record; the newest come first.
    """
    records = database.records
    spec, named = records.registry[SERVICE], _Named(grants)
    may = "true" if grants.sees_everything else sql(spec.rows, spec, "x", named, grants.limited)
    statement = (
        "SELECT x.* FROM unnest(%(keys)s::text[], %(since)s::timestamptz[]) AS i(key, since) "  # noqa: S608 - own names
        f"JOIN {records.tables[SERVICE].source.name} x ON x.instrument_key = i.key "
        "AND x.started_at >= i.since WHERE NOT x.withdrawn AND x.speaks AND x.user_side = %(side)s "
        f"AND {may} ORDER BY x.started_at DESC, x.key LIMIT {SERVICES_MAX + 1}"
    )
    values = {
        **named.values,
        "keys": list(since),
        "since": [local_day(day)[0] for day in since.values()],
        "side": UserKind.OUTSIDE.value,
    }
    async with database.reads.connection() as connection:
        found = await _Reader(SideBySide(connection), records).rows(statement, values)
    return found[:SERVICES_MAX], len(found) <= SERVICES_MAX


class _Named:
    """The parameters by which the rule of visibility knows its caller."""

    def __init__(self, grants: PartyGrants) -> None:
        self._grants = grants
        self.values: dict[str, Any] = {}

    def bind_party(self) -> str:
        self.values["party"] = self._grants.party
        return "%(party)s"

    def bind_owners(self, dataset: AgreementDataset, item: str | None) -> str:
        name = f"owners_{len(self.values)}"
        self.values[name] = self._grants.owners(dataset, item)
        return f"%({name})s"

    def bind_supervised(self) -> str:
        self.values["supervised"] = self._grants.supervised.text
        return "%(supervised)s::jsonb"


class _Reader:
    """Reads rows as mappings, each list bounded."""

    def __init__(self, reads: SideBySide, records: StoredRecords) -> None:
        self._reads = reads
        self._records = records
        self.is_whole = True

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        async with self._reads.connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement.encode(), parameters)
            return list(await cursor.fetchall())

    async def instrument(self, key: str) -> Row | None:
        """Return an instrument, with everything about it that needs no other record's rows.

        `stated`: the types of which there are records about it, which are read then; `claim_...`:
        what each source says of its status; `heard_...`: of sources that may speak of customs.
        """
        tables = self._records.tables
        stated = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT FROM {tables[name].source.name} t "  # noqa: S608 - own names
            "WHERE t.instrument_key = i.key AND NOT t.withdrawn)"
            for name in TYPES
        )
        statement = SharedStatement(
            f"SELECT i.*, c.*, h.*, ARRAY({stated}) AS stated, (SELECT p.division_code FROM "  # noqa: S608 - own names
            f"{tables['Institution'].read.name} p WHERE p.key = i.owner) AS owner_division "
            "FROM (SELECT key, item_id, owner, origin_country, place_division_code, entry_id, "
            "classes, original_value_amount, original_value_currency "
            f"FROM {tables['Instrument'].read.name} WHERE key = %(key)s OR item_id = %(key)s "
            "ORDER BY key = %(key)s DESC LIMIT 1) i, LATERAL (SELECT "
            "coalesce(array_agg(source), '{}') AS claim_sources, "
            "coalesce(array_agg(customs_status), '{}') AS claim_states, "
            "coalesce(array_agg(as_of), '{}') AS claims_as_of FROM (SELECT source, "
            f"customs_status, as_of FROM {tables['Instrument'].source.name} "
            f"WHERE item_id = i.item_id AND NOT withdrawn LIMIT {RECORDS_MAX + 1}) t) c, "
            "LATERAL (SELECT coalesce(array_agg(source_id), '{}') AS heard_sources, "
            f"coalesce(array_agg(heard), '{{}}') AS heard_at FROM ({_HEARD}) t) h",
            {"key": "text", **_HEARD_TYPES},
        )
        found = await self._reads.rows(statement, {"key": key, **_of_heard(())})
        return found[0] if found else None

    def claims(self, one: Row) -> list[Row]:
        """Return what each source says of the instrument's status."""
        named = ("source", "customs_status", "as_of")
        rows = zip(one["claim_sources"], one["claim_states"], one["claims_as_of"], strict=True)
        return self._whole([dict(zip(named, row, strict=True)) for row in rows])

    async def of(self, record: str, instrument: str) -> list[Row]:
        table = self._records.tables[record].source.name
        return self._whole(
            await self.rows(
                f"SELECT * FROM {table} WHERE instrument_key = %(key)s "  # noqa: S608 - own names
                f"AND NOT withdrawn ORDER BY key, source LIMIT {RECORDS_MAX + 1}",
                {"key": instrument},
            )
        )

    async def clinical(
        self, user: str | None, persons: Mapping[str, str], names: Names
    ) -> list[Row]:
        """Return the approvals of clinical use for a hospital, under whichever of its keys."""
        if user is None:
            return []
        keys = {*names.parties(user), *names.parties(persons.get(names.party(user), user))}
        approvals = self._records.tables[APPROVAL].source.name
        instruments = self._records.tables["Instrument"].read.name
        return self._whole(
            await self.rows(
                "SELECT DISTINCT a.instrument_key, a.valid_from, i.classes "  # noqa: S608 - own names
                f"FROM {approvals} a LEFT JOIN {instruments} i ON i.key = a.instrument_key "
                "WHERE a.kind = %(kind)s AND NOT a.withdrawn AND a.users && %(keys)s "
                f"LIMIT {RECORDS_MAX + 1}",
                {"kind": CustomsApprovalKind.CLINICAL.value, "keys": sorted(keys)},
            )
        )

    async def heard(self, stating: set[str], owner: str) -> dict[str, datetime | None]:
        """Return when each source was last heard that may speak of customs here."""
        statement = SharedStatement(
            _HEARD.replace("i.owner", "%(owner)s"), {**_HEARD_TYPES, "owner": "text"}
        )
        rows = await self._reads.rows(statement, {**_of_heard(stating), "owner": owner})
        return {row["source_id"]: row["heard"] for row in rows}

    def _whole(self, rows: Sequence[Row]) -> list[Row]:
        """Note where there are more: what was left out could forbid what the rest allows."""
        self.is_whole &= len(rows) <= RECORDS_MAX
        return list(rows[:RECORDS_MAX])


def _of_heard(stating: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of `_HEARD`. `stating`: sources of the records that were found."""
    return {
        "types": list(TYPES),
        "stating": sorted(stating),
        "purpose": SystemPurpose.CUSTOMS.value,
    }


def _heard(one: Row) -> dict[str, datetime | None]:
    return dict(zip(one["heard_sources"], one["heard_at"], strict=True))
