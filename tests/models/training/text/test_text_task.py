"""Sentences for the fit: tokens, targets, the vocabulary, and a training that learns what a negation does."""

import json

import numpy as np
import pytest

from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.models.training.settings import Augmentation, Settings
from edge.models.training.text.vocabulary import UNKNOWN, read
from edge.models.training.training_record import reader_options, signature_of
from edge.scenes.sentences import write_sentences

need("tensorflow")

from edge.models import build  # noqa: E402
from edge.models.training import fit  # noqa: E402
from edge.models.training.text import text_task  # noqa: E402

PLAIN = Settings(epochs=4, batch=16, optimizer="adam", learning_rate=0.01, warmup=0, label_smoothing=0.0)
LENGTH = 16


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "set"
    write_sentences(folder, train=480, test=120, seed=1)
    return folder


@pytest.fixture(scope="module")
def task(root):
    return text_task.load(root, (LENGTH,), PLAIN)


def test_batches_are_tokens_with_one_hot_targets(task):
    tokens, targets = next(iter(task.training_batches(PLAIN, 0)))
    assert tokens.shape == (16, LENGTH)
    assert tokens.dtype.name == "int32"
    assert targets.shape == (16, 2)
    np.testing.assert_array_equal(targets.numpy().sum(1), 1)
    again, _ = next(iter(task.training_batches(PLAIN, 0)))
    np.testing.assert_array_equal(tokens, again)


def test_an_epoch_sees_every_sentence(task):
    plain = text_task.Text(task.train, task.monitor, task.report_on, task.labels, task.vocabulary, LENGTH, forget=0.0)
    batches = iter(plain.training_batches(PLAIN, 3))
    seen = {tuple(row) for _ in range(task.count // 16) for row in next(batches)[0].numpy().tolist()}
    assert seen == {tuple(row) for row in plain.tokens.tolist()}


def test_monitored_sentences_are_the_test_ones(task):
    tokens = np.concatenate([batch.numpy() for batch, _ in task.monitor_batches(PLAIN)])
    np.testing.assert_array_equal(tokens, task.vocabulary.tokens(task.report_on.texts, LENGTH))


def test_forgetting_replaces_words_and_never_padding():
    tokens = np.tile(np.array([[5, 6, 7, 0, 0]], np.int32), (400, 1))
    found = text_task.replace_by_unknown(tokens, 0.25, np.random.default_rng(0))
    assert (found[:, 3:] == 0).all()
    changed = found[:, :3] != tokens[:, :3]
    assert (found[:, :3][changed] == UNKNOWN).all()
    assert changed.mean() == pytest.approx(0.25, abs=0.04)  # 1200 draws: three standard deviations are 0.0375


def test_inputs_are_training_sentences(task):
    tokens = np.concatenate(list(task.inputs(16, 40, seed=0)))
    assert len(tokens) == 40
    assert {tuple(row) for row in tokens.tolist()} <= {tuple(row) for row in task.tokens.tolist()}


def test_a_vocabulary_that_is_given_is_kept(root, task):
    words = (*task.vocabulary.words[:10],)
    again = text_task.load(root, (LENGTH,), PLAIN, words=words)
    assert again.vocabulary.words == words
    assert again.network_options() == {"classes": 2, "vocabulary": 10}
    assert len(text_task.load(root, (LENGTH,), PLAIN, vocabulary=12).vocabulary) == 12


def test_sentences_are_held_out_to_monitor(root):
    held = text_task.load(root, (LENGTH,), Settings(batch=8, holdout=0.25))
    assert (len(held.train), len(held.monitor), len(held.report_on)) == (360, 120, 120)


@pytest.mark.parametrize(
    ("shape", "settings", "options", "words"),
    [
        pytest.param((16, 1), PLAIN, {}, r"have the shape \(words,\)", id="shape"),
        pytest.param((16,), PLAIN, {"vocabulary": 2}, "vocabulary must be a whole number of at least 3", id="few"),
        pytest.param((16,), PLAIN, {"forget": 1.0}, "forget must be from 0 to below 1", id="forget"),
        pytest.param(
            (16,),
            Settings(augmentation=Augmentation(mixup=0.2)),
            {},
            "mixup is for the classification of images",
            id="mixup",
        ),
    ],
)
def test_what_does_not_fit_is_refused(root, shape, settings, options, words):
    with pytest.raises(InputError, match=words):
        text_task.load(root, shape, settings, **options)


def test_a_fit_learns_what_a_negation_does_and_says_how_tokens_are_made(task, tmp_path, capsys):
    def make():
        return build("text_cnn", (LENGTH,), width=0.2, embedding=16, **task.network_options())

    record = fit.train(make, task, PLAIN, tmp_path)
    assert record["accuracy"] > 0.9  # an answer by the adjective alone is right for 0.6
    assert set(record["accuracy_by_class"]) == {"negative", "positive"}
    assert read(tmp_path / "vocabulary.txt") == task.vocabulary
    saved = json.loads((tmp_path / "train.json").read_text())
    assert (
        saved["signature"]
        == signature_of(saved)
        == {
            "inputs": [{"kind": "tensor", "text": saved["text"]}],
            "outputs": [{"name": "probabilities", "role": "scores"}],
            "task": {"name": "classify", "decoder": None, "parameters": {"activation": "none"}},
        }
    )
    assert saved["text"]["words"] == len(task.vocabulary)
    assert reader_options(saved) == {"forget": 0.02}
