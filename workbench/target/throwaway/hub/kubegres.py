"""Stand-in for Kubegres 1.16's controller: what it makes of a `Kubegres` resource, as objects.

One StatefulSet an instance (postgres-1 the first primary), headless Services `postgres` and `postgres-replica` that
choose by the label replicationRole, pods' labels, probes and the 10 s of grace are Kubegres's (its templates
PrimaryStatefulSetTemplate.yaml, ReplicaStatefulSetTemplate.yaml, PrimaryServiceTemplate.yaml at v1.16). The scripts
are of our own making: the official image's entrypoint and Kubegres's init container do the same steps. What it does
when the primary is lost is in kubegres_failover.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.target.throwaway.hub.kinds import Object, volume_claim

DATA: Final = "/var/lib/postgresql/data"
PGDATA: Final = f"{DATA}/pgdata"
SETTINGS: Final = "/etc/postgres"
TERMINATION_GRACE_S: Final = 10
PRIMARY, REPLICA = "primary", "replica"
ROLE: Final = "replicationRole"  # label of a pod
INDEX: Final = "index"  # label of an instance
TRIGGER: Final = f"{DATA}/promote_replica_to_primary.log"  # a standby that finds it promotes itself (up to Postgres 15)

# Login by password, also for replication; the local socket is the probes' and this pod's own.
HBA: Final = """local all all trust
host replication replication all md5
host all all all md5
"""

START: Final = f"""set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.part"
  if [ "$REPLICATION_ROLE" = {PRIMARY} ]; then
    printf %s "$POSTGRES_PASSWORD" > /tmp/password
    initdb --pgdata="$PGDATA.part" --username="$POSTGRES_USER" --pwfile=/tmp/password --encoding=UTF8 --locale=C
    rm /tmp/password
    pg_ctl --pgdata="$PGDATA.part" --wait --options="-c listen_addresses= -c unix_socket_directories=/tmp" start
    export PGHOST=/tmp
    psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_REPLICATION_PASSWORD" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE replication WITH REPLICATION LOGIN PASSWORD :'password';
SQL
    bash {SETTINGS}/primary_init_script.sh
    pg_ctl --pgdata="$PGDATA.part" --wait --mode=fast stop
  else
    export PGPASSWORD="$POSTGRES_REPLICATION_PASSWORD"
    tries=0
    until pg_isready --quiet --host=postgres; do
      tries=$((tries + 1))
      [ $tries -lt 120 ]
      sleep 1
    done
    pg_basebackup --host=postgres --username=replication --pgdata="$PGDATA.part" --wal-method=stream \\
      --write-recovery-conf --checkpoint=fast
  fi
  chmod 0700 "$PGDATA.part"
  mv "$PGDATA.part" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c config_file={SETTINGS}/postgres.conf -c hba_file={SETTINGS}/pg_hba.conf \\
  -c unix_socket_directories=/tmp -c cluster_name="$HOSTNAME" -c promote_trigger_file={TRIGGER}
"""


class Kubegres:
    """One Kubegres resource and what is made of it."""

    def __init__(self, kubegres: Mapping[str, Any]) -> None:
        self._spec = kubegres["spec"]
        self.name = str(kubegres["metadata"]["name"])
        self.namespace = str(kubegres["metadata"]["namespace"])

    def objects(self) -> list[Object]:
        """Return both Services, the scripts and a StatefulSet an instance."""
        scripts = {"pg_hba.conf": HBA, "start.sh": START}
        return [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": self._metadata("base-kubegres-config"),
                "data": scripts,
            },
            self._service(self.name, PRIMARY),
            self._service(f"{self.name}-{REPLICA}", REPLICA),
            *(self.instance(number, PRIMARY if number == 1 else REPLICA) for number in range(1, self.replicas + 1)),
        ]

    @property
    def replicas(self) -> int:
        """Return how many instances are wanted, the primary included."""
        return int(self._spec["replicas"])

    @property
    def fails_over(self) -> bool:
        """Tell whether a lost primary is replaced by a standby."""
        return not self._spec["failover"]["isDisabled"]

    def promotion(self) -> Object:
        """Return the patch of a replica's StatefulSet that makes it the primary: its pod starts again and promotes."""
        touch = {
            "name": "promote",
            "image": self._spec["image"],
            "command": ["touch", TRIGGER],
            "volumeMounts": [{"name": "postgres-db", "mountPath": DATA}],
        }
        template = {"metadata": {"labels": {ROLE: PRIMARY}}, "spec": {"initContainers": [touch]}}
        return {"spec": {"template": template}}

    def _metadata(self, name: str) -> Object:
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": {"app": self.name, "app.kubernetes.io/managed-by": "kubegres-stand-in"},
        }

    def _service(self, name: str, role: str) -> Object:
        spec = {
            "clusterIP": "None",
            "selector": {"app": self.name, ROLE: role},
            "ports": [{"name": "tcp-postgres", "port": self._spec["port"]}],
        }
        return {"apiVersion": "v1", "kind": "Service", "metadata": self._metadata(name), "spec": spec}

    def instance(self, number: int, role: str) -> Object:
        """Return an instance's StatefulSet."""
        own = {"app": self.name, INDEX: str(number)}
        scheduler, probe, database = self._spec["scheduler"], self._spec["probe"], self._spec["database"]
        environment = [
            {"name": "PGDATA", "value": PGDATA},
            {"name": "POSTGRES_USER", "value": "postgres"},
            {"name": "POSTGRES_DB", "value": "postgres"},
            {"name": "REPLICATION_ROLE", "value": role},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            *self._spec["env"],
        ]
        projected = [
            {"configMap": {"name": "base-kubegres-config"}},
            {"configMap": {"name": self._spec["customConfig"]}},
        ]
        container = {
            "name": f"{self.name}-{number}",
            "image": self._spec["image"],
            "command": ["sh", f"{SETTINGS}/start.sh"],
            "env": environment,
            "ports": [{"containerPort": self._spec["port"]}],
            "resources": self._spec["resources"],
            "readinessProbe": probe["readinessProbe"],
            "livenessProbe": probe["livenessProbe"],
            "volumeMounts": [
                {"name": "postgres-db", "mountPath": DATA},
                {"name": "settings", "mountPath": SETTINGS},
                {"name": "tmp", "mountPath": "/tmp"},
                {"name": "dshm", "mountPath": "/dev/shm"},
            ],
        }
        spec = {
            "serviceName": self.name,
            "replicas": 1,
            "selector": {"matchLabels": own},
            "template": {
                "metadata": {"labels": {**own, ROLE: role}},
                "spec": {
                    "terminationGracePeriodSeconds": TERMINATION_GRACE_S,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": self._spec["securityContext"],
                    "tolerations": scheduler["tolerations"],
                    "affinity": scheduler["affinity"],
                    "containers": [container],
                    "volumes": [
                        {"name": "settings", "projected": {"sources": projected}},
                        {"name": "tmp", "emptyDir": {}},
                        {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
                    ],
                },
            },
            "volumeClaimTemplates": [volume_claim("postgres-db", database["storageClassName"], database["size"])],
        }
        metadata = self._metadata(f"{self.name}-{number}")
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}
