"""`strawberry_app`: stock Strawberry over SQLAlchemy's async ORM, as its documentation advises.

- DataLoaders for everything nested; a count only where it is asked for; only columns that the
  interface shows are loaded; parser and validation caches on; as many connections as the hub has.
- The driver is asyncpg where it is installed beside the benchmark, else psycopg.
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import DateTime, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.requests import Request
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types import Info

POOL = 8
Sessions = async_sessionmaker[AsyncSession]
Moment = DateTime(timezone=True)


class Base(DeclarativeBase):
    """The root of the mapped classes."""


class InstitutionRow(Base):
    __tablename__ = "institution"
    item_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    kind: Mapped[str]
    division_code: Mapped[str | None]
    name: Mapped[dict[str, Any]] = mapped_column(JSONB)


class InstrumentRow(Base):
    __tablename__ = "instrument"
    item_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    institution_key: Mapped[str]
    local_no: Mapped[str]
    name: Mapped[dict[str, Any]] = mapped_column(JSONB)
    model: Mapped[str | None]
    manufacturer: Mapped[str | None]
    origin_country: Mapped[str | None]
    status: Mapped[str]
    sharing: Mapped[str | None]
    use: Mapped[str | None]
    commissioned_on: Mapped[str | None]
    joined_on: Mapped[date | None]
    name_sort: Mapped[str] = mapped_column(Text(collation="C"), deferred=True)


class ListingRow(Base):
    __tablename__ = "instrument_listing"
    item_id: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    name_sort: Mapped[str] = mapped_column(Text(collation="C"))
    province: Mapped[str | None]
    sharing: Mapped[str | None]


class OfferRow(Base):
    __tablename__ = "service_offer_source"
    source: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    withdrawn: Mapped[bool] = mapped_column(deferred=True)
    instrument_key: Mapped[str]
    code: Mapped[str]
    audience: Mapped[str]
    unit: Mapped[str | None]
    price: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class OccupancyRow(Base):
    __tablename__ = "occupancy_source"
    source: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    withdrawn: Mapped[bool] = mapped_column(deferred=True)
    instrument_key: Mapped[str]
    kind: Mapped[str]
    certainty: Mapped[str]
    start_at: Mapped[datetime] = mapped_column(Moment)
    end_at: Mapped[datetime] = mapped_column(Moment)


Window = tuple[str, datetime, datetime]


class Loaders:
    """The batches of one request."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.institutions = DataLoader(load_fn=self._institutions)
        self.offers = DataLoader(load_fn=self._offers)
        self.occupancies = DataLoader(load_fn=self._occupancies)

    async def _institutions(self, keys: list[str]) -> Sequence[InstitutionRow | None]:
        async with self.sessions() as session:
            wanted = select(InstitutionRow).where(InstitutionRow.key.in_(keys))
            found = {row.key: row for row in await session.scalars(wanted)}
        return [found.get(key) for key in keys]

    async def _offers(self, keys: list[str]) -> Sequence[list[OfferRow]]:
        found: defaultdict[str, list[OfferRow]] = defaultdict(list)
        async with self.sessions() as session:
            wanted = select(OfferRow).where(
                OfferRow.instrument_key.in_(keys), OfferRow.withdrawn.is_(False)
            )
            for row in await session.scalars(wanted.order_by(OfferRow.key)):
                found[row.instrument_key].append(row)
        return [found[key] for key in keys]

    async def _occupancies(self, keys: list[Window]) -> Sequence[list[OccupancyRow]]:
        found: defaultdict[str, list[OccupancyRow]] = defaultdict(list)
        _, start, end = keys[0]  # a request of these asks for one window
        async with self.sessions() as session:
            wanted = select(OccupancyRow).where(
                OccupancyRow.instrument_key.in_([key for key, _, _ in keys]),
                OccupancyRow.start_at >= start,
                OccupancyRow.start_at < end,
                OccupancyRow.withdrawn.is_(False),
            )
            for row in await session.scalars(wanted.order_by(OccupancyRow.start_at)):
                found[row.instrument_key].append(row)
        return [found[key] for key, _, _ in keys]


@strawberry.type
class Name:
    """A name."""

    zh: str
    en: str | None = None


@strawberry.type
class Money:
    """An amount."""

    amount: str
    currency: str


@strawberry.type
class Institution:
    """An owner."""

    key: str
    kind: str
    division_code: str | None
    name: Name


@strawberry.type
class Offer:
    """A price."""

    code: str
    audience: str
    unit: str | None
    price: Money | None


@strawberry.type
class Occupancy:
    """A booking."""

    start_at: datetime
    end_at: datetime
    kind: str
    certainty: str


@strawberry.type
class Instrument:
    """An instrument."""

    id: strawberry.ID
    local_no: str
    name: Name
    model: str | None
    manufacturer: str | None
    origin_country: str | None
    status: str
    sharing: str | None
    use: str | None
    commissioned_on: str | None
    joined_on: date | None
    key: strawberry.Private[str]
    institution_key: strawberry.Private[str]

    @strawberry.field
    async def institution(self, info: Info) -> Institution | None:
        row = await info.context["loaders"].institutions.load(self.institution_key)
        if row is None:
            return None
        return Institution(
            key=row.key, kind=row.kind, division_code=row.division_code, name=Name(**row.name)
        )

    @strawberry.field
    async def offers(self, info: Info, first: int = 50) -> list[Offer]:
        rows = await info.context["loaders"].offers.load(self.key)
        return [
            Offer(
                code=row.code,
                audience=row.audience,
                unit=row.unit,
                price=Money(**row.price) if row.price else None,
            )
            for row in rows[:first]
        ]

    @strawberry.field
    async def occupancies(
        self, info: Info, since: datetime, until: datetime, first: int = 20
    ) -> list[Occupancy]:
        rows = await info.context["loaders"].occupancies.load((self.key, since, until))
        return [
            Occupancy(
                start_at=row.start_at, end_at=row.end_at, kind=row.kind, certainty=row.certainty
            )
            for row in rows[:first]
        ]


def _instrument(row: InstrumentRow) -> Instrument:
    return Instrument(
        id=strawberry.ID(row.item_id),
        local_no=row.local_no,
        name=Name(**row.name),
        model=row.model,
        manufacturer=row.manufacturer,
        origin_country=row.origin_country,
        status=row.status,
        sharing=row.sharing,
        use=row.use,
        commissioned_on=row.commissioned_on,
        joined_on=row.joined_on,
        key=row.key,
        institution_key=row.institution_key,
    )


@strawberry.type
class Instruments:
    """A page."""

    where: strawberry.Private[list[Any]]
    first: strawberry.Private[int]

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        async with info.context["loaders"].sessions() as session:
            counted = select(func.count()).select_from(ListingRow).where(*self.where)
            return int(await session.scalar(counted) or 0)

    @strawberry.field
    async def nodes(self, info: Info) -> list[Instrument]:
        order = (ListingRow.name_sort, ListingRow.item_id)
        wanted = (
            select(InstrumentRow)
            .join(ListingRow, ListingRow.item_id == InstrumentRow.item_id)
            .where(*self.where)
            .order_by(*order)
            .limit(self.first)
        )
        async with info.context["loaders"].sessions() as session:
            return [_instrument(row) for row in await session.scalars(wanted)]


@strawberry.type
class Query:
    """Where reading starts."""

    @strawberry.field
    async def instrument(self, info: Info, id: strawberry.ID) -> Instrument | None:  # noqa: A002
        async with info.context["loaders"].sessions() as session:
            row = await session.get(InstrumentRow, str(id))
        return None if row is None else _instrument(row)

    @strawberry.field
    def instruments(
        self,
        first: int = 20,
        province: str | None = None,
        class_path: str | None = None,
        sharing: str | None = None,
    ) -> Instruments:
        where: list[Any] = [ListingRow.step == (class_path or "")]
        if province is not None:
            where.append(ListingRow.province == province)
        if sharing is not None:
            where.append(ListingRow.sharing == sharing)
        return Instruments(where=where, first=first)


class Application(GraphQL[Any, Any]):
    """Strawberry's ASGI application; each request has its own loaders."""

    sessions: Sessions

    async def get_context(self, request: Any, response: Any) -> Any:
        assert isinstance(request, Request)
        return {"request": request, "response": response, "loaders": Loaders(self.sessions)}


def application(url: str) -> Application:
    """Return the application on the database at `url`."""
    driver = "asyncpg" if importlib.util.find_spec("asyncpg") else "psycopg"
    address = make_url(url).set(drivername=f"postgresql+{driver}")
    engine = create_async_engine(address, pool_size=POOL, max_overflow=0)
    schema = strawberry.Schema(query=Query, extensions=[ParserCache, ValidationCache])
    app = Application(schema, graphql_ide=None)
    app.sessions = async_sessionmaker(engine, expire_on_commit=False)
    return app
