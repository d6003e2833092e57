"""``python -m tests.performance``: the performance bars, as ratios in one run. Nothing else should run meanwhile."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.device import this_device
from edge.models import weights
from tests.performance import (
    bundle_opening,
    cold_start,
    conversion,
    endurance,
    frame_age,
    int8_files,
    isolation,
    loop,
    lowerings,
    mediapipe_video,
    model_run,
    motion_gate,
    onnx_int8,
    preprocessing,
    preview,
    rtsp,
    service_start,
    several_sources,
    six_files,
    start,
    tracking,
)  # fmt: skip

Bar = Callable[[str, str, bool], None]
"""Prints a bar's name and figure, and whether it is kept."""


def main() -> int:
    """Measure everything, print a line a bar, save the JSON; 1 when a bar is missed."""
    parser = argparse.ArgumentParser("make bench")
    parser.add_argument("--json", type=Path, help="where the figures go")
    arguments = parser.parse_args()
    bars = []
    results = {"device": this_device().as_json()}

    def bar(name: str, figure: str, passed: bool) -> None:
        bars.append(passed)
        print(f"{'pass' if passed else 'MISS'}  {name:58} {figure}", flush=True)

    results["help"] = found = start.measure()
    bar("edge-camera --help under 0.3 s", f"{found['median_s']} s", found["median_s"] < 0.3)
    results["model_run"] = found = model_run.measure()
    bar("Model.run: at most 3 us over the bare interpreter", f"{found['overhead_us']} us", found["overhead_us"] <= 3)
    results["bundle_opening"] = found = bundle_opening.measure()
    figure = f"{found['folder_ms_per_mib']} ms, {found['over_hashing']} times hashing"
    bar("opening a bundle: 0.6 ms/MiB or 1.3 times hashing", figure, bundle_opening.is_good(found))
    figure = f"{found['zip_ms_per_mib']} ms, {found['zip_over_unpacking']} times"
    bar("  a zip: 1.3 times inflating and hashing", figure, bundle_opening.is_good_zip(found))
    results["conversion"] = found = conversion.measure()
    bar("float32 conversion: 8 times faster than from_keras_model", f"{found['ratio']} times", found["ratio"] >= 8)
    bar("  and the same outputs to 1e-5", f"{found['max_difference']:.1e}", found["max_difference"] <= 1e-5)
    results["six_files"] = found = six_files.measure()
    bar("six files by edge-convert: one stock conversion's time", f"{found['ratio']}", found["ratio"] <= 1)
    results["lowerings"] = lowered = lowerings.measure()
    for layer, found in lowered.items():
        (ours, own), *others = found.items()
        best = min(other["ms"] for _, other in others)
        # A tenth is what two runs of one file differ by on a shared machine.
        bar(f"{layer}: {ours}, no slower than the rest", f"{best / own['ms']:.2f} times", own["ms"] <= 1.1 * best)
    with tempfile.TemporaryDirectory() as folder:
        results["int8_files"] = rows = int8_files.measure(Path(folder))
        for network, row in rows.items():
            figure = f"{row['partitions']} partition(s), {'/'.join(row['types'])}"
            bar(f"int8 {network}", f"{figure}, batch {row['batch']}", int8_files.is_good(row))
        results["cold_start"] = found = cold_start.measure(Path(folder) / "mobilenet_v2_int8.tflite")
        bar(
            "edge-camera on one frame: 1.3 times a bare script's time",
            f"{found['time_ratio']:.2f}",
            found["time_ratio"] <= 1.3,
        )
        bar("  and 1.2 times its memory", f"{found['memory_ratio']:.2f}", found["memory_ratio"] <= 1.2)
        results["loop"] = loop.measure(Path(folder) / "mobilenet_v2_int8.tflite")
    _loop_bars(bar, results)
    results["service_start"] = found = service_start.measure()
    bar("service: first result within 2 s of its start", f"{found['first_result_s']} s", found["first_result_s"] <= 2)
    with tempfile.TemporaryDirectory() as folder:
        results["onnx_int8"] = rows = onnx_int8.measure(Path(folder))
    for network, row in rows.items():
        bar(f"int8 ONNX {network}: 1.05 of quantize_static U8S8", f"{row['over_u8s8']}", row["over_u8s8"] <= 1.05)
        bar("  0.7 of quantize_static's defaults", f"{row['over_defaults']}", row["over_defaults"] <= 0.7)
        if onnx_int8.has_int8_instructions():
            bar("  faster than float32", f"{row['over_float32']}", row["over_float32"] < 1)
        else:
            print(f"skip  {'  faster than float32':58} {row['over_float32']}: no VNNI or dot products here", flush=True)
        bar("  99 % of logits within a step of TFLite", f"{row['within_a_step']} %", row["within_a_step"] >= 99)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0 if all(bars) else 1


def _loop_bars(bar: Bar, results: dict[str, Any]) -> None:
    """Measure the camera's loop."""
    results["loop_detection"] = loop.measure(weights.FOLDER / "ssdlite_shufflenet_v2_bccd_int8.edge")
    for row, name in (("loop", "MobileNetV2"), ("loop_detection", "SSDLite")):
        found = results[row]
        figure = f"{found['of_limit']:.2f}, slowest {found['slowest_ms']} ms"
        bar(f"loop of {name}: 0.95 of its slowest stage's rate", figure, found["keeps_up"])
    over = results["loop"]["over_plain"]
    bar("  1.15 times a plain loop", f"{over:.2f} times", over >= loop.OVER_PLAIN)
    results["mediapipe"] = found = mediapipe_video.measure()
    if "skipped" in found:
        print(f"skip  {found['skipped']}", flush=True)
    else:
        bar("  2 times MediaPipe Tasks in VIDEO mode", f"{found['ratio']:.2f} times", found["passed"])
    results["preprocessing"] = found = preprocessing.measure()
    figure = f"{found['bgr_ratio']}"
    bar("preprocessing 1080p to 224: 0.40 of converting first", figure, found["bgr_ratio"] <= preprocessing.FROM_BGR)
    bar("  from I420: 0.25", f"{found['i420_ratio']}", found["i420_ratio"] <= preprocessing.FROM_I420)
    difference = max(found["bgr_difference"], found["i420_difference"])
    bar("  mean difference: 1 grey level", f"{difference}", difference <= preprocessing.MOST_DIFFERENCE)
    results["frame_age"] = found = frame_age.measure()
    figure = f"{found['age_p50_times']}, {found['age_p99_times']} times; {found['dropped']} dropped"
    bar("age at 60 fps: p50 1.4, p99 1.8 times the network's time", figure, found["passed"])
    results["several_sources"] = found = several_sources.measure()
    figure = f"{found['of_one']}, shares differ by {found['uneven']:.1%}"
    bar("four cameras: 0.9 of one's rate, even within 10 %", figure, found["passed"])
    results["endurance"] = found = endurance.measure()
    figure = f"{found['growth_kb_per_100k']} KB, {found['new_threads']} threads, {found['new_files']} files"
    bar("a million frames: 1 MB in 100,000, no thread or file", figure, found["passed"])
    results["preview"] = found = preview.measure()
    bar("preview, MQTT, metrics, JSON lines: 0.9 of the loop", f"{found['ratio']:.2f}", found["ratio"] >= 0.9)
    results["isolation"] = found = isolation.measure()
    bar("isolated model of 25 ms: 0.95 of the loop's rate", f"{found['rate_ratio']}", isolation.keeps_up(found))
    figure = f"{found['kill_resume_s']} s, {found['hang_resume_s']} s, {found['most_lost']} lost"
    bar("  killed or hung: results within 1 s, one lost", figure, isolation.resumes(found))
    _stream_bars(bar, results)
    results["tracking"] = found = tracking.measure()
    if "skipped" in found:
        print(f"skip  {found['skipped']}", flush=True)
    else:
        figure = f"MOTA {found['bytetrack']['mota']:.3f}, {found['bytetrack']['switches']} switches"
        bar("tracker: no worse than a plain SORT", figure, tracking.is_good(found))
    bar("  a frame of 100 boxes in 2 ms", f"{found['ms_100_boxes']} ms", found["ms_100_boxes"] < 2)
    results["motion_gate"] = found = motion_gate.measure()
    bar("motion gate: a quiet 720p frame in 0.5 ms", f"{max(found.values())} ms", motion_gate.is_good(found))


def _stream_bars(bar: Bar, results: dict[str, Any]) -> None:
    """Measure RTSP from a real server."""
    results["rtsp"] = found = rtsp.measure()
    if "skipped" in found:
        print(f"skip  RTSP: {found['skipped']}", flush=True)
        return
    true, reported, back = rtsp.is_good(found)
    ages = [(way, clock, row) for way, clocks in found["ages"].items() for clock, row in clocks.items()]
    figure = ", ".join(f"{way} {clock} {row['true_age_ms']} ms" for way, clock, row in ages)
    bar("RTSP: true age p50 at most 150 ms", figure, true)
    errors = [row["age_error_ms"] for _, clock, row in ages if clock == "sender"]
    bar("  reported age within 50 ms by the sender's clock", f"{errors} ms", reported)
    bar("  results at most 3 s after the server is back", f"{found['resume_s']} s", back)


if __name__ == "__main__":
    sys.exit(main())
