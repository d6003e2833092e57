"""A drawn set for detectors, laid out as PASCAL VOC: pictures, annotations, lists of names."""

from collections.abc import Sequence
from pathlib import Path

from edge.files import replaced
from edge.scenes import writing
from edge.scenes.crowd import CLASSES, Crowd, compose


def write_boxes(
    folder: Path, train: int = 1200, test: int = 200, size: int = 96, seed: int = 0, classes: Sequence[str] = CLASSES
) -> None:
    """Write ``JPEGImages``, ``Annotations`` and ``ImageSets/Main/{train,test}.txt``, complete or not at all.

    Args:
        folder: what is written; one that is there is replaced.
        train: pictures to train on.
        test: pictures to report on.
        size: width and height of a picture in pixels.
        seed: another seed, another set; the same arguments give the same bytes.
        classes: outlines that are drawn.

    Raises:
        InputError: a count is below 1 or the size below 16.
        FileError: the folder cannot be written.
    """
    writing.check("a drawn set of boxes", size, train=train, test=test)
    with replaced(folder) as temporary:
        for split, count, rng in writing.splits(train, test, seed):
            names = [f"{split}_{number:05d}" for number in range(count)]
            for name in names:
                crowd = compose(rng, size, classes)
                writing.picture(temporary / "JPEGImages" / f"{name}.png", crowd.image)
                writing.text(temporary / "Annotations" / f"{name}.xml", annotation(crowd, size))
            writing.text(temporary / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{name}\n" for name in names))


def annotation(crowd: Crowd, size: int) -> str:
    """Return VOC's XML of a scene: pixels counted from 1, the last ones included."""
    objects = "".join(
        f"<object><name>{each.label}</name><bndbox><xmin>{x0 + 1:.0f}</xmin><ymin>{y0 + 1:.0f}</ymin>"
        f"<xmax>{x1:.0f}</xmax><ymax>{y1:.0f}</ymax></bndbox></object>"
        for each in crowd.objects
        for x0, y0, x1, y1 in [each.box]
    )
    return f"<annotation><size><width>{size}</width><height>{size}</height></size>{objects}</annotation>\n"
