"""``--target``: the files of each device, as far as a model can become them, and what is said."""

import pytest

from edge.cli import convert
from edge.deploy import targets
from edge.deploy.conversion.produce import make
from edge.deploy.conversion.recipe import PRECISIONS, Recipe
from edge.deploy.conversion.source import open_source
from edge.errors import InputError
from edge.manifest import PREFERRED
from tests.backends import models
from tests.deploy.conversion.test_produce import folder, pictures  # noqa: F401


def test_the_command_knows_every_device():
    assert list(convert.TARGETS) == list(targets.TARGETS)
    for target in targets.TARGETS.values():
        assert set(target.tflite) <= set(PRECISIONS) & set(PREFERRED)
        assert target.about
        assert target.threads >= 1


@pytest.mark.parametrize(
    ("name", "calibrates", "expected"),
    [
        pytest.param("pi4", True, Recipe(("int8", "float32")), id="pi4"),
        pytest.param("pi5", True, Recipe(("int8", "float32"), ("int8",)), id="pi5"),
        pytest.param("coral-usb", True, Recipe(("int8",), without_groups=True), id="coral"),
        pytest.param("phone", True, Recipe(("int8", "float16"), io="uint8"), id="phone"),
        pytest.param("phone", False, Recipe(("float16",), io="uint8"), id="phone without samples"),
        pytest.param("pi-zero2", False, Recipe(("float32",), ("float32",)), id="nothing of its own is possible"),
        pytest.param("x86", True, Recipe(("int8", "float32"), ("int8", "float32")), id="x86"),
    ],
)
def test_a_device_has_its_files(folder, name, calibrates, expected):  # noqa: F811
    source = open_source(str(folder / "net.keras"))
    assert targets.recipe_for(name, source, calibrates) == expected


def test_an_edge_tpu_needs_int8(folder, tmp_path):  # noqa: F811
    with pytest.raises(InputError, match="coral-usb runs int8 TFLite files, and none is made: give --calibrate DATA"):
        targets.recipe_for("coral-usb", open_source(str(folder / "net.keras")), False)
    with pytest.raises(InputError, match="unknown target 'pi6'"):
        targets.find("pi6")
    finished = open_source(str(models.tflite_conv(tmp_path / "net.tflite", int8=True)))
    assert targets.recipe_for("coral-usb", finished, False) == Recipe(("int8",))  # it keeps its convolutions


def test_what_was_chosen_and_what_runs_where_is_said(folder, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("PATH", str(tmp_path))
    source = open_source(str(folder / "net.keras"))
    recipe = targets.recipe_for("coral-usb", source, True)
    assert targets.described("coral-usb", recipe) == (
        "coral-usb, a Coral USB accelerator: --tflite int8 --io int8, grouped convolutions split; "
        "run it with 1 thread(s)"
    )
    made, said = make(source, recipe, pictures(8), tmp_path), []
    assert targets.for_edge_tpu("coral-usb", made, tmp_path, said.append) == []
    assert said[0].startswith("edgetpu_compiler is not installed")
    assert said[1].startswith("model_int8.tflite: ")
    assert "operations on the Edge TPU" in said[1]
    assert any(line.startswith("parameters: about") and "8 MiB on the chip" in line for line in said)
    targets.for_edge_tpu("pi4", made, tmp_path, said.clear)
    assert said


def test_a_bundle_without_a_file_for_the_edge_tpu_says_so(folder, tmp_path):  # noqa: F811
    source = open_source(str(folder / "net.keras"))
    recipe = targets.adapted("coral-dev", Recipe(("float32",)), source)
    assert not recipe.without_groups
    made, said = make(source, recipe, None, tmp_path), []
    assert targets.for_edge_tpu("coral-dev", made, tmp_path, said.append) == []
    assert said == [
        "coral-dev runs int8 TFLite files, and the bundle has none: add int8 to --tflite, or leave out the list"
    ]
