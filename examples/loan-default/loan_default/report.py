"""Draws the evaluation as one HTML page and as Markdown, without scripts or outside resources, and gives
Sealflow's own report the data of its plots."""

from html import escape
from typing import Any

from loan_default.evaluation import CLASSES, Evaluation

SIDE = 320
MARGIN = 40


def as_markdown(evaluation: Evaluation) -> str:
    """Metrics and the report per class."""
    lines = [
        "# Evaluation on the test rows",
        "",
        f"AUC {evaluation.auc:.4f}, accuracy {evaluation.accuracy:.2%}, "
        f"log loss {evaluation.log_loss:.4f}, Brier score {evaluation.brier:.4f}.",
        "",
        "| class | precision | recall | F1 | rows |",
        "|---|---|---|---|---|",
    ]
    for name, row in evaluation.report().items():
        figures = " | ".join(f"{row[key]:.4f}" for key in ("precision", "recall", "f1"))
        lines.append(f"| {name} | {figures} | {int(row['rows']):,} |")
    lines += ["", "| predicted | happened | rows |", "|---|---|---|"]
    lines += [f"| {p:.3f} | {h:.3f} | {rows:,} |" for p, h, rows in evaluation.calibration]
    return "\n".join(lines) + "\n"


def as_html(evaluation: Evaluation, importance: dict[str, float]) -> str:
    """ROC curve, calibration, confusion matrix and the most important features on one page."""
    false_rate, true_rate, _ = evaluation.roc
    calibration = [(p, h) for p, h, _ in evaluation.calibration]
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Loan default: evaluation</title>",
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "td,th{padding:.2rem .8rem;text-align:right}section{display:inline-block;vertical-align:top;"
        "margin-right:2rem}</style><h1>Loan default: evaluation</h1>",
        f"<p>AUC {evaluation.auc:.4f} · accuracy {evaluation.accuracy:.2%} · "
        f"log loss {evaluation.log_loss:.4f} · Brier score {evaluation.brier:.4f}</p>",
        _plot(
            "ROC curve",
            list(zip(false_rate, true_rate, strict=True)),
            "false positive rate",
            "true positive rate",
        ),
        _plot("Calibration", calibration, "predicted probability", "share of defaults"),
        _confusion(evaluation),
        _bars(importance),
    ]
    return "".join(parts) + "</html>\n"


def importance_plot(gains: dict[str, float]) -> tuple[str, dict[str, Any]]:
    """Kind and data of a plot of the features' shares of the total gain, which add up to 1."""
    total = sum(gains.values()) or 1.0
    items = [{"name": name, "value": gain / total} for name, gain in gains.items()]
    return "feature-importance", {"label": "share of the total gain", "items": items}


def calibration_plot(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Kind and data of a plot of predicted probabilities against the shares that defaulted."""
    bins = [
        {"predicted": predicted, "observed": happened, "count": rows}
        for predicted, happened, rows in evaluation.calibration
    ]
    return "calibration", {"bins": bins}


def _plot(title: str, points: list[tuple[float, float]], across: str, up: str) -> str:
    path = " ".join(f"{MARGIN + x * SIDE:.1f},{SIDE + 10 - y * SIDE:.1f}" for x, y in points)
    size = SIDE + MARGIN + 10
    return (
        f"<section><h2>{title}</h2><svg width='{size}' height='{size}' role='img' aria-label='{title}'>"
        f"<rect x='{MARGIN}' y='10' width='{SIDE}' height='{SIDE}' fill='none' stroke='#999'/>"
        f"<line x1='{MARGIN}' y1='{SIDE + 10}' x2='{MARGIN + SIDE}' y2='10' stroke='#bbb'"
        " stroke-dasharray='4'/>"
        f"<polyline points='{path}' fill='none' stroke='#1f6feb' stroke-width='2'/>"
        f"<text x='{MARGIN + SIDE / 2}' y='{SIDE + 34}' text-anchor='middle'>{across}</text>"
        f"<text transform='translate(24,{SIDE / 2}) rotate(-90)' text-anchor='middle'>{up}</text>"
        "</svg></section>"
    )


def _confusion(evaluation: Evaluation) -> str:
    rows = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td>{count:,}</td>' for count in counts)}</tr>"
        for name, counts in zip(CLASSES, evaluation.confusion, strict=True)
    )
    head = "".join(f"<th>predicted {name}</th>" for name in CLASSES)
    return f"<section><h2>Confusion matrix</h2><table><tr><th></th>{head}</tr>{rows}</table></section>"


def _bars(importance: dict[str, float]) -> str:
    top = sorted(importance.items(), key=lambda item: -item[1])[:15]
    total = sum(importance.values()) or 1.0
    largest = top[0][1] if top else 1.0
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td style='text-align:left'><span style='display:inline-block;"
        f"height:.8em;background:#1f6feb;width:{gain / largest * 14:.2f}rem'></span> "
        f"{gain / total:.1%}</td></tr>"
        for name, gain in top
    )
    return f"<section><h2>Feature importance (share of the total gain)</h2><table>{rows}</table></section>"
