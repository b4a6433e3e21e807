"""Stand-in for Strimzi's entity operator: makes the topics and access rules of KafkaTopic and KafkaUser resources.

`python -m workbench.target.throwaway.hub.entity_operator <file>` runs in a Job inside the cluster, with the cluster
operator's certificate. It makes what is missing, once; it does not watch, change or delete.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

TIMEOUT_S: Final = 30.0
BROKERS_TIMEOUT_S: Final = 240.0
POLL_S: Final = 0.5


def main(path: Path) -> None:
    """Make everything that the file names. Raises KafkaException when refused, TimeoutError without brokers."""
    wanted = json.loads(path.read_text())
    admin = AdminClient({**wanted["client"], "log_level": 3})
    _wait_for_brokers(admin, wanted["brokers"])
    topics = [
        NewTopic(each["name"], each["partitions"], each["replicas"], config=each["config"]) for each in wanted["topics"]
    ]
    made = admin.create_topics(topics, operation_timeout=TIMEOUT_S)
    _finish(made, forgiven=KafkaError.TOPIC_ALREADY_EXISTS)
    rules = [_binding(user, rule) for user, rules in wanted["users"].items() for rule in rules]
    _finish(admin.create_acls(rules))
    print(f"{len(topics)} topics, {len(rules)} rules of {len(wanted['users'])} users")


def _wait_for_brokers(admin: AdminClient, brokers: int) -> None:
    deadline_s = time.monotonic() + BROKERS_TIMEOUT_S
    while True:
        try:
            if len(admin.list_topics(timeout=TIMEOUT_S).brokers) == brokers:
                return
        except KafkaException as error:
            print(f"no brokers yet: {error}", flush=True)
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"not all of {brokers} brokers after {BROKERS_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def _binding(user: str, rule: Mapping[str, Any]) -> AclBinding:
    """Return one operation on one resource, allowed for one certificate's name."""
    return AclBinding(
        ResourceType[rule["type"].upper()],
        rule["name"],
        ResourcePatternType[rule["pattern"].upper()],
        f"User:CN={user}",
        "*",
        AclOperation[rule["operation"].upper()],
        AclPermissionType.ALLOW,
    )


def _finish(futures: Mapping[Any, Any], forgiven: int = KafkaError.NO_ERROR) -> None:
    for future in futures.values():
        try:
            future.result(timeout=TIMEOUT_S)
        except KafkaException as exception:
            error = exception.args[0]
            if not isinstance(error, KafkaError) or error.code() != forgiven:
                raise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
