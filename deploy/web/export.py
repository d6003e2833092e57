"""``export`` writes the web app of a bundle: static files that a phone runs, and keeps for use without a network."""

import gzip
import hashlib
import json
import shutil
from dataclasses import dataclass
from html import escape
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge import backends, files
from edge.bundle import Bundle, open_bundle
from edge.deploy.web.choice import choose
from edge.deploy.web.description import ANCHORS, GOLDEN_INPUT, Description, describe
from edge.deploy.web.icons import SIZES, icon
from edge.deploy.web.runtime import NOTICE, runtime_files
from edge.errors import InputError
from edge.manifest import Artifact
from edge.runnable import is_bundle
from edge.session import Session, SessionOptions

LEAST_COMPRESSED = 1024
"""Smaller files are served as they are."""

COMPRESSED = (".html", ".css", ".js", ".json", ".webmanifest", ".txt", ".wasm", ".tflite", ".bin", ".rgba", ".svg")
TITLE = 60


@dataclass(frozen=True)
class WebOptions:
    """How the app is made.

    Attributes:
        title: the app's name. None takes the network's.
        runtime: a folder with LiteRT.js, unpacked. None takes the cache, or fetches it with npm.
        precision: of the file to run. None takes the preferred one.
    """

    title: str | None = None
    runtime: Path | None = None
    precision: str | None = None


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        folder: of the app.
        precision: of the model file.
        model_bytes: the size of the model file.
        first_load_bytes: what a browser transfers on the first load besides the model, compressed.
    """

    folder: Path
    precision: str
    model_bytes: int
    first_load_bytes: int


def export(bundle_path: Path, out: Path, options: WebOptions | None = None) -> Exported:
    """Write the web app of a bundle into a folder, completely or not at all.

    Args:
        bundle_path: the bundle.
        out: the folder to create, or to replace if it holds such an app.
        options: how the app is made.

    Raises:
        InputError: a phone's browser cannot run the bundle, or ``out`` holds something else.
        FileError: the bundle is damaged, or the folder cannot be written.
    """
    options = options or WebOptions()
    check_place(out)
    if bundle_path.exists() and not is_bundle(bundle_path):
        raise InputError(f"{bundle_path} must be a bundle; make one with edge-convert {bundle_path} --target phone")
    bundle = open_bundle(bundle_path)
    artifact = choose(bundle, options.precision)
    if artifact.golden is None:
        raise InputError(f"bundle {bundle.manifest.name!r} has no golden input to check the phone with; "
                         "convert the model again")  # fmt: skip
    runtime = runtime_files(options.runtime)
    with Session(bundle.as_runnable(artifact), backends.for_file(bundle.path(artifact)), 1, SessionOptions()) as net:
        described = describe(bundle, artifact, net, _title(options.title or bundle.manifest.name))
    with files.replaced(out) as temporary:
        _write(temporary, bundle, artifact, described)
        for name, path in runtime.items():
            shutil.copyfile(path, temporary / "runtime" / name)
        _finish(temporary, described.content)
        return Exported(out, artifact.precision, artifact.files[0].bytes, first_load(temporary, artifact.file))


def _title(title: str) -> str:
    if not title.isprintable() or not 0 < len(title.strip()) <= TITLE:
        raise InputError(f"a title must be one line of 1 to {TITLE} letters, got {title!r}")
    return title.strip()


def is_app(folder: Path) -> bool:
    """Return whether a folder holds an exported app."""
    return (folder / "model.json").is_file() and (folder / "sw.js").is_file()


def check_place(out: Path) -> None:
    """Raise InputError unless ``out`` is free, empty or an exported app: nothing else is overwritten."""
    if out.exists() and not (out.is_dir() and (is_app(out) or not any(out.iterdir()))):
        raise InputError(f"--out must be a new folder, or one with a web app to replace, {out} holds something else")


def _write(folder: Path, bundle: Bundle, artifact: Artifact, described: Description) -> None:
    """Write the app's own files, the model and what it is checked with."""
    with_resources = resources("edge.deploy.web") / "app"
    shutil.copytree(str(with_resources), folder)
    (folder / "runtime").mkdir()
    licence = (folder / "LICENSE.txt").read_bytes()
    (folder / "runtime" / "LICENSE.txt").write_bytes(licence)
    (folder / "runtime" / "NOTICE.txt").write_text(NOTICE, encoding="utf-8")
    shutil.copyfile(bundle.path(artifact), folder / artifact.file)
    if described.anchors is not None:
        (folder / ANCHORS).write_bytes(described.anchors.astype("<f4").tobytes())
    described.content["golden"] = _golden(folder, bundle, artifact, described)
    for size in SIZES:
        (folder / f"icon-{size}.png").write_bytes(icon(size))
    _write_json(folder / "model.json", described.content)
    _write_json(folder / "manifest.webmanifest", web_manifest(described.content["title"]))


def _golden(folder: Path, bundle: Bundle, artifact: Artifact, described: Description) -> dict[str, Any]:
    """Write the golden input as RGBA pixels and each golden output as the bytes of its numbers."""
    golden = artifact.golden
    assert golden is not None
    signature = bundle.manifest.signature
    with np.load(bundle.root / golden.inputs.name, allow_pickle=False) as inputs:
        pixels = np.asarray(inputs[signature.inputs[0].name], np.uint8)
    (folder / GOLDEN_INPUT).write_bytes(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGBA).tobytes())
    outputs = []
    with np.load(bundle.root / golden.outputs.name, allow_pickle=False) as known:
        for number, output in enumerate(described.content["outputs"]):
            file = f"golden-output-{number}.bin"
            values = np.ascontiguousarray(known[output["name"]].astype(output["dtype"]))
            (folder / file).write_bytes(values.tobytes())
            outputs.append({"file": file, "tolerance": golden.tolerance[output["name"]]})
    return {"input": GOLDEN_INPUT, "outputs": outputs}


def web_manifest(title: str) -> dict[str, Any]:
    """Return the content of ``manifest.webmanifest``, which makes the app installable."""
    icons = [
        {"src": f"icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in SIZES
        for purpose in ("any", "maskable")
    ]
    colours = {"background_color": "#10141c", "theme_color": "#143a5c"}
    names = {"name": title, "short_name": title[:12]}
    return {**names, "id": "./", "start_url": "./", "scope": "./", "display": "standalone", **colours, "icons": icons}


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _finish(folder: Path, content: dict[str, Any]) -> None:
    """Give the service worker its list of files and their common digest, and compress what becomes smaller."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    (folder / "index.html").write_text(page.replace("TITLE", escape(content["title"])), encoding="utf-8")
    shell = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "sw.js" and "litert_wasm" not in path.name
    )
    everything = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256("".join(files.sha256(path) for path in everything).encode()).hexdigest()[:16]
    worker = (folder / "sw.js").read_text(encoding="utf-8")
    worker = worker.replace('"VERSION"', json.dumps(digest)).replace('["SHELL"]', json.dumps(["./", *shell]))
    (folder / "sw.js").write_text(worker, encoding="utf-8")
    for path in sorted(folder.rglob("*")):
        if path.suffix in COMPRESSED and path.stat().st_size >= LEAST_COMPRESSED:
            compressed = gzip.compress(path.read_bytes(), 9, mtime=0)
            if len(compressed) < 0.9 * path.stat().st_size:
                path.with_name(path.name + ".gz").write_bytes(compressed)


def first_load(folder: Path, model: str) -> int:
    """Return how many bytes a browser transfers on its first load besides the model: the largest variant's files too.

    Args:
        folder: of the app.
        model: the name of the model file.
    """
    runtime: dict[str, int] = {}
    total = 0
    for path in folder.rglob("*"):
        if path.is_dir() or path.suffix == ".gz" or path.name == model:
            continue
        compressed = path.with_name(path.name + ".gz")
        size = (compressed if compressed.is_file() else path).stat().st_size
        if "litert_wasm" in path.name:
            runtime[path.stem] = runtime.get(path.stem, 0) + size
        else:
            total += size
    return total + max(runtime.values(), default=0)
