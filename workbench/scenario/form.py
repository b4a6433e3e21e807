"""The form of a scenario file: every key, its bounds, and in words what is right for it.

A field's description is what a person reads when the value is wrong, so it names unit and bound.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from workbench.fault import CUTS, NODE_PARTS, PARTS, ROLES, SILENCES, FaultType, Part, RestartRule, Risk, StoredData
from workbench.metrics.catalogue import BY_NAME
from workbench.scenario.drill_scenario import Expectation
from workbench.topology.fields import near, one_of
from workbench.workload import EVENT_BYTES_MIN, ClientLibrary

FAULT_WINDOW_S_MIN: Final = 10.0  # every periodic timer up to this long is hit at every phase
BASELINE_S_MIN: Final = 15.0  # three windows of 5 s judge whether it is steady
FREEZE_S_MAX: Final = 120.0  # Chaos Toolkit's action waits for its end
BURST_FACTOR_MAX: Final = 20.0
LAGGING: Final = (FaultType.BROKER_KILL, FaultType.POSTGRES_PRIMARY_LOSS)  # whose replicas may be held back before
# Faults that end by themselves.
LASTING: Final = (*SILENCES, *CUTS, FaultType.DISK_FULL, FaultType.LOAD_BURST, FaultType.QUORUM_AND_BROKER_KILL)
RATE_PER_S_MAX: Final = 100_000.0
MIX_TOLERANCE: Final = 1e-6
EXPECTATIONS: Final = " or ".join(Expectation)


def _known_metric(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError("a metric of the catalogue" + near(name, BY_NAME))
    return name


def _acks_text(acks: object) -> object:
    """Take 1 and 0 without quotes as well; anything else is judged by the field."""
    return str(acks) if isinstance(acks, int) and not isinstance(acks, bool) else acks


def _sums_to_one(mix: dict[str, float]) -> dict[str, float]:
    if abs(sum(mix.values()) - 1.0) > MIX_TOLERANCE:
        raise ValueError(f"shares that sum to 1; these sum to {sum(mix.values()):g}")
    return mix


VICTIMS: Final = {
    Part.BROKER: "{broker: <id>}, {role: controller} or {role: leads-nothing}",
    Part.BROKER_LINKS: "{broker: <id>}, {role: controller} or {role: leads-nothing}",
    Part.PROCESSOR: "{processor: <index>}",
    Part.POSTGRES: "{role: primary}",
    Part.POSTGRES_FAILOVER: "{role: primary}",
    Part.POSTGRES_BACKEND: "{role: processor-backend}",
    Part.REDIS: "{role: redis}",
    **dict.fromkeys(NODE_PARTS, "{node: <name>}"),
    Part.BROKERS: "{brokers: [<id>, <id>]}",
    Part.QUORUM: "{broker: <id>}",
    Part.LOAD: "{role: load}",
    Part.ZOOKEEPER: "{role: zookeeper-leader} or {role: zookeeper-follower}",
    Part.CONTROLLER: "{role: active-controller}",
}
Role = Literal[
    "controller",
    "leads-nothing",
    "primary",
    "processor-backend",
    "redis",
    "zookeeper-leader",
    "zookeeper-follower",
    "active-controller",
    "load",
]
MetricName = Annotated[str, AfterValidator(_known_metric)]
Rate = Annotated[
    float, Field(gt=0, le=RATE_PER_S_MAX, description=f"events per second, above 0 and at most {RATE_PER_S_MAX:g}")
]
BrokerId = Annotated[int, Field(ge=0, le=999, description="a broker's id, a whole number from 0")]
Share = Annotated[float, Field(ge=0, le=1, description="a share from 0 to 1")]


class StrictForm(BaseModel):
    """Nothing is converted, nothing unknown is let through, no number is infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ConstantForm(StrictForm):
    """The same rate all the time."""

    kind: Literal["constant"]
    rate_per_s: Rate


class RampForm(StrictForm):
    """From one rate to another, then constant."""

    kind: Literal["ramp"]
    rate_per_s: Rate
    rate_end_per_s: Rate
    duration_s: float = Field(gt=0, le=86_400, description="seconds the ramp takes, above 0 and at most 86400")


class DailyForm(StrictForm):
    """A sinusoid around a rate."""

    kind: Literal["daily"]
    rate_per_s: Rate
    amplitude: float = Field(ge=0, lt=1, description="a share of the rate, from 0 to below 1")
    duration_s: float = Field(gt=0, le=604_800, description="seconds of one period, above 0 and at most 604800")


class BurstForm(StrictForm):
    """A rate that is multiplied for a while."""

    kind: Literal["burst"]
    rate_per_s: Rate
    factor: float = Field(gt=0, le=100, description="a multiple of the rate, above 0 and at most 100")
    start_s: float = Field(ge=0, le=86_400, description="seconds after the load's start, from 0 to 86400")
    duration_s: float = Field(gt=0, le=86_400, description="seconds the burst lasts, above 0 and at most 86400")


class ReadersForm(StrictForm):
    """Who reads devices' states at the gateway."""

    users: int = Field(ge=1, le=1000, description="a whole number of users, from 1 to 1000")
    requests_per_s: float = Field(
        gt=0, le=1000, description="requests per second of all users, above 0 and at most 1000"
    )


class LoadForm(StrictForm):
    """What the devices send."""

    profile: ConstantForm | RampForm | DailyForm | BurstForm = Field(
        discriminator="kind", description="a map with kind: constant, ramp, daily or burst"
    )
    arrivals: Literal["poisson", "paced"] = Field(description="poisson or paced")
    mix: Annotated[dict[str, Share], AfterValidator(_sums_to_one)] = Field(
        min_length=1, description="a map of topic to its share of the events"
    )
    event_bytes: int = Field(
        ge=EVENT_BYTES_MIN,
        le=1_000_000,
        description=f"whole bytes of one event, from {EVENT_BYTES_MIN} to 1000000 (Kafka takes 1 MiB a message)",
    )
    devices: int = Field(ge=1, le=10_000_000, description="a whole number of devices, from 1 to 10000000")
    acks: Annotated[Literal["all", "1", "0"], BeforeValidator(_acks_text)] = Field(description="all, 1 or 0")
    readers: ReadersForm | None = Field(default=None, description="a map: users, requests_per_s")
    library: ClientLibrary = Field(default=ClientLibrary.LIBRDKAFKA, description=one_of(list(ClientLibrary)))


class VictimForm(StrictForm):
    """Whom a fault hits."""

    broker: int | None = Field(default=None, ge=0, le=999, description="a broker's id, a whole number from 0")
    processor: int | None = Field(
        default=None, ge=0, le=999, description="an event processor's index, a whole number from 0"
    )
    node: str | None = Field(default=None, min_length=1, description="a node's name, such as worker-2")
    role: Role | None = Field(default=None, description=one_of(get_args(Role)))
    brokers: list[BrokerId] | None = Field(
        default=None, min_length=2, max_length=2, description="the ids of two different brokers"
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> VictimForm:
        if sum(each is not None for each in (self.broker, self.brokers, self.processor, self.node, self.role)) != 1:
            raise ValueError("either broker (an id), brokers (two ids), processor (an index), node (a name) or role")
        if self.brokers is not None and len(set(self.brokers)) != len(self.brokers):
            raise ValueError("the ids of two different brokers")
        return self

    def is_of(self, part: Part) -> bool:
        """Tell whether this names a server of a part of the hub."""
        if self.role is not None:
            return self.role in ROLES[part]
        if self.node is not None:
            return part in NODE_PARTS
        if self.brokers is not None:
            return part is Part.BROKERS
        if self.broker is not None:
            return part in (Part.BROKER, Part.BROKER_LINKS, Part.QUORUM)
        return part is Part.PROCESSOR


class FaultForm(StrictForm):
    """One thing that is broken."""

    type: FaultType = Field(strict=False, description=one_of(FaultType))
    victim: VictimForm = Field(description="a map: {broker: 1}, {processor: 0} or {role: controller}")
    at_s: float = Field(default=0.0, ge=0, le=600, description="seconds after the drawn moment, from 0 to 600")
    for_s: float | None = Field(
        default=None,
        gt=0,
        le=FREEZE_S_MAX,
        description=f"seconds that a fault which ends by itself lasts, above 0 and at most {FREEZE_S_MAX:g}",
    )
    lag_s: float | None = Field(
        default=None,
        gt=0,
        le=FREEZE_S_MAX,
        description=f"seconds its replicas are held back before the kill, above 0 and at most {FREEZE_S_MAX:g}",
    )

    data: StoredData = Field(default=StoredData.KEPT, strict=False, description=one_of(StoredData))
    factor: float | None = Field(
        default=None,
        gt=1,
        le=BURST_FACTOR_MAX,
        description=f"the multiple of its rate that the load has in a burst, above 1 and at most {BURST_FACTOR_MAX:g}",
    )

    breaks: list[Annotated[Risk, Field(strict=False, description=one_of(Risk))]] = Field(
        default_factory=list, description=f"a list of what it may break beyond its victim: {', '.join(Risk)}"
    )

    @model_validator(mode="after")
    def _some_faults_end_by_themselves(self) -> FaultForm:
        if (self.type in LASTING) != (self.for_s is not None):
            *others, last = LASTING
            raise ValueError(f"for_s (seconds) with {', '.join(others)} and {last}, and with no other fault")
        return self

    @model_validator(mode="after")
    def _only_a_burst_has_a_factor(self) -> FaultForm:
        if (self.type is FaultType.LOAD_BURST) != (self.factor is not None):
            raise ValueError("factor (a multiple of the load's rate) with LoadBurst, and with no other fault")
        return self

    @model_validator(mode="after")
    def _who_lags_replicates_the_victim(self) -> FaultForm:
        if self.lag_s is not None and self.type not in LAGGING:
            raise ValueError(f"lag_s (seconds) with {' and '.join(LAGGING)}, and with no other fault")
        return self

    @model_validator(mode="after")
    def _lost_data_is_a_killed_redis_own(self) -> FaultForm:
        if self.data is StoredData.LOST and self.type is not FaultType.REDIS_KILL:
            raise ValueError("data: lost with RedisKill, and with no other fault")
        return self

    @model_validator(mode="after")
    def _hits_what_it_can(self) -> FaultForm:
        if not self.victim.is_of(PARTS[self.type]):
            raise ValueError(f"{self.type} with a victim of {VICTIMS[PARTS[self.type]]}")
        if self.type is FaultType.DISK_FULL and self.victim.broker is None:
            raise ValueError(f"{self.type} with a victim of {{broker: <id>}}: its disk is made when the hub starts")
        return self


class PrimaryForm(StrictForm):
    """How a primary metric judges the prediction."""

    width_max: float = Field(gt=0, description="a number above 0, in the metric's unit")


class ExpectForm(StrictForm):
    """What the verdicts should be."""

    resilience: Expectation = Field(strict=False, description=EXPECTATIONS)
    prediction: Expectation = Field(strict=False, description=EXPECTATIONS)


class ScenarioForm(StrictForm):
    """One scenario file."""

    title: str = Field(min_length=1, max_length=200, description="a question the drill answers, 1 to 200 characters")
    manifests: str = Field(min_length=1, description="a folder with a kustomization.yaml, from the project's root")
    load: LoadForm = Field(description="a map: profile, arrivals, mix, event_bytes, devices, acks")
    restart: RestartRule = Field(strict=False, description=one_of(RestartRule))
    experiment: str = Field(min_length=1, description="a Chaos Toolkit file, from the project's root")
    faults: list[FaultForm] = Field(min_length=1, max_length=10, description="a list of 1 to 10 faults")
    fault_window_s: float = Field(
        ge=FAULT_WINDOW_S_MIN,
        le=300,
        description=f"seconds from {FAULT_WINDOW_S_MIN:g} to 300: the moment is drawn from so long a stretch",
    )
    baseline_s: float = Field(
        ge=BASELINE_S_MIN, le=3600, description=f"seconds from {BASELINE_S_MIN:g} to 3600 of undisturbed load"
    )
    recovery_timeout_s: float = Field(gt=0, le=3600, description="seconds, above 0 and at most 3600")
    objectives: dict[MetricName, Annotated[float, Field(ge=0)]] = Field(
        min_length=1, description="a map of metric to the most it may be, a number from 0 in the metric's unit"
    )
    primary: dict[MetricName, PrimaryForm] = Field(
        min_length=1, max_length=3, description="a map of 1 to 3 metrics to {width_max: ..}"
    )
    expect: ExpectForm = Field(description="a map: resilience and prediction, each " + EXPECTATIONS)


PROFILE_FORMS: Final[dict[str, type[StrictForm]]] = {
    "constant": ConstantForm,
    "ramp": RampForm,
    "daily": DailyForm,
    "burst": BurstForm,
}
FORMS: Final[dict[str, type[BaseModel]]] = {  # by the key that holds it; the file itself is ""
    "": ScenarioForm,
    "load": LoadForm,
    "readers": ReadersForm,
    "faults": FaultForm,
    "victim": VictimForm,
    "expect": ExpectForm,
}
