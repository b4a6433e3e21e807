"""What can be broken: the vocabulary of faults, their victims' selectors and the order in a drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FaultType(StrEnum):
    """Faults a scenario may name. A target says which of them it can do."""

    BROKER_KILL = "BrokerKill"  # SIGKILL: sockets are reset by the kernel
    BROKER_STOP = "BrokerStop"  # SIGTERM: controlled shutdown, leaders move first
    BROKER_FREEZE = "BrokerFreeze"  # SIGSTOP, later SIGCONT: sockets stay open and silent


SIGNAL_NAMES: Final[Mapping[FaultType, str]] = {
    FaultType.BROKER_KILL: "SIGKILL",
    FaultType.BROKER_STOP: "SIGTERM",
    FaultType.BROKER_FREEZE: "SIGSTOP",
}


class RestartRule(StrEnum):
    """What happens to a server that died."""

    KUBELET_RULES = "kubelet-rules"  # within a second, then after 10, 20, 40 .. 300 s
    NONE = "none"


@dataclass(frozen=True)
class VictimSelector:
    """Whom a fault hits: `broker` by its id, or `role` ("controller", "leads-nothing")."""

    broker: int | None = None
    role: str | None = None

    def __str__(self) -> str:
        return f"broker {self.broker}" if self.broker is not None else f"the {self.role}"


@dataclass(frozen=True)
class Fault:
    """One fault of a scenario: `at_s` is seconds after the drill's drawn moment, `for_s` how long a freeze lasts."""

    type: FaultType
    victim: VictimSelector
    at_s: float = 0.0
    for_s: float = 0.0  # only of a freeze
