"""Conducts one drill: the phases in their order, and an orderly end whatever happens."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from workbench import ledger as ledger_room
from workbench.compare import Judged, compare
from workbench.compare.verdicts import BROKEN, CLEAN, Verdict
from workbench.drill import run_up
from workbench.drill.afterwards import Aftermath, Watched, look_back
from workbench.drill.drained import DrainedCheck
from workbench.drill.experiment import chaos_command, read_outcome
from workbench.drill.live import Live
from workbench.drill.load_control import LoadControl
from workbench.drill.progress import Progress
from workbench.drill.recovery import PHASES, Recovery
from workbench.drill.run_record import RunRecord, utc_text
from workbench.drill.sealing import predict_and_seal
from workbench.drill.steady import WINDOW_S, WINDOWS, problems
from workbench.drill.stopping import NOT_VERIFIED, NOTHING_BROKEN, experiment_deadline_s, not_whole, undo_after_stop
from workbench.errors import Inconclusive, Stopped, ToolFailed, UndoUnverified, WorkbenchError
from workbench.fault import SIGNAL_NAMES, RestartRule
from workbench.model import NOT_MODELLED
from workbench.model.parameters import merge
from workbench.records import timeline
from workbench.records.calibration import CalibrationFile
from workbench.records.folder import RunFolder, dump_json, write_durably
from workbench.records.prediction import Prediction
from workbench.records.runs_index import enter
from workbench.scenario.drill_scenario import Scenario
from workbench.streams import stream
from workbench.target.local.leftovers import processes_of
from workbench.target.port import DrillHub, Injection, UndoResult, Victim
from workbench.topology.hub import HubTopology
from workbench.workload import BURST_S

SETTLE_MAX_S: Final = 120.0
STEADY_AGAIN_S: Final = 15.0
STEADY_RETRIES: Final = 3
EXPERIMENT_LEAD_S: Final = 6.0  # Chaos Toolkit imports and checks its hypothesis meanwhile
TICK_S: Final = 0.25
ANSWER_S: Final = 1.0  # an event of a window has so long to be answered before the window is judged


@dataclass
class Clocks:
    """Wall and monotonic time at the start, to tell a stepped clock."""

    wall_s: float
    monotonic_s: float

    def step_s(self) -> float:
        """Return by how much the two have drifted apart."""
        return abs((time.time() - self.wall_s) - (time.monotonic() - self.monotonic_s))


class Drill:
    """One drill of one scenario on a hub of its own."""

    def __init__(
        self,
        scenario: Scenario,
        topology: HubTopology,
        seed: int,
        record: RunRecord,
        out: Path,
        progress: Progress,
        calibration: CalibrationFile | None = None,
        *,
        open_hub: Callable[[Callable[[str], None]], DrillHub],
    ) -> None:
        self.scenario = scenario
        self.topology = topology
        self.seed = seed
        self.record = record
        self.folder: RunFolder = record.folder
        self.out = out
        self.progress = progress
        self.calibration = calibration
        self.open_hub = open_hub
        self.clocks = Clocks(time.time(), time.monotonic())
        self.prediction: Prediction | None = None
        self.sealed_s: float | None = None
        self.aftermath: Aftermath | None = None
        self.experiment_pid = 0  # as long as there is none
        self.before = ledger_room.FRESH
        self.residue = NOTHING_BROKEN

    def run(self) -> Judged:
        """Do the whole drill and return what it amounts to.

        A person's stop is judged too (exit code 5); any other WorkbenchError travels after it was written
        to the timeline. A hub of its own is gone in every case; one that was up is whole again, or UndoUnverified says
        that it may not be.
        """
        self._mark("preflight", scenario=self.scenario.name, seed=self.seed)
        stopped = None
        try:
            self.residue = self._on_the_hub()
        except (KeyboardInterrupt, Stopped) as error:
            stopped = str(error) or "a person (Ctrl-C)"
            self._mark("stopped", by=stopped)
        except WorkbenchError as error:
            self._mark("failed", reason=str(error))
            if self.residue.word != CLEAN:
                raise UndoUnverified(f"{self.residue.sentence} {error}") from error
            raise
        return self._judge(self.residue, stopped)

    def _on_the_hub(self) -> Verdict:
        self.progress.phase_started("hub", None)
        begun_s = time.monotonic()
        undone = None
        try:
            with self.open_hub(self.progress.note) as hub:
                self._hub_ready(hub, time.monotonic() - begun_s)
                undone = self._drill_on(hub)
        except UndoUnverified as error:
            self._mark("residue", detail=str(error))
            if undone is None:  # the drill had not come to its end
                raise
            return Verdict(BROKEN, f"Something may still be broken: {error}.")
        left = [process.pid for process in processes_of(hub.directory, but=(os.getpid(),))]
        if left:
            return Verdict(BROKEN, f"Something may still be broken: processes {left} of the hub are left.")
        if not undone.verified:
            return not_whole(undone.detail, hub.was_up)
        return Verdict(CLEAN, "Clean: the undo was verified, 0 processes left.")

    def _hub_ready(self, hub: DrillHub, took_s: float) -> None:
        description = hub.describe()
        self._mark("hub-ready", took_s=took_s, hub=hub.hub_id)
        self.progress.phase_done("hub", took_s, "real servers ready")
        target = {**self.record.content["target"], "name": description.name, "stand_ins": list(description.stand_ins)}
        versions = {**self.record.content["versions"], **description.versions}
        self.record.set(target=target, versions=versions, not_modelled=list(NOT_MODELLED))

    def _drill_on(self, hub: DrillHub) -> UndoResult:
        horizon_s = 600.0 + self.scenario.baseline_s + self.scenario.recovery_timeout_s
        live = Live(hub, self.scenario.faults[0].part, self.folder.observed, self.folder.ledger)
        if hub.was_up:
            self.before = ledger_room.look_before(hub.endpoints, hub.topology)
        workload, fault = self.scenario.workload, self.scenario.faults[0]
        load = LoadControl(hub, workload, fault, self.seed, self.folder, horizon_s, self.before.first_sequence)
        try:
            live.start()
            burst, baseline, steady_problems = self._run_up(live, load)
            victim = hub.resolve(self.scenario.faults[0])
            self._predict(hub, victim, burst, baseline)
            self._steady_again(live, load)
            injection, watch_end_s = self._break_and_watch(hub, live, load, victim, baseline)
            self._stop_load(load)
            undone = hub.undo()
            self._mark("undo-verified" if undone.verified else "undo-failed", detail=undone.detail)
            live.stop()
            self.progress.phase_started("verify", None)
            outcome = read_outcome(self.folder.observed / "journal.json")
            watched = Watched(
                victim, injection, outcome, baseline, watch_end_s, steady_problems, self.sealed_s, self.clocks.step_s()
            )
            for step, at_s in sorted(hub.failover_steps().items(), key=lambda each: each[1]):
                timeline.append(self.folder.timeline, f"failover-{step}", at_s, by="stand-in for Kubegres")
            self.aftermath = look_back(self.folder, hub, self.scenario, load, watched, self.progress, self.before)
            self._mark("verified", **self.aftermath.ledger_counts)
            return undone
        except (KeyboardInterrupt, WorkbenchError):
            if hub.was_up and self.experiment_pid:
                self.residue = NOT_VERIFIED  # unless what follows says better
                self.residue = undo_after_stop(hub, self.experiment_pid)
                kind = "undo-verified" if self.residue.word == CLEAN else "undo-failed"
                self._mark(kind, detail=self.residue.sentence)
            raise
        finally:
            load.stop()
            live.stop()

    def _run_up(self, live: Live, load: LoadControl) -> tuple[tuple[float, float], tuple[float, float], list[str]]:
        """Burst, settle and baseline; return both windows and why the baseline was not steady (empty: it was)."""
        load.start()
        self._mark("load-started", start_s=load.start_s)
        self._phase("burst", load.start_s + BURST_S, live, load)
        burst = (load.start_s, load.start_s + BURST_S)
        self._mark("burst", start_s=burst[0], end_s=burst[1])
        settled_s = self._settle(live, load)
        found: list[str] = []
        for _ in range(STEADY_RETRIES):
            start_s = max(settled_s, time.time())
            end_s = start_s + self.scenario.baseline_s
            self._phase("baseline", end_s + ANSWER_S, live, load)
            found = self._steady_problems(live, load, end_s)
            if not found:
                break
            self.progress.note("the baseline was not steady, once more: " + "; ".join(found))
        if found:
            raise Inconclusive("the hub never became steady: " + "; ".join(found))
        self._mark("baseline", start_s=start_s, end_s=end_s)
        return burst, (start_s, end_s), found

    def _settle(self, live: Live, load: LoadControl) -> float:
        """Wait until the burst's backlog is gone; return when."""
        deadline_s = time.time() + SETTLE_MAX_S
        calm_since_s: float | None = None
        bound = max(60.0, load.planned_per_s())
        while time.time() < deadline_s:
            self._tick(live, load)
            if live.backlog_events() > bound:
                calm_since_s = None
            elif calm_since_s is None:
                calm_since_s = time.time()
            elif time.time() - calm_since_s > 2.0:
                return time.time()
            time.sleep(TICK_S)
        raise Inconclusive(f"the burst's backlog was not gone after {SETTLE_MAX_S:.0f} s: the hub is overloaded")

    def _steady_problems(self, live: Live, load: LoadControl, end_s: float) -> list[str]:
        edges = [end_s - WINDOW_S * (WINDOWS - index) for index in range(WINDOWS + 1)]
        windows = [load.window(low, high) for low, high in itertools.pairwise(edges)]
        return problems(windows, live.short_since(edges[0]), live.backlog_since(edges[0]))

    def _predict(
        self, hub: DrillHub, victim: Victim, burst: tuple[float, float], baseline: tuple[float, float]
    ) -> None:
        measured = run_up.measure(hub, self.folder, burst, baseline, self.before.since_s)
        measured.write(self.folder.observed / "baseline.json")
        by_kubelet = hub.target == "kubernetes"
        parameters = merge(self.scenario, self.topology, measured, victim, self.calibration, by_kubelet=by_kubelet)
        write_durably(self.folder.parameters_json, parameters.to_json())
        fault = self.scenario.faults[0]
        fault_entry = {"type": fault.type.value, "signal": SIGNAL_NAMES[fault.type]}
        self.record.set(victim=asdict(victim), fault=fault_entry)
        self.progress.phase_started("predict", None)
        begun_s = time.monotonic()
        seal = predict_and_seal(hub, self.folder, self.scenario.primary[0].metric)
        self.prediction, self.sealed_s = seal.prediction, seal.sealed_s
        self._mark("predicted", took_s=time.monotonic() - begun_s)
        timeline.append(self.folder.timeline, "sealed", seal.sealed_s, sha256=seal.sha256)
        enter(
            self.out,
            self.record.content["run_id"],
            self.scenario.name,
            self.seed,
            seal.sealed_s,
            seal.sha256,
            self.folder.root,
        )
        self.record.set(sealed_s=seal.sealed_s, seal_sha256=seal.sha256)
        self.progress.phase_done("predict", time.monotonic() - begun_s, f"{self.prediction.replications} replications")
        self.progress.sealed(seal.sealed_s, seal.sha256, seal.sentence)

    def _steady_again(self, live: Live, load: LoadControl) -> None:
        for _ in range(STEADY_RETRIES):
            start_s = time.time()
            self._phase("steady again", start_s + STEADY_AGAIN_S + ANSWER_S, live, load)
            found = self._steady_problems(live, load, start_s + STEADY_AGAIN_S)
            if not found:
                self._mark("steady-again", start_s=start_s, end_s=start_s + STEADY_AGAIN_S)
                return
        raise Inconclusive("the hub was not steady after the prediction: " + "; ".join(found))

    def _break_and_watch(
        self, hub: DrillHub, live: Live, load: LoadControl, victim: Victim, baseline: tuple[float, float]
    ) -> tuple[Injection | None, float]:
        """Run the experiment, watch the recovery; return the injection and when watching ended."""
        draw = stream(self.seed, "fault-moment").uniform(0.0, self.scenario.fault_window_s)
        moment_s = time.time() + EXPERIMENT_LEAD_S + float(draw)
        journal = self.folder.observed / "journal.json"
        argv = chaos_command(self.scenario, victim, (hub.target, hub.hub_id), moment_s, self.folder, journal)
        self.progress.phase_started("fault", None)
        log = self.folder.observed / "chaos.log"
        self.experiment_pid = hub.launch("chaos", argv, environment={}, stdout=log)
        injected_s = self._await_injection(hub, live, load, moment_s)
        if injected_s is None:
            return None, time.time()
        self.record.set(fault_s=injected_s)
        fault = self.scenario.faults[0]
        returns = fault.for_s > 0.0 or self.scenario.restart is not RestartRule.NONE
        calm = live.calm_backlog(*baseline)
        may_lose = self.scenario.workload.acks != "all"
        recovery = Recovery(live, self.topology, fault.part, victim, injected_s, calm, returns, may_lose, fault.for_s)
        drained = DrainedCheck(
            hub, self.folder, baseline, injected_s, since_s=self.before.since_s, reads=self.scenario.reads
        )
        self._watch(recovery, drained, live, load)
        watch_end_s = time.time()
        self._await_experiment(hub, live, load)
        return read_injection(self.folder.timeline), watch_end_s

    def _await_injection(self, hub: DrillHub, live: Live, load: LoadControl, moment_s: float) -> float | None:
        """Wait for the fault-injected entry; None when the experiment ended without one."""
        deadline_s = moment_s + 90.0
        while time.time() < deadline_s:
            self._tick(live, load)
            entry = timeline.first(timeline.read(self.folder.timeline), "fault-injected")
            if entry is not None:
                self.progress.phase_done("fault", 0.0, f"{entry.data['signal']} {entry.data['server']}")
                return entry.t_s
            if not hub.running("chaos"):
                return None
            time.sleep(TICK_S)
        raise ToolFailed("the experiment did not inject its fault in time: see observed/chaos.log")

    def _watch(self, recovery: Recovery, drained: DrainedCheck, live: Live, load: LoadControl) -> None:
        injected_s = recovery.injected_s
        phases = iter(PHASES[recovery.part])
        condition, metric, title = next(phases)
        self._started(metric, title)
        restored = False
        while not restored and time.time() - injected_s < self.scenario.recovery_timeout_s:
            for name in recovery.update(time.time() - injected_s):
                elapsed_s = recovery.marks[name]
                self._mark(name, since_fault_s=elapsed_s, view="live")
                self.progress.phase_done(name.replace("-", " "), elapsed_s, "")
            if condition in recovery.marks and (following := next(phases, None)):
                condition, metric, title = following
                self._started(metric, title)
            self._tick(live, load)
            restored = recovery.complete and drained.holds()
            if not restored:
                time.sleep(TICK_S)
        if restored:
            self._mark("restored", since_fault_s=time.time() - injected_s)

    def _started(self, metric: str, title: str) -> None:
        values = self.prediction.metrics.get(metric, ()) if self.prediction else ()
        self.progress.phase_started(title, [value for value in values if value is not None] or None)

    def _await_experiment(self, hub: DrillHub, live: Live, load: LoadControl) -> None:
        # Its probe waits for as long as this drill watched; its rollback then for as long as an undo may.
        deadline_s = experiment_deadline_s(hub)
        while hub.running("chaos"):
            if time.monotonic() > deadline_s:
                raise ToolFailed("the experiment did not end: see observed/chaos.log")
            self._tick(live, load)
            time.sleep(TICK_S)

    def _stop_load(self, load: LoadControl) -> None:
        self.progress.phase_started("stop load", None)
        stop_s = load.stop()
        self._mark("load-stopped", stop_s=stop_s)

    def _judge(self, residue: Verdict, stopped: str | None) -> Judged:
        aftermath = self.aftermath
        judged = compare(
            self.scenario,
            self.prediction,
            aftermath.observations if aftermath else {},
            aftermath.checks if aftermath else [],
            residue,
            stopped,
        )
        self.folder.comparison_json.write_bytes(dump_json(judged.content))
        verdicts = judged.content["verdicts"]
        self._mark("verdict", **{name: verdict["verdict"] for name, verdict in verdicts.items()})
        self.record.set(
            complete=aftermath is not None,
            utc_end=utc_text(time.time()),
            verdicts=verdicts,
            exit_code=judged.exit_code,
        )
        return judged

    def _phase(self, name: str, until_s: float, live: Live, load: LoadControl) -> None:
        """Tick until an epoch time; a phase of known length."""
        begun_s = time.time()
        self.progress.phase_started(name, [until_s - begun_s])
        while time.time() < until_s:
            self._tick(live, load)
            time.sleep(min(TICK_S, max(0.0, until_s - time.time())))
        load.check_alive()
        self.progress.phase_done(name, time.time() - begun_s, "")

    def _tick(self, live: Live, load: LoadControl) -> None:
        view = live.look()
        self.progress.tick(
            view.acked_per_s, load.planned_per_s(), live.backlog_events(), live.lag_records(), view.failed
        )

    def _mark(self, kind: str, **data: Any) -> None:
        timeline.append(self.folder.timeline, kind, None, **data)


def read_injection(path: Path) -> Injection | None:
    """Return the first injection a timeline tells of, with its proof when there is one."""
    entries = timeline.read(path)
    entry = timeline.first(entries, "fault-effective") or timeline.first(entries, "fault-injected")
    return Injection(**entry.data) if entry else None
