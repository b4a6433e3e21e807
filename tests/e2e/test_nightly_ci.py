"""What runs nights unattended, held to what judges it: actionlint and a real API server; and whose hub a cluster is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.throwaway import BUILD_S
from workbench.errors import BadInput
from workbench.nightly.permission import check_identity
from workbench.scenario import PROJECT_ROOT, RealHub
from workbench.target.kubernetes.api import Api
from workbench.target.throwaway.building import Module, built_programs
from workbench.target.throwaway.cluster import Cluster

pytestmark = pytest.mark.integration
ACTIONLINT = Module("actionlint", "actionlint", ("github.com/rhysd/actionlint/cmd/actionlint",))
WORKFLOWS = PROJECT_ROOT / ".github" / "workflows"


def _ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.timeout(BUILD_S)
def test_actionlint_finds_nothing_in_the_workflows(tmp_path: Path) -> None:
    """Its 1.7.7 knows every key, action input and expression; that it looks is shown on a wrong one."""
    program = str(built_programs(lambda _: None, (ACTIONLINT,))["actionlint"])
    alone = (program, "-shellcheck=", "-pyflakes=")  # neither is a part of this project
    done = _ran(*alone, *map(str, sorted(WORKFLOWS.glob("*.yaml"))))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((WORKFLOWS / "nightly.yaml").read_text().replace("inputs.suite", "inputs.suit"))
    assert 'property "suit" is not defined' in _ran(*alone, str(wrong)).stdout


@pytest.mark.timeout(BUILD_S)
def test_the_api_server_accepts_the_cronjob(cluster: Cluster) -> None:
    """Server-side dry run with strict validation: no unknown field, no duplicate, no warning."""
    program = str(built_programs(lambda _: None)["kubectl"])
    dry_run = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f")
    done = _ran(
        program, f"--kubeconfig={cluster.kubeconfig}", *dry_run, str(PROJECT_ROOT / "deploy" / "cronjob.yaml")
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cronjob.batch/hub-workbench-nightly serverside-applied")


@pytest.mark.timeout(BUILD_S)
def test_a_cluster_is_known_by_what_it_says_of_itself(cluster: Cluster) -> None:
    """The uid of kube-system as kubectl reads it is accepted, any other is refused with the one that was found."""
    program = str(built_programs(lambda _: None)["kubectl"])
    asked = ("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    uid = _ran(program, f"--kubeconfig={cluster.kubeconfig}", *asked).stdout
    api = Api(cluster.kubeconfig)
    check_identity(api, RealHub("central-hub-preprod", uid))
    with pytest.raises(BadInput, match=f"this is not another-hub.*{uid}"):
        check_identity(api, RealHub("another-hub", "00000000-0000-0000-0000-000000000000"))
