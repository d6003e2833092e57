"""``python -m tools.chain PLAN``: every command in turn, then one table, one picture and one record."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.cli import _main
from edge.errors import InputError
from tools.plans import PLANS, Plan, Step, Variant, network_steps, only, plan, variants


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = argparse.ArgumentParser(
        "python -m tools.chain",
        description="Train, compress, convert, verify, bundle, benchmark and run: a plan as a whole.",
    )
    p.add_argument("plan", metavar="PLAN", help=", ".join(PLANS))
    p.add_argument("--data", metavar="DIR|ZIP|NAME", help="the images; the demo draws its own")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="everything goes here; a second run goes on")
    p.add_argument("--only", metavar="NETWORK", help="one network of the plan, on a page of its own")
    p.add_argument("--publish", action="store_true", help="keep record and weights in this checkout, for a release")
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    from tools.processes import Runner

    started = time.monotonic()
    chosen = only(plan(a.plan), a.only) if a.only else plan(a.plan)
    a.out.mkdir(parents=True, exist_ok=True)
    data = _data(chosen, a.data, a.out)
    runner = Runner()
    chains = [(network.name, network_steps(chosen, network, data, a.out)) for network in chosen.networks]
    runner.chains(chains, together=chosen.drawn is not None)
    rows = [variant for network in chosen.networks for variant in variants(chosen, network, a.out)]
    bench = _bench(runner, chosen, rows, a.out)
    loops = _loops(runner, chosen, rows, bench, a.out)
    _report(chosen, rows, bench, loops, a.out, time.monotonic() - started)
    if a.publish:
        from tools.publish import publish

        publish(chosen, a.out, data, Path("docs/results"), Path("models/weights"))


def _data(chosen: Plan, said: str | None, out: Path) -> str:
    """Return what ``--data`` gets; the drawn set is drawn once."""
    if said is not None:
        return said
    if chosen.drawn is None:
        raise InputError(f"plan {chosen.name} needs --data")
    from edge import scenes

    folder = out / "scenes"
    if not folder.exists():
        print(f"drawing {len(scenes.CLASSES)} classes of {chosen.drawn[0]} + {chosen.drawn[1]} images", flush=True)
        scenes.write_dataset(folder, *chosen.drawn, size=chosen.input_size, seed=0)
    return str(folder)


def _bench(runner: Any, chosen: Plan, rows: Sequence[Variant], out: Path) -> Path:
    """Time every file, one thread, nothing else running."""
    target = out / "bench.json"
    files = dict.fromkeys(str(row.target) for row in rows)
    options = ("--backends", "litert,onnxruntime", "--threads", "1", "--seconds", str(chosen.bench_seconds))
    runner.run("bench", Step(("edge-bench", *files, *options, "--json", str(target)), target))
    return target


def _loops(runner: Any, chosen: Plan, rows: Sequence[Variant], bench: Path, out: Path) -> dict[Variant, Path]:
    """Run the camera loop over the clip with every file; the most accurate int8 file records it annotated."""
    if not chosen.clip_frames:
        return {}
    from edge import scenes
    from tools import summary

    clip = out / "clip.avi"
    if not clip.exists():
        scenes.write_clip(clip, chosen.clip_frames, seed=1)
    loops = {}
    for number, row in enumerate(rows):
        target = out / f"loop-{number}.json"
        precision = ("--precision", row.precision) if row.precision else ()
        choice = ("--backend", row.backend, "--threads", "1", *precision, *row.camera)
        argv = ("edge-camera", "--model", str(row.target), "--source", str(clip), "--quiet", "--json", str(target))
        runner.run("loop", Step((*argv, *choice), target))
        loops[row] = target
    accuracy = {row: found.accuracy for row, found in zip(rows, summary.collect(rows, bench, {}), strict=True)}
    best = max((row for row in rows if row.step == "int8 TFLite"), key=lambda row: accuracy[row])
    _record(runner, best, clip, out)
    return loops


def _record(runner: Any, row: Variant, clip: Path, out: Path) -> None:
    """Run once more for a person to look at: results by line, an annotated video, an annotated picture."""
    files = {"--record": "annotated.avi", "--jsonl": "results.jsonl", "--snapshot": "frame.png"}
    options = [part for option, name in files.items() for part in (option, str(out / name))]
    argv = ("edge-camera", "--model", str(row.target), "--source", str(clip), "--quiet", *options)
    runner.run("loop", Step(argv, out / "frame.png"))


def _report(
    chosen: Plan, rows: Sequence[Variant], bench: Path, loops: dict[Variant, Path], out: Path, seconds: float
) -> None:
    from tools import summary

    collected = summary.collect(rows, bench, loops)
    table = summary.table(collected)
    frame = out / "frame.png"
    summary.draw(collected, f"{chosen.name}: accuracy against latency", frame if loops else None, out / "report.png")
    device = json.loads(bench.read_text(encoding="utf-8"))["device"]
    record = {"plan": chosen.name, "rows": summary.as_json(collected), "device": device, "seconds": round(seconds, 1)}
    _main.write_json(out / "report.json", record)
    (out / "report.md").write_text(f"# {chosen.name}\n\n{table}\n\n![report](report.png)\n", encoding="utf-8")
    print(f"\n{table}\n")
    for network in chosen.networks:
        print(f"bundle   {out / network.name / 'int8.edge'}")
    print(f"picture  {out / 'report.png'}")
    if loops:
        print(f"video    {out / 'annotated.avi'}")
    print(f"report   {out / 'report.md'}  ({seconds:.0f} s)")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
