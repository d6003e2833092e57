"""``page`` makes the report's HTML from its JSON object: one file that refers to nothing outside."""

from collections.abc import Mapping
from typing import Any

from edge.deploy.conversion_report import making, sections
from edge.deploy.conversion_report.elements import text
from edge.deploy.conversion_report.stylesheet import CSS


def page(report: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """Return the page.

    Args:
        report: the JSON object, see docs/conversion-report.md.
        pictures: the JPEGs of the answers, by the names that the object has for them.
    """
    outcome = report["outcome"]
    kind = {"passed": "passed", "failed": "failed"}.get(outcome, "")
    failure = f'<p class="failure">{text(report["failure"])}</p>' if report["failure"] else ""
    task = report["task"]
    about = " by ".join(filter(None, (task["name"], task["decoder"])))
    classes = f", {len(task['labels'])} classes" if task["labels"] else ""
    intro = f"{report['model']['name']} to {', '.join(row['file'] for row in report['files'])}; {about}{classes}"
    body = (
        f'<header><h1>{text(report["name"])}</h1><span class="badge {kind}">{text(outcome)}</span></header>'
        f'<p class="muted">{text(intro)}. {text(report["made"][:10])}</p>{failure}',
        sections.summary(report),
        sections.verification(report),
        sections.files(report),
        sections.answers(report, pictures),
        sections.explanation(report),
        making.placements(report),
        making.making(report),
    )
    title = f"{report['name']}: conversion {outcome}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{CSS}</style></head>\n<body>\n{chr(10).join(body)}\n</body></html>\n"
    )
