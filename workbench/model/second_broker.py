"""What a prediction of two brokers' loss knows and draws of the second one: facts, and what each has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from workbench.model.measured import measured_broker
from workbench.model.parameter import Parameter, Source
from workbench.model.stated import on_leader

if TYPE_CHECKING:  # a prediction's subprocesses import this package: they need neither YAML nor pydantic
    from workbench.records.baseline import Baseline
    from workbench.scenario.drill_scenario import Scenario
    from workbench.target.port import Victim

SECOND: Final = "second_"
# Drawn for each broker by itself, as far as its mode knows it; all else is one machine's or one ensemble's.
OWN: Final = (
    "zookeeper_ping_age_s",
    "zookeeper_forward_s",
    "kubelet_relist_s",
    "restart_notice_s",
    "broker_start_s",
    "broker_start_cpu_s",
    "broker_ready_s",
    "isr_rejoin_s",
    "node_exists_exit_s",
    "heartbeat_age_s",
)


def second_broker(
    scenario: Scenario, rows: Mapping[str, Parameter], baseline: Baseline | None, victim: Victim | None
) -> dict[str, Parameter]:
    """Return the second victim's rows; of `rows` those of the first, whether it is the controller put right."""
    first, second = scenario.faults[0].victim.brokers if victim is None else victim.brokers
    controller = -1 if baseline is None else baseline.controller
    source = Source.PRIOR if baseline is None else Source.BASELINE
    origin = "not known without a hub" if baseline is None else "the hub's metadata, read before the seal"
    found = {
        "victim_is_controller": Parameter(controller == first, "", source, origin),
        "second_broker": Parameter(second, "", Source.SCENARIO, f"{scenario.path.name} faults[0].victim"),
        "second_is_controller": Parameter(controller == second, "", source, origin),
        "second_on_zookeeper_leader": Parameter(
            on_leader(baseline, second), "", source, origin, "null: not known, drawn"
        ),
    }
    its = {} if baseline is None else measured_broker(baseline, f"kafka-{second}")
    return {**found, **{SECOND + name: its.get(name, rows[name]) for name in OWN if name in rows}}
