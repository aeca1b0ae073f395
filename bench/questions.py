"""`questions`: what is asked, in each server's own words, and when two answers are equal.

- W1: a search page: three filters, 20 instruments with owner, prices and the bookings of a week,
  and how many there are. W2: one instrument with the same things. W3: 500 instruments, 10 scalars.
- `FREE`: the search page of instruments that are free for four hours on a Tuesday (the hub only).
- The values of the variables change from request to request, the same for every server.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from bench.data import DIVISIONS, PROVINCES, SCHEME, Data
from hub.identity.ids import item_id
from hub.store.search import STEP

WEEK = {"from": "2026-11-30T00:00:00Z", "until": "2026-12-07T00:00:00Z"}
TUESDAY = {"from": "2026-12-01T00:00:00+08:00", "until": "2026-12-02T00:00:00+08:00"}
SERVERS = ("hub", "strawberry", "postgraphile")
SCALARS = "localNo model manufacturer originCountry status sharing use commissionedOn"

_HUB = f"""id {SCALARS} name {{ zh en }}
  institution {{ key kind divisionCode name {{ zh en }} }}
  offers(first: 10) {{ code audience unit price {{ amount currency }} }}
  occupancies(first: 10, filter: {{startAt: {{gte: $from, lt: $until}}}}, orderBy: [START_AT_ASC]) {{
    nodes {{ startAt endAt kind certainty }}
  }}"""
_STRAWBERRY = f"""id {SCALARS} name {{ zh en }}
  institution {{ key kind divisionCode name {{ zh en }} }}
  offers(first: 10) {{ code audience unit price {{ amount currency }} }}
  occupancies(first: 10, since: $from, until: $until) {{ startAt endAt kind certainty }}"""
_POSTGRAPHILE = f"""id: itemId {SCALARS} name
  institution {{ key kind divisionCode name }}
  offers(first: 10, condition: {{withdrawn: false}}, orderBy: [KEY_ASC, ITEM_ID_ASC]) {{
    code audience unit price
  }}
  occupancies(
    first: 10, condition: {{withdrawn: false}}, orderBy: [START_AT_ASC, ITEM_ID_ASC],
    filter: {{startAt: {{greaterThanOrEqualTo: $from, lessThan: $until}}}}
  ) {{ startAt endAt kind certainty }}"""
_SELECTED = {"hub": _HUB, "strawberry": _STRAWBERRY, "postgraphile": _POSTGRAPHILE}
_WINDOW = {
    "hub": "$from: DateTime!, $until: DateTime!",
    "strawberry": "$from: DateTime!, $until: DateTime!",
    "postgraphile": "$from: Datetime!, $until: Datetime!",
}

W1 = {
    "hub": f"""query W1($provinces: [Province!]!, $classes: [ClassFilter!]!, {_WINDOW["hub"]}) {{
 instruments(
  first: 20, filter: {{provinces: $provinces, classes: $classes, sharing: {{eq: OUTSIDE}}}}
 ) {{ totalCount nodes {{ {_HUB} }} }} }}""",
    "strawberry": f"""query W1($province: String!, $step: String!, {_WINDOW["strawberry"]}) {{
 instruments(first: 20, province: $province, classPath: $step, sharing: "OUTSIDE") {{
  totalCount nodes {{ {_STRAWBERRY} }} }} }}""",
    "postgraphile": f"""query W1($province: String!, $step: String!, {_WINDOW["postgraphile"]}) {{
 instruments: allInstrumentListings(first: 20, orderBy: [NAME_SORT_ASC, ITEM_ID_ASC], filter: {{
  step: {{equalTo: $step}}, province: {{equalTo: $province}}, sharing: {{equalTo: "OUTSIDE"}}
 }}) {{ totalCount nodes {{ instrument {{ {_POSTGRAPHILE} }} }} }} }}""",
}
_ONE = {
    "hub": "instrument(by: {id: $id})",
    "strawberry": "instrument(id: $id)",
    "postgraphile": "instrument: instrumentByItemId(itemId: $id)",
}
_ID = {"hub": "ID!", "strawberry": "ID!", "postgraphile": "String!"}
W2 = {
    name: f"query W2($id: {_ID[name]}, {_WINDOW[name]}) {{ {_ONE[name]} {{ {_SELECTED[name]} }} }}"
    for name in SERVERS
}
_MANY = f"{SCALARS} joinedOn"
W3 = {
    "hub": f"query W3 {{ instruments(first: 500) {{ nodes {{ id {_MANY} }} }} }}",
    "strawberry": f"query W3 {{ instruments(first: 500) {{ nodes {{ id {_MANY} }} }} }}",
    "postgraphile": f"""query W3 {{
 instruments: allInstrumentsList(first: 500, orderBy: [NAME_SORT_ASC, ITEM_ID_ASC]) {{
  id: itemId {_MANY} }} }}""",
}
FREE = f"""query Free($classes: [ClassFilter!]!, $free: AvailableFor!, {_WINDOW["hub"]}) {{
 instruments(first: 20, filter: {{classes: $classes, availableFor: $free}}) {{
  totalCount nodes {{
   id name {{ zh en }} institution {{ key name {{ zh }} }}
   availability(from: $from, until: $until) {{ status longestFreeHours free {{ from until }} }}
 }} }} }}"""


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request to one server: a document and the variables that take turns."""

    name: str
    server: str
    document: str
    variables: tuple[dict[str, Any], ...]
    connections: int = 16
    """How many ask at once."""

    @property
    def bodies(self) -> list[bytes]:
        """The requests, as JSON without line breaks."""
        return [
            json.dumps({"query": self.document, "variables": each}, ensure_ascii=False).encode()
            for each in self.variables
        ]


def questions(data: Data) -> dict[tuple[str, str], Question]:
    """Return the questions by name and server."""
    found: dict[tuple[str, str], Question] = {}
    searches = [(code, n) for code in data.class_codes[:96:6] for n in range(len(DIVISIONS))]
    ids = [
        item_id("instr", "Instrument", "", key, key.partition("/")[0])
        for key in data.keys[:: max(1, data.instruments // 500)]
    ]
    for server in SERVERS:
        pages = tuple({**_search(server, code, n), **WEEK} for code, n in searches)
        ones = tuple({"id": each, **WEEK} for each in ids)
        for name, documents, variables in (("W1", W1, pages), ("W2", W2, ones), ("W3", W3, ({},))):
            found[name, server] = Question(name, server, documents[server], variables)
    for name, code in (
        ("FREE6", data.class_codes[0]),
        ("FREE4", data.class_codes[0][:4]),
        ("FREE2", data.class_codes[0][:2]),
    ):
        free = {**TUESDAY, "hours": "4"}
        given = {"classes": [{"scheme": SCHEME, "under": code}], "free": free, **TUESDAY}
        found[name, "hub"] = Question(name, "hub", FREE, (given,), connections=2)
    return found


def _search(server: str, code: str, n: int) -> dict[str, Any]:
    if server == "hub":
        return {"provinces": [PROVINCES[n]], "classes": [{"scheme": SCHEME, "under": code}]}
    return {"province": DIVISIONS[n][:2], "step": f"{SCHEME}{STEP}{code}"}


_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.0+)?(?:Z|\+00:00)")


def plain(value: Any) -> Any:
    """Return an answer's data so that equal facts are equal: what only holds is left out, instants
    have one form.
    """
    if isinstance(value, dict):
        if set(value) in ({"nodes"}, {"instrument"}):
            return plain(next(iter(value.values())))
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str) and (found := _INSTANT.fullmatch(value)):
        return found[1] + "Z"
    return value
