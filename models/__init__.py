"""Networks by name: ``available()`` lists them, ``build()`` returns a ``tf_keras`` functional model, ``describe()``
says what one costs before it is trained.

Importing this package imports no TensorFlow; building does.
"""

from edge.models.registry import available, build

__all__ = ["available", "build"]
