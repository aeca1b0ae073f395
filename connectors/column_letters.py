"""`column_letters`: the letters by which spreadsheets name columns: 1 is A, 26 is Z, 27 is AA."""

__all__ = ["column_letters", "column_number"]

ALPHABET = 26


def column_letters(number: int) -> str:
    """Return the letters of a column, counted from 1; the columns before it have none."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, ALPHABET)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """Return the number of a column by its letters; no letters are 0."""
    number = 0
    for letter in letters.upper():
        number = number * ALPHABET + ord(letter) - ord("A") + 1
    return number
