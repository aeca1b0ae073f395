"""`statement`: what is collected while a statement is written: parameters, checks, denials.

Equal values share one parameter, so a statement stays small however often a value is used.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable

from hub.errors import ErrorCode
from hub.identity.links import Names
from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Bind, Check, Env, Transform, array, plain, texts
from hub.query.plan.errors import FieldDenied, FieldFault, Narrowed, QueryError
from hub.query.plan.limits import STATEMENT_MAX, QueryLimits
from hub.query.plan.reach import ReachOf
from hub.query.sql.authorise import Authority
from hub.query.sql.model import Model
from schema.codes import AgreementDataset
from schema.item import Item, RecordSpec
from schema.visibility import DATASETS, Agreed, Rule

_PARAMETER = re.compile(r"\$([0-9]+)::")


Asked = tuple[str, str, str]
"""Grade, scope and name of an item."""
Marks = dict[tuple[str, str], set[str | None]]
"""By grade and scope: the conditions of which any shows something; None: always."""


def _check_by(bind: Bind) -> Check:
    """Return a check that refuses whatever the parameter would refuse."""

    def check(env: Env) -> None:
        bind(env)

    return check


class Statement:
    """The parameters of a statement that is being written, and the checks and denials with it."""

    def __init__(  # noqa: PLR0915 - what is collected while a statement is written
        self,
        model: Model,
        authority: Authority,
        limits: QueryLimits,
        *,
        marked: bool,
        is_fresh: bool = False,
        reads_unkept: bool = False,
    ) -> None:
        self.model = model
        self.authority = authority
        self.limits = limits
        self.marked = marked
        """Answers for the executor name the type of each object of an interface."""
        self.is_fresh = is_fresh
        """Sources may be asked for this request."""
        self.reads_unkept = is_fresh or reads_unkept
        """What sources told live and nobody may keep is read too."""
        self.touched: set[str] = set()
        """Response keys of root fields that look at calendars."""
        self.moving: set[str] = set()
        """Response keys of root fields whose rows depend on calendars."""
        self.reading: set[str] = set()
        """Response keys of root fields that read records."""
        self.reaches: dict[str, ReachOf] = {}
        """Whom a field of the root is about, by its response key, where that is known."""
        self.wide: set[str] = set()
        """Response keys of root fields that read records of other institutions as well."""
        self.binds: list[Bind] = []
        self.checks: list[Check] = []
        self.denied: dict[tuple[str, ...], FieldDenied] = {}
        self.narrowed: dict[Narrowed, None] = {}
        """What agreements decide that the totals count."""
        self.records: set[str] = set()
        """Record types that the statement reads."""
        self.rows: dict[str, RecordSpec] = {}
        """The record type of the rows of each alias."""
        self.is_guarded = False
        """Some value may be hidden from the caller."""
        self.identities: list[Callable[[Env], list[str]]] = []
        """Functions that return the ids in the arguments of a request."""
        self.faults: list[Callable[[Env], list[FieldFault]]] = []
        """Functions that return what is null because of the values of a request."""
        self.asked: set[Asked] = set()
        """Protected items by which rows are chosen, sorted or counted."""
        self.is_protected = False
        """Some row, or some value of it, is not for everybody: it is marked (`marks`)."""
        self._marks: defaultdict[str, Marks] = defaultdict(dict)
        self._known: dict[Hashable, int] = {}
        self._aliases = 0

    def narrow(self, what: str, rule: Rule) -> None:
        """Note that agreements decide which rows are found."""
        for term in rule.terms:
            if isinstance(term, Agreed):
                self.narrowed[Narrowed(what, term.dataset, term.item)] = None

    def alias(self, letter: str = "t") -> str:
        """Return a row alias that is not used yet."""
        self._aliases += 1
        return f"{letter}{self._aliases}"

    def bind(self, argument: Argument, transform: Transform, cast: str) -> str:
        """Return the parameter that holds an argument's value."""
        read = argument.read

        def value(env: Env) -> str | None:
            return transform(argument, read(env.values))

        return self.bind_env((argument.key, transform), value, cast)

    def bind_name(self, argument: Argument, name_of: Callable[[Names, str], str], cast: str) -> str:
        """Return the parameter that holds the present names of the keys in an argument."""
        read = argument.read

        def value(env: Env) -> str | None:
            argument_value = read(env.values)
            if isinstance(argument_value, list):
                return texts(argument, [name_of(env.names, each) for each in argument_value])
            return plain(argument, name_of(env.names, argument_value))

        return self.bind_env((argument.key, "name", cast), value, cast)

    def bind_identities(self, argument: Argument, cast: str) -> str:
        """Return the parameter that holds the ids in an argument, former ids replaced."""
        read = argument.read

        def requested(env: Env) -> list[str]:
            value = read(env.values)
            return value if isinstance(value, list) else [value]

        def value(env: Env) -> str | None:
            now = [env.replaced.get(each, each) for each in requested(env)]
            return texts(argument, now) if cast.endswith("[]") else plain(argument, now[0])

        self.identities.append(requested)
        return self.bind_env((argument.key, "identity", cast), value, cast)

    def bind_env(self, key: Hashable, value: Bind, cast: str) -> str:
        """Return the parameter that holds what `value` takes from a request."""
        number = self._known.get(key)
        if number is None:
            self.binds.append(value)
            number = self._known[key] = len(self.binds)
        return f"${number}::{cast}"

    def must_read(self, spec: RecordSpec, item: Item, where: str) -> None:
        """Refuse to choose or sort rows by what the caller may not read; note what is protected."""
        self.authority.must_read(spec, item, where)
        if item.scope in DATASETS:
            self.asked.add((item.grade.name, item.scope, f"{spec.name}.{item.wire}"))

    def mark(self, alias: str, grade: str, scope: str, guard: str | None) -> None:
        """Note that the row of `alias` shows something protected where `guard` holds."""
        self._marks[alias].setdefault((grade, scope), set()).add(guard)

    def marks(self, alias: str) -> Marks:
        """Return what was noted of a row since this was asked last."""
        return self._marks.pop(alias, {})

    def numbered(self, sql: str) -> tuple[str, tuple[Bind, ...], tuple[Check, ...]]:
        """Return the text with its parameters numbered without gaps, and what fills them.

        PostgreSQL cannot type a parameter that a text does not use (the size of a page of which
        only the count is asked); such a value is still checked. Raises `QueryError` when the text
        is longer than `STATEMENT_MAX`.
        """
        used = sorted({int(number) for number in _PARAMETER.findall(sql)})
        numbers = {old: new for new, old in enumerate(used, start=1)}
        if len(sql) > STATEMENT_MAX:
            raise QueryError(
                ErrorCode.TOO_MANY_FIELDS,
                f"查询生成的语句有 {len(sql)} 个字符，至多 {STATEMENT_MAX}；请少要一些字段",
                f"its statement has {len(sql)} characters, at most {STATEMENT_MAX}; ask for less",
            )
        text = _PARAMETER.sub(lambda parameter: f"${numbers[int(parameter[1])]}::", sql)
        unused = [bind for n, bind in enumerate(self.binds, start=1) if n not in numbers]
        return text, tuple(self.binds[n - 1] for n in used), tuple(_check_by(b) for b in unused)

    def bind_owners(self, dataset: AgreementDataset, item: str | None) -> str:
        """Return the parameter with the owners whose rows (or values of an item) are visible."""
        return self.bind_env(
            ("owners", dataset, item), lambda env: array(env.grants.owners(dataset, item)), "text[]"
        )

    def bind_party(self) -> str:
        """Return the parameter with the caller's party, null for nobody."""
        return self.bind_env("party", lambda env: env.grants.party, "text")

    def bind_supervised(self) -> str:
        """Return the parameter with what the caller supervises."""
        return self.bind_env("supervised", lambda env: env.grants.supervised.text, "jsonb")

    def bind_manifest(self) -> str:
        """Return the parameter with the manifest of the request."""
        return self.bind_env("manifest", lambda env: env.manifest, "jsonb")

    def bind_could(self, key: str) -> str | None:
        """Return the parameter with the sources that could answer a field of the root.

        None where its arguments do not say whom it is about.
        """
        reach, wide = self.reaches.get(key), self.wide
        if reach is None:
            return None

        def value(env: Env) -> str | None:
            if env.could is None or key in wide:
                return None
            return array(sorted(env.could(reach(env))))

        return self.bind_env(("could", key), value, "text[]")

    def bind_now(self) -> str:
        """Return the parameter with the present instant."""
        return self.bind_env("now", lambda env: env.now.isoformat(), "timestamptz")
