"""Names become parts of file names and topics."""

import re

from hypothesis import given
from hypothesis import strategies as st

from edge.sinks.slugs import LONGEST, slug, unique_slug


def test_known_names():
    assert slug("front door/2") == "front-door-2"
    assert slug("../..") == "x"
    assert unique_slug("yard_1") == "yard_1"
    assert unique_slug("front door") == "front-door-727999"  # the first digits of its SHA-256
    assert unique_slug("front-door") == "front-door"


@given(st.text())
def test_any_text_is_a_safe_name(text):
    assert re.fullmatch(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{LONGEST - 1}}}", slug(text))


@given(st.text(), st.text())
def test_other_texts_have_other_names(one, other):
    assert (unique_slug(one) == unique_slug(other)) == (one == other)
