"""Networks by name. ``available()`` lists them, ``build()`` returns a ``tf_keras`` functional model, and ``describe()``
says what one is and costs.

Importing this package does not import TensorFlow; building a network does.
"""

from edge.models.describe import Description, describe
from edge.models.registry import available, build

__all__ = ["Description", "available", "build", "describe"]
