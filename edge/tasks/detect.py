"""Detection finds objects with their boxes, and landmarks if the network has them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from edge import labels as label_files
from edge import tasks
from edge.decoders.base import Decoder
from edge.decoders.parameters import flag
from edge.decoders.select import Selection, select
from edge.imaging import Image
from edge.placement import Placement
from edge.results import Point, Prediction, Result
from edge.signature import Signature
from edge.tasks import canvas, json_form, lettering
from edge.tasks.base import Budget, Comparer, Task
from edge.tasks.box_comparison import BoxComparison
from edge.tasks.decoding import decoder_of, on_frame
from edge.tasks.parameters import Parameters
from edge.tensors import Outputs

MOST_NAMED = 5
"""The most objects that a line of text names."""


class Detect(Task):
    """Decodes boxes with the decoder of the signature, and selects the best ones.

    Parameters in the manifest, besides those of the decoder and of ``edge.decoders.select.Selection``, such as
    score_threshold, iou_threshold, max_detections and nms:
        background_label: whether the first label is the background, which no box has (default false).

    The truth of a sample is an ``edge.tasks.average_precision.Truth`` with boxes x0, y0, x1, y1 in pixels of the frame.
    """

    name: ClassVar[str] = "detect"
    budget: ClassVar[Budget] = Budget(95.0, 1.0)
    gives_boxes: ClassVar[bool] = True

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        given = Parameters(signature)
        self.decoder: Decoder = decoder_of(signature, given)
        self.selection = Selection.of(given)
        named = tuple(labels or ())[flag(given, "background_label", False) :]
        given.finish()
        if labels is not None and self.decoder.classes is not None:
            label_files.check_count(named, self.decoder.classes, origin)
        published = getattr(self.decoder, "labels", ())
        self._labels = named or (published if len(published) == self.decoder.classes else ())

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task. Boxes are clipped to the frame. Without a placement they are in pixels of the input."""
        found = on_frame(select(self.decoder(outputs), self.selection), placement)
        points: list[tuple[Point, ...]] = [()] * len(found.scores)
        if found.points is not None:
            points = [tuple((x, y, s) for x, y, s in rows) for rows in found.points.tolist()]
        rows = zip(found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), points, strict=True)
        predictions = (
            Prediction(self._label(number), score, number, (box[0], box[1], box[2], box[3]), points=landmarks)
            for box, score, number, landmarks in rows
        )
        return Result(self.name, tuple(predictions))

    def comparer(self) -> Comparer:
        """See Task: the share of boxes with a partner at IoU 0.7; mean average precision at IoU 0.5."""
        return BoxComparison(self.decoder, self.selection)

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: the best objects above the others; what another network said of an object below its label.

        An object with a track has the track's colour, another one that of its class.
        """
        for one in reversed(result.predictions):
            _draw(image, one)
        captions = lettering.Captions(image)
        for one in result.predictions:
            if one.box is not None:
                captions.add(captions_of(one), one.box)

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task."""
        return {"results": json_form.predictions(result.predictions)}

    @staticmethod
    def line(result: Result) -> str:
        """See Task: ``dog 90% (Boston terrier 73%) | dog 83% and 3 more``."""
        named = " | ".join(map(_words, result.predictions[:MOST_NAMED]))
        rest = len(result.predictions) - MOST_NAMED
        return (f"{named} and {rest} more" if rest > 0 else named) or "nothing"

    def _label(self, number: int) -> str:
        return self._labels[number] if number < len(self._labels) else str(number)


def _draw(image: Image, one: Prediction) -> None:
    colour = canvas.colour_of(one.index if one.id is None else one.id)
    if one.nested is not None and _has_places(one.nested):
        tasks.load(one.nested.task).draw(image, one.nested)
    for x, y, _ in one.points:
        canvas.dot(image, x, y, colour)
    canvas.trail(image, one.trail, colour)
    if one.box is not None:
        canvas.box(image, one.box, colour)


def _words(one: Prediction) -> str:
    """Return the object's label, and in brackets the result of another network for the object."""
    return one.caption if one.nested is None else f"{one.caption} ({_line(one.nested)})"


def _line(nested: Result) -> str:
    return "no result" if nested.fault else str(tasks.load(nested.task).line(nested))


def captions_of(one: Prediction) -> list[str]:
    """Return the object's label, and the result of another network for the object."""
    if one.nested is None or _has_places(one.nested):
        return [one.caption]
    return [one.caption, _line(one.nested)]


def _has_places(result: Result) -> bool:
    """Return whether a result has places, and not only classes."""
    return bool(result.poses) or result.mask is not None or any(one.box is not None for one in result.predictions)
