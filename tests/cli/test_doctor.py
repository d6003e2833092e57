import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from edge import doctor
from edge.backends import BACKENDS
from edge.cli import doctor as command

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/doctor.schema.json").read_text(encoding="utf-8"))


def test_the_report_of_this_machine(tmp_path, capsys):
    assert command.main(["--json", str(tmp_path / "doctor.json")]) == 0
    content = json.loads((tmp_path / "doctor.json").read_text())
    jsonschema.validate(content, SCHEMA, jsonschema.Draft202012Validator)
    found = {check["subject"]: check for check in content["checks"]}
    assert content["healthy"] is True
    assert {"machine", "word size", "python", "numpy", "opencv", "training", "camera", "coral", "disk"} <= set(found)
    assert {f"backend {name}" for name in BACKENDS} <= set(found)
    assert "XNNPACK works, self-check passed" in found["backend litert"]["found"]
    assert capsys.readouterr().out.splitlines()[-1] == "everything that is required works"


@pytest.mark.parametrize(
    "board", sorted(path.name for path in (ROOT / "tests/doctor_trees").iterdir() if path.is_dir())
)
def test_the_json_of_a_board_has_the_documented_form(board, tmp_path, capsys):
    out = tmp_path / "doctor.json"
    assert command.main(["--root", str(ROOT / "tests/doctor_trees" / board), "--json", str(out)]) == 0
    content = json.loads(out.read_text())
    jsonschema.validate(content, SCHEMA, jsonschema.Draft202012Validator)
    assert content["device"]["id"].endswith("-aarch64-4")


def test_the_schema_refuses_what_the_form_does_not_have():
    checks = [{"subject": "clock", "status": "fine", "found": "", "mend": ""}]
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert list(validator.iter_errors({"schema": 1, "healthy": True, "checks": checks}))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_page_names_every_field_of_the_form():
    page = (ROOT / "docs/doctor.md").read_text(encoding="utf-8")
    for name in (*SCHEMA["properties"], *SCHEMA["properties"]["checks"]["items"]["properties"]):
        assert f"`{name}`" in page


def test_something_required_that_is_broken_is_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda system: [doctor.Check("python", "broken", "3.9.2", "update it")])
    assert command.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAIL  python  3.9.2",
        "              -> update it",
        "broken: python",
    ]


def test_help_and_run_import_no_framework():
    code = (
        "import sys, edge.cli.doctor as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "light = [m for m in ('numpy', 'cv2') if m in sys.modules]\n"
        "c.main([])\n"
        "print(light, [m for m in ('tensorflow', 'tf_keras', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] []"
