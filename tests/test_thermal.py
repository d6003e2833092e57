"""Temperature and throttling from a machine's files, whatever they hold."""

import pytest

from edge import thermal


def tree(folder, zones=(), bits=None):
    for number, text in enumerate(zones):
        path = folder / f"sys/class/thermal/thermal_zone{number}/temp"
        path.parent.mkdir(parents=True)
        path.write_bytes(text)
    if bits is not None:
        path = folder / "sys/devices/platform/soc/soc:firmware/get_throttled"
        path.parent.mkdir(parents=True)
        path.write_bytes(bits)
    return folder


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ((b"45277\n", b"61000\n"), 61.0),
        ((), None),
        ((b"", b"hot", b"\xff\xfe", b"999999999"), None),
        ((b"hot", b"-4000"), -4.0),
    ],
)
def test_the_highest_temperature_counts(tmp_path, zones, expected):
    assert thermal.read(tree(tmp_path, zones)).celsius == expected


@pytest.mark.parametrize(
    ("bits", "slowed", "now"),
    [
        (b"0\n", False, ()),
        (b"50000\n", False, ()),  # since the start, not now
        (b"50005\n", True, ("under-voltage", "throttled")),
        (b"8", True, ("soft temperature limit",)),
        (b"1", False, ("under-voltage",)),
        (b"what", False, ()),
        (None, False, ()),
    ],
)
def test_the_firmware_s_bits_say_what_is_the_case_now(tmp_path, bits, slowed, now):
    reading = thermal.read(tree(tmp_path, (), bits))
    assert (reading.slowed, reading.now) == (slowed, now)


def test_this_machine_is_read_without_an_error():
    assert thermal.read().celsius is None or thermal.read().celsius > -50


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"cooling_device0/type": "cpufreq-cpu0", "cooling_device0/cur_state": "0"}, False),
        ({"cooling_device0/type": "cpufreq-cpu0", "cooling_device0/cur_state": "2"}, True),
        ({"cooling_device0/type": "Processor", "cooling_device0/cur_state": "1"}, True),
        ({"cooling_device0/type": "pwm-fan", "cooling_device0/cur_state": "3"}, None),  # a fan slows nothing down
        ({"cooling_device0/type": "cpufreq-cpu0", "cooling_device0/cur_state": ""}, None),
    ],
)
def test_the_kernel_says_whether_it_holds_the_processor_back(tmp_path, files, expected):
    for name, text in files.items():
        path = tmp_path / "sys/class/thermal" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = thermal.read(tmp_path)
    assert (found.cooled, found.throttled, found.slowed) == (expected, expected, bool(expected))
