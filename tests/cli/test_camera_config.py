"""The command line and camera.toml make the same configuration, alone and together."""

import argparse
import re

import pytest
import tomllib

from edge.camera.mappings import build
from edge.cli import camera
from edge.cli._camera_mapping import mapping, merged, with_sets
from tests.fake_bundle import bundle


def stated(*words):
    arguments = camera.parser().parse_args(list(map(str, words)))
    return with_sets(mapping(arguments), arguments.set)


def printed(capsys, *words):
    assert camera.main([*map(str, words), "--print-config"]) == 0
    return capsys.readouterr().out


class TestPrintConfig:
    def test_every_option_is_in_it(self, capsys):
        out = printed(
            capsys, "--model", "net.edge", "--backend", "litert", "--threads", 2, "--score-threshold", 0.4,
            "--source", "door=0", "--source", "rtsp://10.0.0.2/a", "--size", "1280x720", "--rate", 15, "--rotate", 90,
            "--flip", "horizontal", "--region", "0,0,1,0.5", "--source-option", "transport=udp",
            "--line", "gate=0,0.5,1,0.5", "--zone", "yard=0,0,1,0,1,1", "--show", "cat,dog", "--show", "cow",
            "--jsonl", "r.jsonl", "--sink", "snapshot=s.png", "--max-frames", 9, "--quiet",
        )  # fmt: skip
        whole = tomllib.loads(out)
        door = {
            "name": "door", "address": "0", "size": [1280, 720], "rate": 15.0, "rotate": 90, "flip": "horizontal",
            "region": [0.0, 0.0, 1.0, 0.5], "options": {"transport": "udp"},
        }  # fmt: skip
        del door["address"]  # the default
        second = {**door, "address": "rtsp://10.0.0.2/a"}
        del second["name"]
        assert whole == {
            "model": {"file": "net.edge", "backend": "litert", "threads": 2, "parameters": {"score_threshold": 0.4}},
            "source": [door, second],
            "line": [{"name": "gate", "points": [[0.0, 0.5], [1.0, 0.5]]}],
            "zone": [{"name": "yard", "points": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]}],
            "show_labels": ["cat", "cow", "dog"],
            "sink": [{"kind": "jsonl", "target": "r.jsonl"}, {"kind": "snapshot", "target": "s.png"}],
            "max_frames": 9,
            "quiet": True,
        }

    def test_it_is_read_again_with_the_same_meaning(self, capsys, tmp_path):
        words = ["--model", "net.edge", "--source", "synthetic", "--rotate", 180, "--jsonl", "-"]
        first = printed(capsys, *words)
        (tmp_path / "camera.toml").write_text(first)
        assert printed(capsys, "--config", tmp_path / "camera.toml") == first

    def test_passwords_are_not_in_it(self, capsys):
        out = printed(capsys, "--model", "m", "--source", "rtsp://me:hunter2@host/a", "--sink", "mqtt=mqtt://u:pw1@b")
        assert "hunter2" not in out
        assert "pw1" not in out
        assert "rtsp://me:${EDGE_SECRET_1}@host/a" in out
        assert "mqtt://u:${EDGE_SECRET_2}@b" in out
        assert "EDGE_SECRET_2" in out.splitlines()[1]

    @pytest.mark.parametrize("address", ["rtsp//me:hunter2@host/a", "rtsp://me:hun/ter2@host/a", "rtsp://[::1/x"])
    def test_mistyped_addresses_show_no_password(self, address, capsys):
        out = printed(capsys, "--model", "m", "--source", address)
        assert "ter2" not in out

    def test_passwords_in_a_query_are_not_in_it(self, capsys):
        address = "http://camera/s.jpg?user=viewer&pwd=hunter2&size=big&token=abc"
        out = printed(capsys, "--model", "m", "--source", address, "--webhook", "http://h/hook?key=hunter3")
        assert not {"hunter2", "abc", "hunter3", "viewer"} & set(re.findall(r"\w+", out))
        assert "size=big" in out
        assert len(set(re.findall(r"EDGE_SECRET_\d", out))) == 4

    def test_named_passwords_stay_as_they_are(self, capsys):
        out = printed(capsys, "--model", "m", "--source", "rtsp://me:${DOOR}@host/a")
        assert "rtsp://me:${DOOR}@host/a" in out
        assert "#" not in out


BASE = {
    "model": "net.edge",
    "source": [{"address": "0", "name": "door"}, {"address": "1", "name": "yard"}],
    "sink": [{"kind": "jsonl", "target": "a"}],
    "quiet": True,
}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--track"], {"track": {"method": "bytetrack"}}),
        (["--track", "sort", "--set", "track.max_age=2"], {"track": {"method": "sort", "max_age": 2}}),
        (["--motion"], {"motion": {"crop": False}}),
        (["--motion", "crop"], {"motion": {"crop": True}}),
        (
            ["--stride", 2, "--max-rate", 5, "--cool-at", 70],
            {"pace": {"stride": 2, "max_rate": 5.0, "soft_limit": 70.0}},
        ),
        (
            ["--source", "a.mp4", "--source", "rtsp://h/a", "--set", "source[0].realtime=true"],
            {"source": [{"address": "a.mp4", "realtime": True}, {"address": "rtsp://h/a"}]},
        ),
        (
            ["--preview", "--preview-token", "${T}", "--preview-name", "cam.example"],
            {"sink": [{"kind": "preview", "target": "", "options": {"token": "${T}", "names": ["cam.example"]}}]},
        ),
        (["--preview"], {"sink": [{"kind": "preview", "target": "", "options": {}}]}),
        (["--preview", "0.0.0.0:80"], {"sink": [{"kind": "preview", "target": "0.0.0.0:80", "options": {}}]}),
        (
            ["--clips", "c", "--hook", "beep", "--jsonl", "j", "--on", "cat", "--on", "line:gate"],
            {
                "sink": [
                    {"kind": "jsonl", "target": "j", "options": {}},
                    {"kind": "clips", "target": "c", "options": {"on": ["cat", "line:gate"]}},
                    {"kind": "hook", "target": "beep", "options": {"on": ["cat", "line:gate"]}},
                ]
            },
        ),
        (
            ["--clips", "c", "--sink-option", "clips.pre_roll=8", "--sink-option", "clips.format=avi"],
            {"sink": [{"kind": "clips", "target": "c", "options": {"pre_roll": 8, "format": "avi"}}]},
        ),
        (["--set", "quiet=true", "--set", "counting.grace=0.5"], {"quiet": True, "counting": {"grace": 0.5}}),
    ],
)
def test_what_options_amount_to(words, found):
    assert stated(*words) == found
    build({"model": "m", **found})


class TestMerged:
    def test_nothing_stated_changes_nothing(self):
        assert build(merged(BASE, stated())) == build(BASE)

    def test_a_source_takes_the_place_of_those_in_the_file(self):
        assert [one["address"] for one in merged(BASE, stated("--source", "2"))["source"]] == ["2"]

    def test_an_option_of_sources_changes_them_all(self):
        found = merged(BASE, stated("--rotate", 90))["source"]
        assert [(one["name"], one["rotate"]) for one in found] == [("door", 90), ("yard", 90)]

    def test_sinks_are_added(self):
        found = merged(BASE, stated("--jsonl", "b"))["sink"]
        assert [one["target"] for one in found] == ["a", "b"]

    def test_an_option_of_the_model_keeps_the_rest(self):
        found = merged(BASE, stated("--backend", "onnxruntime"))["model"]
        assert found == {"file": "net.edge", "backend": "onnxruntime"}
        assert str(merged(BASE, stated("--model", "b.edge"))["model"]["file"]) == "b.edge"


class TestErrors:
    def test_without_a_model(self, capsys):
        assert camera.main(["--source", "synthetic"]) == 2
        assert "a camera needs a model: state --model" in capsys.readouterr().err

    def test_a_line_of_the_file(self, capsys, tmp_path):
        file = tmp_path / "camera.toml"
        file.write_text('model = "net.edge"\n\n[[source]]\nrotaet = 90\n')
        assert camera.main(["--config", str(file)]) == 2
        assert capsys.readouterr().err.startswith(f"edge-camera: {file}:4: unknown option of source[0] 'rotaet'")

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (["--size", "big"], "must look like 1280x720"),
            (["--region", "0,0,1"], "must be four numbers"),
            (["--line", "gate=0,1,2"], "must be NAME=X0,Y0,X1,Y1"),
            (["--zone", "0,1,2,3"], "must be NAME=X0,Y0"),
            (["--sink-option", "csv"], "must be NAME=VALUE"),
            (["--source-option", "udp"], "must be NAME=VALUE"),
        ],
    )
    def test_values_that_argparse_refuses(self, capsys, words, line):
        with pytest.raises(SystemExit) as caught:
            camera.main(["--model", "m", *words])
        assert caught.value.code == 2
        assert line in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (["--line", "gate=0,0,2,1"], "fractions of the frame from 0 to 1, got 2, 1"),
            (["--region", "0.5,0,0.5,1"], "a region must be x0, y0, x1, y1"),
            (["--size", "4x4"], "a size must be 16 to 8192"),
            (["--sink-option", "csv.a=1"], "needs that output: add --sink csv=TARGET"),
            (["--on", "cat"], "--on needs what acts on events: add --clips, --snapshots, --webhook, --hook"),
            (["--set", "quiet=true", "--set", "quiet.a=1"], "--set quiet.a: quiet is no table"),
            (["--set", "source[3].rotate=90"], "'3' is no place in a list of 1; places count from 0"),
            (["--set", "source[0]=90"], "name what to set of source 0, such as source.0.name"),
            (["--preview-token", "a"], "are about the page: add --preview"),
            (["--set", "motion=3"], "motion must be a table of options, true or false, got 3"),
            (["--set", "motion.hold=-1"], "hold of motion must be 0 or more seconds"),
            (["--zone", "a=0,0,1,1,1,0"], "lines and zones need objects with places, and task classify gives none"),
            (["--track"], "trackers need objects"),
            (["--show", "tpo"], "unknown label 'tpo': did you mean 'top'?"),
            (["--clips", "c", "--on", "botom"], "unknown label 'botom': did you mean 'bottom'?"),
            (["--jsonl", "-", "--csv", "-"], "only one output can write to stdout, got 2"),
            (["--dwell", "3"], "--dwell needs a zone: add --zone"),
        ],
    )
    def test_values_that_fit_nothing(self, capsys, tmp_path, words, line):
        model = bundle(tmp_path, [("fake", "float32")])
        assert camera.main(["--model", str(model), "--source", "synthetic", "--max-frames", "1", *words]) == 2
        assert line in capsys.readouterr().err


def test_a_name_before_an_address():
    def named(text):
        return stated("--source", text)["source"][0]

    assert named("door=0") == {"address": "0", "name": "door"}
    assert named("rtsp://host/a?b=c") == {"address": "rtsp://host/a?b=c"}
    assert named("back-yard=rtsp://host/a?b=c") == {"address": "rtsp://host/a?b=c", "name": "back-yard"}


def test_the_mapping_has_only_what_was_stated():
    assert stated() == {}
    assert isinstance(camera.parser(), argparse.ArgumentParser)
