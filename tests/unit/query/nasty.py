"""`nasty`: documents made to cost much more than their length, in families that grow with a size.

A family is a function of a size. Its largest size is about where its documents fill the bounds on
tokens, fragments or levels; the tests read each at that size and at half of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Family = Callable[[int], str]
FAMILIES: dict[str, tuple[Family, int]] = {}
"""By name: the function and its largest size."""


def of_instruments(inside: str) -> str:
    """Return the selection of all that `inside` asks of instruments."""
    return f"{{ instruments {{ nodes {{ {inside} }} }} }}"


ROOT = of_instruments("...F0")
BACK = ("offers { instrument", "openingHours { instrument", "coverage { instrument")
"""Ways from an instrument back to an instrument."""
LEAVES = "id key localNo model manufacturer originCountry specification functions accessories"


def family(largest: int) -> Callable[[Family], Family]:
    """Enter a function under its name, with its words apart."""

    def enter(made: Family) -> Family:
        FAMILIES[made.__name__.replace("_", " ")] = made, largest
        return made

    return enter


def fragments(bodies: Iterable[str], on: str = "Instrument") -> str:
    """Return fragments F0, F1, … with these bodies."""
    return " ".join(f"fragment F{n} on {on} {{ {body} }}" for n, body in enumerate(bodies))


def repeated(count: int, each: Callable[[int], str]) -> str:
    """Return what is written for 0, 1, … one after the other."""
    return " ".join(each(n) for n in range(count))


def chain(size: int, step: Callable[[str], str], last: str = LEAVES, on: str = "Instrument") -> str:
    """Return fragments of which each spreads the next in the way of `step`."""
    return fragments([*(step(f"...F{n + 1}") for n in range(size - 1)), last], on)


def all_others(size: int, n: int) -> str:
    """Return spreads of all fragments but one."""
    return repeated(size, lambda other: "" if other == n else f"...F{other}")


# -- cycles ------------------------------------------------------------------------------------


@family(20)
def all_spread_all(size: int) -> str:
    return ROOT + fragments(f"key {all_others(size, n)}" for n in range(size))


@family(20)
def all_spread_all_and_nobody_uses_them(size: int) -> str:
    return "{ me { party } }" + fragments(all_others(size, n) for n in range(size))


@family(19)
def all_spread_all_below_a_field(size: int) -> str:
    bodies = (f"offers {{ instrument {{ {all_others(size, n)} }} }}" for n in range(size))
    return ROOT + fragments(bodies)


@family(19)
def all_spread_all_inside_inline_fragments(size: int) -> str:
    bodies = (f"... on Instrument {{ ... {{ {all_others(size, n)} }} }}" for n in range(size))
    return ROOT + fragments(bodies)


@family(20)
def all_spread_all_below_introspection(size: int) -> str:
    root = "{ __schema { types { ...F0 } } }"
    return root + fragments((f"ofType {{ {all_others(size, n)} }}" for n in range(size)), "__Type")


@family(20)
def all_spread_all_and_names_come_twice(size: int) -> str:
    bodies = [all_others(size, n) for n in range(size)]
    return ROOT + fragments(bodies[: size // 2]) + fragments(["key"] * size)


@family(20)
def all_spread_all_on_types_that_do_not_fit(size: int) -> str:
    return "{ ...F0 }" + fragments((all_others(size, n) for n in range(size)), "Money")


@family(20)
def all_spread_all_and_one_that_is_missing(size: int) -> str:
    return ROOT + fragments(f"{all_others(size, n)} ...Missing" for n in range(size))


@family(20)
def a_ring(size: int) -> str:
    return ROOT + fragments(f"...F{(n + 1) % size}" for n in range(size))


@family(20)
def a_ring_of_wide_spreads(size: int) -> str:
    return ROOT + fragments(f"...F{(n + 1) % size} " * 12 for n in range(size))


@family(20)
def each_spreads_itself(size: int) -> str:
    return ROOT + fragments(f"...F{n} ...F{(n + 1) % size}" for n in range(size))


@family(20)
def many_operations_over_a_cycle(size: int) -> str:
    operations = repeated(size, lambda n: f"query Q{n} " + of_instruments(f"...F{n}"))
    return operations + fragments(f"...F{(n + 1) % size} ...F{(n + 7) % size}" for n in range(size))


# -- fragments that multiply -------------------------------------------------------------------


@family(20)
def each_spreads_all_later_ones(size: int) -> str:
    later = (repeated(size - n - 1, lambda k, n=n: f"...F{n + k + 1}") for n in range(size))  # type: ignore[misc]
    return ROOT + fragments(f"key {each}" for each in later)


@family(20)
def each_spreads_the_next_twice(size: int) -> str:
    return ROOT + chain(size, lambda f: f"{f} {f}")


@family(20)
def each_spreads_the_next_twenty_times(size: int) -> str:
    return ROOT + chain(size, lambda f: f"{f} " * 20)


@family(20)
def twice_at_the_root(size: int) -> str:
    return "{ ...F0 }" + chain(size, lambda f: f"{f} {f}", "me { party }", "Query")


@family(5)
def twice_below_the_same_field(size: int) -> str:
    step = "offers {{ instrument {{ {0} }} }} offers {{ instrument {{ {0} }} }}"
    return ROOT + chain(size, step.format)


@family(5)
def thirty_times_below_the_same_field(size: int) -> str:
    return ROOT + chain(size, lambda f: f"offers {{ instrument {{ {f} }} }} " * 25)


@family(5)
def below_three_fields(size: int) -> str:
    return ROOT + chain(size, lambda f: " ".join(f"{way} {{ {f} }} }}" for way in BACK))


@family(5)
def below_aliases(size: int) -> str:
    step = lambda f: repeated(5, lambda n: f"a{n}: offers {{ instrument {{ {f} }} }}")  # noqa: E731
    return ROOT + chain(size, step)


@family(5)
def below_aliases_and_fields_with_a_wide_end(size: int) -> str:
    def step(spread: str) -> str:
        ways = [f"{way} {{ {spread} }} }}" for way in BACK]
        return " ".join([*ways, f"a: offers {{ instrument {{ {spread} }} }}", LEAVES])

    return ROOT + chain(size, step)


@family(9)
def below_aliases_of_connections(size: int) -> str:
    two = "a: nodes {{ {0} }} b: nodes {{ {0} }} edges {{ node {{ {0} }} }}"
    return ROOT + chain(size // 3, lambda f: f"institution {{ instruments {{ {two.format(f)} }} }}")


@family(20)
def twice_in_inline_fragments(size: int) -> str:
    return ROOT + chain(size, lambda f: f"... {{ {f} }} ... on Instrument {{ {f} }}")


@family(20)
def twice_on_the_interface(size: int) -> str:
    step = "... on Node {{ {0} }} ... on Instrument {{ {0} }}"
    return '{ node(id: "x") { ...F0 } }' + chain(size, step.format, "id", "Node")


@family(9)
def twice_under_conditions(size: int) -> str:
    step = "{0} @include(if: $a) {0} @skip(if: $b)"
    return "query ($a: Boolean!, $b: Boolean!) " + ROOT + chain(size, step.format)


@family(20)
def twice_under_two_types(size: int) -> str:
    step = "... on Centre {{ {0} }} ... on Instrument {{ {0} }}"
    return '{ node(id: "x") { ...F0 } }' + chain(size, step.format, "id", "Node")


@family(20)
def twice_and_nobody_uses_them(size: int) -> str:
    return "{ me { party } }" + chain(size, lambda f: f"{f} offers {{ instrument {{ {f} }} }}")


@family(20)
def twice_and_the_name_comes_again(size: int) -> str:
    return ROOT + chain(size - 1, lambda f: f"{f} {f}") + "fragment F0 on Instrument { key }"


@family(27)
def names_that_come_again(size: int) -> str:
    return ROOT + "fragment F0 on Instrument { key ...F0 } " * (size * 4)


@family(20)
def twice_below_introspection(size: int) -> str:
    step = "a: ofType {{ {0} }} ofType {{ {0} }}"
    return "{ __schema { types { ...F0 } } }" + chain(size, step.format, "name", "__Type")


@family(20)
def twice_below_introspected_fields(size: int) -> str:
    step = "ofType {{ {0} fields {{ type {{ {0} }} }} }}"
    return "{ __schema { types { ...F0 } } }" + chain(size, step.format, "name", "__Type")


@family(20)
def twice_below_the_type_of_a_name(size: int) -> str:
    step = "{0} ofType {{ {0} }} interfaces {{ {0} }}"
    return '{ __type(name: "Query") { ...F0 } }' + chain(size, step.format, "name", "__Type")


@family(8)
def twice_in_a_mutation(size: int) -> str:
    root = 'mutation { pushRecords(input: { source: "s", rows: [] }) { ...F0 } }'
    return root + chain(size, lambda f: f"accepted {f} {f}", "__typename", "PushPayload")


@family(28)
def a_wide_fragment_in_many_places(size: int) -> str:
    places = repeated(size, lambda n: f"a{n}: offers {{ instrument {{ ...F0 }} }}")
    return f"{{ instruments {{ nodes {{ {places} }} }} }}" + fragments([f"{LEAVES} " * 60])


@family(28)
def a_long_argument_in_many_places(size: int) -> str:
    members = '"x" ' * 500
    wide = f"usageRecords(filter: {{ instrumentKey: {{ in: [{members}] }} }}) {{ totalCount }}"
    places = repeated(size, lambda n: f"a{n}: offers {{ instrument {{ ...F0 }} }}")
    return f"{{ instruments {{ nodes {{ {places} }} }} }}" + fragments([wide])


@family(14)
def a_long_argument_with_variables_in_many_places(size: int) -> str:
    wide = f"usageRecords(filter: {{ instrumentKey: {{ in: [{'$v ' * 200}] }} }}) {{ totalCount }}"
    places = repeated(size, lambda n: f"a{n}: offers {{ instrument {{ ...F0 }} }}")
    root = f"query ($v: String!) {{ instruments {{ nodes {{ {places} }} }} }}"
    return root + fragments([f"{wide} {wide}"])


@family(19)
def the_dearest_field_in_many_places(size: int) -> str:
    ids = '"a" ' * 11
    return (
        "{"
        + repeated(size, lambda n: f"a{n}: nodes(ids: [{ids}]) {{ ...F0 }}")
        + "}"
        + (fragments(["id __typename " + "... on Instrument { key } " * 12], "Node"))
    )


@family(28)
def a_wide_fragment_that_still_fits(size: int) -> str:
    places = repeated(size, lambda n: f"a{n}: offers {{ instrument {{ ...F0 }} }}")
    wide = f"{LEAVES} name {{ zh en }} institution {{ key centres {{ nodes {{ key }} }} }}"
    return f"{{ instruments {{ nodes {{ {places} }} }} }}" + fragments([wide])


@family(19)
def many_roots_that_still_fit(size: int) -> str:
    records = "institution { key } availability(from: $f, until: $f) { status } offers { code }"
    wide = f"instruments(first: 1) {{ nodes {{ {LEAVES} {records} }} pageInfo {{ endCursor }} }}"
    return f"query ($f: DateTime!) {{ {repeated(size, lambda n: f'a{n}: {wide}')} }}"


@family(40)
def many_operations_over_the_same_fragments(size: int) -> str:
    operations = repeated(size, lambda n: f"query Q{n} {{ instruments {{ nodes {{ ...F0 }} }} }}")
    return operations + chain(5, lambda f: " ".join(f"{way} {{ {f} }} }}" for way in BACK))


@family(150)
def many_operations_over_a_wide_fragment(size: int) -> str:
    operations = repeated(size, lambda n: f"query Q{n} {{ ...F0 }}")
    return operations + fragments(["me { party } " * 15], "Query")


@family(60)
def many_operations_that_use_variables_of_others(size: int) -> str:
    operations = repeated(size, lambda n: f"query Q{n}($v{n}: String) {{ ...F0 }}")
    uses = repeated(18, lambda n: f"instruments(search: $v{n}) {{ totalCount }}")
    return operations + fragments([uses], "Query")
