"""Sentence data sets in their two layouts, and every way in which they can be wrong."""

import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import EdgeError, FileError, InputError
from edge.models.training.text.sentence_files import open_sentences

TSV = {"train.tsv": "good\tlovely film\nbad\tdull film\n\ngood\tgreat\n", "test.tsv": "bad\tslow\n"}


def write(root, files):
    if root.suffix == ".zip":
        with zipfile.ZipFile(root, "w") as archive:
            for name, text in files.items():
                archive.writestr(f"set/{name}", text)
        return root
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_a_line_is_a_label_a_tab_and_a_sentence(tmp_path, name):
    data = open_sentences(write(tmp_path / name, TSV))
    assert data.labels == ("bad", "good")
    assert data.splits["train"].texts == ("lovely film", "dull film", "great")
    assert data.splits["train"].classes == (1, 0, 1)
    assert data.splits["test"].texts == ("slow",)


def test_a_text_file_holds_the_sentences_of_its_class(tmp_path):
    files = {f"{split}/{label}.txt": f"{label} one\n{label} two\n" for split in ("train", "test") for label in "ab"}
    data = open_sentences(write(tmp_path, {**files, "README.txt": "about", "train/.hidden.txt": "x"}))
    assert data.labels == ("a", "b")
    assert data.splits["train"].texts == ("a one", "a two", "b one", "b two")


def test_validation_is_a_split_of_its_own(tmp_path):
    data = open_sentences(write(tmp_path, {**TSV, "val.tsv": "good\tfresh\n"}))
    assert data.splits["validation"].texts == ("fresh",)
    assert data.splits["test"].texts == ("slow",)


def test_a_fifth_is_held_out_when_there_is_no_test_part(tmp_path):
    lines = "".join(f"{'good' if n % 2 else 'bad'}\tsentence {n}\n" for n in range(20))
    data = open_sentences(write(tmp_path, {"train.tsv": lines}))
    parts = [set(data.splits[name].texts) for name in ("train", "test")]
    assert [len(part) for part in parts] == [16, 4]
    assert not parts[0] & parts[1]


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        pytest.param({"notes.md": "x"}, InputError, "has no sentences to train on: expected train.tsv", id="none"),
        pytest.param({"train.tsv": "good lovely\n"}, InputError, "train.tsv, line 1 must be a label, a tab", id="tab"),
        pytest.param({"train.tsv": "a\tb\n\tno label\n"}, InputError, "line 2 must be a label", id="no label"),
        pytest.param({"train.tsv": "good\t  \n"}, InputError, "line 1 must be a label", id="no sentence"),
        pytest.param({"train.tsv": "go\x1bod\tx\n"}, InputError, "a label must be printable", id="control"),
        pytest.param(
            {"train.tsv": "good\tx\n"}, InputError, "two classes or more to train on, got only 'good'", id="one"
        ),
        pytest.param({**TSV, "test.tsv": "odd\tx\n"}, InputError, "the class 'odd' of test", id="test class"),
        pytest.param({"train.tsv": b"\xff\xfe"}, FileError, "must be text in UTF-8", id="encoding"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, files, error, words):
    with pytest.raises(error, match=words):
        open_sentences(write(tmp_path / "set", files))


def test_a_missing_set_is_one_line(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        open_sentences(tmp_path / "none")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "ignore"))))
def test_any_file_is_read_or_refused_in_one_line(tmp_path, content):
    root = write(tmp_path, {"train.tsv": content})
    complaint = ""
    try:
        assert len(open_sentences(root).labels) >= 2
    except EdgeError as error:
        complaint = str(error)
    assert "\n" not in complaint
