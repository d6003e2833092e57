"""The page in a real Chromium: with the released detector of blood cells on drawn ones."""

import base64
import contextlib
import itertools
import os
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import edge
from edge.control import Control, Settings
from edge.places import Line, Zone
from tests.deploy.web.browser import chromium, needs_browser, until
from tests.preview.camera import Camera
from tests.preview.cells import cells
from tests.preview.client import ask
from tests.preview.palette import decoded, palette_png

pytestmark = [pytest.mark.slow, needs_browser]

BUNDLE = Path(__file__).resolve().parents[2] / "models/weights/ssdlite_shufflenet_v2_bccd_int8.edge"
TOKEN = "correct-horse-battery"
DESK, PHONE = (1280, 900), (320, 700)
LIVE = "document.getElementById('connection').dataset.state === 'live'"
PICTURE = "/ (ms|s)$/.test(document.getElementById('age').textContent)"


@pytest.fixture(scope="module")
def detector():
    with edge.load(BUNDLE) as network:
        yield network


@pytest.fixture
def camera(detector):
    with Camera(find=detector, rate=15) as one:
        yield one


@pytest.fixture(scope="module")
def window():
    with chromium(size=DESK) as driver:
        yield driver


@pytest.fixture
def driver(window):
    look(window, DESK)
    window.get_log("browser")
    yield window
    window.get("about:blank")


def look(driver, size, dark=False):
    """Set the size of the window, and the colours that the system prefers."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def opened(driver, url):
    """Open the page, and wait until pictures and results come."""
    driver.get(url)
    until(driver, f"{LIVE} && {PICTURE} && document.querySelectorAll('#results li .name').length > 0", 30)


def picture(driver):
    """Return the picture on the page, (height, width, 3) BGR."""
    data = driver.execute_script("return document.getElementById('picture').toDataURL('image/png')")
    return decoded(base64.b64decode(data.partition(",")[2]))


def screenshot(driver):
    """Return what the window shows as PNG."""
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])


def shown(driver):
    """Return the labels and scores in the list of results."""
    rows = driver.execute_script(
        "return [...document.querySelectorAll('#results li')].filter((row) => row.querySelector('.score'))"
        ".map((row) => [row.querySelector('.name').textContent, parseInt(row.querySelector('.score').textContent)])"
    )
    return [(label, score) for label, score in rows]


def element(driver, name):
    return driver.find_element("id", name)


def keys(driver, *pressed):
    """Press keys, wherever the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains

    for key in pressed:
        ActionChains(driver).send_keys(key).perform()


def click_at(driver, *fractions):
    """Click places of the picture, given as fractions of it. Its stage is 16:9, the picture 4:3."""
    from selenium.webdriver.common.action_chains import ActionChains

    stage = element(driver, "stage")
    height = stage.rect["height"]
    width = height * 4 / 3
    for x, y in fractions:
        actions = ActionChains(driver).move_to_element_with_offset(
            stage, round((x - 0.5) * width), round((y - 0.5) * height)
        )
        actions.click().perform()


def test_the_video_moves_and_the_figures_come(camera, driver):
    opened(driver, camera.sink.url)
    first = picture(driver)
    assert first.shape == (480, 640, 3)
    until(driver, "parseFloat(document.getElementById('fps').textContent) > 3")
    wait_for(lambda: np.abs(picture(driver).astype(int) - first).max() > 50)
    assert driver.title == "ssdlite - Camera preview"
    assert re.fullmatch(r"\d+ ms", element(driver, "age").text)
    assert element(driver, "age-clock").text == "since its arrival"
    assert float(element(driver, "infer").text.split()[0]) > 0
    assert element(driver, "source-state").text == "delivering"
    assert driver.get_log("browser") == []
    asked = driver.execute_script("return performance.getEntries().map((one) => one.name)")
    assert all(name.startswith(camera.sink.url) for name in asked if "://" in name)


def test_the_threshold_and_the_labels_change_the_results(camera, driver):
    opened(driver, camera.sink.url)
    slider = element(driver, "threshold")
    slider.click()
    slider.send_keys(*["\ue012"] * 3)  # three steps to the left, by the keyboard
    until(driver, "document.getElementById('threshold-value').textContent === '47%'")
    wait_for(lambda: camera.control.settings.score_threshold == 0.47)
    driver.execute_script(
        "arguments[0].value = 70; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))", slider
    )
    wait_for(lambda: camera.control.settings.score_threshold == 0.7)
    wait_for(lambda: shown(driver) and all(score >= 70 for _, score in shown(driver)))
    element(driver, "threshold-own").click()
    wait_for(lambda: camera.control.settings.score_threshold is None)

    element(driver, "labels-search").send_keys("rb")
    visible = [row.text for row in driver.find_elements("css selector", "#labels li") if row.is_displayed()]
    assert visible == ["RBC"]
    driver.find_element("css selector", "#labels li:not([hidden]) input").click()
    wait_for(lambda: camera.control.settings.labels == {"Platelets", "WBC"})
    wait_for(lambda: {label for label, _ in shown(driver)} <= {"Platelets", "WBC"})
    element(driver, "labels-none").click()
    wait_for(lambda: camera.control.settings.labels == frozenset() and not shown(driver))
    element(driver, "labels-all").click()
    wait_for(lambda: camera.control.settings.labels is None and len(shown(driver)) > 2)
    assert driver.get_log("browser") == []


def test_what_another_changes_is_shown(camera, driver):
    opened(driver, camera.sink.url)
    camera.control.change(score_threshold=0.31, labels=frozenset({"RBC"}))
    until(driver, "document.getElementById('threshold').value === '31'")
    until(driver, "document.getElementById('labels-count').textContent === '1 of 3'")


def test_a_zone_is_drawn_with_the_mouse_and_a_line_is_changed(camera, driver):
    opened(driver, camera.sink.url)
    element(driver, "add-zone").click()
    assert not element(driver, "draw-finish").is_enabled()
    click_at(driver, (0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
    before = screenshot(driver)
    element(driver, "draw-finish").click()
    name = element(driver, "place-name")
    assert name.get_attribute("value") == "zone 1"
    name.clear()
    name.send_keys("door")
    element(driver, "place-labels").send_keys("RBC, WBC")
    element(driver, "place-dwell").clear()
    element(driver, "place-dwell").send_keys("2.5")
    driver.find_element("css selector", "#place [type=submit]").click()
    wait_for(lambda: camera.control.settings.of("cells"))
    (zone,) = camera.control.settings.of("cells")
    assert (zone.name, zone.labels, zone.dwell) == ("door", ("RBC", "WBC"), 2.5)
    np.testing.assert_allclose(zone.points, [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)], atol=0.005)
    until(driver, "document.querySelectorAll('#places li').length === 1")
    assert yellow(screenshot(driver)) > yellow(before) + 300, "the zone is in the picture"

    camera.counts = True  # the picture of a result with counts shows the zone by itself
    until(driver, "document.querySelector('#places small').textContent.startsWith('now ')")
    until(driver, "document.querySelectorAll('#overlay .shape').length === 0")
    driver.find_element("css selector", "[aria-label='Edit zone door']").click()
    drag(driver, (0.2, 0.2), (0.4, 0.4))
    driver.find_element("css selector", "#place [type=submit]").click()
    wait_for(lambda: abs(camera.control.settings.of("cells")[0].points[0][0] - 0.4) < 0.005)
    until(driver, "document.getElementById('drawing').hidden")  # the list is new then
    driver.find_element("css selector", "[aria-label='Edit zone door']").click()
    element(driver, "place-delete").click()
    wait_for(lambda: not camera.control.settings.of("cells"))
    assert driver.get_log("browser") == []


def drag(driver, start, end):
    from selenium.webdriver.common.action_chains import ActionChains

    rect = element(driver, "stage").rect
    height, width = rect["height"], rect["height"] * 4 / 3
    there = [(round((x - 0.5) * width), round((y - 0.5) * height)) for x, y in (start, end)]
    actions = ActionChains(driver).move_to_element_with_offset(element(driver, "stage"), *there[0]).click_and_hold()
    actions.move_by_offset(there[1][0] - there[0][0], there[1][1] - there[0][1]).release().perform()


def yellow(png):
    """Return the number of pixels in the colour of lines and zones, #ffd166."""
    return int((np.abs(decoded(png).astype(int) - (0x66, 0xD1, 0xFF)).max(axis=2) < 12).sum())


def test_everything_can_be_done_with_the_keys_alone(camera, driver):
    from selenium.webdriver.common.keys import Keys

    opened(driver, camera.sink.url)
    tab_to(driver, "add-line")
    keys(driver, Keys.ENTER)
    assert driver.execute_script("return document.activeElement.id") == "stage"
    keys(driver, " ", *[Keys.ARROW_RIGHT] * 4, *[Keys.ARROW_DOWN] * 2, " ", " ", Keys.BACKSPACE, Keys.ENTER)
    assert driver.execute_script("return document.activeElement.id") == "place-name"
    keys(driver, "gate", Keys.ENTER)
    wait_for(lambda: camera.control.settings.of("cells"))
    assert camera.control.settings.of("cells") == (Line("gate", ((0.5, 0.5), (0.54, 0.52))),)

    tab_to(driver, "[aria-label='Edit line gate']")
    keys(driver, Keys.ENTER)
    tab_to(driver, "[data-corner='1']")
    keys(driver, *[Keys.ARROW_LEFT] * 2)
    assert driver.execute_script("return document.activeElement.dataset.corner") == "1"
    tab_to(driver, "#place [type=submit]")
    keys(driver, Keys.ENTER)
    wait_for(lambda: camera.control.settings.of("cells")[0].points[1] == (0.52, 0.52))

    tab_to(driver, "add-zone")
    keys(driver, Keys.ENTER, " ", Keys.ESCAPE)
    assert element(driver, "drawing").get_attribute("hidden")
    tab_to(driver, "pause")
    keys(driver, " ")
    assert element(driver, "pause").get_attribute("aria-pressed") == "true"


def tab_to(driver, wanted):
    """Press Tab until an element has the focus, which must be visible then."""
    from selenium.webdriver.common.keys import Keys

    selector = wanted if wanted[0] in "#[" else f"#{wanted}"
    for _ in range(60):
        keys(driver, Keys.TAB)
        if driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
            style = "const s = getComputedStyle(document.activeElement); return s.outlineWidth + s.strokeWidth"
            assert re.search(r"[34]px", driver.execute_script(style))
            return
    raise AssertionError(f"Tab never comes to {wanted}")


@pytest.mark.parametrize("size", [PHONE, (412, 915), (820, 1180), DESK], ids=lambda size: f"{size[0]}")
def test_it_fits_the_screen_and_stays_where_it_is(detector, driver, size):
    look(driver, size)
    watch_shifts = (
        "window.shift = 0; new PerformanceObserver((list) => "
        "list.getEntries().forEach((one) => window.shift += one.value))"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": watch_shifts})
    long = "rtsp://camera.local/a/street/that/is/very/long"
    with Camera(find=detector, rate=10, sources=(long, "another")) as camera:
        opened(driver, camera.sink.url)
        until(driver, "parseFloat(document.getElementById('fps').textContent) > 0")
        camera.control.change(shapes={long: (Zone("a name of many letters " * 2, ((0, 0), (1, 0), (1, 1))),)})
        until(driver, "document.querySelectorAll('#places li').length === 1")
        assert driver.execute_script("return window.shift") < 0.05
        assert too_wide(driver) == []
        driver.find_element("css selector", "#places button").click()
        assert element(driver, "place").is_displayed()
        assert too_wide(driver) == []
        assert driver.execute_script("return document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_text_is_cut_on_the_smallest_phone(detector, driver, dark, tmp_path):
    look(driver, PHONE, dark)
    yard, gate = Zone("yard", ((0.1, 0.2), (0.9, 0.2), (0.9, 0.8))), Line("gate", ((0.1, 0.9), (0.9, 0.9)))
    control = Control(Settings(shapes={"cells": (yard, gate)}))
    with Camera(find=detector, rate=10, control=control, counts=True, clock="pts") as camera:
        camera.stats.count_lost("preview", 63_000)
        opened(driver, camera.sink.url)
        until(driver, "document.getElementById('places').textContent.includes('left 140')")
        until(driver, "document.getElementById('lost-total').textContent.includes('63,000')")
        until(driver, "document.getElementById('source-state').textContent === 'delivering'")
        (tmp_path / "phone.png").write_bytes(screenshot(driver))
        assert driver.execute_script(CUT) == []
        assert element(driver, "age-clock").text == "since its time stamp"
        assert driver.execute_script(CONTRAST) == []


CUT = """
return [...document.querySelectorAll('h1, h2, p, dt, dd span, small, button, .button, label, li span, output')]
  .filter((one) => one.offsetParent && getComputedStyle(one).overflow !== 'visible'
    && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1))
  .map((one) => one.textContent);
"""
"""Texts that are cut off at the border of their elements."""


def test_the_hint_speaks_of_taps_to_a_finger_and_of_keys_to_a_keyboard(camera, driver):
    opened(driver, camera.sink.url)
    element(driver, "add-zone").click()
    assert "Space sets" in element(driver, "hint").text
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 1})
    try:
        look(driver, PHONE)
        opened(driver, camera.sink.url)
        element(driver, "add-zone").click()
        assert element(driver, "hint").text == "Tap the picture to set corners, then tap Finish."
    finally:
        driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_lines_are_not_offered_without_a_tracker(detector, driver):
    with Camera(find=detector, rate=10, tracked=False) as camera:
        opened(driver, camera.sink.url)
        assert not element(driver, "add-line").is_enabled()
        assert "--track" in element(driver, "places-hint").text
        assert element(driver, "add-zone").is_enabled()


def too_wide(driver):
    """Return what reaches over the right border of the window."""
    return driver.execute_script(
        "return [...document.querySelectorAll('button, a, input, select, dd, h2')].filter((one) => "
        "one.offsetParent && one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML)"
    )


CONTRAST = """
const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = (colour) => colour.slice(0, 3).map((v) => linear(v / 255))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (node) => {
  for (let one = node; one; one = one.parentElement) {
    const colour = parse(getComputedStyle(one).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll('h1, h2, p, dt, dd span, small, button, .button, label, li span, output, option')]
  .filter((node) => node.offsetParent && node.textContent.trim() && !node.closest('#stage'))
  .map((node) => {
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.textContent.trim().slice(0, 30)];
  }).filter(([ratio]) => ratio < 4.5);
"""
"""Texts whose contrast is less than WCAG 2.2 asks for (level AA, 1.4.3: 4.5 to 1)."""


def test_it_is_dark_or_light_as_the_system_prefers_or_a_person_chose(camera, driver):
    brightness = "return parseInt(getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0])"
    for dark in (True, False):
        look(driver, DESK, dark)
        opened(driver, camera.sink.url)
        assert (driver.execute_script(brightness) < 128) is dark
        assert driver.execute_script(CONTRAST) == []
    element(driver, "theme").click()
    assert driver.execute_script(brightness) < 128
    driver.refresh()
    assert driver.execute_script(brightness) < 128, "the choice is kept"
    element(driver, "theme").click()
    assert driver.execute_script(brightness) > 128
    driver.execute_script("localStorage.clear()")


def test_a_screen_reader_is_told_what_everything_is(camera, driver):
    opened(driver, camera.sink.url)
    element(driver, "add-zone").click()
    click_at(driver, (0.3, 0.3))
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    wanted = {"button", "checkbox", "slider", "combobox", "textbox", "searchbox", "link", "spinbutton", "image"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node.get("role", {}).get("value") in wanted
    ]
    assert len(named) > 10
    assert [role for role, name in named if not name] == []
    assert ("slider", "Score threshold") in named
    assert any(name.startswith("Corner 1, ") for _, name in named)
    ids = driver.execute_script("return [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


def test_pausing_stops_the_stream_and_the_snapshot_is_the_whole_picture(camera, driver):
    opened(driver, camera.sink.url)
    element(driver, "pause").click()
    wait_for(lambda: camera.sink.viewers == 0)
    still = picture(driver)
    seen = camera.stats.frames
    wait_for(lambda: camera.stats.frames > seen + 10)
    np.testing.assert_array_equal(picture(driver), still)
    assert "Paused" in element(driver, "notice").text
    element(driver, "pause").click()
    wait_for(lambda: np.abs(picture(driver).astype(int) - still).max() > 50)
    href = element(driver, "snapshot").get_attribute("href")
    assert href == f"{camera.sink.url}snapshot.jpg?source=cells"
    assert ask(camera.port, "/snapshot.jpg?source=cells")[0] == 200


def test_a_video_that_stands_still_is_noticed(camera, driver):
    opened(driver, camera.sink.url)
    camera.paused.set()
    until(driver, "document.getElementById('connection').dataset.state === 'frozen'", 15)
    until(driver, "document.getElementById('notice').textContent.startsWith('No new picture for ')")
    until(driver, "document.getElementById('source-state').textContent === 'stalled'")
    camera.paused.clear()
    until(driver, LIVE, 15)


def test_sources_are_switched(detector, driver):
    gate, door = Line("gate", ((0, 0.5), (1, 0.5))), Zone("door", ((0, 0), (1, 0), (1, 1)))
    control = Control(Settings(shapes={"left": (gate,), "right": (door,)}))
    with Camera(find=detector, rate=5, sources=("left", "right"), control=control) as camera:
        opened(driver, camera.sink.url)
        places = "document.getElementById('places').textContent"
        until(driver, f"{places}.includes('gate')")
        element(driver, "source").send_keys("right")
        until(driver, f"{places}.includes('door') && !{places}.includes('gate') && {LIVE}")
        until(driver, "document.getElementById('source-idle').textContent === 'right'")
        assert camera.sink.viewers == 1
        assert element(driver, "snapshot").get_attribute("href").endswith("?source=right")


def test_a_wrong_token_is_refused_and_the_right_one_leaves_the_address(detector, driver):
    with Camera(find=detector, rate=10, token=TOKEN) as camera:
        driver.get(f"{camera.sink.url}?token=wrong-wrong-wrong")
        assert "This preview needs a token" in driver.find_element("tag name", "h1").text
        element(driver, "token").send_keys(TOKEN)
        driver.find_element("css selector", "button").click()
        until(driver, LIVE, 30)
        assert driver.current_url == camera.sink.url
        assert driver.execute_script("return document.cookie") == "", "no script can read it"
        driver.get(camera.sink.url)
        until(driver, LIVE, 30)
        driver.delete_all_cookies()
        driver.get(camera.sink.url)
        assert driver.find_element("css selector", "h1").text == "This preview needs a token"


def test_a_server_that_goes_away_and_comes_back(detector, driver):
    with Camera(find=detector, rate=10) as camera:
        opened(driver, camera.sink.url)
        port, url = camera.port, camera.sink.url
    until(driver, "document.getElementById('connection').textContent === 'Disconnected'", 10)
    assert "does not answer" in element(driver, "notice").text
    element(driver, "labels-none").click()
    until(driver, "!document.getElementById('error').hidden")
    with Camera(f"127.0.0.1:{port}", find=detector, rate=10):
        until(driver, f"{LIVE} && {PICTURE}", 15)
        still = picture(driver)
        wait_for(lambda: np.abs(picture(driver).astype(int) - still).max() > 50)
        assert driver.current_url == url


def test_the_screenshot_of_the_guide(detector, driver, tmp_path):
    """It is written into docs/ when EDGE_WRITE_DOCS is set; otherwise the kept one is only looked at."""
    kept = Path(__file__).resolve().parents[2] / "docs/preview.png"
    zone = Zone("centre", ((0.3, 0.22), (0.74, 0.26), (0.7, 0.78), (0.28, 0.74)), ("WBC",))
    control = Control(Settings(0.55, None, {"cells": (zone, Line("gate", ((0.06, 0.93), (0.94, 0.93))))}))
    with Camera(find=detector, rate=12, control=control, pictures=[cells(seed=8, reds=7, whites=2, noise=0)]) as camera:
        look(driver, (1280, 930))
        opened(driver, camera.sink.url)
        until(driver, "parseFloat(document.getElementById('fps').textContent) > 3")
        png = palette_png(decoded(screenshot(driver)))
        assert len(png) <= 150_000
        (kept if os.environ.get("EDGE_WRITE_DOCS") else tmp_path / "preview.png").write_bytes(png)
    assert kept.stat().st_size <= 150_000
    assert cv2.imread(str(kept)).shape == (930, 1280, 3)


def wait_for(condition, seconds=20):
    for _ in itertools.count():
        with contextlib.suppress(Exception):
            if condition():
                return
        seconds -= 0.1
        assert seconds > 0, "it did not become true"
        time.sleep(0.1)
