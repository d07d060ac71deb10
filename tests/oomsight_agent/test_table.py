"""Tables as a person sees them in a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.table import Cell, Column, Tone, layout, shorten

COLUMNS = (Column("NAME"), Column("USAGE"), Column("CACHE", 1), Column("PEAK", 2))


def row(name: str, *values: str) -> list[Cell]:
    return [Cell(text) for text in (name, *values)]


def test_names_stand_left_and_numbers_right() -> None:
    table = layout(COLUMNS, [row("a", "1Mi", "20Mi", "300Mi"), row("longer", "-", "0", "1")], width=None, colour=False)
    assert table.lines == (
        "NAME    USAGE  CACHE   PEAK",
        "a         1Mi   20Mi  300Mi",
        "longer      -      0      1",
    )


def test_without_headings_only_the_rows_are_left() -> None:
    assert layout(COLUMNS, [row("a", "1", "2", "3")], width=None, colour=False, headings=False).lines == ("a  1  2  3",)


def test_no_rows_are_headings_alone() -> None:
    assert layout(COLUMNS, [], width=80, colour=False).lines == ("NAME  USAGE  CACHE  PEAK",)


def test_in_a_narrow_terminal_the_least_important_columns_go_first_and_are_named() -> None:
    table = layout(COLUMNS, [row("n" * 40, "1Mi", "20Mi", "300Mi")], width=40, colour=False)
    assert table.left_out == ("PEAK",)
    assert table.lines == (
        "NAME                        USAGE  CACHE",
        "nnnnnnnnnnn...nnnnnnnnnnnn    1Mi   20Mi",
    )


def test_both_ends_of_a_long_name_stay() -> None:
    assert shorten("shop/checkout-7d9f/web", 15) == "shop/c...9f/web"
    assert shorten("short", 15) == "short"


def test_colour_changes_nothing_but_the_colour() -> None:
    rows = [[Cell("a"), Cell("1", Tone.DANGER), Cell("2"), Cell("3", Tone.DIM)]]
    coloured = layout(COLUMNS, rows, width=None, colour=True).lines[1]
    assert "\x1b[31m    1\x1b[0m" in coloured
    plain = layout(COLUMNS, rows, width=None, colour=False).lines[1]
    assert coloured.replace("\x1b[31m", "").replace("\x1b[2m", "").replace("\x1b[0m", "") == plain


@given(st.lists(st.text(alphabet="abc/-", max_size=90), min_size=1), st.integers(40, 200))
def test_no_line_is_wider_than_the_terminal(names: list[str], width: int) -> None:
    table = layout(COLUMNS, [row(name, "999Mi", "999Mi", "999Mi") for name in names], width=width, colour=False)
    assert all(len(line) <= width for line in table.lines)
    assert len(table.lines) == len(names) + 1


def test_a_column_of_text_is_left_aligned() -> None:
    columns = (Column("TIME"), Column("WHO", is_text=True), Column("BYTES"))
    rows = [[Cell("now"), Cell("a"), Cell("1")], [Cell("then"), Cell("bcdef"), Cell("20")]]
    assert layout(columns, rows, width=None, colour=False).lines == (
        "TIME  WHO    BYTES",
        "now   a          1",
        "then  bcdef     20",
    )
