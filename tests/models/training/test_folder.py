import zipfile

import pytest

from edge.errors import FileError, InputError
from edge.models.training.folder import Split, class_listing, file_names, open_folder

TREE = ("train/cat/1.jpg", "train/cat/2.PNG", "train/ant/1.jpeg", "test/ant/1.bmp", "test/cat/9.webp")


def folder_of(tmp_path, names):
    root = tmp_path / "set"
    root.mkdir()
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def zip_of(tmp_path, names):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


both = pytest.mark.parametrize("make", [folder_of, zip_of])


@both
@pytest.mark.parametrize("nested", ["", "deep/down/"])
def test_classes_are_the_sorted_folder_names(tmp_path, make, nested):
    found = open_folder(make(tmp_path, [nested + name for name in (*TREE, "README.md", "train/loose.jpg")]))
    assert found.labels == ("ant", "cat")
    names = tuple(nested + name for name in ("train/ant/1.jpeg", "train/cat/1.jpg", "train/cat/2.PNG"))
    assert found.splits == {
        "train": Split(names, (0, 1, 1)),
        "test": Split((f"{nested}test/ant/1.bmp", f"{nested}test/cat/9.webp"), (0, 1)),
    }
    assert list(found.read(names)) == [name.encode() for name in names]


@both
@pytest.mark.parametrize("spelling", ["validation", "valid", "val"])
def test_validation_has_three_spellings_and_reports_where_there_is_no_test(tmp_path, make, spelling):
    found = open_folder(make(tmp_path, ["train/a/1.jpg", f"{spelling}/a/1.jpg"]))
    assert set(found.splits) == {"train", "validation"}
    assert found.evaluation() == "validation"


def test_test_is_preferred_to_validation(tmp_path):
    names = ["train/a/1.jpg", "validation/a/1.jpg", "test/a/1.jpg"]
    assert open_folder(folder_of(tmp_path, names)).evaluation() == "test"


def test_given_labels_decide_the_numbers(tmp_path):
    found = open_folder(folder_of(tmp_path, TREE), ("dog", "cat", "ant"))
    assert found.labels == ("dog", "cat", "ant")
    assert found.splits["train"].classes == (2, 1, 1)


@both
def test_an_unreadable_member_has_no_bytes(tmp_path, make):
    root = make(tmp_path, TREE)
    found = open_folder(root)
    if root.is_dir():
        (root / TREE[0]).unlink()
    else:
        data = bytearray(root.read_bytes())
        at = data.index(TREE[0].encode()) + len(TREE[0])  # its content is its name, stored behind its header
        data[at] ^= 0xFF
        root.write_bytes(bytes(data))
    assert list(found.read((TREE[0], TREE[1]))) == [b"", TREE[1].encode()]


@both
@pytest.mark.parametrize(
    ("names", "labels", "words"),
    [
        pytest.param([], None, "has no images in class folders: expected train/<class>/", id="empty"),
        pytest.param(["a.jpg", "train/b.jpg"], None, "has no images", id="no class folders"),
        pytest.param(["train/a/x.txt"], None, "has no images", id="no image files"),
        pytest.param(["train/a/1.jpg", "test/b/1.jpg"], None, "test/b has no counterpart train/b", id="misspelt"),
        pytest.param(TREE, ("cat", "dog"), "class folder 'ant' is not one of the model's labels: cat, dog", id="new"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path, make, names, labels, words):
    with pytest.raises(InputError, match=words):
        open_folder(make(tmp_path, names), labels)


def test_a_missing_set_and_a_damaged_zip_are_file_errors(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        open_folder(tmp_path / "none")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK not a zip")
    with pytest.raises(FileError, match="cannot be read as a zip"):
        open_folder(bad)


def patched(path, at_local, at_central, value, only=None):
    """Write a byte of every (or one) member's two headers: what zipfile cannot make, but others can."""
    data = bytearray(path.read_bytes())
    for mark, offset, name in ((b"PK\x03\x04", at_local, 30), (b"PK\x01\x02", at_central, 46)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            if only is None or data[at + name :].startswith(only.encode()):
                data[at + offset] = value
    path.write_bytes(bytes(data))
    return path


ENCRYPTED, DEFLATE64 = (6, 8, 1), (8, 10, 9)
strange = pytest.mark.parametrize("how", [ENCRYPTED, DEFLATE64], ids=["encrypted", "Deflate64"])


@strange
def test_a_zip_that_python_cannot_unpack_is_a_file_error(tmp_path, how):
    with pytest.raises(FileError, match=r"cannot be read as a zip: .*(encrypted|compression)") as caught:
        open_folder(patched(zip_of(tmp_path, TREE), *how))
    assert "\n" not in str(caught.value)


@strange
def test_one_such_member_has_no_bytes(tmp_path, how):
    found = open_folder(patched(zip_of(tmp_path, TREE), *how, only=TREE[0]))
    assert list(found.read((TREE[0], TREE[1]))) == [b"", TREE[1].encode()]


@both
def test_what_tools_leave_behind_is_no_class(tmp_path, make):
    names = ["train/.ipynb_checkpoints/1.jpg", "__MACOSX/train/cat/._1.jpg", "train/__MACOSX/1.jpg", "test/cat/._9.jpg"]
    found = open_folder(make(tmp_path, [*TREE, *names]))
    assert found.labels == ("ant", "cat")
    assert [len(split.names) for split in found.splits.values()] == [3, 2]


def test_the_folder_itself_may_have_a_dot(tmp_path):
    root = folder_of(tmp_path, TREE).rename(tmp_path / ".set")
    assert open_folder(root).labels == ("ant", "cat")


def test_a_missing_split_says_which_there_are(tmp_path):
    found = open_folder(folder_of(tmp_path, ["train/a/1.jpg"]))
    with pytest.raises(InputError, match="no test/ folder; it has: train"):
        found.split("test")
    with pytest.raises(InputError, match=r"no test/ and no validation/ folder"):
        found.evaluation()


@both
def test_a_listing_has_the_images_of_each_split(tmp_path, make):
    found = class_listing(make(tmp_path, [*TREE, "README.md"]))
    assert found == {"train": ("train/ant/1.jpeg", "train/cat/1.jpg", "train/cat/2.PNG"), "test": tuple(TREE[3:])}


@both
@pytest.mark.parametrize("above", ["", "images/", "images/set/"])
def test_one_class_is_refused_and_its_folder_named(tmp_path, make, above):
    names = [f"{above}{split}/images/{label}/1.jpg" for split in ("train", "test") for label in ("ant", "cat")]
    root = make(tmp_path, names)
    assert open_folder(root).labels == ("images",)
    with pytest.raises(InputError, match=rf"got one in data set .*: the folder {above}train/images was taken"):
        class_listing(root)


@both
def test_file_names_are_all_names_sorted(tmp_path, make):
    assert file_names(make(tmp_path, ["b/2.txt", "a.jpg", "b/1.wav"])) == ["a.jpg", "b/1.wav", "b/2.txt"]


def test_names_in_a_zip_are_utf_8_without_the_mark_too(tmp_path):
    """So macOS writes them. Python alone reads ``K├ñfer``, which became the name of the class."""
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/K__fer/1.jpg", "first")
        archive.writestr("test/K__fer/2.jpg", "second")
    path.write_bytes(path.read_bytes().replace(b"K__fer", "Käfer".encode()))
    found = open_folder(path)
    assert found.labels == ("Käfer",)
    assert file_names(path) == ["test/Käfer/2.jpg", "train/Käfer/1.jpg"]
    assert list(found.read(("train/Käfer/1.jpg", "absent"))) == [b"first", b""]


def test_names_in_a_zip_that_are_no_utf_8_keep_the_character_set_of_dos(tmp_path):
    path = zip_of(tmp_path, ["train/K_fer/1.jpg"])
    path.write_bytes(path.read_bytes().replace(b"K_fer", "Käfer".encode("cp437")))
    assert open_folder(path).labels == ("Käfer",)
