"""`nasty_fields`: nasty documents: fields that must be merged, odd values and odd text."""

from __future__ import annotations

from tests.unit.query.nasty import LEAVES, chain, family, fragments, of_instruments, repeated

# -- fields that overlap -----------------------------------------------------------------------


@family(940)
def the_same_field_again_and_again(size: int) -> str:
    return of_instruments("key " * size)


@family(90)
def the_same_field_with_other_arguments(size: int) -> str:
    offers = repeated(size, lambda n: f"offers(first: {n}) {{ code }}")
    return of_instruments(offers)


@family(90)
def the_same_field_with_the_same_arguments(size: int) -> str:
    return of_instruments("offers(first: 3) { code } " * size)


@family(240)
def the_same_object_again_and_again(size: int) -> str:
    return of_instruments("name { zh } " * size)


@family(140)
def the_same_deep_object_again_and_again(size: int) -> str:
    return of_instruments("institution { name { zh } } " * size)


@family(13)
def the_same_object_with_the_same_fields_inside(size: int) -> str:
    inside = "name { zh en } " * 12
    return of_instruments(f"institution {{ {inside} }} " * size)


@family(5)
def a_tree_of_the_same_fields(size: int) -> str:
    made = "key"
    for _ in range(size):
        made = f"offers {{ instrument {{ {made} }} }} " * 2
    return of_instruments(made)


@family(18)
def the_same_field_in_every_fragment(size: int) -> str:
    spreads = repeated(size, lambda n: f"...F{n}")
    return of_instruments(spreads) + fragments(
        "offers { instrument { key } } " * 6 for _ in range(size)
    )


@family(20)
def every_fragment_against_every_other(size: int) -> str:
    spreads = repeated(size, lambda n: f"...F{n}")
    body = "key name { zh } offers { instrument { id name { zh } } } " * 2
    return of_instruments(spreads) + fragments([body] * size)


@family(18)
def every_fragment_below_every_field(size: int) -> str:
    spreads = repeated(size, lambda n: f"...F{n}")
    places = repeated(size, lambda n: f"offers {{ instrument {{ {spreads} }} }}")
    return of_instruments(places) + fragments(["key"] * size)


@family(10)
def two_chains_that_meet_at_each_level(size: int) -> str:
    half = size // 2

    def body(n: int) -> str:
        if n >= size - 2:
            return LEAVES
        up = [f"...F{n // 2 * 2 + 2}", f"...F{n // 2 * 2 + 3}"]
        return " ".join(f"offers {{ instrument {{ {each} }} }}" for each in up * 2)

    root = "{ instruments { nodes { ...F0 ...F1 } } }"
    return root + fragments(body(n) for n in range(half * 2))


@family(130)
def the_same_object_in_inline_fragments(size: int) -> str:
    return of_instruments("... { name { zh } } " * size)


@family(88)
def inline_fragments_inside_each_other(size: int) -> str:
    made = "... { key " * size + "key " + "} " * size
    return of_instruments(made)


@family(30)
def inline_fragments_inside_each_other_with_objects(size: int) -> str:
    made = "... { offers { code } name { zh } " * size + "key " + "} " * size
    return of_instruments(made)


@family(110)
def inline_fragments_of_other_types(size: int) -> str:
    made = repeated(size, lambda n: f"... on {('Instrument', 'Centre')[n % 2]} {{ name {{ zh }} }}")
    return f'{{ node(id: "x") {{ {made} }} }}'


@family(30)
def aliases_that_collide(size: int) -> str:
    names = (LEAVES.split() * 4)[:size]
    return of_instruments(" ".join(f"a: {name}" for name in names))


@family(900)
def the_same_typename(size: int) -> str:
    return "{ instruments { " + "__typename " * size + "} }"


@family(96)
def the_same_field_with_variables(size: int) -> str:
    uses = "offers(first: $n) { code } " * size
    return "query ($n: Int!) " + of_instruments(uses)


@family(12)
def the_same_field_with_long_arguments(size: int) -> str:
    members = '"x" ' * 60
    made = f"usageRecords(filter: {{ instrumentKey: {{ in: [{members}] }} }}) {{ totalCount }} "
    return of_instruments(made * size)


# -- values, variables and types ---------------------------------------------------------------


@family(92)
def a_deep_list(size: int) -> str:
    return f"{{ instruments(first: {'[' * size}1{']' * size}) {{ totalCount }} }}"


@family(90)
def a_deep_list_where_a_list_belongs(size: int) -> str:
    return f"{{ nodes(ids: {'[' * size}1{']' * size}) {{ id }} }}"


@family(90)
def a_deep_object(size: int) -> str:
    value = "{ localNo: " * size + "1" + " }" * size
    return f"{{ instruments(filter: {value}) {{ totalCount }} }}"


@family(90)
def a_deep_value_with_a_variable(size: int) -> str:
    value = "[{ eq: " * (size // 2) + "$v" + " }]" * (size // 2)
    return f"query ($v: String) {{ instruments(filter: {value}) {{ totalCount }} }}"


@family(900)
def a_wide_list(size: int) -> str:
    return f"{{ nodes(ids: [{'1 ' * size}]) {{ id }} }}"


@family(490)
def a_wide_list_of_variables(size: int) -> str:
    return f"query ($v: ID!) {{ nodes(ids: [{'$v ' * size}]) {{ id }} }}"


@family(300)
def a_wide_object(size: int) -> str:
    return f"{{ instruments(filter: {{ {'localNo: 1 ' * size} }}) {{ totalCount }} }}"


@family(120)
def many_classes(size: int) -> str:
    made = '{ scheme: "s", code: "c" } ' * size
    return f"{{ instruments(filter: {{ classes: [{made}] }}) {{ totalCount }} }}"


@family(900)
def many_orders(size: int) -> str:
    return f"{{ instruments(orderBy: [{'NAME_ASC ' * size}]) {{ totalCount }} }}"


@family(92)
def a_deep_type(size: int) -> str:
    return f"query ($v: {'[' * size}Int{']' * size}) {{ instruments(first: $v) {{ totalCount }} }}"


@family(10)
def many_deep_types(size: int) -> str:
    made = repeated(size, lambda n: f"$v{n}: {'[' * 30}InstrumentFilter!{']!' * 30}")
    return f"query ({made}) {{ instruments(filter: $v0) {{ totalCount }} }}"


@family(240)
def many_variables(size: int) -> str:
    made = repeated(size, lambda n: f"$v{n}: Int")
    return f"query ({made}) {{ instruments(first: $v0) {{ totalCount }} }}"


@family(240)
def many_variables_of_one_name(size: int) -> str:
    return f"query ({'$v: Int ' * size}) {{ instruments(first: $v) {{ totalCount }} }}"


@family(54)
def many_variables_with_defaults(size: int) -> str:
    default = '{ localNo: { in: ["a" "b" "c"] } }'
    made = repeated(size, lambda n: f"$v{n}: InstrumentFilter = {default}")
    return f"query ({made}) {{ instruments(filter: $v0) {{ totalCount }} }}"


@family(18)
def defaults_that_are_deep(size: int) -> str:
    made = repeated(size, lambda n: f"$v{n}: [ID!] = {'[' * 22}1{']' * 22}")
    return f"query ({made}) {{ nodes(ids: $v0) {{ id }} }}"


@family(17)
def all_variables_in_all_places(size: int) -> str:
    made = repeated(size, lambda n: f"$v{n}: String!")
    uses = repeated(size, lambda n: f"$v{n}")
    place = f"usageRecords(filter: {{ instrumentKey: {{ in: [{uses}] }} }}) {{ totalCount }} "
    return f"query ({made}) " + of_instruments(place * size)


@family(200)
def many_operations(size: int) -> str:
    return repeated(size, lambda n: f"query Q{n} {{ __typename }}")


@family(330)
def many_operations_without_a_name(size: int) -> str:
    return "{ __typename } " * size


@family(55)
def many_operations_of_one_name_with_variables(size: int) -> str:
    return "query Q($a: Int, $b: [Int!]) { __typename } " * size


# -- text, names, directives, definitions ------------------------------------------------------


@family(4900)
def empty_lines_before_errors(size: int) -> str:
    return "\n" * size + "{ instruments { nodes { " + "x key " * 300 + "} } }"


@family(900)
def many_comments(size: int) -> str:
    return "# comment\n" * size + "{ me { party } }"


@family(4900)
def a_block_string_of_many_lines(size: int) -> str:
    text = '"""' + " \n\t\n" * (size // 2) + 'x"""'
    return f"{{ instruments(search: {text}) {{ totalCount }} }}"


@family(10_000)
def a_string_of_escapes(size: int) -> str:
    text = "\\u00e9" * size
    return f'{{ instruments(search: "{text}") {{ totalCount }} }}'


@family(200)
def long_names_that_do_not_exist(size: int) -> str:
    names = repeated(size, lambda n: f"{'x' * 250}{n}")
    return of_instruments(names)


@family(95)
def selections_inside_each_other(size: int) -> str:
    return "{ institution " * size + "{ key " + "} " * (size + 1)


@family(900)
def fields_that_do_not_exist(size: int) -> str:
    return "{ instruments { nodes { " + repeated(size, lambda n: f"x{n}") + " } } }"


@family(400)
def fragments_that_do_not_exist(size: int) -> str:
    return "{ " + repeated(size, lambda n: f"...X{n}") + " }"


@family(160)
def types_that_do_not_exist(size: int) -> str:
    return "{ " + repeated(size, lambda n: f"... on X{n} {{ x }}") + " }"


@family(120)
def directives_on_everything(size: int) -> str:
    return "{ instruments { nodes { " + "key @include(if: true) " * size + "} } }"


@family(20)
def directives_of_the_executor(size: int) -> str:
    return (
        "{ instruments { nodes { "
        + "... @defer { key } offers @stream { code } " * (size // 2)
        + "} } }"
    )


@family(140)
def definitions_of_types(size: int) -> str:
    return "{ me { party } } " + repeated(size, lambda n: f"type T{n} {{ a: Int }}")


@family(18)
def subscriptions_with_fragments(size: int) -> str:
    return "subscription { ...F0 }" + chain(size, lambda f: f"{f} {f}", "x", "Query")


@family(120)
def members_of_a_one_of(size: int) -> str:
    made = repeated(size, lambda n: f'key: "a{n}"')
    return f"{{ instrument(by: {{ {made} }}) {{ key }} }}"
