import pytest

from edge import errors


@pytest.mark.parametrize(
    ("kind", "builtin", "code"),
    [
        pytest.param(errors.InputError, ValueError, 2, id="a value"),
        pytest.param(errors.FileError, OSError, 2, id="a file"),
        pytest.param(errors.MissingExtra, ImportError, 2, id="a dependency"),
        pytest.param(errors.GateFailed, Exception, 1, id="a gate"),
    ],
)
def test_every_error_is_also_the_fitting_builtin(kind, builtin, code):
    error = kind("the rule, what came, what to do")
    assert isinstance(error, errors.EdgeError)
    assert isinstance(error, builtin)
    assert error.exit_code == code
    assert str(error) == "the rule, what came, what to do"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param("litrt", "unknown backend 'litrt': did you mean 'litert'? known: litert, onnxruntime", id="typo"),
        pytest.param("zzz", "unknown backend 'zzz': known: litert, onnxruntime", id="nothing near"),
        pytest.param("", "unknown backend '': known: litert, onnxruntime", id="empty"),
    ],
)
def test_unknown_name_lists_what_there_is(typed, expected):
    assert str(errors.unknown_name("backend", typed, ["onnxruntime", "litert"])) == expected
