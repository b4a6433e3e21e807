"""A drill's fault without its load: takes hold of a cluster's hub, kills broker 1 in place, waits until it is whole.

`python -m tests.support.broker_kill <manifests>` where the cluster's names are known; prints the injection as soon
as it is done, then the undo.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from workbench.fault import Fault, FaultType, VictimSelector
from workbench.records.folder import RunFolder
from workbench.target.kubernetes import attach, open_hub
from workbench.topology import read_topology


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main(manifests: Path) -> None:
    """Do it."""
    fault = Fault(FaultType.BROKER_KILL, VictimSelector(broker=1))
    kubeconfig = Path(os.environ["KUBECONFIG"])
    with (
        tempfile.TemporaryDirectory() as folder,
        open_hub(
            read_topology(manifests),
            fault,
            (),
            kubeconfig=kubeconfig,
            context="",
            progress=_say,
            run=RunFolder(Path(folder) / "broker-kill"),
        ) as hub,
    ):
        with attach(hub.hub_id) as attached:  # as an experiment does, which is a process of its own
            injection = attached.inject(fault, attached.resolve(fault))
        print(json.dumps(asdict(injection)), flush=True)
        undone = hub.undo()
        starts = [each.started_s - injection.injected_s for each in hub.process_starts("kafka-1")]
        after_s = [start_s for start_s in starts if start_s > 0.0]
        print(json.dumps({**asdict(undone), "starts_after_s": after_s}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
