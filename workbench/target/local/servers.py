"""The command, environment and settings of every server, from the topology's numbers.

What manifests state is written as they state it. Added to it is only what this place decides: ports, folders,
loopback, passwords and the JVM's size.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import workbench
from workbench.fault import FailoverRule
from workbench.target.clients import zookeeper_words
from workbench.target.clients.addresses import LOOPBACK
from workbench.target.local import class_archive, kraft_settings
from workbench.target.local.artifacts import Artifacts
from workbench.target.local.machine import as_plain_user
from workbench.target.local.places import DIRECTORY_MARK, HUB_MARK, NODE_MARK
from workbench.target.local.processes import ProcessSpec
from workbench.target.local.record import Ports
from workbench.target.local.settings_files import java_properties, postgres_conf, redis_conf
from workbench.target.port import Endpoints
from workbench.topology.hub import ControllerQuorum, HubTopology, KafkaCluster

BROKER_HEAP_MB_MAX: Final = 256  # of each broker, whatever more the manifests give: all share one machine
ZOOKEEPER_HEAP_MB: Final = 64
CONTROLLER_HEAP_MB: Final = 64
DATABASE: Final = "hub"  # of the applications; its owner has the same name
SUPERUSER: Final = "postgres"
KUBEGRES: Final = "kubegres-stand-in"
SERVER_PROPERTIES: Final = "server.properties"  # of a broker or a controller, in its folder


@dataclass(frozen=True)
class Secrets:
    """Drawn for each hub."""

    postgres_superuser: str
    postgres_hub: str
    redis: str
    encryption_key: str
    gateway_login: str
    gateway_token_key: str


class Instances(Protocol):
    """What Postgres's instances are configured from: a part of a Plan."""

    @property
    def topology(self) -> HubTopology:
        """Return what the manifests state."""

    @property
    def ports(self) -> Ports:
        """Return the hub's ports."""

    @property
    def superuser_password(self) -> str:
        """Return what an instance's superuser logs in with."""

    def home(self, server: str) -> Path:
        """Return (and make) a server's own folder."""


@dataclass(frozen=True)
class Plan:
    """All that a hub's servers are configured from."""

    topology: HubTopology
    directory: Path
    ports: Ports
    artifacts: Artifacts
    secrets: Secrets
    failover: FailoverRule = FailoverRule.NONE
    small_disk: int | None = None  # the broker that has a small disk of its own

    @property
    def logs(self) -> Path:
        """Return the folder of logs; a server's log is <server>.log."""
        return self.directory / "logs"

    @property
    def kafka_bootstrap(self) -> str:
        """Return the brokers' addresses."""
        return self.ports.addresses.bootstrap

    @property
    def zookeeper_connect(self) -> str:
        """Return the ZooKeeper servers' addresses; "" in KRaft mode."""
        return self.ports.addresses.zookeeper_connect

    @property
    def postgres_dsn(self) -> str:
        """Return the applications' way to the primary.

        Where another instance may become the primary, it names all of them and libpq takes the one that accepts
        writes: the stand-in for the Service `postgres`, whose selector follows the primary. A client finds the new
        primary at its next attempt; the age of a DNS answer (up to 30 s in a cluster) is not in it.
        """
        account = f"postgresql://{DATABASE}:{self.secrets.postgres_hub}@"
        if self.failover is FailoverRule.NONE:
            return f"{account}{LOOPBACK}:{self.ports.postgres[1]}/{DATABASE}"
        doors = ",".join(f"{LOOPBACK}:{port}" for port in self.ports.postgres.values())
        return f"{account}{doors}/{DATABASE}?target_session_attrs=read-write"

    @property
    def redis_url(self) -> str:
        """Return the way to Redis."""
        return f"redis://:{self.secrets.redis}@{LOOPBACK}:{self.ports.redis}/0"

    @property
    def endpoints(self) -> Endpoints:
        """Return the hub's doors."""
        return Endpoints(
            kafka_bootstrap=self.kafka_bootstrap,
            zookeeper=self.zookeeper_connect,
            postgres_dsn=self.postgres_dsn,
            redis_url=self.redis_url,
            processor_metrics=tuple(f"http://{LOOPBACK}:{port}/metrics" for port in self.ports.metrics.values()),
            gateway_urls=tuple(f"http://{LOOPBACK}:{port}" for port in self.ports.gateways.values()),
            gateway_secret=self.secrets.gateway_login,
        )

    @property
    def superuser_password(self) -> str:
        """Return what an instance's superuser logs in with."""
        return self.secrets.postgres_superuser

    def home(self, server: str) -> Path:
        """Return (and make) a server's own folder."""
        return home(self.directory, server)

    def environment(self, node: str) -> dict[str, str]:
        """Return the environment of a server: nothing of the user's, so that every hub runs alike."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.directory),
            "TMPDIR": str(self.directory / "tmp"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            HUB_MARK: self.directory.name,
            DIRECTORY_MARK: str(self.directory),
            NODE_MARK: node,
        }


def home(directory: Path, server: str) -> Path:
    """Return (and make) a server's own folder in a hub's directory."""
    path = directory / server
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def zookeeper(plan: Plan, server_id: int) -> ProcessSpec:
    """Return the ZooKeeper server `server_id` (ZooKeeper 3.8.4 administrator's guide)."""
    name, ensemble, ports = f"zookeeper-{server_id}", plan.topology.zookeeper, plan.ports
    home = plan.home(name)
    (home / "myid").write_text(f"{server_id}\n")
    settings = {
        **ensemble.config,
        "tickTime": str(round(ensemble.tick_time_s * 1000)),
        "initLimit": str(ensemble.init_limit_ticks),
        "syncLimit": str(ensemble.sync_limit_ticks),
        "dataDir": str(home),
        "clientPort": str(ports.zookeeper[server_id]),
        "clientPortAddress": LOOPBACK,
        "admin.enableServer": "false",
        "4lw.commands.whitelist": zookeeper_words.WORDS,
        **{
            f"server.{other}": f"{LOOPBACK}:{ports.quorum[other]}:{ports.election[other]}"
            for other in ensemble.server_ids
        },
    }
    return _java(plan, name, class_archive.ZOOKEEPER_MAIN, "zookeeper.properties", settings, ZOOKEEPER_HEAP_MB)


def broker(plan: Plan, broker_id: int) -> ProcessSpec:
    """Return the Kafka broker `broker_id` (Kafka 3.7.1, documentation "Broker Configs")."""
    name, kafka = f"kafka-{broker_id}", plan.topology.kafka
    if kafka.quorum is None:
        metadata = {
            "zookeeper.session.timeout.ms": str(round(kafka.zookeeper_session_timeout_s * 1000)),
            "broker.id": str(broker_id),
            "zookeeper.connect": plan.zookeeper_connect,
        }
    else:
        metadata = kraft_settings.broker(kafka.quorum, broker_id, plan.ports.controllers)
    settings = {
        "replica.lag.time.max.ms": str(round(kafka.replica_lag_time_max_s * 1000)),
        **metadata,
        **kafka.config,
        "listeners": f"PLAINTEXT://{LOOPBACK}:{plan.ports.kafka[broker_id]}",
        "log.dirs": str(broker_data(plan.directory, name)),
    }
    return _java(plan, name, class_archive.BROKER_MAIN, SERVER_PROPERTIES, settings, _broker_heap_mb(kafka))


def _broker_heap_mb(kafka: KafkaCluster) -> int:
    stated_mb = BROKER_HEAP_MB_MAX if kafka.heap_bytes is None else int(kafka.heap_bytes // 2**20)
    return min(BROKER_HEAP_MB_MAX, stated_mb)


def broker_data(directory: Path, server: str) -> Path:
    """Return a broker's only log directory."""
    return home(directory, server) / "data"


def controller(plan: Plan, quorum: ControllerQuorum, node_id: int) -> ProcessSpec:
    """Return the KRaft controller `node_id` (Kafka 3.7.1, documentation "KRaft")."""
    name = f"controller-{node_id}"
    settings = {
        **plan.topology.kafka.config,
        **kraft_settings.controller(quorum, node_id, plan.ports.controllers),
        "log.dirs": str(plan.home(name) / "data"),
    }
    return _java(plan, name, class_archive.BROKER_MAIN, SERVER_PROPERTIES, settings, CONTROLLER_HEAP_MB)


def format_storage(plan: Plan, server: str) -> list[str]:
    """Return the command that makes a KRaft server's empty log directory the cluster's (kafka-storage format)."""
    cluster = ("--cluster-id", kraft_settings.cluster_id(plan.directory.name))
    config = ("--config", str(plan.home(server) / SERVER_PROPERTIES))
    options = (f"-Xmx{CONTROLLER_HEAP_MB}m",)
    return list(
        _java_argv(plan, f"{server}-format.log", options, kraft_settings.STORAGE_MAIN, "format", *cluster, *config)
    )


def _java(
    plan: Plan, name: str, main_class: str, file_name: str, settings: Mapping[str, str], heap_mb: int
) -> ProcessSpec:
    """Write a Java server's settings into its folder and return the server."""
    file = plan.home(name) / file_name
    file.write_text(java_properties(settings))
    options = (
        "-XX:+ExitOnOutOfMemoryError",
        f"-XX:ErrorFile={plan.logs / name}.crash",
        f"-Xms{heap_mb}m",
        f"-Xmx{heap_mb}m",
        f"-Djava.io.tmpdir={plan.directory / 'tmp'}",
    )
    return _spec(plan, name, _java_argv(plan, f"{name}.log", options, main_class, str(file)), stdout=f"{name}.out")


def _java_argv(plan: Plan, log: str, options: tuple[str, ...], main_class: str, *arguments: str) -> tuple[str, ...]:
    """Return a Java command with the hub's class path; `log` is a file in its folder of logs."""
    archive = plan.artifacts.class_archive
    return (
        str(plan.artifacts.java),
        *class_archive.java_options(plan.logs / log),
        *([f"-XX:SharedArchiveFile={archive}"] if archive else []),
        *options,
        "-cp",
        plan.artifacts.class_path,
        main_class,
        *arguments,
    )


def postgres_prefix() -> list[str]:
    """Return the words before every command of PostgreSQL."""
    return as_plain_user("QUIT")


def postgres(plan: Plan, instance: int) -> ProcessSpec:
    """Return the PostgreSQL instance whose data folder was made before (workbench.target.local.databases)."""
    name = f"postgres-{instance}"
    program = str(plan.artifacts.postgres_programs / "postgres")
    argv = (*postgres_prefix(), program, "-D", str(plan.home(name)))
    spec = _spec(plan, name, argv, death_signal=signal.SIGQUIT)
    return replace(spec, restarts=plan.failover is FailoverRule.NONE)


def kubegres(plan: Plan) -> ProcessSpec:
    """Return the stand-in for Kubegres's fail-over: a helper, it holds nothing that could be lost."""
    return ProcessSpec(
        name=KUBEGRES,
        argv=(sys.executable, "-m", "workbench.target.local.kubegres", str(plan.directory)),
        environment={
            "PYTHONPATH": str(Path(workbench.__file__).resolve().parents[1]),
            "POSTGRES_SUPERUSER_PASSWORD": plan.secrets.postgres_superuser,
            **plan.environment(""),
        },
        directory=str(plan.directory),
        stdout=str(plan.logs / f"{KUBEGRES}.log"),
        is_server=False,
    )


def postgres_settings(plan: Instances, instance: int, primary: int = 1) -> str:
    """Return postgresql.conf lines of an instance: the manifest's, then this place's (the last one counts)."""
    own = {
        "listen_addresses": LOOPBACK,
        "port": str(plan.ports.postgres[instance]),
        "unix_socket_directories": "",
        "dynamic_shared_memory_type": "mmap",  # files in the data folder, nothing left in /dev/shm
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
    }
    if instance != primary:
        own["primary_conninfo"] = (
            f"host={LOOPBACK} port={plan.ports.postgres[primary]} user={SUPERUSER} "
            f"password={plan.superuser_password} application_name=postgres-{instance}"
        )
    stated = {key: value for key, value in plan.topology.postgres.config.items() if key not in own}
    return postgres_conf({**stated, **own})


def redis(plan: Plan) -> ProcessSpec:
    """Return the Redis server (Redis 6.2, redis.conf)."""
    name = "redis-0"
    home = plan.home(name)
    settings = {
        **plan.topology.redis.config,
        "bind": LOOPBACK,
        "port": str(plan.ports.redis),
        "requirepass": plan.secrets.redis,
        "dir": str(home),
        "daemonize": "no",
    }
    file = home / "redis.conf"
    file.touch(mode=0o600)
    file.write_text(redis_conf(settings))
    return _spec(plan, name, (str(plan.artifacts.redis_server), str(file)))


def processor(plan: Plan, index: int) -> ProcessSpec:
    """Return the event processor `index`: the manifest's environment, with this hub's doors."""
    name, processors = f"event-processor-{index}", plan.topology.processors
    own = {
        "KAFKA_BOOTSTRAP": plan.kafka_bootstrap,
        "KAFKA_TOPICS": ",".join(topic.name for topic in plan.topology.topics),
        "KAFKA_GROUP": processors.consumer_group,
        "POSTGRES_DSN": plan.postgres_dsn,
        "REDIS_URL": plan.redis_url,
        "ENCRYPTION_KEY": plan.secrets.encryption_key,
        "GROUP_SESSION_TIMEOUT_S": str(processors.group_session_timeout_s),
        "BATCH_EVENTS_MAX": str(processors.batch_events_max),
        "BATCH_LINGER_S": str(processors.batch_linger_s),
        "METRICS_PORT": str(plan.ports.metrics[index]),
        "PROCESSOR_INDEX": str(index),
        "PYTHONPATH": str(Path(workbench.__file__).resolve().parents[1]),
    }
    argv = (sys.executable, "-m", "workbench.apps.event_processor")
    return _spec(plan, name, argv, environment={"LOG_LEVEL": "INFO", **processors.environment, **own})


def gateway(plan: Plan, index: int) -> ProcessSpec:
    """Return the gateway `index`: the manifest's environment, with this hub's doors."""
    own = {
        "LISTEN_ADDRESS": LOOPBACK,
        "PORT": str(plan.ports.gateways[index]),
        "POSTGRES_DSN": plan.postgres_dsn,
        "REDIS_URL": plan.redis_url,
        "ENCRYPTION_KEY": plan.secrets.encryption_key,
        "LOGIN_SECRET": plan.secrets.gateway_login,
        "TOKEN_KEY": plan.secrets.gateway_token_key,
        "PYTHONPATH": str(Path(workbench.__file__).resolve().parents[1]),
    }
    argv = (sys.executable, "-m", "workbench.apps.gateway")
    return _spec(plan, f"gateway-{index}", argv, environment={**plan.topology.gateways.environment, **own})


def _spec(
    plan: Plan,
    name: str,
    argv: tuple[str, ...],
    *,
    stdout: str = "",
    environment: dict[str, str] | None = None,
    death_signal: int = signal.SIGKILL,
) -> ProcessSpec:
    node = plan.topology.placement[name]
    return ProcessSpec(
        name=name,
        argv=argv,
        environment={**(environment or {}), **plan.environment(node)},
        directory=str(plan.home(name)),
        stdout=str(plan.logs / (stdout or f"{name}.log")),
        node=node,
        death_signal=int(death_signal),
    )
