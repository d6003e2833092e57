"""Packages of the train extra that are absent, or installed and broken, are one line that says how to get them."""

import pytest

from edge.deploy._tensorflow import need
from edge.errors import MissingExtra


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "this needs broken_extra, not installed here: pip install", id="absent"),
        pytest.param("import its_own_need", "cannot be imported .No module named 'its_own_need'.: pip", id="its need"),
        pytest.param(
            "raise ImportError('Advice.\\n\\nlibx.so: cannot open')",
            "imported .libx.so: cannot open.: pip",
            id="library",
        ),
    ],
)
def test_a_package_that_does_not_import_is_named(tmp_path, monkeypatch, content, words):
    monkeypatch.syspath_prepend(tmp_path)
    if content is not None:
        (tmp_path / "broken_extra.py").write_text(content)
    with pytest.raises(MissingExtra, match=words):
        need("broken_extra")
