"""What a throwaway cluster is made from: identities, images, settings, records; nothing is started here."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

from workbench.errors import MachineTrouble
from workbench.target.throwaway import building, machine
from workbench.target.throwaway.certificates import Authority
from workbench.target.throwaway.control_plane_pods import write_static_pods
from workbench.target.throwaway.identities import write_identities
from workbench.target.throwaway.images import Image, libraries_of, write_image
from workbench.target.throwaway.layout import KUBERNETES, Layout
from workbench.target.throwaway.namespaces import Init
from workbench.target.throwaway.node_files import write_node_files
from workbench.target.throwaway.record import Record, read_record

MODULES = Path(building.__file__).parent / "modules"
PROGRAMS = {name: Path("/programs") / name for name in ("kubelet", "kube-proxy")}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Two workers and a control plane below an empty folder."""
    return Layout("abc123", tmp_path, workers=2)


def test_a_node_is_only_itself(layout: Layout) -> None:
    """Each kubelet's certificate names its own node in the nodes' group, signed by the cluster's authority."""
    write_identities(layout, port=1)
    for node in layout.nodes:
        authority = x509.load_pem_x509_certificate((node.settings / "ca.crt").read_bytes())
        kubelet = x509.load_pem_x509_certificate((node.settings / "kubelet.crt").read_bytes())
        kubelet.verify_directly_issued_by(authority)
        assert kubelet.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == f"system:node:{node.name}"
        assert kubelet.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "system:nodes"
        assert (node.settings / "kubelet.key").stat().st_mode & 0o077 == 0


def test_etcd_has_an_authority_of_its_own(layout: Layout) -> None:
    """What the cluster's authority signed does not open etcd."""
    write_identities(layout, port=1)
    settings = layout.control_plane.settings
    etcd_authority = x509.load_pem_x509_certificate((settings / "etcd-ca.crt").read_bytes())
    read = x509.load_pem_x509_certificate
    read((settings / "apiserver-etcd-client.crt").read_bytes()).verify_directly_issued_by(etcd_authority)
    with pytest.raises(ValueError, match=r"[Ii]ssuer"):
        read((settings / "kubelet.crt").read_bytes()).verify_directly_issued_by(etcd_authority)


@pytest.mark.parametrize("cluster_id", ["12e345", "046368"])
def test_a_name_that_looks_like_a_number_stays_a_name(tmp_path: Path, cluster_id: str) -> None:
    """A kubeconfig is JSON, since what is text in PyYAML's YAML 1.1 is a number to Kubernetes' reader."""
    layout = Layout(cluster_id, tmp_path, workers=1)
    write_identities(layout, port=1)
    for path in (layout.kubeconfig, layout.control_plane.settings / "kube-scheduler.kubeconfig"):
        assert json.loads(path.read_text())["current-context"] == cluster_id


def test_a_server_certificate_names_where_it_answers() -> None:
    """Names and addresses are told apart."""
    identity = Authority("test").issue("server", serves=["kubernetes.default", "10.96.0.1"])
    certificate = x509.load_pem_x509_certificate(identity.certificate)
    names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert isinstance(names, x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == ["kubernetes.default"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.96.0.1"]
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_an_image_is_the_same_bytes_again(tmp_path: Path) -> None:
    """A program's libraries come with it; neither time nor order of files shows in the archive."""
    image = Image("probe:1", {"bin/sh": Path("/bin/sh")}, ["/bin/sh"], {"bin/also": "/bin/sh"})
    write_image(image, tmp_path / "one.tar")
    write_image(image, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        manifest = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
        with tarfile.open(fileobj=archive.extractfile(manifest[0]["Layers"][0])) as layer:
            names = set(layer.getnames())
    assert manifest[0]["RepoTags"] == ["hub-workbench.local/probe:1"]
    assert {"bin/sh", "bin/also", "tmp"} | {str(path).lstrip("/") for path in libraries_of(Path("/bin/sh"))} <= names


def test_pins_are_of_the_hub_s_release() -> None:
    """Every module has its pins; Kubernetes and its staging modules are of the release the cluster names."""
    modules = (*building.MODULES, *building.MONITORING)
    assert {path.stem for path in MODULES.glob("*.mod")} == {module.name for module in modules} | {"actionlint"}
    text = (MODULES / "kubernetes.mod").read_text()
    assert f"k8s.io/kubernetes {KUBERNETES}\n" in text
    staged = re.findall(r"^replace (\S+) => \1 v0\.(\S+)$", text, flags=re.MULTILINE)
    assert len(staged) >= 29
    assert {version for _, version in staged} == {KUBERNETES.removeprefix("v1.")}
    for module in modules:
        assert (MODULES / f"{module.name}.sum").read_text().count(" h1:") > 100


def test_only_other_nodes_pods_are_reached_over_the_network(layout: Layout) -> None:
    """A node routes the other nodes' pods, never its own, which are on its bridge."""
    for node in layout.nodes:
        plan = write_node_files(layout, node, PROGRAMS)
        routed = {command[3] for command in plan.commands if command[:3] == ["ip", "route", "add"]} - {"default"}
        assert routed == {other.pod_network for other in layout.nodes} - {node.pod_network}


def test_the_control_plane_is_four_static_pods(layout: Layout) -> None:
    """Its kubelet alone has a folder of static pods, and the control plane's taint."""
    write_static_pods(layout)
    settings = layout.control_plane.settings
    names = {yaml.safe_load(path.read_text())["metadata"]["name"] for path in (settings / "manifests").iterdir()}
    assert names == {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
    for node in layout.nodes:
        write_node_files(layout, node, PROGRAMS)
        kubelet = yaml.safe_load((node.settings / "kubelet.yaml").read_text())
        assert ("staticPodPath" in kubelet) == node.is_control_plane
        assert kubelet["authentication"]["anonymous"] == {"enabled": False}


def test_a_record_is_read_back_and_a_torn_one_is_no_cluster(layout: Layout) -> None:
    """What was written down is what is found; without a readable file the cluster counts as never started."""
    record = Record(layout, KUBERNETES, 1.0, 2, Init(3, 4.0), {"worker-1": Init(5, 6.0)}, 7.0, 8)
    record.write()
    assert read_record(layout.directory) == record
    assert not record.is_up  # no process 3 was created at that time
    (layout.directory / "cluster.json").write_text("{")
    assert not read_record(layout.directory).is_up


def test_everything_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One message names the privilege, the packages and the kernel's part, each with its remedy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    with pytest.raises(MachineTrouble) as trouble:
        machine.check_machine()
    for words in ("no root", "apt-get install busybox-static conntrack containerd", "no cgroup controller cpu"):
        assert words in str(trouble.value)


def test_without_go_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Go at all, or one that is too old, is one message."""
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19.8\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(MachineTrouble, match="make cluster fetches one"):
        building.built_programs(lambda _: None)
