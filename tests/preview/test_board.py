import pytest

from edge.preview.board import temperature, throttled


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"thermal_zone0__temp": "48312\n"}, 48.312),
        ({"thermal_zone0__temp": "48312", "thermal_zone1__temp": "61000"}, 61.0),
        ({"thermal_zone0__temp": "-274000", "thermal_zone1__temp": "51000"}, 51.0),  # a sensor that is off
        ({"thermal_zone0__temp": "none"}, None),
        ({"thermal_zone0__temp": "nan"}, None),
    ],
)
def test_the_hottest_sensor_counts(tmp_path, files, expected):
    write(tmp_path, **files)
    assert temperature(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"cooling_device0__type": "cpufreq-cpu0", "cooling_device0__cur_state": "0"}, False),
        ({"cooling_device0__type": "cpufreq-cpu0", "cooling_device0__cur_state": "2"}, True),
        ({"cooling_device0__type": "Processor", "cooling_device0__cur_state": "1"}, True),
        ({"cooling_device0__type": "pwm-fan", "cooling_device0__cur_state": "3"}, None),  # a fan slows nothing down
        ({"cooling_device0__type": "cpufreq-cpu0", "cooling_device0__cur_state": ""}, None),
    ],
)
def test_the_kernel_says_whether_it_slows_the_processor_down(tmp_path, files, expected):
    write(tmp_path, **files)
    assert throttled(tmp_path) is expected
