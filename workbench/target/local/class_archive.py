"""The Java servers' classes, parsed and verified once a machine instead of at every start.

HotSpot's class-data sharing (JEP 310, JEP 350): one ZooKeeper server and one broker run for a moment, then one server
that is a controller and a broker without ZooKeeper, and list the classes they load; the list becomes an archive that
every later start maps into memory. It halves a broker's start:
2.3 to 1.1 s, 2.6 to 1.3 s of computing (measured on two cores, JDK 17.0.9). A server without ZooKeeper computes 1.1 s
until it has started, 1.3 s with an archive of the other mode's classes alone (measured, three starts each). The JVM
checks the archive against its own build and the jars, and goes without one that does not fit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from workbench.errors import ToolFailed
from workbench.target.clients import zookeeper_words
from workbench.target.clients.addresses import LOOPBACK, Address
from workbench.target.local import kraft_settings, machine
from workbench.target.local.settings_files import java_properties

ZOOKEEPER_MAIN: Final = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
BROKER_MAIN: Final = "kafka.Kafka"
JVM_OPTIONS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")  # the last: no file in /tmp
UP_TIMEOUT_S: Final = 60.0
END_TIMEOUT_S: Final = 60.0
DUMP_TIMEOUT_S: Final = 180.0
POLL_S: Final = 0.05
BROKER_IS_UP: Final = "started (KafkaServer)"  # its log's last line of a start
KRAFT_IS_UP: Final = "Kafka Server started (KafkaRaftServer)"
LISTED: Final = ("zookeeper", "kafka", "format", "kraft")  # whose classes are in an archive


@dataclass(frozen=True)
class Runtime:
    """What an archive is made for: a JVM's program and the class path of both servers."""

    java: Path
    class_path: str

    def archive(self, home: Path) -> Path:
        """Return the archive's file below `home`; another JVM, class path or jar has another one."""
        release = (self.java.parent.parent / "release").read_bytes()
        jars = [(path, os.stat(path).st_mtime_ns) for path in self.class_path.split(":")]
        key = hashlib.sha256(release + repr((jars, LISTED)).encode()).hexdigest()
        return home / f"classes-{key[:16]}.jsa"


def make(runtime: Runtime, target: Path) -> None:
    """Write the archive `target` and remove older ones beside it. Raises ToolFailed when it cannot be made."""
    for leftover in target.parent.glob("archive-*"):
        shutil.rmtree(leftover)  # of a making that was killed; the caller holds the artifacts' lock
    with tempfile.TemporaryDirectory(prefix="archive-", dir=target.parent) as temporary:
        home = Path(temporary)
        classes = home / "classes.list"
        classes.write_text("\n".join(_loaded_classes(runtime, home)) + "\n")
        part = home / target.name
        options = ("-Xshare:dump", f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={part}")
        command = [str(runtime.java), *JVM_OPTIONS, *options, "-cp", runtime.class_path]
        with (home / "dump.out").open("wb") as out:
            code = subprocess.run(command, stdout=out, stderr=out, timeout=DUMP_TIMEOUT_S, check=False).returncode
        if code or not part.exists():
            raise ToolFailed(f"java -Xshare:dump ended with {code}: {(home / 'dump.out').read_text()[-300:]}")
        for older in target.parent.glob("classes-*.jsa"):
            older.unlink()  # a JVM that has it mapped keeps it
        part.rename(target)


def _loaded_classes(runtime: Runtime, home: Path) -> list[str]:
    """Return the names of the classes that the servers of both modes load until they have stopped, once each."""
    _with_zookeeper(runtime, home)
    _without_zookeeper(runtime, home)
    lists = [(home / f"{name}.list").read_text().splitlines() for name in LISTED]
    return list(dict.fromkeys(line for lines in lists for line in lines))


def _with_zookeeper(runtime: Runtime, home: Path) -> None:
    """Run a ZooKeeper server and a broker."""
    ports = machine.free_ports(())
    zookeeper_port, broker_port = next(ports), next(ports)
    settings = {
        "zookeeper": {
            "dataDir": str(home / "zookeeper"),
            "clientPort": str(zookeeper_port),
            "clientPortAddress": LOOPBACK,
            "admin.enableServer": "false",
            "4lw.commands.whitelist": zookeeper_words.WORDS,
        },
        "kafka": {
            "broker.id": "0",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{broker_port}",
            "log.dirs": str(home / "data"),
            "zookeeper.connect": f"{LOOPBACK}:{zookeeper_port}",
            "controlled.shutdown.enable": "false",  # nobody takes over
        },
    }
    with ExitStack() as running:
        zookeeper = _run(runtime, home, "zookeeper", ZOOKEEPER_MAIN, settings["zookeeper"], running)
        _wait(zookeeper, lambda: zookeeper_words.mode(Address(LOOPBACK, zookeeper_port)) != "", "ZooKeeper answers")
        broker = _run(runtime, home, "kafka", BROKER_MAIN, settings["kafka"], running)
        _wait(broker, lambda: _says(home / "kafka.log", BROKER_IS_UP), "the broker has started")
        for process in (broker, zookeeper):
            process.terminate()
            process.wait(END_TIMEOUT_S)


def _without_zookeeper(runtime: Runtime, home: Path) -> None:
    """Format the storage of one server that is both, a controller and a broker, and run it."""
    ports = machine.free_ports(())
    controller_port, broker_port = next(ports), next(ports)
    listeners = f"PLAINTEXT://{LOOPBACK}:{broker_port},{kraft_settings.LISTENER}://{LOOPBACK}:{controller_port}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "0",
        "controller.quorum.voters": f"0@{LOOPBACK}:{controller_port}",
        "controller.listener.names": kraft_settings.LISTENER,
        "listeners": listeners,
        "listener.security.protocol.map": f"{kraft_settings.LISTENER}:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(home / "kraft-data"),
        "controlled.shutdown.enable": "false",
    }
    file = home / "kraft.properties"
    file.write_text(java_properties(settings))
    storage = ("format", "--cluster-id", kraft_settings.cluster_id(home.name), "--config", str(file))
    with ExitStack() as running:
        formats = _run_java(runtime, home, "format", (kraft_settings.STORAGE_MAIN, *storage), running)
        if formats.wait(END_TIMEOUT_S):
            raise ToolFailed(f"the storage could not be formatted: {(home / 'format.out').read_text()[-300:]}")
        both = _run(runtime, home, "kraft", BROKER_MAIN, settings, running)
        _wait(both, lambda: _says(home / "kraft.log", KRAFT_IS_UP), "the server without ZooKeeper has started")
        both.terminate()
        both.wait(END_TIMEOUT_S)


def java_options(log: Path) -> list[str]:
    """Return the options that every Java server of a hub has; its log goes to `log`."""
    with resources.as_file(resources.files("workbench.target.local") / "log4j.properties") as log4j:
        log4j_url = log4j.resolve().as_uri()
    return [*JVM_OPTIONS, "-Djava.net.preferIPv4Stack=true", f"-Dlog4j.configuration={log4j_url}", f"-Dhub.log={log}"]


def _run(
    runtime: Runtime, home: Path, name: str, main_class: str, settings: Mapping[str, str], running: ExitStack
) -> subprocess.Popen[bytes]:
    """Start a server with these settings; see `_run_java`."""
    file = home / f"{name}.properties"
    file.write_text(java_properties(settings))
    return _run_java(runtime, home, name, (main_class, str(file)), running)


def _run_java(
    runtime: Runtime, home: Path, name: str, main: tuple[str, ...], running: ExitStack
) -> subprocess.Popen[bytes]:
    """Start a program that lists its classes; it ends with `running` at the latest, or with this process."""
    options = (f"-XX:DumpLoadedClassList={home / f'{name}.list'}", *java_options(home / f"{name}.log"))
    out = running.enter_context((home / f"{name}.out").open("wb"))
    with_parent = ("setpriv", "--pdeathsig", "KILL")
    command = [*with_parent, str(runtime.java), *options, "-cp", runtime.class_path, *main]
    process = running.enter_context(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out))
    running.callback(process.kill)
    return process


def _wait(process: subprocess.Popen[bytes], condition: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + UP_TIMEOUT_S
    while not condition():
        if process.poll() is not None:
            raise ToolFailed(f"a server ended ({process.returncode}) before: {what}")
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"not within {UP_TIMEOUT_S:.0f} s: {what}")
        time.sleep(POLL_S)


def _says(log: Path, words: str) -> bool:
    return log.exists() and words in log.read_text(errors="replace")
