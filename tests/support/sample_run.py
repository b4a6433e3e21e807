"""Complete run folders made up for the report's tests, one a combination of verdicts.

Every number in them is a sample: drawn from a seed, in the real formats of a run folder, labelled "sample"
wherever a page could show it, and never an observation of anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tests.support.sample_numbers import (
    AS_PREDICTED,
    FAULT_S,
    RATE_PER_S,
    Case,
    sample_observations,
    sample_observed,
    sample_prediction,
)
from workbench.compare import Check, compare
from workbench.compare.verdicts import BROKEN, CLEAN, Verdict
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.records import timeline
from workbench.records.folder import RunFolder, dump_json
from workbench.records.prediction import Prediction
from workbench.scenario.drill_scenario import Expectation, Objective, PrimaryMetric, Scenario
from workbench.workload import ProfileKind, RateProfile, Workload

SCENARIO_TEXT: Final = "title: Sample, not a drill\nload:\n  profile: {kind: constant, rate_per_s: 300}\n"

CASES: Final[Mapping[str, Case]] = {
    case.name: case
    for case in (
        Case("pass-pass"),
        Case("pass-fail", {**AS_PREDICTED, "broker_down_s": 54.13, "broker_start_s": 21.4}),
        Case("fail-pass", {**AS_PREDICTED, "pipeline_drain_s": 8.74}),
        Case("fail-fail", lost=41),
        Case("inconclusive", failed_check="fault proved effective", blind_metric="pipeline_drain_s"),
        Case("blind", blind_metric="broker_rejoin_s"),
        Case("incomplete", compared=False),
        Case("no-seal", sealed=False),
        Case("broken", broken=True),
        Case("stopped", stopped="a person (Ctrl-C)"),
        Case("not-back", {**AS_PREDICTED, "broker_down_s": 190.0}, unregistered=True),
        Case("late", {**AS_PREDICTED, "broker_down_s": 118.0, "broker_start_s": 7.2}),
    )
}


def write_sample(folder: Path, name: str) -> RunFolder:
    """Write the sample run `name` of CASES into a folder and return it; the same bytes each time."""
    case = CASES[name]
    run = RunFolder(folder)
    run.create()
    scenario = _scenario(case)
    prediction = sample_prediction(scenario.name)
    observations = sample_observations(case, prediction)
    _write_seal(run, case, prediction)
    _write_timeline(run, case)
    run.parameters_json.write_bytes(dump_json(_parameters()))
    verdicts, exit_code = None, None
    if case.compared:
        run.observed_json.write_bytes(dump_json(sample_observed(case, observations)))
        (run.ledger / "summary.json").write_bytes(dump_json(_ledger(case)))
        judged = compare(
            scenario, prediction if case.sealed else None, observations, _checks(case), _residue(case), case.stopped
        )
        run.comparison_json.write_bytes(dump_json(judged.content))
        verdicts, exit_code = judged.content["verdicts"], judged.exit_code
    run.run_json.write_bytes(dump_json(_run(case, scenario, run, verdicts, exit_code)))
    return run


def _scenario(case: Case) -> Scenario:
    workload = Workload(
        RateProfile(ProfileKind.CONSTANT, RATE_PER_S), "poisson", {"sdc-events": 1.0}, 400, 200, "all"
    )  # fmt: skip
    primary = (PrimaryMetric("kafka_unavailable_s", 12.0), PrimaryMetric("isr_full_s", 30.0))
    if case.lost:
        primary = (PrimaryMetric("kafka_unavailable_s", 12.0), PrimaryMetric("acknowledged_records_lost", 1.0))
    if case.blind_metric == "broker_rejoin_s":
        primary = (PrimaryMetric("kafka_unavailable_s", 12.0), PrimaryMetric("broker_rejoin_s", 30.0))
    drain_at_most = 8.0 if case.name == "fail-pass" else 30.0
    return Scenario(
        name="sample-broker-loss",
        title="Sample, not a drill: does the hub keep taking events when one Kafka broker is killed?",
        path=Path("tests/support/sample.yaml"),
        text=SCENARIO_TEXT,
        sha256=hashlib.sha256(SCENARIO_TEXT.encode()).hexdigest(),
        manifests=Path("manifests/base"),
        workload=workload,
        restart=RestartRule.KUBELET_RULES,
        experiment=Path("experiments/broker-loss.yaml"),
        faults=(Fault(FaultType.BROKER_KILL, VictimSelector(broker=2)),),
        fault_window_s=10.0,
        baseline_s=60.0,
        recovery_timeout_s=180.0,
        objectives=(
            Objective("kafka_unavailable_s", 30.0),
            Objective("acknowledged_records_lost", 0.0),
            Objective("isr_full_s", 120.0),
            Objective("pipeline_drain_s", drain_at_most),
        ),
        primary=primary,
        expect={"resilience": Expectation.PASS, "prediction": Expectation.PASS},
    )


def _write_seal(run: RunFolder, case: Case, prediction: Prediction) -> None:
    if not case.sealed:
        return
    data = prediction.to_bytes()
    run.prediction_json.write_bytes(data)
    run.prediction_sha256.write_text(f"{hashlib.sha256(data).hexdigest()}  prediction.json\n")


def _write_timeline(run: RunFolder, case: Case) -> None:
    run.timeline.unlink(missing_ok=True)
    phases = case.phases
    moved = phases["broker_detect_s"] + phases["leader_election_s"]
    drained = moved + phases["client_reconnect_s"] + phases["pipeline_drain_s"]
    full = phases["broker_down_s"] + phases["catch_up_s"]
    moments: list[tuple[float, str, dict[str, Any]]] = [
        (-130.2, "preflight", {"scenario": "sample-broker-loss", "seed": 7}),
        (-118.4, "hub-ready", {"took_s": 11.8}),
        (-116.0, "load-started", {}),
        (-96.0, "burst", {}),
        (-21.5, "baseline", {}),
        *([(-21.0, "sealed", {"sha256": _sealed_hash(run)})] if case.sealed else []),
        (-1.2, "steady-again", {}),
        (0.0, "fault-injected", _injection()),
        (0.21, "fault-effective", _injection()),
        (phases["broker_detect_s"], "broker-deregistered", {}),
        (moved, "leaders-moved", {}),
        (drained, "backlog-drained", {}),
    ]
    if not case.unregistered:
        moments += [(phases["broker_down_s"], "broker-registered", {}), (full, "isr-full", {}), (full, "restored", {})]
    if case.compared:
        end = max(full, drained) + 8.0
        moments += [(end, "load-stopped", {}), (end + 1.5, "undo", {}), (end + 2.0, "undo-verified", {})]
        moments += [(end + 9.0, "verified", {"lost": case.lost}), (end + 9.1, "verdict", {})]
    else:
        moments = [moment for moment in moments if moment[0] < 18.0]
    for after_s, kind, data in sorted(moments, key=lambda moment: moment[0]):
        timeline.append(run.timeline, kind, FAULT_S + after_s, **data)
    if not case.compared:
        with run.timeline.open("ab") as file:
            file.write(b'{"t": 1773524512.0, "clock": "host-re')


def _sealed_hash(run: RunFolder) -> str:
    return run.prediction_sha256.read_text().split()[0]


def _injection() -> dict[str, Any]:
    return {
        "fault": "BrokerKill",
        "server": "kafka-2",
        "process_id": 4711,
        "signal": "SIGKILL",
        "injected_s": FAULT_S,
        "effective_s": FAULT_S + 0.21,
        "effective": True,
        "evidence": "pid 4711 reaped, killed by SIGKILL",
    }


def _checks(case: Case) -> list[Check]:
    details = {
        "fault proved effective": "kafka-2: pid 4711 reaped, killed by SIGKILL, 210 ms after the SIGKILL",
        "load as planned": "56,996 of 57,000 planned events sent (99.99 %)",
        "baseline steady": "three windows of 5 s: acknowledged, full redundancy, no trend",
        "sealed before the fault": "sealed 21.0 s before the fault",
        "probes saw it all": "longest gap 410 ms (partitions)",
        "primary metrics observed": "every primary metric has a value",
        "clock steady": "wall clock and monotonic clock stayed within 0.3 ms",
    }
    failures = {"fault proved effective": "broker 2 still answered 5 s after the kill"}
    return [
        Check(name, name != case.failed_check, failures[name] if name == case.failed_check else detail)
        for name, detail in details.items()
    ]


def _residue(case: Case) -> Verdict:
    if case.broken:
        sentence = "Something may still be broken: kafka-2 did not come back; run `workbench hub down sample`."
        return Verdict(BROKEN, sentence)
    return Verdict(CLEAN, "Clean: the undo was verified, 0 processes left.")


def _ledger(case: Case) -> dict[str, Any]:
    shares = {"alerts": 0.02, "event-authentication": 0.08, "technical-alerts": 0.04}
    topics: dict[str, dict[str, int]] = {}
    for topic in ("alerts", "event-authentication", "technical-alerts"):
        planned = round(57_000 * shares[topic])
        topics[topic] = _tally(planned, 0, round(4 * shares[topic]), 0)
    rest = dict.fromkeys(_tally(0, 0, 0, 0), 0)
    total = _tally(57_000, 4, 212, case.lost)
    for key in rest:
        rest[key] = total[key] - sum(tally[key] for tally in topics.values())
    topics["sdc-events"] = rest
    return {
        "format": 1,
        **total,
        "per_topic": dict(sorted(topics.items())),
        "canary": _tally(18_240, 0, 0, 0),
        "kafka": {"records_read": 75_233 - case.lost, "read_twice_equal": True, "seconds": 4.2, "malformed": 0,
                  "unlisted": 0},
        "postgres": {"rows": 75_233 - case.lost, "missing": 0, "doubled": 0, "unlisted": 0},
        "redis": {"devices": 200, "wrong": 0},
        "examples": {"lost": [1_099_511_627_776 + index for index in range(min(case.lost, 20))]},
    }  # fmt: skip


def _tally(planned: int, not_sent: int, unknown: int, lost: int) -> dict[str, int]:
    sent = planned - not_sent
    zeros = ("failed", "duplicated", "failed_but_there", "not_sent_but_there", "diverged", "reordered")
    return {
        "planned": planned,
        "sent": sent,
        "not_sent": not_sent,
        "ok": sent - unknown,
        "unknown": unknown,
        "lost": lost,
        "unknown_but_there": max(0, unknown - 3),
        "missing_in_postgres": 0,
        "redis_wrong": 0,
        **dict.fromkeys(zeros, 0),
    }


def _parameters() -> dict[str, Any]:
    def row(value: Any, unit: str, source: str, origin: str, note: str = "") -> dict[str, Any]:
        held = {"distribution": value} if isinstance(value, dict) else {"value": value}
        return {**held, "unit": unit, "source": source, "origin": origin, "note": note}

    rows = {
        "broker_start_s": row({"kind": "lognormal", "median": 6.0, "sigma": 0.12}, "s", "baseline", "this hub's start"),
        "batch_service_s": row({"kind": "empirical", "values": [0.0312, 0.0298, 0.0341]}, "s", "baseline", "the burst"),
        "session_timeout_s": row(18.0, "s", "manifest", "kafka.yaml: zookeeper.session.timeout.ms"),
        "replication_factor": row(3, "", "manifest", "kafka.yaml: default.replication.factor"),
        "event_rate_per_s": row(300.0, "1/s", "scenario", "sample.yaml: load.profile.rate_per_s"),
        "controller_react_s": row(
            {"kind": "triangular", "low": 0.005, "mode": 0.03, "high": 0.2}, "s", "prior",
            "Kafka 3.7.1 KafkaController.processBrokerChange", "from the znode gone to the first change of state",
        ),
        "ping_age_s": row(
            {"kind": "triangular", "low": 0.2, "mode": 5.8, "high": 9.6}, "s", "manifest", "a third of the session"
        ),
        "client_timer_s": row({"kind": "uniform", "low": 0.6, "high": 4.6}, "s", "prior", "librdkafka"),
        "log_recovery_s": row({"kind": "uniform", "low": 0.5, "high": 4.0}, "s", "prior", "a published range"),
    }  # fmt: skip
    return {"format": 1, "parameters": rows}


def _run(
    case: Case, scenario: Scenario, run: RunFolder, verdicts: dict[str, Any] | None, exit_code: int | None
) -> dict[str, Any]:
    return {
        "format": 1,
        "run_id": f"sample-{case.name}",
        "complete": case.compared and case.stopped is None,
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "path": str(scenario.path),
            "text": scenario.text,
            "sha256": scenario.sha256,
            "objectives": [asdict(objective) for objective in scenario.objectives],
            "primary": [asdict(primary) for primary in scenario.primary],
            "expect": {name: expected.value for name, expected in scenario.expect.items()},
        },
        "manifests_sha256": hashlib.sha256(b"sample").hexdigest(),
        "seed": 7,
        "git": {"commit": "0" * 40, "clean": True},
        "versions": {"Kafka": "3.7.1", "ZooKeeper": "3.8.4", "PostgreSQL": "14.12", "Redis": "6.2.14"},
        "target": {
            "name": "sample",
            "stand_ins": ["Sample: every number on this page was made up for a test; nothing was observed."],
            "host": {"system": "sample", "cores": 2, "memory_bytes": 8 * 2**30},
        },
        "utc_start": "2026-03-14T21:39:23.900Z",
        "utc_end": "2026-03-14T21:42:49.000Z" if case.compared else None,
        "settings": {"load": asdict(scenario.workload), "restart": "kubelet-rules", "fault_window_s": 10.0},
        "victim": {"server": "kafka-2", "node": "worker-3", "process_id": 4711, "broker": 2, "is_controller": False},
        "fault": {"type": "BrokerKill", "signal": "SIGKILL"},
        "fault_s": FAULT_S,
        "sealed_s": FAULT_S - 21.0 if case.sealed else None,
        "seal_sha256": _sealed_hash(run) if case.sealed else None,
        "not_modelled": ["Page-cache eviction on the brokers.", "Other load on the same disks."],
        "command": "workbench drill broker-loss --seed 7",
        "verdicts": verdicts,
        "exit_code": exit_code,
    }
