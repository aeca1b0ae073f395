from __future__ import annotations

from bench.data import Data
from bench.intake import Taken
from bench.load import Measured, middle
from bench.questions import plain
from bench.report import Results, markdown
from bench.statements import Alone
from bench.targets import Verdict


def measured(rps: float, us: float = 100.0) -> Measured:
    return Measured(rps, us, us, 1.0, 2.0, 1000.0, 0.05, 0.5)


def results() -> Results:
    made = Results(Data(), 5.0, 5, {"Python": "3.11"}, 0.0)
    made.engine = {
        "W1": {
            "hub, engine alone": measured(3_600.0),
            "strawberry": measured(60.0),
            "postgraphile": measured(1_000.0),
        },
        "W2": {
            "hub, engine alone": measured(3_900.0, 90.0),
            "postgraphile": measured(1_000.0),
        },
    }
    made.shipped = {"W2": {"hub, as shipped": measured(2_000.0, 210.0)}}
    made.checks = {"token": 1.0}
    made.alone = {"W1": Alone(400.0, 4_000.0)}
    made.large_instruments, made.large = 1_300_000, {"W1": Alone(600.0, 4_000.0)}
    made.intake = {"request-signed": Taken(50_000, 5_000, 7_000.0, 2.0, 120.0, 110.0, 4.6)}
    return made


def test_each_figure_stands_beside_its_target_with_what_came_of_it() -> None:
    page = markdown(results())
    assert "| W1 over PostGraphile | 3.60x | 3.5x | met |" in page
    assert "| W1 over Strawberry | 60.00x | 50x | met |" in page
    assert "| W2 over PostGraphile | 3.90x | 4x | MISSED |" in page
    assert "| W1 of pgbench | 90% | 85% | met |" in page
    assert "costs 120 µs of the server (target for the checks: 150 µs, met)" in page
    assert "| W1 | 400 | 600 | 1.50x | MISSED |" in page
    assert "| request-signed | 7,000 | 8,000 | MISSED | 120 | 110 | 2.00 |" in page


def test_what_was_not_measured_is_not_on_the_page() -> None:
    page = markdown(Results(Data(), 5.0, 5, {}, 0.0))
    assert "##" not in page


def test_a_median_is_taken_over_the_rounds_and_the_spread_told() -> None:
    rounds = [
        {
            **dict.fromkeys(("server_us", "postgres_us", "p50", "p99", "load"), 1.0),
            "bytes": 100.0,
            "requests": 10.0,
            "rps": rps,
        }
        for rps in (90.0, 100.0, 120.0)
    ]
    made = middle(rounds)
    assert (made.rps, made.bytes, round(made.spread, 2)) == (100.0, 10.0, 0.3)


def test_answers_in_different_clothes_are_equal_and_different_ones_are_not() -> None:
    ours = {"instruments": {"nodes": [{"startAt": "2026-12-01T01:00:00Z"}]}}
    theirs = {"instruments": [{"instrument": {"startAt": "2026-12-01T01:00:00+00:00"}}]}
    assert plain(ours) == plain(theirs)
    theirs["instruments"][0]["instrument"]["startAt"] = "2026-12-01T02:00:00+00:00"
    assert plain(ours) != plain(theirs)


def test_less_is_better_where_it_is() -> None:
    assert str(Verdict(1.2, 1.3, more_is_better=False)) == "met"
    assert str(Verdict(1.4, 1.3, more_is_better=False)) == "MISSED"
