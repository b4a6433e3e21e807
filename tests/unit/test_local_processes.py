"""What the supervisor tells, as JSON and in words."""

from __future__ import annotations

import json
import math
import signal

from workbench.target.local.processes import ProcessSpec, ServerStatus, exit_text
from workbench.target.port import ProcessStart


def test_exit_text_tells_codes_from_signals() -> None:
    """Wait statuses as waitpid(2) packs them: exit code in the second byte, signal in the first."""
    assert exit_text(0) == "exit 0"
    assert exit_text(1 << 8) == "exit 1"
    assert exit_text(signal.SIGKILL) == "SIGKILL"
    assert exit_text(40) == "signal 40"


def test_spec_survives_json() -> None:
    """A spec comes back equal, a path with a space included."""
    spec = ProcessSpec("kafka-0", ("java", "-cp", "/a b/c.jar"), {"A": "1"}, "/a b", "/a b/log", node="worker-1")
    assert ProcessSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_status_survives_json_with_a_process_that_still_runs() -> None:
    """An end that has not come is null in JSON and NaN here."""
    starts = (ProcessStart(4, 1.0, 2.0, "exit 1"), ProcessStart(5, 3.0, math.nan, ""))
    status = ServerStatus("kafka-0", "worker-1", 5, True, False, None, starts)
    back = ServerStatus.from_json(json.loads(json.dumps(status.to_json(), allow_nan=False)))
    assert back.starts[0] == starts[0]
    assert math.isnan(back.starts[1].ended_s)
    assert (back.name, back.process_id, back.restart_due_s) == ("kafka-0", 5, None)
