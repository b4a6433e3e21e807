"""The images of the hub's servers and applications, made from the same programs as the embedded hub's.

Kafka and ZooKeeper, PostgreSQL and Redis are those of workbench.target.local.artifacts. Debian's PostgreSQL client
gives what the server's package lacks: pg_isready, pg_basebackup and psql.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from workbench.errors import MachineTrouble
from workbench.target.local.artifacts import Artifacts, Jar, fetched
from workbench.target.throwaway.hub import python_tree
from workbench.target.throwaway.image_set import written
from workbench.target.throwaway.images import Image
from workbench.target.throwaway.places import images_directory, only_one

Progress = Callable[[str], None]
CLIENT_PROGRAMS: Final = ("pg_isready", "pg_basebackup", "psql")
CLIENT_FOLDERS: Final = "/usr/lib/postgresql/*/bin"  # Debian's, by version
SHELL_WORDS: Final = (
    *("awk", "cat", "chmod", "cp", "cut", "date", "echo", "env", "false", "grep", "head", "id", "ls", "mkdir", "mv"),
    *("nc", "ps", "rm", "sed", "sh", "sleep", "tail", "test", "touch", "tr", "true"),
)
KAFKA: Final = "kafka:3.7.1"
METRICS_AGENT: Final = Jar(  # Strimzi 0.42's (kafka-thirdparty-libs); not on the class path
    "io.prometheus.jmx:jmx_prometheus_javaagent:0.20.0",
    "jmx_prometheus_javaagent-0.20.0.jar",
    "8b67ed40485d475648c36d11d21464b484406f85faf912b3363f71a6a7861320",
)
AGENT_PLACE: Final = "/opt/kafka/agent/jmx_prometheus_javaagent.jar"
POSTGRES: Final = "postgres:14.12"
REDIS: Final = "redis:6.2.14"
EVENT_PROCESSOR: Final = "event-processor:0.1.0"  # named as the manifests do: these are they
GATEWAY: Final = "gateway:0.1.0"
LIBRARY: Final = "docker.io/library"  # what containerd puts before a name without a registry
POSTGRES_USER: Final = "999"
STRIMZI_USER: Final = "1001"


def hub_archives(artifacts: Artifacts, progress: Progress) -> tuple[Path, ...]:
    """Return the archives of the hub's images, writing those that are missing. Raises MachineTrouble."""
    with only_one(images_directory() / "hub.lock", lambda: progress("waiting for another making of the images")):
        agent = fetched(METRICS_AGENT, progress)
        images = (_kafka(artifacts, agent), _postgres(artifacts), _redis(artifacts), _applications(_python(progress)))
        return tuple(written(image, progress) for image in images)


def applications_archive(progress: Progress) -> Path:
    """Return the archive with the applications' Python, written if missing: modules of ours run in it as well."""
    with only_one(images_directory() / "hub.lock", lambda: progress("waiting for another making of the images")):
        return written(_applications(_python(progress)), progress)


def _shell() -> tuple[dict[str, Path], dict[str, str]]:
    """Return busybox and links of the words that probes and scripts use."""
    return {"bin/busybox": Path(str(shutil.which("busybox")))}, {f"bin/{word}": "/bin/busybox" for word in SHELL_WORDS}


def _kafka(artifacts: Artifacts, agent: Path) -> Image:
    files, links = _shell()
    jars = {f"opt/kafka/libs/{Path(jar).name}": Path(jar) for jar in artifacts.class_path.split(":")}
    return Image(
        KAFKA,
        {**files, **jars, AGENT_PLACE.lstrip("/"): agent},
        ["/bin/sh"],
        links,
        trees={"opt/java": artifacts.java.parents[1]},
        texts={"etc/passwd": f"kafka:x:{STRIMZI_USER}:0::/tmp:/bin/sh\n"},
        user=STRIMZI_USER,
    )


def _postgres(artifacts: Artifacts) -> Image:
    files, links = _shell()
    files["bin/bash"] = Path("/bin/bash")  # the manifests' script asks for it
    for name in CLIENT_PROGRAMS:
        files[f"usr/bin/{name}"] = _client(name)
    return Image(
        POSTGRES,
        files,
        ["/bin/sh"],
        links,
        trees={"usr/local/postgresql": artifacts.postgres_programs.parent},
        texts={
            "etc/passwd": f"postgres:x:{POSTGRES_USER}:{POSTGRES_USER}::/tmp:/bin/sh\n",
            "etc/group": f"postgres:x:{POSTGRES_USER}:\n",
        },
        environment={"PATH": "/usr/local/postgresql/bin:/bin:/usr/bin"},
        user=f"{POSTGRES_USER}:{POSTGRES_USER}",
        stop_signal="SIGINT",  # a fast shutdown, as the official image's
    )


def _redis(artifacts: Artifacts) -> Image:
    files, links = _shell()
    files["usr/local/bin/redis-server"] = artifacts.redis_server
    files["usr/local/bin/redis-cli"] = artifacts.redis_server.with_name("redis-cli")
    return Image(REDIS, files, [], links, entrypoint=["/usr/local/bin/redis-server"])


def _applications(python: Path) -> Image:
    """Return the event processor's image, with the gateway's beside it: the same files, another module."""

    def runs(module: str) -> list[str]:
        return ["/usr/local/bin/python", "-m", f"workbench.apps.{module}"]

    files, links = _shell()
    return Image(
        EVENT_PROCESSOR,
        files,
        runs("event_processor"),
        links,
        trees={"usr/local": python},
        registry=LIBRARY,
        user="10001:10001",
        others={GATEWAY: runs("gateway")},
    )


def _client(name: str) -> Path:
    """Return one of PostgreSQL's client programs, Debian's newest. Raises MachineTrouble where there is none."""
    pattern = f"{CLIENT_FOLDERS}/{name}".lstrip("/")
    found = sorted(Path("/").glob(pattern), key=lambda path: int(path.parents[1].name))
    if not found:
        raise MachineTrouble(f"{name} is not there: make cluster installs it (Debian's postgresql-client)")
    return found[-1]


def _python(progress: Progress) -> Path:
    """Return the folder of the applications' Python, made if missing; older ones go."""
    folder = images_directory()
    tree = folder / f"python-{python_tree.fingerprint()}"
    if not tree.exists():
        progress("collecting the applications' Python")
        part = folder / "python.part"
        shutil.rmtree(part, ignore_errors=True)
        python_tree.write_tree(part)
        for older in folder.glob("python-*"):
            shutil.rmtree(older)
        part.rename(tree)
    return tree
