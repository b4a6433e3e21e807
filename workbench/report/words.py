"""The words of the verdicts and of what a page says about them; no score, no leaning, no "success"."""

from __future__ import annotations

from typing import Final

from workbench.report.record import Record

PASS: Final = "PASS"
FAIL: Final = "FAIL"
INCONCLUSIVE: Final = "INCONCLUSIVE"
NONE: Final = "NO VERDICT"
NOT_WHOLE: Final = "not whole"  # of the residue: the hub never came back, and is gone

# (resilience, prediction) -> what both together say, and what it supports.
_TOGETHER: Final = {
    (PASS, PASS): ("The hub held, as predicted.", "Supports a go, for this fault at this load."),
    (PASS, FAIL): ("The hub held, but we misjudged it.", "A go, but plan nothing on the number that was missed."),
    (FAIL, PASS): ("The hub missed its objective, as predicted.", "No go; try the remedy in the model first."),
    (FAIL, FAIL): ("The hub missed its objective, and we misjudged it.", "No go."),
    (PASS, INCONCLUSIVE): ("The hub held; the prediction cannot be judged.", "Repeat before trusting the model."),
    (FAIL, INCONCLUSIVE): ("The hub missed its objective; the prediction cannot be judged.", "No go."),
    (INCONCLUSIVE, PASS): ("As predicted; the hub's objectives cannot be judged.", "Repeat."),
    (INCONCLUSIVE, FAIL): ("We misjudged it; the hub's objectives cannot be judged.", "Repeat."),
    (INCONCLUSIVE, INCONCLUSIVE): ("No verdict.", "Repeat."),
}
FALSE_SAFE: Final = "No go: a false-safe, the worst this page can say."
LIKELY: Final = 0.5  # a missed objective that was given a better chance than this is a false-safe

TARGETS: Final = {"local": "embedded hub", "sample": "sample data, nothing observed"}
EXITS: Final = {
    0: "both verdicts are as the scenario expects",
    1: "an objective or the prediction was missed, or one was kept that the scenario expects to be missed",
    2: "bad input",
    3: "this machine or a tool failed",
    4: "inconclusive",
    5: "stopped by a guard or a person",
    6: "the undo could not be verified",
}
SOURCES: Final = {
    "baseline": "measured in this run's baseline",
    "calibration": "measured in the calibration",
    "manifest": "from the manifests",
    "scenario": "from the scenario",
    "prior": "priors from published sources",
}


def headline(record: Record) -> tuple[str, str]:
    """Return the one sentence that says it all, and what it supports."""
    if record.exit_code == 6:
        return "Something may still be broken.", "Repair first, judge later: the verdicts below come second."
    if not record.comparison:
        where = "" if record.stopped_at_s is None else f" {record.stopped_at_s:.1f} s after the fault"
        return f"Incomplete: the driver stopped{where}.", "No verdict; what was recorded until then is below."
    resilience, prediction = record.verdict("resilience")[0], record.verdict("prediction")[0]
    first, second = _TOGETHER.get((resilience, prediction), ("No verdict.", "Repeat."))
    if resilience == FAIL and _false_safe(record):
        second = FALSE_SAFE
        if prediction == PASS:  # it is of the primary metrics alone
            first = "The hub missed an objective that it was predicted to keep."
    if record.verdict("residue")[0] == NOT_WHOLE:
        first = "The hub did not come back."
    return first, second


def _false_safe(record: Record) -> bool:
    """Tell whether an objective was missed that had been given a good chance."""
    missed = [row.objective for row in record.rows if row.objective_missed and row.objective is not None]
    return any((each.chance or 0.0) > LIKELY for each in missed)


def mood(record: Record) -> str:
    """Return what the page looks like from across the room: "broken", "open", "fail" or "pass"."""
    if record.exit_code == 6:
        return "broken"
    verdicts = {record.verdict("resilience")[0], record.verdict("prediction")[0]}
    if not record.comparison or not record.complete or INCONCLUSIVE in verdicts:
        return "open"
    return "fail" if FAIL in verdicts else "pass"


def figure_note(record: Record) -> str:
    """Return what the strip above each figure says, "" for none."""
    if not record.comparison:
        return "Incomplete: the driver stopped, nothing was judged"
    word, sentence = record.verdict("prediction")
    if word != INCONCLUSIVE:
        return ""
    failed = record.failed_checks
    return "Inconclusive: " + (
        ", ".join(failed) if failed else sentence.removeprefix("No verdict: ").split(" (")[0].rstrip(".")
    )


def caption(record: Record, text: str) -> str:
    """Return a caption, marked when nothing was judged."""
    word = "Inconclusive" if record.comparison else "Incomplete"
    return text if record.judged else f"{word}: {text[:1].lower()}{text[1:]}"


def short_hash(sha256: str) -> str:
    """Return the first eight digits of a hash in two groups: "9c41 07be"."""
    return f"{sha256[:4]} {sha256[4:8]}" if sha256 else "none"


def listed(words: list[str]) -> str:
    """Return "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
