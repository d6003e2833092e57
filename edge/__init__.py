"""EdgeKit: from a Keras network to a camera loop on a small computer, every step proven.

Importing this package imports no framework; each part is imported where it is used.
"""

__version__ = "0.1.0"
