"""A drawn set for detectors, in the layout of PASCAL VOC."""

from collections.abc import Sequence
from pathlib import Path

from edge.scenes import writing
from edge.scenes.multi_object_scene import CLASSES, MultiObjectScene, compose


def write_boxes(
    folder: Path, train: int = 1200, test: int = 200, size: int = 96, seed: int = 0, classes: Sequence[str] = CLASSES
) -> None:
    """Write ``JPEGImages``, ``Annotations`` and ``ImageSets/Main/{train,test}.txt``.

    ``classes`` are the classes that are drawn. For the other arguments and for errors see ``writing.drawn_set``.
    """
    with writing.drawn_set(folder, "a drawn set of boxes", train, test, size, seed) as (root, splits):
        for split, count, rng in splits:
            names = [f"{split}_{number:05d}" for number in range(count)]
            for name in names:
                scene = compose(rng, size, classes)
                writing.picture(root / "JPEGImages" / f"{name}.png", scene.image)
                writing.text(root / "Annotations" / f"{name}.xml", annotation(scene, size))
            writing.text(root / "ImageSets" / "Main" / f"{split}.txt", "".join(f"{name}\n" for name in names))


def annotation(scene: MultiObjectScene, size: int) -> str:
    """Return the VOC annotation of a scene as XML. VOC counts pixels from 1 and includes the last one.

    Args:
        scene: the scene.
        size: width and height of the picture in pixels.
    """
    objects = "".join(
        f"<object><name>{each.label}</name><bndbox><xmin>{x0 + 1:.0f}</xmin><ymin>{y0 + 1:.0f}</ymin>"
        f"<xmax>{x1:.0f}</xmax><ymax>{y1:.0f}</ymax></bndbox></object>"
        for each in scene.objects
        for x0, y0, x1, y1 in [each.box]
    )
    return f"<annotation><size><width>{size}</width><height>{size}</height></size>{objects}</annotation>\n"
