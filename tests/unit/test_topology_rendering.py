"""Rendering of kustomization folders: what is rendered, what is refused, and that kubectl agrees."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from workbench.errors import BadInput, Problem
from workbench.topology import manifests_sha256, render

MANIFESTS = Path(__file__).parents[2] / "manifests"
# Those that are applied; all others are rendered as parts of them.
FOLDERS = [MANIFESTS / "base", *sorted(path.parent for path in MANIFESTS.glob("overlays/*/kustomization.yaml"))]
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: n}\ndata: {a: x, b: y}\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files below a folder whose path holds a space, and return that folder."""
    root = folder / "my manifests"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def problems_of(folder: Path) -> list[Problem]:
    """Return the problems that rendering a folder reports."""
    with pytest.raises(BadInput) as caught:
        render(folder)
    return list(caught.value.problems)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_rendering_is_deterministic(folder: Path) -> None:
    """The same files make the same resources and the same hash."""
    first, second = render(folder), render(folder)
    assert first == second
    assert manifests_sha256(first) == manifests_sha256(second)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_kubectl_renders_the_same(folder: Path) -> None:
    """`kubectl kustomize` makes the same resources of the base and every overlay, the reference hub whole."""
    run = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True, timeout=60)
    assert manifests_sha256(list(yaml.load_all(run.stdout, Loader=yaml.CSafeLoader))) == manifests_sha256(
        render(folder)
    )


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_merges_the_same(tmp_path: Path) -> None:
    """Core lists by key, replaced lists of custom resources, nulls and directives: as kustomize does them."""
    deployment = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: n, labels: {x: "1", y: "2"}, finalizers: [f/one]}
spec:
  template:
    spec:
      tolerations: [{key: a, operator: Exists}]
      volumes: [{name: v, configMap: {name: c}}]
      containers:
        - name: one
          args: [a, b]
          env: [{name: A, value: "1"}, {name: B, value: "2"}, {name: C, value: "3"}]
          ports: [{containerPort: 80, name: p}, {containerPort: 81, name: q}]
          volumeMounts: [{name: v, mountPath: /a}]
        - name: two
          args: [z]
---
apiVersion: kubegres.reactive-tech.io/v1
kind: Kubegres
metadata: {name: kg, namespace: n}
spec: {env: [{name: A, value: "1"}], failover: {isDisabled: true}, size: 3}
"""
    patch = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: n, labels: {y: null, z: "3"}, finalizers: [f/two]}
spec:
  template:
    spec:
      tolerations: [{key: b, operator: Exists}]
      volumes: [{name: w, emptyDir: {}}, {name: v, configMap: null, emptyDir: {}}]
      containers:
        - name: three
          args: ["n"]
        - name: one
          args: [q]
          env: [{name: D, value: "4"}, {name: B, value: two}, {name: A, $patch: delete}]
          ports: [{containerPort: 82, name: r}, {containerPort: 81, name: qq}]
          volumeMounts: [{name: w, mountPath: /a}, {name: v, mountPath: /b}]
"""
    custom = """
apiVersion: kubegres.reactive-tech.io/v1
kind: Kubegres
metadata: {name: kg, namespace: n}
spec: {env: [{name: C, value: "3"}], failover: {$patch: delete}, size: null, more: {a: null, b: 1}}
"""
    root = write(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "base/a.yaml": deployment,
            "over/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}, {path: q.yaml}]\n",
            "over/p.yaml": patch,
            "over/q.yaml": custom,
        },
    )
    run = subprocess.run(
        ["kubectl", "kustomize", str(root / "over")], capture_output=True, text=True, check=True, timeout=60
    )
    by_kind = {resource["kind"]: resource for resource in yaml.safe_load_all(run.stdout)}
    assert {resource["kind"]: resource for resource in render(root / "over")} == by_kind


def test_two_patches_in_one_file_are_refused(tmp_path: Path) -> None:
    """The hub's kubectl cannot build them, so the workbench does not either."""
    second = CONFIG_MAP.replace("name: c", "name: other")
    root = write(
        tmp_path,
        {
            "kustomization.yaml": "resources: [a.yaml]\npatches:\n  - path: p.yaml\n",
            "a.yaml": f"{CONFIG_MAP}---\n{second}",
            "p.yaml": f"{CONFIG_MAP}---\n{second}",
        },
    )
    (problem,) = problems_of(root)
    assert (problem.key, problem.value, problem.line) == ("patches[0].path", "2 documents", 3)


def test_the_hash_sees_values_and_nothing_else(tmp_path: Path) -> None:
    """Comments and order do not change it; one value does."""
    one = write(tmp_path / "1", {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": CONFIG_MAP})
    text = "# why\nkind: ConfigMap\napiVersion: v1\ndata: {b: y, a: x}\nmetadata: {namespace: n, name: c}\n"
    two = write(tmp_path / "2", {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": text})
    three = write(tmp_path / "3", {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": text.replace("y", "z")})
    assert manifests_sha256(render(one)) == manifests_sha256(render(two)) != manifests_sha256(render(three))


def test_inline_patches_and_several_bases(tmp_path: Path) -> None:
    """A patch may stand in the kustomization itself; bases are rendered with their own patches first."""
    patch = "patches:\n  - patch: |\n      apiVersion: v1\n      kind: ConfigMap\n"
    patch += "      metadata: {name: c, namespace: n}\n      data: {b: null, c: z}\n"
    root = write(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "base/a.yaml": CONFIG_MAP,
            "middle/kustomization.yaml": "resources: [../base]\n" + patch,
            "top/kustomization.yaml": "resources: [../middle]\n" + patch.replace("c: z", "c: zz"),
        },
    )
    assert [resource["data"] for resource in render(root / "top")] == [{"a": "x", "c": "zz"}]


def test_every_key_that_is_not_rendered_is_named_at_once(tmp_path: Path) -> None:
    """No key of kustomize that we lack is skipped in silence, in whatever folder it stands."""
    base = "resources: [a.yaml]\nimages: []\nnamePrefix: x-\n"
    over = "resources: [../base]\nnamespace: other\nkind: Component\npatchesJson6902: []\n"
    over += "patches: [{path: p.yaml, target: {kind: ConfigMap}}]\n"
    root = write(
        tmp_path,
        {
            "base/kustomization.yaml": base,
            "base/a.yaml": CONFIG_MAP,
            "over/kustomization.yaml": over,
            "over/p.yaml": CONFIG_MAP,
        },
    )
    keys = {problem.key for problem in problems_of(root / "over")}
    assert keys == {"images", "namePrefix", "namespace", "kind", "patchesJson6902", "patches[0].target"}


@pytest.mark.parametrize(
    ("files", "key", "value"),
    [
        ({"kustomization.yaml": "resources: [no.yaml]\n"}, "resources[0]", "no.yaml"),
        ({"kustomization.yaml": "resources: a.yaml\n"}, "resources", "a.yaml"),
        ({"kustomization.yaml": "resources: [https://example.org/x]\n"}, "resources[0]", "https://example.org/x"),
        ({"kustomization.yaml": "resources: [../my manifests]\n"}, "resources[0]", "../my manifests"),
        ({"kustomization.yaml": "patches: [{path: no.yaml}]\n"}, "patches[0].path", "no.yaml"),
        ({"kustomization.yaml": "patches: [{path: 3}]\n"}, "patches[0]", "{'path': 3}"),
        ({"kustomization.yaml": "patches: [{patch: '- op: add'}]\n"}, "", "a list"),
        ({"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "kind: X\n"}, "apiVersion", "missing"),
        ({"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "a: [\n"}, "", "did not find expected node content"),
        ({"other.yaml": ""}, "", "missing"),
    ],
)
def test_what_cannot_be_rendered_is_named(tmp_path: Path, files: dict[str, str], key: str, value: str) -> None:
    """Missing files, wrong types, addresses, cycles, patches that are none: key and value are reported."""
    found = [(problem.key, problem.value) for problem in problems_of(write(tmp_path, files))]
    assert any(found_key == key and value in found_value for found_key, found_value in found)


def test_a_resource_stated_twice_is_refused(tmp_path: Path) -> None:
    """The second place is reported and the first named."""
    root = write(tmp_path, {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": CONFIG_MAP + "---\n" + CONFIG_MAP})
    (problem,) = problems_of(root)
    assert problem.line == 6
    assert "a.yaml:1" in problem.bound


def test_a_patch_without_its_resource_says_which_is_near(tmp_path: Path) -> None:
    """The usual mistake is a namespace left out."""
    patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    files = {"kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "a.yaml": CONFIG_MAP}
    (problem,) = problems_of(write(tmp_path, {**files, "p.yaml": patch}))
    assert "without a namespace" in problem.value
    assert "in namespace n" in problem.bound


def test_a_long_cycle_is_found(tmp_path: Path) -> None:
    """Two folders that name each other are refused where the circle closes."""
    root = write(
        tmp_path,
        {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
    )
    assert [problem.key for problem in problems_of(root / "a")] == ["resources[0]"]


def test_folders_are_bounded(tmp_path: Path) -> None:
    """A chain of overlays longer than anybody writes ends in an error, not in a deep stack."""
    files = {f"f{index}/kustomization.yaml": f"resources: [../f{index + 1}]\n" for index in range(60)}
    with pytest.raises(BadInput, match="too many folders"):
        render(write(tmp_path, files) / "f0")


def test_a_manifest_folder_must_be_a_folder(tmp_path: Path) -> None:
    """A path that is missing or a file says so."""
    file = tmp_path / "a.yaml"
    file.write_text(CONFIG_MAP)
    assert problems_of(tmp_path / "no")[0].value == "missing"
    assert problems_of(file)[0].value == "a file"
