import copy
import hashlib
import json
import os
import zipfile
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import bundle, bundle_zip, files
from edge.errors import EdgeError, FileError, InputError
from edge.manifest import Artifact, StoredFile
from edge.runnable import is_bundle
from tests.sample_bundle import ARTIFACTS, CONTENT, GOLDEN, LABELS, SIGNATURE, manifest, write_sources


@pytest.fixture
def models(tmp_path):
    """Write the files and return their paths by name."""
    return write_sources(tmp_path / "models")


@pytest.fixture(params=["pets", "pets.edge"], ids=["folder", "zip"])
def written(request, tmp_path, models):
    path = tmp_path / "out" / request.param
    bundle.write_bundle(path, manifest(), models)
    return path


@pytest.fixture
def folder(tmp_path, models):
    path = tmp_path / "out" / "pets"
    bundle.write_bundle(path, manifest(), models)
    return path


def rewrite(folder, change):
    """Apply ``change`` to the manifest's JSON in place."""
    file = folder / bundle.MANIFEST
    raw = json.loads(file.read_text())
    change(raw)
    seal(folder, json.dumps(raw).encode())


def seal(folder, content):
    """Write a manifest with its right digest: what is tested is what comes after the digest."""
    (folder / bundle.MANIFEST).write_bytes(content)
    (folder / bundle.DIGEST).write_text(f"{hashlib.sha256(content).hexdigest()}  {bundle.MANIFEST}\n")


def test_round_trip(written):
    opened = bundle.open_bundle(written)
    assert opened.manifest.signature == SIGNATURE
    assert (opened.manifest.name, opened.manifest.labels, opened.manifest.schema) == ("pets", LABELS, 2)
    assert opened.manifest.provenance == manifest().provenance
    assert opened.manifest.measured == manifest().measured
    for found, expected in zip(opened.manifest.artifacts, ARTIFACTS, strict=True):
        assert (found.format, found.precision, found.target) == (
            expected.format,
            expected.precision,
            expected.target,
        )
        assert found.tensors == expected.tensors
    for name, stored in opened.manifest.stored().items():
        content = (opened.root / name).read_bytes()
        assert content == CONTENT[name]
        assert (stored.bytes, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert set(opened.manifest.stored()) == set(CONTENT)
    assert opened.manifest.artifacts[0].golden.tolerance == GOLDEN.tolerance
    assert is_bundle(written)


def test_the_expectedmanifest_is_returned(tmp_path, models):
    path = tmp_path / "pets"
    assert bundle.write_bundle(path, manifest(), models) == bundle.open_bundle(path).manifest


def test_equal_bundles_are_equal_files(tmp_path, models):
    for name in ("a.edge", "b.edge"):
        bundle.write_bundle(tmp_path / name, manifest(), models)
    assert (tmp_path / "a.edge").read_bytes() == (tmp_path / "b.edge").read_bytes()


@pytest.mark.parametrize(
    ("formats", "precision", "file"),
    [
        pytest.param((".tflite",), None, "net_int8.tflite", id="the smallest precision first"),
        pytest.param((".tflite",), "float32", "net.tflite", id="a named precision"),
        pytest.param((".onnx",), None, "net.onnx", id="another format"),
    ],
)
def test_runnable(folder, formats, precision, file):
    run = bundle.open_bundle(folder).runnable(formats, precision)
    assert run.path == folder / file
    assert (run.name, run.labels, run.signature) == ("pets", LABELS, SIGNATURE)


def test_an_edge_tpu_file_is_for_an_edge_tpu(tmp_path, models):
    rows = (replace(ARTIFACTS[0], target="edgetpu"), ARTIFACTS[1])
    path = tmp_path / "coral"
    bundle.write_bundle(path, manifest(artifacts=rows), models)
    opened = bundle.open_bundle(path)
    assert opened.runnable((".tflite",)).path.name == "net.tflite"
    assert opened.runnable((".tflite",), targets=("edgetpu", "cpu")).path.name == "net_int8.tflite"
    with pytest.raises(InputError, match=r"has no \.tflite int8 for cpu file; it has: tflite int8 for edgetpu"):
        opened.runnable((".tflite",), "int8")


def test_runnable_says_what_there_is_instead(folder):
    with pytest.raises(
        InputError, match=r"no \.onnx int8 for cpu file; it has: tflite int8 for cpu, tflite float32 for cpu"
    ):
        bundle.open_bundle(folder).runnable((".onnx",), "int8")


def test_a_zip_is_unpacked_for_as_long_as_something_uses_it(tmp_path, models):
    path = tmp_path / "pets.edge"
    bundle.write_bundle(path, manifest(), models)
    run = bundle.open_bundle(path).runnable((".onnx",))
    assert run.path.read_bytes() == CONTENT["net.onnx"]
    unpacked = run.path.parent
    assert (unpacked.stat().st_mode & 0o777) == 0o700
    del run
    assert not unpacked.exists()


def test_every_damaged_byte_of_a_model_is_found(folder):
    file = folder / "net.tflite"
    for position in np.random.default_rng(1).integers(0, file.stat().st_size, 20):
        damaged = bytearray(CONTENT["net.tflite"])
        damaged[position] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(FileError, match=r"net\.tflite is damaged: .*; get the bundle again"):
            bundle.open_bundle(folder)


def test_the_manifest_holds_the_digest_of_the_labels(folder):
    raw = json.loads((folder / bundle.MANIFEST).read_text())
    assert raw["labels"]["sha256"] == files.sha256(folder / bundle.LABELS)


def swapped(content):
    return b"".join(reversed(content.splitlines(keepends=True)))


@pytest.mark.parametrize(
    "change", [swapped, lambda c: c.replace(b"cat", b"cow"), lambda c: c + b"\n"], ids=["swapped", "renamed", "longer"]
)
def test_changed_labels_are_found(folder, change):
    file = folder / bundle.LABELS
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(FileError, match=r"labels\.txt is damaged: .*; get the bundle again"):
        bundle.open_bundle(folder)


@pytest.mark.parametrize("name", [bundle.MANIFEST, bundle.DIGEST, bundle.LABELS, "net.onnx", "golden_in.npz"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileError, match=rf"{name}"):
        bundle.open_bundle(folder)


def test_what_is_not_there_or_not_a_bundle(tmp_path):
    text = tmp_path / "notes.edge"
    text.write_text("not a zip")
    for path, words in ((tmp_path / "none", "does not exist"), (tmp_path, "no manifest.json"), (text, "unpacked")):
        with pytest.raises(FileError, match=words):
            bundle.open_bundle(path)


@pytest.mark.parametrize("name", [bundle.MANIFEST, bundle.DIGEST, bundle.LABELS, "net.onnx"])
def test_a_link_out_of_the_bundle_is_refused(folder, tmp_path, name):
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(FileError, match=rf"{name} must be a plain file"):
        bundle.open_bundle(folder)


def outputs(row, key, value):
    return lambda raw: raw["signature"]["outputs"][row].update({key: value})


def inputs(key, value):
    return lambda raw: raw["signature"]["inputs"][0].update({key: value})


def form(**changes):
    return lambda raw: raw["signature"]["inputs"][0]["format"].update(changes)


OUTSIDE = ["../net.onnx", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\\b", "a\0b", "./net.onnx/.."]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest_cannot_name_a_file_outside(folder, name):
    rewrite(folder, lambda raw: raw["artifacts"][0]["files"][0].update(name=name))
    with pytest.raises(InputError, match="plain names inside it"):
        bundle.open_bundle(folder)


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/evil", "..\\evil"])
def test_a_zip_cannot_write_outside(tmp_path, name):
    path = tmp_path / "in" / "evil.edge"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(InputError, match="plain names inside it"):
        bundle.open_bundle(path)
    assert [p.name for p in tmp_path.rglob("*evil*")] == ["evil.edge"]


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle_zip, "MAX_UNPACKED_BYTES", 1000)
    path = tmp_path / "bomb.edge"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b"):
            archive.writestr(name, bytes(600))
    with pytest.raises(InputError, match="at most 1000 bytes, got 1200"):
        bundle.open_bundle(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda raw: raw.update(schema=3), "schema must be 1 or 2, got 3; update edgekit", id="newer"),
        pytest.param(lambda raw: raw["labels"].update(count=4), r"labels\.txt must have 4 lines, got 3", id="labels"),
        pytest.param(lambda raw: raw.update(name="\x1b[2J"), "no control characters", id="an escape sequence"),
        pytest.param(lambda raw: raw["labels"].pop("sha256"), "KeyError 'sha256'", id="labels without a digest"),
        pytest.param(lambda raw: raw.pop("signature"), "KeyError 'signature'", id="a key is missing"),
        pytest.param(outputs(0, "role", "magic"), "one of the roles scores, .*, got 'magic'", id="role"),
        pytest.param(outputs(0, "name", "vector"), "names of their own", id="two outputs of one name"),
        pytest.param(inputs("shape", [1, -96, 96, 3]), "at least 0", id="shape"),
        pytest.param(inputs("shape", [1, float("inf"), 3, 3]), "whole sizes .*, inf", id="endless image"),
        pytest.param(inputs("shape", [1, 96.5, 96, 3]), "whole sizes .*96.5", id="half a row"),
        pytest.param(outputs(0, "shape", "13"), "whole sizes of at least 0, got 13", id="a text for a shape"),
        pytest.param(outputs(0, "dtype", "real"), "dtype must be one of float16, .*, got 'real'", id="dtype"),
        pytest.param(form(raw="no"), "raw must be true or false, got 'no'", id="a word for a flag"),
        pytest.param(inputs("shape", [1, 9]), r"\(1, \[frames,\] height, width", id="an image of one axis"),
        pytest.param(inputs("kind", "sound"), "image or tensor, got 'sound'", id="kind"),
        pytest.param(form(mean=[1, 2]), "mean must be 1 or 3 finite numbers", id="two means"),
        pytest.param(form(std=[float("nan")]), "std must be", id="std is not a number"),
        pytest.param(form(std=[0.0]), "std must be positive", id="std is zero"),
        pytest.param(form(colour="CMYK"), "RGB, BGR or GRAY, got 'CMYK'", id="colour"),
        pytest.param(form(resize="mosaic"), "stretch, letterbox, crop or tile, got 'mosaic'", id="resize"),
        pytest.param(form(resize="tile"), "only input is one image, got image .*, age", id="tiles beside a number"),
        pytest.param(form(zoom=2), "unexpected keyword argument 'zoom'", id="unknown key"),
        pytest.param(lambda raw: raw["artifacts"][0]["files"][0].update(sha256=5), "must be text", id="digest"),
        pytest.param(lambda raw: raw["artifacts"][0].update(files=[]), "must have a model file", id="no file"),
        pytest.param(
            lambda raw: raw["artifacts"][0]["tensors"]["outputs"].pop("vector"),
            r"net_int8\.tflite must have a tensor for each of scores, vector, got scores",
            id="an output without its tensor",
        ),
    ],
)
def test_a_bad_manifest_says_which_rule(folder, change, words):
    rewrite(folder, change)
    with pytest.raises(InputError, match=words) as caught:
        bundle.open_bundle(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "half", "list", "null", "no text", "deep"],
)
def test_a_manifest_that_is_no_object(folder, text):
    seal(folder, text)
    with pytest.raises(EdgeError):
        bundle.open_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"labels": ("cat", "dog\ncow")}, "no control characters", id="label with a line end"),
        pytest.param({"labels": ("cat", "\x1b[2Jdog")}, "no control characters", id="label with an escape sequence"),
        pytest.param({"labels": ("cat", "\x9b2Jdog")}, "no control characters", id="the same in one byte"),
        pytest.param({"name": "../net.tflite"}, "plain names", id="outside"),
        pytest.param({"name": "labels.txt"}, "names of their own", id="the label file"),
        pytest.param({"name": "manifest.sha256"}, "names of their own", id="the digest"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, models, changes, words):
    artifacts = list(manifest().artifacts)
    if "name" in changes:
        artifacts[0] = Artifact("tflite", "int8", (StoredFile(changes.pop("name")),))
    with pytest.raises(InputError, match=words):
        bundle.write_bundle(tmp_path / "out" / "pets", manifest(artifacts=tuple(artifacts), **changes), models)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "changes", [{"name": "pets\a"}, {"artifacts": (Artifact("onnx", "int8\x1b[0m", (StoredFile("net.onnx"),)),)}]
)
def test_names_that_could_command_a_terminal_are_not_written(tmp_path, models, changes):
    with pytest.raises(InputError, match="no control characters"):
        bundle.write_bundle(tmp_path / "out" / "pets", manifest(**changes), models)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["pets", "pets.edge"])
def test_an_interrupted_write_leaves_nothing(tmp_path, models, name, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setattr(bundle.shutil, "copyfile", full)
    with pytest.raises(FileError, match="No space left"):
        bundle.write_bundle(out / name, manifest(), models)
    assert list(out.iterdir()) == []


def test_an_interrupted_write_keeps_the_bundle_that_was_there(written, tmp_path, models, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle.shutil, "copyfile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bundle.write_bundle(written, manifest(name="other"), models)
    assert bundle.open_bundle(written).manifest.name == "pets"
    assert [p.name for p in written.parent.iterdir()] == [written.name]


def test_a_missing_model_file_is_one_line(tmp_path, models):
    models["net.tflite"].unlink()
    with pytest.raises(FileError, match=r"net\.tflite does not exist; nothing was written"):
        bundle.write_bundle(tmp_path / "out" / "pets", manifest(), models)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_model_is_one_line(folder):
    (folder / "net.onnx").chmod(0)
    with pytest.raises(FileError, match="cannot be read"):
        bundle.open_bundle(folder)


def places(node, path=()):
    """Return the path of every node below ``node``."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Return a bundle's folder and its manifest's JSON."""
    base = tmp_path_factory.mktemp("fuzz")
    bundle.write_bundle(base / "pets", manifest(), write_sources(base / "models"))
    return base / "pets", json.loads((base / "pets" / bundle.MANIFEST).read_text())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data(), value=VALUES)
def test_any_manifest_opens_or_is_refused_in_one_line(template, data, value):
    folder, raw = template
    raw = copy.deepcopy(raw)
    *way, last = data.draw(st.sampled_from(places(raw)[1:]))
    node = raw
    for key in way:
        node = node[key]
    node[last] = value
    seal(folder, json.dumps(raw).encode())
    with suppress(EdgeError):
        bundle.open_bundle(folder).runnable((".tflite", ".onnx"))


FLIPPED = [bundle.MANIFEST, bundle.DIGEST, bundle.LABELS, "net.onnx", "net.onnx.data", "golden_out.npz"]


@pytest.mark.parametrize("flips", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_every_flipped_bit_of_a_folder_is_refused(folder, flips):
    draw = np.random.default_rng(7)
    whole = {name: (folder / name).read_bytes() for name in FLIPPED}
    for _ in range(flips):
        name = FLIPPED[draw.integers(len(FLIPPED))]
        damaged = bytearray(whole[name])
        damaged[draw.integers(len(damaged))] ^= 1 << draw.integers(8)
        (folder / name).write_bytes(damaged)
        with pytest.raises(EdgeError):
            bundle.open_bundle(folder)
        (folder / name).write_bytes(whole[name])
    assert bundle.open_bundle(folder).manifest.name == "pets"


def test_any_damaged_zip_opens_or_is_refused_in_one_line(tmp_path, models):
    path = tmp_path / "pets.edge"
    bundle.write_bundle(path, manifest(), models)
    whole = path.read_bytes()
    draw = np.random.default_rng(3)
    refused = 0
    for round_ in range(400):
        damaged = bytearray(whole)
        if round_ % 4 == 0:
            del damaged[draw.integers(len(whole)) :]
        else:
            damaged[draw.integers(len(whole))] ^= 1 << draw.integers(8)
        path.write_bytes(damaged)
        try:
            bundle.open_bundle(path)
        except EdgeError:
            refused += 1
    assert refused > 200
