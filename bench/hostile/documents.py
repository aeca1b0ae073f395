"""`documents`: hostile GraphQL documents: fragments, nesting, width, directives, introspection."""

from __future__ import annotations

from collections.abc import Iterator

from bench.hostile.attack import Attack, graphql

INTROSPECTED = (
    "kind name description fields(includeDeprecated: true) { name description args { name "
    "description type { name ofType { name ofType { name } } } } type { name ofType { name } } }"
)


def documents() -> Iterator[Attack]:
    """Yield every hostile document."""
    yield from fragments()
    yield from nesting()
    yield from width()
    yield from directives()
    yield from introspection()
    yield from lexical()
    yield from definitions()
    yield from searches()


def fragments() -> Iterator[Attack]:
    for n in range(1, 13):
        circle = "".join(f"fragment F{i} on Query {{ ...F{(i + 1) % n} }}" for i in range(n))
        yield graphql("fragments", f"circle of {n}", "{ ...F0 } " + circle)
    for n in range(2, 14):
        every = " ".join(f"...F{i}" for i in range(n))
        all_to_all = "".join(f"fragment F{i} on Query {{ {every} }}" for i in range(n))
        yield graphql("fragments", f"{n} that all spread each other", "{ ...F0 } " + all_to_all)
        rest = [" ".join(f"...F{j}" for j in range(i + 1, n)) for i in range(n)]
        tower = "".join(f"fragment F{i} on Query {{ {rest[i] or '__typename'} }}" for i in range(n))
        yield graphql("fragments", f"{n} that spread all that follow", "{ ...F0 } " + tower)
    for n in (2, 5, 10, 15, 19):
        chain = "".join(
            f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} a{i}: __typename }}"
            for i in range(n)
        )
        last = f"fragment F{n} on Query {{ __typename }}"
        yield graphql("fragments", f"doubling {n} times", "{ ...F0 } " + chain + last)
        links = "".join(
            f"fragment F{i} on Institution {{ instruments {{ nodes {{ institution "
            f"{{ ...F{i + 1} ...F{i + 1} }} }} }} }}"
            for i in range(n)
        )
        end = f"fragment F{n} on Institution {{ key }}"
        query = '{ institution(by: {key: "x"}) { ...F0 } } '
        yield graphql("fragments", f"doubling {n} times through relations", query + links + end)
    many = "".join(f"fragment U{i} on Query {{ __typename }}" for i in range(160))
    yield graphql("fragments", "160 unused", "{ __typename } " + many)
    yield graphql(
        "fragments",
        "one spread 480 times",
        "{ " + "...F " * 480 + "} fragment F on Query { __typename }",
    )
    named = "".join("fragment F on Query { __typename }" for _ in range(150))
    yield graphql("fragments", "150 of one name", "{ ...F } " + named)
    conflict = " ".join(f"... on Instrument {{ a: {f} }}" for f in ("key", "model", "id") * 60)
    yield graphql(
        "fragments", "conflicting aliases", f"{{ instruments {{ nodes {{ {conflict} }} }} }}"
    )


def nesting() -> Iterator[Attack]:
    for n in (5, 12, 30, 60, 99, 150, 240, 300):
        inner = "instruments { nodes { institution { " * n
        yield graphql(
            "nesting",
            f"{n} relations",
            f"{{ institutions {{ nodes {{ {inner} key {'} } } ' * n} }} }} }}",
        )
        spread = "... on Query { " * n
        yield graphql("nesting", f"{n} inline fragments", f"{{ {spread} __typename {'} ' * n} }}")
        lists = "[" * n + "]" * n
        yield graphql("nesting", f"{n} lists in a literal", f"{{ nodes(ids: {lists}) {{ id }} }}")
        objects = "{not: " * n + "{}" + "}" * n
        yield graphql(
            "nesting",
            f"{n} objects in a literal",
            f"{{ instruments(filter: {objects}) {{ totalCount }} }}",
        )
        kinds = "[" * n + "Int" + "]" * n
        yield graphql("nesting", f"a type of {n} lists", f"query Q($a: {kinds}) {{ __typename }}")
    both = "{and: [" * 30 + "{}" + "]}" * 30
    yield graphql("nesting", "30 times and", f"{{ instruments(filter: {both}) {{ totalCount }} }}")


def width() -> Iterator[Attack]:
    for n in (20, 31, 100, 300, 900):
        aliases = " ".join(f"a{i}: __typename" for i in range(n))
        yield graphql("width", f"{n} aliases", f"{{ {aliases} }}")
        roots = " ".join(f"a{i}: instruments {{ totalCount }}" for i in range(min(n, 150)))
        yield graphql("width", f"{min(n, 150)} counts", f"{{ {roots} }}")
        yield graphql("width", f"one field {n} times", "{ me { " + "party " * n + "} }")
        ids = ", ".join('"x"' for _ in range(n))
        yield graphql("width", f"{n} ids in a literal", f"{{ nodes(ids: [{ids}]) {{ id }} }}")
    whole = (
        "key id model name { zh en } status place { divisionCode } institution { key name { zh } }"
    )
    keys = " ".join(f'a{i}: instrument(by: {{key: "k{i}"}}) {{ {whole} }}' for i in range(20))
    yield graphql("width", "20 instruments", f"{{ {keys} }}")
    merged = " ".join(f"nodes {{ {'key ' * 8} }}" for _ in range(60))
    yield graphql("width", "60 equal selections that merge", f"{{ instruments {{ {merged} }} }}")


def directives() -> Iterator[Attack]:
    for n in (10, 21, 100, 300):
        yield graphql(
            "directives",
            f"{n} of a kind",
            "{ __typename " + "@skip(if: false) " * min(n, 160) + "}",
        )
        yield graphql("directives", f"{n} unknown", "{ __typename " + "@x " * n + "}")
        spread = " ".join("... @include(if: true) { __typename }" for _ in range(min(n, 70)))
        yield graphql("directives", f"{min(n, 70)} inline fragments", f"{{ {spread} }}")
    variables = " ".join(f"$v{i}: Boolean = true" for i in range(20))
    used = " ".join(f"a{i}: __typename @skip(if: $v{i})" for i in range(20))
    yield graphql("directives", "20 by variables", f"query Q({variables}) {{ {used} }}")


def introspection() -> Iterator[Attack]:
    listed = f"types {{ {INTROSPECTED} }}"
    yield graphql("introspection", "everything", f"{{ __schema {{ {listed} }} }}")
    for n in (2, 5, 10, 29):
        roots = " ".join(f"a{i}: __schema {{ {listed} }}" for i in range(min(n, 15)))
        yield graphql("introspection", f"{min(n, 15)} aliases", f"{{ {roots} }}")
        inner = " ".join(f"a{i}: types {{ name }}" for i in range(n))
        yield graphql("introspection", f"{n} lists of types", f"{{ __schema {{ {inner} }} }}")
        spread = f"{{ __schema {{ {'...F ' * n} }} }} fragment F on __Schema {{ {listed} }}"
        yield graphql("introspection", f"{n} spreads", spread)
        aliased = " ".join(f"a{i}: ...F" for i in range(n)).replace(": ...", ": types { ...")
        yield graphql(
            "introspection", f"{n} types by fragment",
            f"{{ __schema {{ {' '.join(f'a{i}: types {{ ...F }}' for i in range(n))} }} }} "
            f"fragment F on __Type {{ {INTROSPECTED} }}",
        )  # fmt: skip
        types = " ".join(
            f'a{i}: __type(name: "Query") {{ {INTROSPECTED} }}' for i in range(min(n, 20))
        )
        yield graphql("introspection", f"{min(n, 20)} root types", f"{{ {types} }}")
        del aliased
    for n in range(1, 11):
        deep = "fields { type { " * n + "name" + " } }" * n
        yield graphql(
            "introspection", f"__type {n} fields deep", f'{{ __type(name: "Query") {{ {deep} }} }}'
        )
        possible = "possibleTypes { interfaces { " * n + "name" + " } }" * n
        yield graphql(
            "introspection",
            f"__type {n} interfaces deep",
            f'{{ __type(name: "Node") {{ {possible} }} }}',
        )
        of_type = "fields { type { ofType { ofType { ofType { " * n + "name" + " } } } } }" * n
        yield graphql(
            "introspection",
            f"__schema root {n} fields deep",
            f"{{ __schema {{ queryType {{ {of_type} }} }} }}",
        )
        args = (
            "fields { args { type { "
            + "inputFields { type { ofType { " * n
            + "name"
            + " } } }" * n
            + " } } }"
        )
        yield graphql(
            "introspection", f"inputs {n} deep", f"{{ __schema {{ queryType {{ {args} }} }} }}"
        )
    mixed = f"{{ a: __typename __schema {{ {listed} }} me {{ party }} }}"
    yield graphql("introspection", "beside a read", mixed)
    yield graphql("introspection", "in a mutation", f"mutation {{ __schema {{ {listed} }} }}")
    yield graphql(
        "introspection", "in a subscription", f"subscription {{ __schema {{ {listed} }} }}"
    )
    steps = "".join(
        f"fragment T{i} on __Type {{ fields {{ type {{ ...T{i + 1} }} }} }}" for i in range(12)
    )
    end = "fragment T12 on __Type { name }"
    yield graphql(
        "introspection",
        "a chain of fragments",
        f'{{ __type(name: "Query") {{ ...T0 }} }} {steps} {end}',
    )


def lexical() -> Iterator[Attack]:
    for n in (1_000, 60_000, 64_000, 900_000):
        yield graphql("lexical", f"{n} commas", "{ __typename " + "," * n + "}")
        yield graphql("lexical", f"{n} blanks", "{ __typename " + " " * n + "}")
        yield graphql("lexical", f"{n} line ends", "{ __typename " + "\n" * n + "}")
        yield graphql("lexical", f"a comment of {n}", "{ __typename #" + "x" * n + "\n}")
        yield graphql("lexical", f"{n // 2} comments", "{ __typename " + "#\n" * (n // 2) + "}")
        yield graphql("lexical", f"a name of {n}", "{ " + "x" * n + " }")
        yield graphql("lexical", f"a text of {n}", '{ node(id: "' + "x" * n + '") { id } }')
        yield graphql(
            "lexical", f"a block of {n}", '{ node(id: """' + "\n x" * (n // 3) + '""") { id } }'
        )
        yield graphql(
            "lexical", f"escapes of {n}", '{ node(id: "' + "\\u4e2d" * (n // 6) + '") { id } }'
        )
        yield graphql(
            "lexical", f"a number of {n}", "{ instruments(first: " + "9" * n + ") { totalCount } }"
        )
        yield graphql(
            "lexical",
            f"a fraction of {n}",
            "{ instruments(first: 1." + "9" * n + ") { totalCount } }",
        )
        yield graphql("lexical", f"{n} braces", "{" * n)
        yield graphql("lexical", f"{n} brackets", "{ a(b: " + "[" * n)
    for text in (
        "",
        " ",
        "\ufeff{ __typename }",
        "\x00",
        "{ \ud83d }",
        "query",
        '{ a(b: "\\ud800") }',
        "}" * 500,
        '"""' * 20_000,
        '"' * 60_000,
        "..." * 20_000,
        "$" * 60_000,
        "@" * 60_000,
        "\u2028" * 20_000,
        "{ __typename }" * 4_000,
    ):
        yield graphql("lexical", f"the text {text[:8]!r} of {len(text)}", text)


def definitions() -> Iterator[Attack]:
    for n in (50, 150, 400):
        operations = " ".join(f"query Q{i} {{ __typename }}" for i in range(min(n, 190)))
        yield graphql("definitions", f"{min(n, 190)} operations", operations)
        declared = " ".join(f"$v{i}: Int" for i in range(min(n, 240)))
        yield graphql(
            "definitions", f"{min(n, 240)} variables", f"query Q({declared}) {{ __typename }}"
        )
        members = ", ".join(f"a{i}: 1" for i in range(min(n, 240)))
        yield graphql(
            "definitions",
            f"{min(n, 240)} arguments",
            f"{{ instruments({members}) {{ totalCount }} }}",
        )
        yield graphql(
            "definitions",
            f"{min(n, 240)} members",
            f"{{ instruments(filter: {{{members}}}) {{ totalCount }} }}",
        )
        twice = ", ".join("first: 1" for _ in range(min(n, 240)))
        yield graphql(
            "definitions",
            f"one argument {min(n, 240)} times",
            f"{{ instruments({twice}) {{ totalCount }} }}",
        )
    yield graphql("definitions", "a schema", "type A { a: Int } " * 100)
    yield graphql(
        "definitions", "every wrong field", "{ " + " ".join(f"wrong{i}" for i in range(900)) + " }"
    )


def searches() -> Iterator[Attack]:
    for text in (
        "x" * 60_000,
        "电" * 20_000,
        "%" * 60_000,
        "_" * 60_000,
        "'" * 30_000,
        "& | ! " * 9_000,
        "\\\\" * 20_000,
        "a b " * 15_000,
    ):
        query = "query Q($t: String) { instruments(search: $t) { totalCount } }"
        yield graphql("searches", f"{text[:4]} of {len(text)}", query, {"t": text})
    for cursor in (
        "x" * 9_000,
        "A" * 1_999,
        "eyJ" * 600,
        "{" * 1_000,
        "=" * 2_000,
        "AAAA" * 400,
        "W10",
        "e30",
        "W1tbW1tbW1tb" * 100,
    ):
        query = "query Q($c: String) { instruments(after: $c) { nodes { key } } }"
        yield graphql("searches", f"cursor {cursor[:4]} of {len(cursor)}", query, {"c": cursor})
