"""Sentences as tokens: words, their numbers, and the vocabulary's file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import FileError, InputError
from edge.models.training.text import vocabulary
from edge.models.training.text.vocabulary import RESERVED, Vocabulary, build, read, words_of


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The film was good", ["the", "film", "was", "good"]),
        ("Don't go!", ["don't", "go", "!"]),
        ("don\u2019t", ["don't"]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("3.5 stars, really?", ["3", ".", "5", "stars", ",", "really", "?"]),
        ("Füße über\tÄcker", ["füße", "über", "äcker"]),
        ("  ", []),
    ],
)
def test_words_are_lower_case_and_signs_stand_alone(sentence, words):
    assert words_of(sentence) == words


def test_frequent_words_come_first_and_ties_in_alphabetical_order():
    found = build(["b a b", "c a b", "d"], most=5)
    assert found.words == (*RESERVED, "b", "a", "c")
    assert len(build(["b a"], most=100)) == 4


def test_tokens_are_padded_cut_and_unknown():
    known = Vocabulary((*RESERVED, "good", "film"))
    np.testing.assert_array_equal(
        known.tokens(["good film", "a Good film indeed", ""], 3), [[2, 3, 0], [1, 2, 3], [0, 0, 0]]
    )


def test_the_file_comes_back(tmp_path):
    known = build(["good film , really !"], 100)
    (tmp_path / "vocabulary.txt").write_text(known.text(), encoding="utf-8")
    assert read(tmp_path / "vocabulary.txt") == known


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), max_size=8), st.integers(1, 12))
def test_any_text_becomes_tokens_of_the_vocabulary(sentences, length):
    known = build(sentences, 10)
    tokens = known.tokens(sentences, length)
    assert tokens.shape == (len(sentences), length)
    assert tokens.dtype == np.int32
    assert ((tokens >= 0) & (tokens < len(known))).all()
    assert len(known) <= 10
    assert all("\n" not in word and word.strip() == word for word in known.words)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"good\nfilm\n", "must begin with the lines"), (b"<PAD>\n<UNKNOWN>\na\na\n", "each word once"), (b"", "begin")],
)
def test_what_is_no_vocabulary_is_refused(tmp_path, content, words):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "v.txt")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read(tmp_path / "none.txt")
    (tmp_path / "v.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="cannot be read"):
        read(tmp_path / "v.txt")


def test_the_record_says_how_tokens_are_made():
    known = Vocabulary((*RESERVED, "good"))
    assert vocabulary.as_json(known, 7, "v.txt") == {
        "vocabulary": "v.txt",
        "words": 3,
        "length": 7,
        "padding": 0,
        "unknown": 1,
        "lowercase": True,
    }
