"""The report: renders from any run folder, the same bytes each time, and says what the folder says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.page_structure import Structure, structure_of
from tests.support.rendered_samples import Samples
from tests.support.sample_numbers import FAULT_S
from tests.support.sample_run import CASES, write_sample
from workbench.records import timeline
from workbench.records.folder import RunFolder, load_json
from workbench.report import render
from workbench.report.palette import COLOURS, LIGHT
from workbench.report.record import read_record
from workbench.report.words import FALSE_SAFE, headline

PAGE_BYTES_MAX = 1_000_000
FILES = ("run.json", "parameters.json", "prediction.json", "prediction.sha256", "timeline.jsonl", "observed.json")


def page(run: RunFolder) -> str:
    """Return a run's page."""
    return (run.root / "report.html").read_text(encoding="utf-8")


def structure(run: RunFolder) -> Structure:
    """Return the structure of a run's page."""
    return structure_of(page(run))


def words(run: RunFolder) -> str:
    """Return a page's text with plain spaces."""
    return re.sub(r"\s+", " ", "".join(structure(run).text))


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_sound(rendered: Samples, name: str) -> None:
    """Tags close, ids are unique and found, headings are in order; no script, no request, under 1 MB."""
    run = rendered[name]
    found = structure(run)
    assert found.problems == []
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.references) <= set(found.ids)
    assert found.headings == ["h1"] + ["h2"] * 10
    assert not found.tags & {"script", "iframe", "object", "embed", "img", "link", "base", "form"}
    assert found.addresses == []
    assert "default-src 'none'" in page(run)
    assert not re.search(r"https?://|@import|url\((?!#)", page(run))
    assert len(page(run).encode()) <= PAGE_BYTES_MAX


@pytest.mark.parametrize("name", CASES)
def test_only_colours_of_the_palette(rendered: Samples, name: str) -> None:
    """Every colour of page and figures is a role; figures fall back to the light colour of their role."""
    allowed = {value for colour in COLOURS for value in (colour.light, colour.dark)}
    for path in (rendered[name].root / "report.html", *rendered[name].figures.glob("*.svg")):
        text = path.read_text()
        assert set(re.findall(r"#[0-9a-fA-F]{6}\b", text)) <= allowed
        pairs = set(re.findall(r"var\(--([a-z0-9-]+), (#[0-9a-f]{6})\)", text))
        assert all(LIGHT[role] == colour for role, colour in pairs)
        assert "#000000" not in text
        assert "opacity" not in text


@pytest.mark.parametrize("name", ["pass-fail", "incomplete"])
def test_rendering_again_gives_the_same_bytes(rendered: Samples, name: str, tmp_path: Path) -> None:
    """Same files, same bytes: in the same folder and in a copy elsewhere."""
    first = rendered[name]
    outputs = [path for path in first.root.rglob("*") if path.suffix in (".html", ".md", ".xml", ".svg")]
    before = {path.relative_to(first.root): path.read_bytes() for path in outputs}
    copy = RunFolder(Path(shutil.copytree(first.root, tmp_path / "copy")))
    render(copy)
    render(first)
    for path, data in before.items():
        assert (first.root / path).read_bytes() == data
        assert (copy.root / path).read_bytes() == data


@pytest.mark.parametrize("missing", FILES)
def test_any_file_may_be_missing(rendered: Samples, missing: str, tmp_path: Path) -> None:
    """A folder of a driver that died before its end renders as incomplete, whatever is missing."""
    run = RunFolder(Path(shutil.copytree(rendered["pass-pass"].root, tmp_path / "run")))
    (run.root / missing).unlink()
    run.comparison_json.unlink()
    render(run)
    assert structure(run).problems == []
    assert "Incomplete: the driver stopped" in words(run)
    assert "NO VERDICT" in words(run)


def test_a_drill_that_could_not_go_on_says_why(tmp_path: Path) -> None:
    """What ended a drill stands on its page and in junit.xml, without underscores or line breaks."""
    run = write_sample(tmp_path / "run", "incomplete")
    run.timeline.write_bytes(run.timeline.read_bytes().rpartition(b"\n")[0] + b"\n")
    timeline.append(run.timeline, "failed", FAULT_S + 20.0, reason="the experiment did not end:\n see chaos_log")
    render(run)
    assert "The drill could not go on: the experiment did not end: see chaos log." in words(run)
    assert "the experiment did not end: see chaos log" in (run.root / "junit.xml").read_text()


@pytest.mark.parametrize(
    ("victim", "told"),
    [
        ({"server": "kafka-1", "broker": 1}, "broker 1"),
        ({"server": "kafka-1,kafka-2", "broker": 1}, "broker 1 and broker 2"),
        ({"server": "worker-2", "broker": 1}, "worker-2"),  # all servers of a node: its broker is one of them
        ({"server": "postgres-1", "broker": None}, "postgres-1"),
        ({}, "the victim"),
    ],
)
def test_a_page_names_what_was_hit(victim: dict[str, object], told: str, tmp_path: Path) -> None:
    """By the server's own name, a broker by its id."""
    folder = RunFolder(tmp_path / "run")
    folder.root.mkdir()
    assert replace(read_record(folder), run={"victim": victim}).victim == told


def test_an_empty_folder_renders(tmp_path: Path) -> None:
    """Even a folder without any file gives a page, and it promises nothing."""
    run = RunFolder(tmp_path / "run")
    run.create()
    render(run)
    assert "This folder has no readable run.json" in words(run)
    assert "PASS" not in words(run)


@pytest.mark.parametrize("names", [("comparison.json", "parameters.json"), ("observed.json", "run.json")])
def test_a_file_cut_short_is_named(rendered: Samples, names: tuple[str, str], tmp_path: Path) -> None:
    """A file of which only the first half was written is left out and named on the page."""
    run = RunFolder(Path(shutil.copytree(rendered["pass-pass"].root, tmp_path / "run")))
    for name in names:
        data = (run.root / name).read_bytes()
        (run.root / name).write_bytes(data[: len(data) // 2])
    render(run)
    assert re.search("Cut short and left out: [a-z. ]*" + names[0], words(run))
    assert re.search("Cut short and left out: [a-z. ]*" + names[1], words(run))


def test_a_prediction_that_was_changed_is_not_shown(rendered: Samples, tmp_path: Path) -> None:
    """A prediction whose bytes do not match the seal counts as none, and the page says so."""
    run = RunFolder(Path(shutil.copytree(rendered["pass-pass"].root, tmp_path / "run")))
    run.prediction_json.write_bytes(run.prediction_json.read_bytes().replace(b"15", b"16", 1))
    render(run)
    text = words(run)
    assert "The prediction does not match its seal" in text
    assert "inside 50 %" not in text


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.compared])
def test_verdicts_stand_first_and_whole(rendered: Samples, name: str) -> None:
    """Both verdicts and the third word stand before everything else, with the comparison's own sentences."""
    run = rendered[name]
    verdicts = load_json(run.comparison_json)["verdicts"]
    text = words(run).replace("`", "")
    felt = text.index("What users felt")
    for which in ("resilience", "prediction", "residue"):
        assert verdicts[which]["sentence"].replace("`", "") in text[:felt]
    assert text.index(verdicts["resilience"]["verdict"]) < felt


def test_what_may_be_broken_comes_first(rendered: Samples) -> None:
    """At exit code 6 the alarm stands before both verdicts, with the command to run."""
    text = words(rendered["broken"])
    assert text.index("workbench hub down sample") < text.index("Resilience")
    assert "fail" not in re.findall(r'<body class="(\w+)"', page(rendered["broken"]))
    assert '<body class="broken">' in page(rendered["broken"])


@pytest.mark.parametrize("name", ["inconclusive", "stopped"])
def test_inconclusive_never_leans(rendered: Samples, name: str) -> None:
    """Without a verdict there is no MISS, no objective kept, and trust comes before what users felt."""
    text = words(rendered[name])
    assert "MISS" not in text
    assert ": kept" not in text
    assert "PASS" not in text
    assert text.index("May I believe this run?") < text.index("How long, how much, what was lost?")
    captions = re.findall(r"<figcaption>([^<]*)", page(rendered[name]))
    assert captions
    assert all(caption.startswith("Inconclusive:") for caption in captions)


def test_without_a_seal_only_observations(rendered: Samples) -> None:
    """No seal: nothing predicted is shown, in no table and no figure."""
    text = words(rendered["no-seal"])
    assert "No sealed prediction: this page shows only what was observed." in text
    assert not list(rendered["no-seal"].figures.glob("f1-*"))
    assert not list(rendered["no-seal"].figures.glob("f5-*"))


def test_the_miss_is_found_with_size_and_cause(rendered: Samples) -> None:
    """A miss is a word, a size, a link and an explanation by the phase that carried it."""
    html, text = page(rendered["pass-fail"]), words(rendered["pass-fail"])
    assert '<a href="#why">MISS, 10.5' in html
    assert "Why it missed" in text
    assert 'The phase "broker start to registration" took 21.4 s, predicted 6.0 s: 94 % of the error.' in text
    assert "50 of 50 simulated drills were sooner than the 57.2 s observed" in text


@pytest.mark.parametrize(
    ("given", "residue", "told"),
    [
        (0.1, "clean", ("The hub missed its objective, as predicted.", "No go; try the remedy in the model first.")),
        (0.9, "clean", ("The hub missed an objective that it was predicted to keep.", FALSE_SAFE)),
        (0.9, "not whole", ("The hub did not come back.", FALSE_SAFE)),
    ],
)
def test_a_missed_objective_was_predicted_or_not(
    rendered: Samples, given: float, residue: str, told: tuple[str, str]
) -> None:
    """The verdict of the prediction is of the primary metrics alone: an objective has a chance of its own."""
    record = read_record(rendered["fail-pass"])
    comparison = deepcopy(dict(record.comparison))
    row = next(each for each in comparison["metrics"] if each["name"] == "pipeline_drain_s")
    row["objective"]["chance"] = given
    comparison["verdicts"]["residue"]["verdict"] = residue
    assert headline(replace(record, comparison=comparison)) == told


def test_without_a_miss_the_closest_call(rendered: Samples) -> None:
    """Section 8 of a run that was predicted well shows its closest call."""
    assert "The closest call:" in words(rendered["pass-pass"])
    assert (rendered["pass-pass"].figures / "f5-miss.svg").exists()


@pytest.mark.parametrize("name", ["pass-pass", "pass-fail", "late", "not-back"])
def test_numbers_are_the_same_everywhere(rendered: Samples, name: str) -> None:
    """Every number in a figure's description stands in a table, too, and the same in page, Markdown and JUnit."""
    run = rendered[name]
    tables = " ".join(re.findall(r"<t[hd][^>]*>.*?</t[hd]>", page(run), re.DOTALL))
    shown = set(re.findall(r"[0-9][0-9.,]*[0-9]|[0-9]", re.sub(r"<[^>]*>", " ", tables)))
    for path in sorted(run.figures.glob("f[1345]*.svg")):
        described = re.findall(r"<desc[^>]*>(.*?)</desc>", path.read_text(), re.DOTALL)[0]
        described = re.sub(r"p\d\d|[a-z-]+-\d|\d+ of 50|leader \d \w+( \d)?", "", described)
        numbers = set(re.findall(r"[0-9][0-9.,]*[0-9]|[0-9]", described))
        assert numbers <= shown | {"90", "99", "50", "80", "2"} | overshoots(page(run)), path.name
    markdown = (run.root / "report.md").read_text()
    junit = (run.root / "junit.xml").read_text()
    for row in load_json(run.comparison_json)["metrics"]:
        assert row["title"] in markdown
        assert row["name"] in junit


def overshoots(html: str) -> set[str]:
    """Return the sizes of the misses."""
    return set(re.findall(r"MISS, (?:at least )?([0-9.,]+)", html))


def sentences(html: str) -> Iterator[str]:
    """Return the text of every paragraph and caption."""
    for found in re.findall(r"<(?:p|figcaption)[^>]*>(.*?)</(?:p|figcaption)>", html, re.DOTALL):
        yield re.sub(r"<[^>]*>", "", found)


@pytest.mark.parametrize("name", CASES)
def test_sentences_are_written_for_people(rendered: Samples, name: str) -> None:
    """No underscore, no number of more than one decimal of a second, no empty sentence."""
    for sentence in sentences(page(rendered[name])):
        assert "_" not in sentence
        assert not re.search(r"\d\.\d{2,}\s(s|ms)\b", sentence.replace("\u00a0", " ")), sentence
        assert "None" not in sentence
        assert "nan" not in sentence.split()


@pytest.mark.parametrize(
    ("name", "failures", "errors", "skipped"),
    [
        ("pass-pass", set(), set(), set()),
        ("pass-fail", {"prediction", "isr_full_s"}, set(), set()),
        ("fail-pass", {"resilience", "pipeline_drain_s"}, set(), set()),
        ("fail-fail", {"resilience", "prediction", "acknowledged_records_lost"}, set(), set()),
        ("inconclusive", set(), set(), {"resilience", "prediction"}),
        ("incomplete", set(), {"resilience", "prediction", "residue"}, set()),
        ("broken", set(), {"residue"}, set()),
    ],
)
def test_junit_says_what_ci_needs(
    rendered: Samples, name: str, failures: set[str], errors: set[str], skipped: set[str]
) -> None:
    """What was missed fails, an unverified undo and a dead driver are errors, without a verdict it is skipped."""
    suite = ElementTree.parse(rendered[name].root / "junit.xml").getroot().find("testsuite")
    assert suite is not None

    def named(kind: str) -> set[str]:
        return {case.get("name", "") for case in suite.iter("testcase") if case.find(kind) is not None}

    assert named("failure") == failures
    assert named("error") == errors
    assert skipped <= named("skipped")
    assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
