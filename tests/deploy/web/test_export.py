"""The export: which file is taken, what is refused and how, and what the folder holds."""

import hashlib
import json
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge import tasks
from edge.bundle import open_bundle, write_bundle
from edge.deploy.web import WebOptions, export
from edge.deploy.web import choice as choices
from edge.deploy.web.choice import check_task, choose
from edge.deploy.web.export import is_app
from edge.deploy.web.icons import SIZES, icon
from edge.errors import FileError, InputError
from edge.manifest import StoredFile
from edge.signature import Input, TaskSpec
from edge.tensors import TensorSpec
from tests.deploy.web.apps import BUNDLES, WEIGHTS, changed, without_runtime
from tests.deploy.web.node import APP


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    return without_runtime(tmp_path_factory.mktemp("litert"))


@pytest.fixture
def make(tmp_path, runtime):
    """Return a function that exports a bundle and returns the folder."""

    def exported(bundle=BUNDLES["detect"], **options):
        export(bundle, tmp_path / "app", WebOptions(runtime=runtime, **options))
        return tmp_path / "app"

    return exported


def test_the_folder_holds_the_app_the_model_and_what_it_is_checked_with(make):
    app = make()
    spec = json.loads((app / "model.json").read_text())
    bundle = open_bundle(BUNDLES["detect"])
    artifact = choose(bundle)
    assert (app / spec["model"]["file"]).read_bytes() == bundle.path(artifact).read_bytes()
    assert hashlib.sha256((app / spec["model"]["file"]).read_bytes()).hexdigest() == spec["model"]["sha256"]
    assert spec["signature"]["task"]["decoder"] == "ssd"
    assert spec["task"]["labels"] == ["Platelets", "RBC", "WBC"]
    assert spec["task"]["threshold"] == 0.4
    golden = spec["golden"]
    assert (app / golden["input"]).stat().st_size == 320 * 240 * 4
    known = dict(np.load(bundle.root / artifact.golden.outputs.name))
    for output, file in zip(spec["outputs"], golden["outputs"], strict=True):
        assert (app / file["file"]).read_bytes() == known[output["name"]].tobytes()
        assert file["tolerance"] == artifact.golden.tolerance[output["name"]]
    assert np.frombuffer((app / "anchors.bin").read_bytes(), "<f4").size == 4 * 6320
    assert "Apache License" in (app / "runtime" / "LICENSE.txt").read_text()
    assert "2.5.3" in (app / "runtime" / "NOTICE.txt").read_text()


def test_it_can_be_installed(make):
    app = make(title="Cells & <more>")
    manifest = json.loads((app / "manifest.webmanifest").read_text())
    assert manifest["name"] == "Cells & <more>"
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "./")
    for entry in manifest["icons"]:
        image = cv2.imread(str(app / entry["src"]))
        assert f"{image.shape[1]}x{image.shape[0]}" == entry["sizes"]
    assert "<title>Cells &amp; &lt;more&gt;</title>" in (app / "index.html").read_text()


def test_the_service_worker_lists_every_file_but_the_runtime(make):
    app = make()
    worker = (app / "sw.js").read_text()
    listed = json.loads(re.search(r"const SHELL = (\[.*\]);", worker)[1])
    there = {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file() and path.suffix != ".gz"}
    assert set(listed) - {"./"} == {one for one in there if "litert_wasm" not in one} - {"sw.js"}
    digest = re.search(r'const DIGEST = "(\w{16})"', worker)[1]
    make(title="Another")
    assert digest not in (app / "sw.js").read_text()  # browsers see that there is something new


def test_equal_bundles_become_equal_apps(make, tmp_path, runtime):
    app = make()
    export(BUNDLES["detect"], tmp_path / "again", WebOptions(runtime=runtime))
    for path in app.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(app)).read_bytes(), path


def test_every_module_that_the_app_imports_is_there_and_from_nowhere_else():
    for path in (APP / "js").rglob("*.js"):
        for name in re.findall(r'(?:from|import) ?\(?"([^"]+)"', path.read_text()):
            assert name.startswith("."), f"{path.name} imports {name}"
            assert (path.parent / name).is_file(), f"{path.name} imports {name}"
    text = "".join(path.read_text() for path in APP.rglob("*") if path.suffix in (".html", ".css", ".js"))
    allowed = {"https://arxiv.org/abs/1704.04503:"}  # a paper, in a comment
    assert set(re.findall(r"https?://[^\s\"'),]+", text)) <= allowed


def test_an_app_is_replaced_and_nothing_else_is(make, tmp_path, runtime):
    app = make()
    assert is_app(make(title="New"))
    assert "New" in (app / "index.html").read_text()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("three years")
    with pytest.raises(InputError, match="holds something else"):
        export(BUNDLES["detect"], other, WebOptions(runtime=runtime))
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_nothing_is_written_when_the_runtime_is_missing(tmp_path):
    with pytest.raises(FileError, match=r"has no package.json"):
        export(BUNDLES["detect"], tmp_path / "app", WebOptions(runtime=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_bare_file_is_no_bundle(make, tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"TFL3")
    with pytest.raises(InputError, match="must be a bundle; make one with edge-convert"):
        make(path)


def test_the_task_of_sounds_is_refused(make):
    with pytest.raises(InputError, match="whose only input is one picture"):
        make(WEIGHTS / "ds_cnn_fsdd_int8.edge")


def manifest_with(**changes):
    manifest = open_bundle(BUNDLES["classify"]).manifest
    return replace(manifest, signature=replace(manifest.signature, **changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": TaskSpec("embed")}, "takes the tasks classify, detect, segment"),
        ({"task": TaskSpec("segment", None, {"resize": "bilinear"})}, "--parameter resize=nearest"),
        ({"inputs": (Input("a", "tensor", (1, 2)),)}, "whose only input is one picture"),
    ],
)
def test_what_the_app_cannot_show_is_refused_in_one_line(changes, said):
    with pytest.raises(InputError) as caught:
        check_task(manifest_with(**changes))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def with_artifacts(tmp_path, *targets):
    """Return a bundle whose file is there once for each (precision, target)."""
    bundle = open_bundle(BUNDLES["classify"])
    (first,) = (artifact for artifact in bundle.manifest.artifacts if artifact.format == "tflite")
    artifacts = tuple(
        replace(first, precision=precision, target=target, files=(StoredFile(f"{precision}_{target}.tflite"),))
        for precision, target in targets
    )
    sources = {artifact.file: bundle.path(first) for artifact in artifacts}
    sources |= {stored.name: bundle.root / stored.name for stored in first.stored()[1:]}
    write_bundle(tmp_path / "net.edge", replace(bundle.manifest, artifacts=artifacts), sources)
    return open_bundle(tmp_path / "net.edge")


@pytest.mark.parametrize(
    ("targets", "chosen"),
    [
        ([("float32", "cpu"), ("float16", "cpu"), ("int8", "cpu")], ("int8", "cpu")),
        ([("float32", "cpu"), ("float16", "cpu")], ("float16", "cpu")),
        ([("int8", "cpu"), ("float32", "web")], ("float32", "web")),
        ([("int8", "edgetpu"), ("dynamic", "cpu")], ("dynamic", "cpu")),
    ],
)
def test_the_file_that_a_phone_runs_best_is_taken(tmp_path, targets, chosen):
    found = choose(with_artifacts(tmp_path, *targets))
    assert (found.precision, found.target) == chosen


def test_a_bundle_without_a_file_for_a_browser_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"it has tflite int8 for edgetpu; convert .* --target phone"):
        choose(with_artifacts(tmp_path, ("int8", "edgetpu")))
    with pytest.raises(InputError, match="must have a TFLite file of precision float16"):
        choose(open_bundle(BUNDLES["classify"]), "float16")


def test_custom_operations_are_refused(monkeypatch):
    monkeypatch.setattr(choices, "custom_operations", lambda path: ("edgetpu-custom-op",))
    with pytest.raises(InputError, match=r"custom operations of .*: edgetpu-custom-op; convert"):
        choose(open_bundle(BUNDLES["classify"]))


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match="is no TFLite file"):
        choices.check_file(path)


@pytest.mark.parametrize("title", ["", " ", "two\nlines", "x" * 61, "bell\a"])
def test_a_title_is_one_line(make, title):
    if title:
        with pytest.raises(InputError, match="a title must be one line"):
            make(title=title)
    else:
        assert json.loads((make(title=title) / "model.json").read_text())["title"] == "ssdlite_shufflenet_v2"


@pytest.mark.parametrize("size", SIZES)
def test_the_icon_keeps_its_content_in_the_middle(size):
    image = cv2.imdecode(np.frombuffer(icon(size), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (size, size, 3)
    away = np.linalg.norm(np.mgrid[0:size, 0:size] - (size - 1) / 2, axis=0)
    assert (image[away > 0.4 * size] == image[0, 0]).all()
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 3


def test_the_app_shows_every_task_that_the_export_allows():
    assert set(choices.TASKS) <= set(tasks.TASKS)


def rewritten(tmp_path, change):
    """Return the classifier's file after a change of its graph."""
    path = tmp_path / "model.tflite"
    bundle = open_bundle(BUNDLES["classify"])
    path.write_bytes(
        changed(bundle.path(choose(bundle)).read_bytes(), lambda model, schema: change(model.subgraphs[0]))
    )
    return path


def test_a_file_with_a_state_is_refused(tmp_path):
    def keep_state(graph):
        graph.tensors[3].isVariable = True

    with pytest.raises(InputError, match="keeps a state in variable tensors"):
        choices.check_file(rewritten(tmp_path, keep_state))


def test_an_output_without_a_shape_is_refused(tmp_path):
    def forget_shape(graph):
        graph.tensors[graph.outputs[0]].shape = []

    with pytest.raises(InputError, match=r"every output of model\.tflite must have a shape"):
        choices.check_file(rewritten(tmp_path, forget_shape))


def test_a_file_that_leaves_sizes_open_is_refused(tmp_path):
    def open_output(graph):
        graph.tensors[graph.outputs[0]].shape = [1, 1]

    path = rewritten(tmp_path, open_output)
    spec = TensorSpec("scores", (1, 10), np.dtype(np.int8))
    image = TensorSpec("image", (1, 32, 32, 3), np.dtype(np.int8))
    with pytest.raises(InputError, match=r"must state the size of 'scores', \(1, 10\), it states \(1, 1\)"):
        choices.check_sizes(path, [image], [spec])
    choices.check_sizes(path, [image], [replace(spec, shape=(1, 1))])
