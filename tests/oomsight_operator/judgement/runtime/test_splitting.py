from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomsight_operator.judgement.runtime.splitting import java_words, node_words


def test_java_quotes_go_and_nothing_escapes() -> None:
    assert java_words(" -Xmx1g\t'-Da=b c'\n-D\"x y\"=\\z ") == ("-Xmx1g", "-Da=b c", "-Dx y=\\z")
    assert java_words("'-Xmx1'00m") == ("-Xmx100m",)
    assert java_words("-Da='not closed -Xmx1g") == ("-Da=not closed -Xmx1g",)
    assert java_words("") == ()


def test_node_has_double_quotes_with_escapes_and_spaces_alone() -> None:
    assert node_words('--a  "--b c" --d="e \\" f" \'--g\'') == ("--a", "--b c", '--d=e " f', "'--g'")
    assert node_words("--a\t--b") == ("--a\t--b",)


@given(st.text(alphabet="-Xm1g'\" \t\n\\=\0\x01", max_size=200))
def test_no_line_makes_it_fail_and_no_word_is_made_up(line: str) -> None:
    for words in (java_words(line), node_words(line)):
        assert all(set(word) <= set(line) for word in words)
        assert sum(len(word) for word in words) <= len(line)


@given(st.lists(st.text(alphabet="ab-=$\\\0", min_size=1, max_size=9), max_size=5))
def test_plain_words_come_back(words: list[str]) -> None:
    assert java_words(" ".join(words)) == tuple(words)
