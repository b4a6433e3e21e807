"""What the stand-ins for the operators make of the manifests, and what images hold; nothing is started here."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from packaging.requirements import Requirement

import workbench
from workbench.errors import BadInput
from workbench.target.throwaway.hub import deploying, entity_operator, python_tree
from workbench.target.throwaway.hub.kubegres import START
from workbench.target.throwaway.hub.objects import HubObjects, hub_objects
from workbench.target.throwaway.images import Image, write_image
from workbench.target.throwaway.kubectl import Kubectl
from workbench.topology import read_topology
from workbench.topology.rendering import render

MANIFESTS = Path(__file__).parents[2] / "manifests"
THROWAWAY = MANIFESTS / "overlays" / "throwaway"
Object = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> list[Object]:
    """Every object of the throwaway overlay, the probe's too."""
    objects = hub_objects(THROWAWAY)
    return [*(each for stage in objects.stages() for each in stage), *objects.probe()]


def _named(made: list[Object], kind: str, name: str) -> Object:
    return next(each for each in made if each["kind"] == kind and each["metadata"]["name"] == name)


def _pods(made: list[Object]) -> list[dict[str, str]]:
    workloads = [each for each in made if each["kind"] in ("StatefulSet", "Deployment", "Job")]
    return [each["spec"]["template"]["metadata"]["labels"] for each in workloads]


def test_the_overlay_changes_images_requests_and_heaps_alone() -> None:
    """Limits, settings, topics and counts are the base's."""
    base, throwaway = read_topology(MANIFESTS / "base"), read_topology(THROWAWAY)
    assert throwaway.kafka.config == base.kafka.config
    assert throwaway.kafka.zookeeper_session_timeout_s == base.kafka.zookeeper_session_timeout_s
    assert throwaway.postgres.config == base.postgres.config
    assert (throwaway.redis.version, throwaway.redis.config) == (base.redis.version, base.redis.config)
    told = {**base.processors.environment, "METRICS_ADDRESS": "0.0.0.0"}  # no sidecar hands the metrics on
    assert throwaway.processors.environment == told
    for part in ("kafka", "zookeeper", "postgres", "redis", "processors", "gateways"):
        ours, theirs = getattr(throwaway, part).resources, getattr(base, part).resources
        assert ours.cpu_limit_cores == theirs.cpu_limit_cores
        assert ours.memory_limit_bytes == theirs.memory_limit_bytes
        assert ours.cpu_request_cores < theirs.cpu_request_cores


def test_every_service_leads_to_pods(made: list[Object]) -> None:
    """Its selector meets the labels of some workload's pods."""
    pods = _pods(made)
    for service in (each for each in made if each["kind"] == "Service"):
        wanted = service["spec"]["selector"].items()
        assert any(wanted <= labels.items() for labels in pods), service["metadata"]["name"]


def test_policies_and_budgets_meet_the_stand_ins_pods(made: list[Object]) -> None:
    """The manifests' own policies and budgets of Kafka, ZooKeeper and Postgres choose these pods too."""
    pods = _pods(made)
    chosen = 0
    for each in made:
        if each["kind"] in ("NetworkPolicy", "PodDisruptionBudget") and each["metadata"]["namespace"] == "central-hub":
            selector = each["spec"].get("podSelector") or each["spec"].get("selector") or {}
            labels = selector.get("matchLabels", {})
            if labels and "kafka-exporter" not in str(labels):
                assert any(labels.items() <= pod.items() for pod in pods), each["metadata"]["name"]
                chosen += 1
    assert chosen >= 10


def test_a_broker_has_a_certificate_for_the_name_it_gives(made: list[Object]) -> None:
    """Its advertised name and the bootstrap's are in its certificate, which the authority that clients trust signed."""
    secret = _named(made, "Secret", "hub-kafka-brokers")["stringData"]
    trusted = _named(made, "Secret", "hub-cluster-ca-cert")["stringData"]["ca.crt"]
    settings = _named(made, "ConfigMap", "hub-kafka-config")["data"]["server.config"]
    advertised = next(line for line in settings.splitlines() if line.startswith("advertised.listeners="))
    for broker in range(3):
        pem = secret[f"hub-kafka-{broker}.pem"]
        assert "BEGIN PRIVATE KEY" in pem  # PKCS #8: Kafka reads no other
        load_pem_private_key(pem.encode(), None)
        certificate = x509.load_pem_x509_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :].encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(trusted.encode()))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        given = advertised.replace("@ID@", str(broker)).rpartition("TLS-9093://")[2].removesuffix(":9093")
        assert {given, "hub-kafka-bootstrap"} <= set(names.get_values_for_type(x509.DNSName))


def test_brokers_run_with_the_manifest_s_settings() -> None:
    """What an overlay changes is in the settings of the pods: here the session's time-out."""
    longer = hub_objects(MANIFESTS / "overlays" / "session-timeout-30s")
    made = [each for stage in longer.stages() for each in stage]
    assert (
        "zookeeper.session.timeout.ms=30000" in _named(made, "ConfigMap", "hub-kafka-config")["data"]["server.config"]
    )
    topics = json.loads(_named(made, "ConfigMap", "entity-operator-stand-in")["data"]["question.json"])["topics"]
    assert {topic["name"]: topic["partitions"] for topic in topics}["sdc-events"] == 6


def test_stages_follow_the_operator() -> None:
    """Brokers only once ZooKeeper is ready, topics once the brokers are; namespaces before their contents."""
    first, brokers, entities = hub_objects(THROWAWAY).stages()
    assert first[0]["kind"] == "Namespace"
    assert "hub-zookeeper" in [each["metadata"]["name"] for each in first if each["kind"] == "StatefulSet"]
    assert [each["metadata"]["name"] for each in brokers] == ["hub-kafka"]
    assert {each["kind"] for each in entities} == {"ConfigMap", "Job"}


def test_brokers_wait_for_a_quorum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready servers that serve nobody are not enough: a broker would end after its session time-out."""
    serving, electing = "Zxid: 0x1\nMode: follower\nNode count: 5\n", "This ZooKeeper instance is not currently serving"
    told = iter([serving, electing, serving, serving, serving, serving])
    asked: list[str] = []

    class Pods(Kubectl):
        def execute(self, pod: str, namespace: str, *words: str) -> str:
            asked.append(f"{namespace}/{pod}: {words[-1]}")
            return next(told)

    monkeypatch.setattr(deploying, "POLL_S", 0.0)
    pods = Pods({"kubectl": Path("kubectl")}, Path("kubeconfig"))
    deploying.wait_for_quorum(pods, hub_objects(THROWAWAY), lambda _: None)
    question = "echo srvr | nc 127.0.0.1 2181"
    assert asked == [f"central-hub/hub-zookeeper-{number}: {question}" for number in range(3)] * 2


def test_one_instance_is_the_primary(made: list[Object]) -> None:
    """The Service that writers use chooses it; all instances share the budget's label."""
    instances = [each for each in made if each["kind"] == "StatefulSet" and "postgres" in each["metadata"]["name"]]
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in instances]
    assert [each["replicationRole"] for each in labels] == ["primary", "replica", "replica"]
    service = _named(made, "Service", "postgres")["spec"]
    assert (service["selector"]["replicationRole"], service["clusterIP"]) == ("primary", "None")


def test_passwords_agree_and_are_drawn_anew(made: list[Object]) -> None:
    """The applications' way in carries the password that Postgres is given; another hub has another."""

    def password(objects: list[Object]) -> str:
        return str(_named(objects, "Secret", "postgres-passwords")["stringData"]["hub"])

    assert f":{password(made)}@" in _named(made, "Secret", "event-processor")["stringData"]["postgres-dsn"]
    other = hub_objects(THROWAWAY)
    assert password(made) != password([each for stage in other.stages() for each in stage])


def test_kraft_is_refused() -> None:
    """The stand-in knows one mode and says so."""
    with pytest.raises(BadInput, match="ZooKeeper mode only"):
        hub_objects(MANIFESTS / "overlays" / "kraft")


def test_without_its_writers_certificate_there_is_no_probe() -> None:
    """A hub that lets nobody write could not be probed: refused before anything is applied."""
    rendered = [each for each in render(THROWAWAY) if each["metadata"]["name"] != "event-source"]
    with pytest.raises(BadInput, match="event-source"):
        HubObjects(rendered, read_topology(THROWAWAY))


def test_rules_are_what_kafka_knows(made: list[Object]) -> None:
    """Every rule of the manifests' users is one binding; the ledger's prefix stays one."""
    users = json.loads(_named(made, "ConfigMap", "entity-operator-stand-in")["data"]["question.json"])["users"]
    bindings = [entity_operator._binding(user, rule) for user, rules in users.items() for rule in rules]
    assert len({str(each) for each in bindings}) == len(bindings) == 23
    prefixed = [each for each in bindings if each.resource_pattern_type.name == "PREFIXED"]
    assert {(each.name, each.principal) for each in prefixed} == {("drill-", "User:CN=drill-ledger")}


def test_scripts_are_shell() -> None:
    """The instance's start script parses."""
    subprocess.run(["sh", "-n"], input=START, text=True, check=True)


def test_the_image_has_every_package_that_the_applications_import() -> None:
    """What workbench.apps imports, and what that needs in turn, is on the list."""
    provides = metadata.packages_distributions()
    imported: set[str] = set()
    for path in (Path(workbench.__file__).parent / "apps").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"workbench"}
    todo = {_normal(provides[name][0]) for name in foreign} | {"psycopg-binary"}
    wanted: set[str] = set()
    while todo:
        name = todo.pop()
        wanted.add(name)
        required = [Requirement(text) for text in metadata.requires(name) or ()]
        here = [each for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]
        todo |= {_normal(each.name) for each in here} - wanted
    assert wanted == set(python_tree.PACKAGES)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


def test_an_image_carries_folders_texts_and_its_user(tmp_path: Path) -> None:
    """A folder's files keep their places; a text is a file; who runs it and how is in the image's configuration."""
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "file").write_text("content")
    image = Image(
        "probe:1", {}, ["-v"], trees={"opt/tree": tree}, texts={"etc/passwd": "x"}, entrypoint=["/bin/x"], user="7:7"
    )
    write_image(image, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as archive:
        manifest = json.loads(archive.extractfile("manifest.json").read())[0]  # type: ignore[union-attr]
        config = json.loads(archive.extractfile(manifest["Config"]).read())["config"]  # type: ignore[union-attr]
        with tarfile.open(fileobj=archive.extractfile(manifest["Layers"][0])) as layer:
            assert layer.extractfile("opt/tree/deep/file").read() == b"content"  # type: ignore[union-attr]
            assert layer.extractfile("etc/passwd").read() == b"x"  # type: ignore[union-attr]
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["/bin/x"], ["-v"], "7:7")


def test_kubectl_deletes_nothing_without_a_name(tmp_path: Path) -> None:
    """An empty name would be every object of the kind: refused before kubectl is asked."""
    with pytest.raises(BadInput, match="no name of the job"):
        Kubectl({"kubectl": Path("/bin/false")}, tmp_path).delete("job", "", "central-hub")
