"""The sink ``metrics`` serves the counters of the loop for Prometheus, at ``http://127.0.0.1:PORT/metrics``.

``docs/fleet.md`` lists the metrics. Labels are names of sources, sinks, lines and zones, which the configuration
bounds; the labels of predictions are not among them.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from edge import __version__
from edge.errors import InputError
from edge.results import Place, Result
from edge.secret import reveal
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.host import Host
from edge.sinks.scrape_server import ScrapeServer, is_loopback, parse_target
from edge.sources.base import HEALTH, Source
from edge.stats import StatsSnapshot

BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)
"""The upper bounds of the histograms' buckets in seconds."""

MOST_PLACES = 64
"""The most lines and zones of a source that are shown."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class MetricsOptions:
    """Who may read the metrics.

    Attributes:
        token: what a request must state as ``Authorization: Bearer TOKEN``. It may name a secret as ``${NAME}`` or
            ``${file:PATH}``, and is needed when other machines can reach the address.
    """

    token: str = field(default="", repr=False)


class Metrics(Sink):
    """Serves the metrics from its opening to its end. A port that is taken is an error at the start."""

    name = "metrics"
    lossless = True
    on_error: OnError = "retry"
    Options = MetricsOptions

    def __init__(self, target: str, context: Context, options: MetricsOptions = MetricsOptions()) -> None:
        """Listen on ``PORT`` of 127.0.0.1, or ``HOST:PORT``.

        Raises:
            InputError: the target is something else, or there is no token for an address that others reach.
            FileError: the port is taken.
        """
        host, port = parse_target(target)
        token = reveal(options.token)
        if not token and not is_loopback(host):
            raise InputError(f"metrics on {host} can be read by other machines: state a token, such as ${{NAME}}")
        self._collector = LoopCollector(context)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._collector)
        ProcessCollector(registry=registry)
        self._server = ScrapeServer(host, port, lambda: generate_latest(registry), CONTENT_TYPE, token)
        self.port = self._server.port

    def emit(self, event: Event) -> None:
        """See Sink."""
        self._collector.add(event)

    def close(self) -> None:
        """See Sink."""
        self._server.close()


@dataclass
class _Times:
    """Counts times.

    Attributes:
        counts: the number of times up to each bound of BUCKETS and above the one before; the last is for the rest.
        total: the sum of the times in seconds.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return the bound of each bucket, and how many times are not above it."""
        bounds = [*map(str, BUCKETS), "+Inf"]
        return [(bound, sum(self.counts[: place + 1])) for place, bound in enumerate(bounds)]


@dataclass
class _SourceState:
    """What the metrics keep of one source."""

    age: _Times = field(default_factory=_Times)
    inference: _Times = field(default_factory=_Times)
    captured: float = 0.0
    places: tuple[Place, ...] = ()


class LoopCollector(Collector):
    """Makes the metrics of a loop when they are asked for."""

    def __init__(self, context: Context, host: Host | None = None) -> None:
        """Start without results.

        Args:
            context: the loop.
            host: the machine. None takes this one.
        """
        self._context, self._host = context, host or Host()
        self._lock = threading.Lock()
        self._of = {source.name: _SourceState() for source in context.sources}

    def add(self, event: Event) -> None:
        """Count a result."""
        with self._lock:
            self._add(self._of[self._context.source_of(event.frame).name], event.result)

    def _add(self, state: _SourceState, result: Result) -> None:
        state.age.add(result.age_ms / 1e3)
        state.inference.add(result.infer_ms / 1e3)
        state.captured = result.captured_ns / 1e9
        if not result.fault:  # no stage has seen a faulty frame, so that it states no places
            state.places = result.places[:MOST_PLACES]

    def collect(self) -> Iterable[Metric]:
        """Yield all metrics."""
        snapshot = self._context.stats.snapshot()
        yield self._info()
        yield from _of_sources(snapshot)
        yield from _of_devices(self._context.sources)
        yield from _of_sinks(snapshot)
        yield _gauge("edge_results_per_second", "results per second over the last 10 seconds", snapshot.recent.frames)
        yield CounterMetricFamily("edge_faults", "results without an answer, such as NaN", value=snapshot.faults)
        yield from self._of_machine()
        with self._lock:
            yield from [*self._times(), *self._of_places()]

    def _info(self) -> Metric:
        context = self._context
        task = context.signature.task.name if context.signature else ""
        known = {"version": __version__, "model": context.model, "backend": context.backend, "task": task}
        return InfoMetricFamily("edge", "what runs here", value=known)

    def _of_machine(self) -> Iterator[Metric]:
        state = self._host.state()
        if state.degrees is not None:
            yield _gauge("edge_temperature_celsius", "the highest temperature that the kernel shows", state.degrees)
        if state.throttled is not None:
            yield _gauge("edge_throttled", "1 when the processor is slowed down or lacks voltage", state.throttled)

    def _times(self) -> Iterator[Metric]:
        age = HistogramMetricFamily("edge_age_seconds", "from capture to result", labels=["source"])
        inference = HistogramMetricFamily("edge_inference_seconds", "the network and its decoder", labels=["source"])
        last = GaugeMetricFamily("edge_last_capture_timestamp_seconds", "the newest result's frame", labels=["source"])
        for name, state in self._of.items():
            age.add_metric([name], state.age.buckets(), state.age.total)
            inference.add_metric([name], state.inference.buckets(), state.inference.total)
            last.add_metric([name], state.captured)
        yield from (age, inference, last)

    def _of_places(self) -> Iterator[Metric]:
        now = GaugeMetricFamily("edge_zone_objects", "objects in a zone", labels=["source", "zone"])
        passed = CounterMetricFamily(
            "edge_zone_passages", "objects that entered or left a zone", labels=["source", "zone", "direction"]
        )
        crossed = CounterMetricFamily(
            "edge_line_crossings", "objects that crossed a line", labels=["source", "line", "direction"]
        )
        for name, state in self._of.items():
            for place in state.places:
                counts = place.counts
                if place.kind == "zone":
                    now.add_metric([name, place.name], counts.get("now", 0))
                for key in ("entered", "left") if place.kind == "zone" else ("in", "out"):
                    (passed if place.kind == "zone" else crossed).add_metric(
                        [name, place.name, key], counts.get(key, 0)
                    )
        yield from (now, passed, crossed)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _of_sources(snapshot: StatsSnapshot) -> Iterator[Metric]:
    for key, text in (
        ("frames", "frames with a result"),
        ("dropped", "frames that a newer one replaced"),
        ("skipped", "frames that a gate skipped"),
    ):
        name = "edge_frames" if key == "frames" else f"edge_{key}_frames"
        family = CounterMetricFamily(name, text, labels=["source"])
        for source, counts in snapshot.by_source.items():
            family.add_metric([source], getattr(counts, key))
        yield family


def _of_devices(sources: Sequence[Source]) -> Iterator[Metric]:
    for key, name, text in (
        ("lost_frames", "edge_lost_frames", "frames that are damaged or missing in the source"),
        ("errors", "edge_source_errors", "errors of a source's device"),
        ("stalls", "edge_source_stalls", "times when no frame came in time"),
        ("reopened", "edge_source_recoveries", "times when frames came again after an error or a stall"),
    ):
        family = CounterMetricFamily(name, text, labels=["source"])
        for source in sources:
            family.add_metric([source.name], getattr(source, key, HEALTH[key]))
        yield family


def _of_sinks(snapshot: StatsSnapshot) -> Iterator[Metric]:
    lost = CounterMetricFamily("edge_lost_results", "results that were lost for a sink", labels=["sink"])
    for name, count in snapshot.lost_by_sink.items():
        lost.add_metric([name], count)
    errors = CounterMetricFamily("edge_sink_errors", "errors of a sink", labels=["sink"])
    for name, count in snapshot.errors_by_sink.items():
        errors.add_metric([name], count)
    yield from (lost, errors)
