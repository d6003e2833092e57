"""The phone app in a real Chromium: its results are those of the device, and it says what is wrong.

The fake camera shows a clip. The page hands over the very pixels that it looked at (``window.edgekit``), and the
device's pipeline runs on them.
"""

import base64
import functools
import hashlib
import http.server
import json
import shutil
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import edge
from edge.bundle import open_bundle, write_bundle
from edge.cli import camera
from edge.deploy.web.certificates import certificates
from edge.manifest import StoredFile
from tests.deploy.web.apps import BUNDLES, cells, changed, exported
from tests.deploy.web.browser import (
    FAKE_CAMERA,
    chromium,
    mask,
    needs_browser,
    problem,
    record,
    served,
    until,
    with_camera,
    write_clip,
)  # fmt: skip
from tests.deploy.web.relay import Relay
from tests.shared import needs_shared, shared

pytestmark = [pytest.mark.slow, needs_browser, pytest.mark.xdist_group("phone")]

FRAMES = 100
READY = "window.edgekit && edgekit.last"
MOST_BYTES = 12_000_000
SCORES, BOXES = 2e-6, 1e-3
"""See test_decoding.py."""


@pytest.fixture(scope="module")
def apps(tmp_path_factory):
    """Return the app of a task, which is made once."""
    folder = tmp_path_factory.mktemp("apps")
    return functools.cache(lambda task: exported(BUNDLES[task], folder / task))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "cells.y4m"
    write_clip(path, cells(40))
    return path


def open_live(driver, server):
    driver.get(server.urls[0])
    until(driver, READY)


def compare(bundle, rows):
    """Compare recorded results with the device's for the same pixels; return how many objects or classes there are."""
    count, scores, boxes = 0, 0.0, 0.0
    with edge.load(bundle) as device:
        for image, row in rows:
            known = device(image)
            if known.mask is not None:
                np.testing.assert_array_equal(mask(row), known.mask.classes)
                count += len(np.unique(known.mask.classes))
                continue
            found = row["predictions"]
            assert [one["label"] for one in found] == [one.label for one in known.predictions]
            for one, other in zip(found, known.predictions, strict=True):
                assert (one["box"] is None) == (other.box is None)
                scores = max(scores, abs(one["score"] - other.score))
                boxes = max(boxes, *map(abs, np.subtract(one["box"] or [0], other.box or [0])))
            count += len(found)
    print(f"{len(rows)} frames: scores differ by up to {scores:.2g}, boxes by up to {boxes:.2g} pixels")
    assert scores <= SCORES
    assert boxes <= BOXES
    return count


def test_boxes_are_those_of_the_device_on_100_frames(apps, clip):
    with served(apps("detect")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        rows = record(driver, FRAMES)
        assert driver.execute_script("return crossOriginIsolated && edgekit.runtime.variant") == "threaded_internal"
    assert len(rows) == FRAMES
    assert len({image.tobytes() for image, _ in rows}) > 20  # the clip moves
    assert compare(BUNDLES["detect"], rows) > FRAMES


def test_classes_are_those_of_the_device_on_100_frames(apps, clip):
    with served(apps("classify")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        rows = record(driver, FRAMES)
        listed = driver.execute_script("return document.getElementById('results').innerText")
    assert compare(BUNDLES["classify"], rows) == FRAMES
    assert rows[-1][1]["predictions"][0]["label"] in listed


@needs_shared
def test_the_cat_in_a_photograph_is_named(apps, tmp_path):
    """The picture is shown to the camera; ``edge-camera`` names the frames that the page saw."""
    photograph = cv2.imread(str(shared("images", "cat.bmp")))
    wide = min(photograph.shape[1], photograph.shape[0] * 4 // 3)
    photograph = cv2.resize(photograph[: wide * 3 // 4, :wide], (640, 480))
    clip, frames = tmp_path / "cat.y4m", tmp_path / "frames"
    write_clip(clip, [photograph])
    with served(apps("classify")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        rows = record(driver, 5)
    frames.mkdir()
    for number, (image, row) in enumerate(rows):
        assert row["predictions"][0]["label"] == "cat"
        cv2.imwrite(str(frames / f"{number}.png"), image)
    out = tmp_path / "results.jsonl"
    assert camera.main(["--model", str(BUNDLES["classify"]), "--source", str(frames), "--jsonl", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["results"][0]["label"] for line in lines] == ["cat"] * 5
    for line, (_, row) in zip(lines, rows, strict=True):
        assert line["results"][0]["score"] == pytest.approx(row["predictions"][0]["score"], abs=5e-5)  # four digits


def test_masks_in_tiles_are_those_of_the_device_on_100_frames(apps, tmp_path):
    clip = tmp_path / "small.y4m"
    write_clip(clip, cells(40, (176, 144)))
    with served(apps("segment")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        rows = record(driver, FRAMES)
        assert driver.execute_script("return document.getElementById('threshold-row').hidden")
    assert compare(BUNDLES["segment"], rows) > FRAMES


def test_the_first_load_is_small_and_the_app_works_with_the_server_stopped(apps, clip):
    app = apps("detect")
    with chromium(*with_camera(clip)) as driver:
        with served(app) as server:
            relay = Relay(server.server_address[1])
            url = f"http://localhost:{relay.port}/"
            driver.get(url)
            until(driver, READY)
            assert "Kept for offline use" in driver.execute_script("return document.body.innerText")
            model = app / "model_int8.tflite.gz"
            sent = relay.sent - model.stat().st_size
            print(f"the first load transferred {sent} bytes besides the model")
            assert sent <= MOST_BYTES
            relay.close()
        driver.get(url)
        until(driver, READY)
        kept = driver.execute_async_script(
            "const done = arguments[0]; caches.keys().then(async (names) => { const found = []; "
            "for (const name of names) found.push(...await (await caches.open(name)).keys()); "
            "done(found.map((one) => one.url)); })"
        )
        wasm = [one for one in kept if one.endswith(".wasm")]
        assert len(wasm) == 1  # only the variant that this browser needs
        assert len(record(driver, 5)) == 5


def test_a_new_version_takes_the_place_of_the_old_one(clip, tmp_path):
    """The first reload still shows what is kept, while the new version is fetched; the next one shows it."""
    app = exported(BUNDLES["classify"], tmp_path / "app", title="Old")
    with served(app) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        exported(BUNDLES["classify"], app, title="New")
        driver.refresh()
        until(driver, READY)
        for _ in range(20):
            driver.refresh()
            until(driver, READY)
            if driver.title == "New":
                break
        assert driver.title == "New"
        assert driver.execute_async_script("caches.keys().then((names) => arguments[0](names.length))") == 1


class _Plain(http.server.SimpleHTTPRequestHandler):
    """A static host that sends no headers of its own."""

    def log_message(self, format, *arguments):
        pass


def test_a_plain_static_host_gets_threads_from_the_service_worker(apps, clip):
    handler = functools.partial(_Plain, directory=str(apps("detect")))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, chromium(*with_camera(clip)) as driver:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        driver.get(f"http://localhost:{server.server_port}/")
        until(driver, READY)
        assert driver.execute_script("return crossOriginIsolated")
        assert driver.execute_script("return edgekit.runtime.variant") == "threaded_internal"
        server.shutdown()


NO_RELAXED = (
    "const validate = WebAssembly.validate;"
    "WebAssembly.validate = (bytes) => bytes.length === 35 ? validate(bytes) : false;"
)


def test_a_browser_without_relaxed_simd_takes_the_compatible_variant(apps, clip):
    """The module that tells SIMD has 31 bytes, that of relaxed SIMD 36, that of threads 35."""
    before = NO_RELAXED.replace("=== 35", "=== 31")
    with served(apps("detect")) as server, chromium(*with_camera(clip), before=before) as driver:
        open_live(driver, server)
        assert driver.execute_script("return edgekit.runtime") == {"variant": "compat_internal", "threads": 1}
        assert compare(BUNDLES["detect"], record(driver, 10)) > 10


def with_signature(model, schema):
    """Give a file a signature with its outputs in the reverse order, as TensorFlow's converter sorts them by name."""
    graph = model.subgraphs[0]

    def named(tensors):
        found = []
        for number, tensor in enumerate(tensors):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = f"tensor{number}", int(tensor)
            found.append(entry)
        return found

    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = named(graph.inputs), named(graph.outputs[::-1])
    model.signatureDefs = [signature]


def test_outputs_are_told_apart_in_a_file_with_a_signature_of_another_order(clip, tmp_path):
    """Both outputs of this detector have one shape, and the golden outputs tell them apart."""
    bundle, path = open_bundle(BUNDLES["detect"]), tmp_path / "signed.tflite"
    (first,) = (artifact for artifact in bundle.manifest.artifacts if artifact.format == "tflite")
    path.write_bytes(changed(bundle.path(first).read_bytes(), with_signature))
    sources = {path.name: path, **{stored.name: bundle.root / stored.name for stored in first.stored()[1:]}}
    artifact = replace(first, files=(StoredFile(path.name),))
    write_bundle(tmp_path / "net.edge", replace(bundle.manifest, artifacts=(artifact,)), sources)
    with served(exported(tmp_path / "net.edge", tmp_path / "app")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        assert compare(tmp_path / "net.edge", record(driver, 5)) > 5


def test_a_wrong_answer_to_the_golden_input_is_said(apps, clip, tmp_path):
    app = shutil.copytree(apps("detect"), tmp_path / "app")
    model = app / "model_int8.tflite"
    content = bytearray(model.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(byte ^ 0x55 for byte in content[middle : middle + 20_000])
    model.write_bytes(content)
    (app / "model_int8.tflite.gz").unlink()
    with served(app) as server, chromium(*with_camera(clip)) as driver:
        driver.get(server.urls[0])
        text = problem(driver)
        assert "does not work in this browser" in text
        assert "of the known answer" in text
        assert driver.execute_script("return edgekit.last") is None
        assert driver.execute_script("return document.getElementById('video').srcObject") is None


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("WebAssembly.validate = () => false;", "no WebAssembly SIMD"),
        ("delete globalThis.WebAssembly;", "no WebAssembly"),
    ],
)
def test_a_browser_that_cannot_compute_is_told_so(apps, before, said):
    with served(apps("detect")) as server, chromium(before=before) as driver:
        driver.get(server.urls[0])
        assert said in problem(driver)


def test_without_a_camera_a_picture_file_is_looked_at(apps, tmp_path):
    picture = tmp_path / "cells.png"
    (frame,) = cells(1)
    cv2.imwrite(str(picture), frame)
    with served(apps("detect")) as server, chromium() as driver:
        driver.get(server.urls[0])
        assert "has no camera" in problem(driver)
        assert not driver.find_element("id", "pause").is_enabled()  # there is nothing to pause
        driver.find_element("id", "file").send_keys(str(picture))
        until(driver, READY)
        assert driver.execute_script("return document.getElementById('problem').hidden")
        assert driver.find_element("id", "pause").text == "Camera"  # the way back
        assert driver.find_element("id", "pause").is_enabled()
        count = len(driver.execute_script("return edgekit.last.result.predictions"))
        with edge.load(BUNDLES["detect"]) as device:
            assert count == len(device(frame).predictions) > 0
        # a higher threshold looks at the same picture again
        driver.execute_script(
            "const s = document.getElementById('threshold'); s.value = '0.99'; s.dispatchEvent(new Event('input'));"
        )
        until(driver, "edgekit.last.threshold === 0.99")
        assert len(driver.execute_script("return edgekit.last.result.predictions")) < count


def test_a_refused_camera_is_said_with_what_to_do(apps):
    with served(apps("detect")) as server, chromium(FAKE_CAMERA, permission=False) as driver:
        denied = {"permission": {"name": "camera"}, "setting": "denied"}
        driver.execute_cdp_cmd("Browser.setPermission", denied)
        driver.get(server.urls[0])
        text = problem(driver)
        assert "The camera was refused" in text
        assert "Allow the camera" in text


def test_a_page_without_a_secure_context_says_how_to_get_one(apps):
    rules = "--host-resolver-rules=MAP phone.test 127.0.0.1"
    with served(apps("detect")) as server, chromium(FAKE_CAMERA, rules) as driver:
        driver.get(f"http://phone.test:{server.server_address[1]}/")
        assert "needs a secure page" in problem(driver)
        assert "that needs https" in driver.execute_script("return document.getElementById('offline').innerText")


def test_a_certificate_that_is_not_trusted_gives_a_camera_and_no_offline_use(apps, clip, tmp_path):
    """As a user who goes on after the browser's warning. With the authority installed there is no warning."""
    from selenium.webdriver.common.action_chains import ActionChains

    made, rules = certificates(tmp_path, []), "--host-resolver-rules=MAP phone.local 127.0.0.1"
    with (
        served(apps("detect"), certificates=made, token="right") as server,
        chromium(*with_camera(clip), rules) as driver,
    ):
        driver.get(server.urls[0].replace("localhost", "phone.local"))
        assert "Privacy error" in driver.title
        ActionChains(driver).send_keys("thisisunsafe").perform()  # what Chromium takes for going on
        until(driver, READY)
        assert driver.current_url.endswith("/")  # the token has become a cookie
        text = driver.execute_script("return document.getElementById('offline').innerText")
        assert "does not trust this page's certificate" in text
        link = driver.find_element("id", "authority")
        assert link.is_displayed()
        assert link.get_attribute("href").endswith("/ca.crt")


def test_a_trusted_certificate_gives_offline_use(apps, clip, tmp_path):
    made = certificates(tmp_path, [])
    key = x509.load_pem_x509_certificate(made.certificate.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    trusted = f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}"
    with chromium(*with_camera(clip), trusted) as driver:
        with served(apps("detect"), certificates=made, token="right") as server:
            open_live(driver, server)
            assert "Kept for offline use" in driver.execute_script("return document.body.innerText")
            url = driver.current_url
        driver.get(url)
        until(driver, READY)


def test_the_controls_work_by_keyboard(apps, clip):
    from selenium.webdriver.common.keys import Keys

    with served(apps("detect")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        pause = driver.find_element("id", "pause")
        pause.send_keys(Keys.ENTER)
        until(driver, "document.getElementById('status').innerText === 'paused'")
        assert pause.get_attribute("aria-pressed") == "true"
        assert driver.execute_script("return document.getElementById('video').paused")
        pause.send_keys(Keys.SPACE)
        until(driver, "document.getElementById('status').innerText === 'live'")
        threshold = driver.find_element("id", "threshold")
        threshold.send_keys(Keys.END)
        until(driver, "edgekit.last.threshold === 1")
        names = driver.execute_script(
            "return [...document.querySelectorAll('button, input, video, canvas')].filter((one) => !one.hidden && "
            "!one.innerText && !one.ariaLabel && !one.labels?.length && !one.ariaHidden).map((one) => one.id)"
        )
        assert names == []  # everything has a name for screen readers


def test_the_other_camera_is_taken(apps):
    """Only Chromium's own test picture comes from more than one fake camera."""
    with served(apps("detect")) as server, chromium(f"{FAKE_CAMERA}=device-count=2") as driver:
        open_live(driver, server)
        first = driver.execute_script("return document.getElementById('video').srcObject.id")
        until(driver, "!document.getElementById('switch').disabled")
        driver.find_element("id", "switch").click()
        until(driver, f"document.getElementById('video').srcObject.id !== {first!r}")
        until(driver, "document.getElementById('status').innerText === 'live'")
        assert len(record(driver, 5)) == 5


def test_a_camera_that_is_lost_is_said_and_comes_back(apps, clip):
    with served(apps("detect")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        driver.execute_script(
            "const [track] = document.getElementById('video').srcObject.getTracks(); track.stop(); "
            "track.dispatchEvent(new Event('ended'));"  # stop() alone tells nobody
        )
        assert "The camera has stopped" in problem(driver)
        driver.find_element("id", "again").click()
        until(driver, "document.getElementById('status').innerText === 'live'")
        assert len(record(driver, 5)) == 5


def test_a_snapshot_is_saved(apps, clip, tmp_path):
    with served(apps("detect")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
        driver.find_element("id", "snapshot").click()
        for _ in range(100):
            found = list(tmp_path.glob("snapshot-*.png"))
            if found:
                break
            driver.execute_async_script("setTimeout(arguments[0], 100)")
        image = cv2.imread(str(found[0]))
        assert image.shape == (240, 320, 3)


def test_the_browser_reports_no_fault(apps, clip):
    """Nothing is refused by the Content-Security-Policy, and nothing is asked of another host."""
    with served(apps("detect")) as server, chromium(*with_camera(clip)) as driver:
        open_live(driver, server)
        assert [row["message"] for row in driver.get_log("browser")] == []
        urls = [
            row["message"] for row in driver.get_log("performance") if 'Network.requestWillBeSent"' in row["message"]
        ]
        assert urls
        assert not [row for row in urls if '"url":"http' in row and "localhost" not in row]
