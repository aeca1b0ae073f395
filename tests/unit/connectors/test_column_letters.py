from __future__ import annotations

import pytest

from connectors.column_letters import column_letters, column_number

KNOWN = {"A": 1, "Z": 26, "AA": 27, "AZ": 52, "BA": 53, "ZZ": 702, "AAA": 703, "XFD": 16_384}


@pytest.mark.parametrize(("letters", "number"), KNOWN.items())
def test_a_column_has_the_letters_that_a_spreadsheet_shows(letters: str, number: int) -> None:
    assert column_letters(number) == letters
    assert column_number(letters) == number
    assert column_number(letters.lower()) == number


def test_letters_and_numbers_of_all_columns_lead_to_each_other() -> None:
    numbers = range(1, 16_385)
    letters = [column_letters(number) for number in numbers]
    assert len(set(letters)) == len(numbers)
    assert [column_number(each) for each in letters] == list(numbers)


def test_no_column_has_no_letters() -> None:
    assert (column_letters(0), column_number("")) == ("", 0)
