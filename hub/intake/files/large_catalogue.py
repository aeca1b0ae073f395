"""`large_catalogue`: catalogues of any length: tables of UNIQUIP, lists of PIDINST documents.

They are known as `catalogue` knows them, and looked through without a mapping. Of the whole file is
found which numbers stand in it twice; whose instruments they are says whoever takes its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from adapters.catalogue.pidinst import is_pidinst
from adapters.mapping import Column, Converted, SourceRow, Table
from hub.intake.files.catalogue import (
    PIDINST,
    UNIQUIP,
    CatalogueForm,
    CatalogueRows,
    catalogue_mapping,
    require_known,
)
from hub.intake.files.large_table import LargeTable
from hub.intake.files.large_text import LargeText, TableForm

__all__ = ["LargeCatalogue", "pidinst_catalogue"]

ANY_INSTITUTION = "moe:10001"
"""Whether a number stands in a file twice does not depend on whose instruments it lists."""


@dataclass(frozen=True, slots=True)
class LargeCatalogue:
    """How the rows of a large table become instruments, where a form says so and no mapping."""

    form: CatalogueForm

    def converting(self, columns: Sequence[Column]) -> Callable[[SourceRow], Converted]:
        """Return what converts rows one after another, and finds what repeats another one."""
        rows = CatalogueRows(self.form, columns, ANY_INSTITUTION)
        return lambda row: rows.convert(row, self.form.members(columns, row))

    def require_columns(self, name: str, columns: Sequence[Column]) -> None:
        """Refuse a table with columns that its form does not have, as one that is read whole."""
        if self.form is UNIQUIP:
            require_known(name, columns)

    def keys(self, columns: Sequence[Column]) -> Callable[[SourceRow], str | None]:
        """Return what gives the number of a row's instrument; None: the row is refused anyway."""
        rows = CatalogueRows(self.form, columns, ANY_INSTITUTION)

        def key(row: SourceRow) -> str | None:
            record = rows.record(self.form.members(columns, row))
            return None if record is None else str(record["localNo"])

        return key


def pidinst_catalogue(text: LargeText) -> LargeTable | None:
    """Return the documents of a list as a table; None: it is no list of such documents."""
    if text.form is not TableForm.JSON or not all(
        is_pidinst(document) for _, document in text.documents()
    ):
        return None
    names: dict[str, int] = {}

    def rows() -> Iterator[SourceRow]:
        for number, document in text.documents():
            for name in document:
                names.setdefault(name, len(names))
            yield SourceRow(number, tuple(map(document.get, names)))

    return LargeTable(
        mapping=catalogue_mapping(PIDINST),
        form=TableForm.DOCUMENTS,
        table=Table((), (), PIDINST.title, properties={"format": f"{PIDINST.title} JSON"}),
        rows=rows,
        catalogue=LargeCatalogue(PIDINST),
        members=names,
    )
