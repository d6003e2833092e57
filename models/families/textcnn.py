"""Convolutions over a sentence (Kim 2014, https://arxiv.org/abs/1408.5882), figure 1 and section 3.1."""

from typing import Any

import tf_keras as keras

from edge.errors import InputError
from edge.models.blocks import conv
from edge.models.scaling import scale_channels
from edge.models.tops import probabilities

WIDTHS = (3, 4, 5)
FILTERS = 100
VOCABULARY = 18_765
"""The number of words in the paper's first data set (MR, table 1)."""


def text_cnn(
    input_shape: tuple[int],
    classes: int,
    width: float = 1.0,
    vocabulary: int = VOCABULARY,
    embedding: int = 300,
    dropout: float = 0.0,
) -> Any:
    """Return the paper's CNN-rand, which maps (batch, length) int32 tokens to one class a sentence.

    Tokens are below ``vocabulary``. Shorter sentences are filled up with a padding token, usually 0. The paper also
    limits the norm of the classifier's weights to 3.

    Args:
        input_shape: (length,).
        classes: number of outputs.
        width: width multiplier of the filters, but not of the embedding.
        vocabulary: number of different tokens.
        embedding: size of a token's vector.
        dropout: rate behind the maxima, 0.5 in the paper.

    Raises:
        InputError: ``vocabulary`` or ``embedding`` is below 1.
    """
    for name, value in (("vocabulary", vocabulary), ("embedding", embedding)):
        if value < 1:
            raise InputError(f"{name} of text_cnn must be at least 1, got {value}")
    (length,) = input_shape
    inputs = keras.Input(input_shape, dtype="int32", name="tokens")
    x = keras.layers.Embedding(vocabulary, embedding, name="embedding")(inputs)
    x = keras.layers.Reshape((length, 1, embedding), name="embedding_column")(x)
    maxima = [_maximum(x, words, scale_channels(FILTERS, width, f"width{words}")) for words in WIDTHS]
    x = keras.layers.Concatenate(name="maxima")(maxima)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, probabilities(x, classes, dropout), name="text_cnn")


def _maximum(x: Any, words: int, filters: int) -> Any:
    """Convolve ``words`` neighbouring tokens; return the maxima over the sentence, (batch, 1, 1, filters)."""
    x = conv(x, filters, f"width{words}", kernel=(words, 1), padding="valid")
    return keras.layers.MaxPooling2D((x.shape[1], 1), name=f"width{words}_maximum")(x)
