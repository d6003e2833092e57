"""A real Chromium with a fake camera, for the phone app."""

import base64
import contextlib
import shutil
import tempfile
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.deploy.web.serve import WebServer

PHONE = (412, 915)

needs_browser = pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="needs Debian's packages chromium and chromium-driver",
)

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
FAKE_CAMERA = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"


def write_clip(path, frames):
    """Write frames (height, width, 3) uint8 BGR as a .y4m clip with full colour resolution of 4:2:0, 30 frames/s."""
    height, width = frames[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            file.write(b"FRAME\n")
            file.write(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes())


@contextlib.contextmanager
def served(folder, **options):
    """Serve an app in a thread."""
    with WebServer(folder, **options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)


@contextlib.contextmanager
def chromium(*arguments, size=PHONE, before=None, permission=True):
    """Start Chromium with a new profile, and stop it.

    Args:
        arguments: more of its arguments.
        size: of the window, in pixels.
        before: JavaScript that runs before a page's own.
        permission: whether the fake camera is allowed without a question.
    """
    from selenium import webdriver

    profile = tempfile.mkdtemp(prefix="edge-chromium-")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (*QUIET, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", *arguments):
        options.add_argument(argument)
    if permission:
        options.add_argument(ALLOWED)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(120)
        # a headless window has a least width, which is more than a phone's
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        if before:
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": before})
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)


def with_camera(clip: Path):
    """Return the arguments for a fake camera that shows a clip."""
    return FAKE_CAMERA, f"--use-file-for-fake-video-capture={clip}"


def until(driver, condition, seconds=60):
    """Wait until a JavaScript expression is true and return its value."""
    from selenium.webdriver.support.ui import WebDriverWait

    def look(one):
        with contextlib.suppress(Exception):  # a page that is being loaded again
            return one.execute_script(f"return {condition}")

    try:
        return WebDriverWait(driver, seconds, 0.1).until(look)
    except Exception:
        text = driver.execute_script("return document.body.innerText")
        raise AssertionError(
            f"{condition} is not true after {seconds} s; {text!r}; {driver.get_log('browser')}"
        ) from None


def problem(driver):
    """Wait for a problem that the page shows, and return its text."""
    until(driver, "!document.getElementById('problem').hidden")
    return driver.execute_script("return document.getElementById('problem').innerText")


RECORD = """
const done = arguments[arguments.length - 1];
const encoded = (bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
};
edgekit.record(arguments[0]).then((frames) => done(frames.map(({ data, width, height, result }) => ({
  data: encoded(data), width, height,
  predictions: result.predictions,
  mask: result.mask && { ...result.mask, bits: 8 * result.mask.classes.BYTES_PER_ELEMENT,
    classes: encoded(new Uint8Array(result.mask.classes.buffer)) },
}))));
"""


def record(driver, count):
    """Return the next frames that the page looks at: (height, width, 3) BGR pixels, and the result as JSON."""
    rows = driver.execute_async_script(RECORD, count)
    return [(pixels(row), row) for row in rows]


def pixels(row):
    rgba = np.frombuffer(base64.b64decode(row["data"]), np.uint8).reshape(row["height"], row["width"], 4)
    return cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR)


def mask(row):
    """Return the class numbers of a recorded result, (height, width)."""
    found = row["mask"]
    raw = np.frombuffer(base64.b64decode(found["classes"]), f"<u{found['bits'] // 8}")
    return raw.reshape(found["height"], found["width"])
