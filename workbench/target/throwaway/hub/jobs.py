"""Jobs inside the cluster that run a module of ours, in the image of the event processor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from workbench.target.throwaway.hub.images import EVENT_PROCESSOR, LIBRARY
from workbench.target.throwaway.hub.kinds import Object

FOLDER: Final = "/etc/hub-workbench"  # where a Job finds its question and its certificates
QUESTION: Final = "question.json"
KAFKA_CLIENT: Final = {
    "security.protocol": "SSL",
    "ssl.ca.location": f"{FOLDER}/ca.crt",
    "ssl.certificate.location": f"{FOLDER}/user.crt",
    "ssl.key.location": f"{FOLDER}/user.key",
}


def job(
    name: str,
    namespace: str,
    module: str,
    question: Mapping[str, Any],
    *,
    user: str,
    retries: int,
    labels: Mapping[str, str],
    secrets: Mapping[str, tuple[str, str]],
) -> list[Object]:
    """Return a Job and the ConfigMap of its question.

    `user` is the Secret with its certificate for Kafka; `secrets` are variables of its environment, each the name and
    the key of a Secret.
    """
    metadata = {"name": name, "namespace": namespace}
    container = {
        "name": name,
        "image": f"{LIBRARY}/{EVENT_PROCESSOR}",
        "command": ["/usr/local/bin/python", "-m", module, f"{FOLDER}/{QUESTION}"],
        "env": [
            {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
            for variable, (secret, key) in secrets.items()
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "question", "mountPath": FOLDER, "readOnly": True}],
    }
    sources = [{"configMap": {"name": name}}, {"secret": {"name": user}}]
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "question", "projected": {"sources": sources}}],
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {QUESTION: json.dumps(question)}},
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": {
                "backoffLimit": retries,
                "template": {"metadata": {"labels": dict(labels)}, "spec": spec},
            },
        },
    ]
