"""Kustomization folders to resources: the part of kustomize the hub's manifests use, and no more.

Rendered: `resources` (files and folders) and `patches` (strategic merge, by path or inline, meeting its
resource by apiVersion, kind, name and namespace). Every other key is refused by name, so that nothing is
ever left out in silence.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadInput, Problem
from workbench.topology.documents import Node, Place, parse, read_documents, shown
from workbench.topology.merging import is_core, merge

KUSTOMIZATION: Final = "kustomization.yaml"
FOLDERS_MAX: Final = 50  # folders one rendering may visit
_HEADER: Final = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_KEYS: Final = ("resources", "patches")


@dataclass(frozen=True)
class ResourceId:
    """What makes a resource itself."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, node: Node) -> ResourceId:
        """Return the identity a document states; missing parts are empty."""
        return cls(
            node.text("apiVersion"),
            node.text("kind"),
            node.text("metadata", "namespace"),
            node.text("metadata", "name"),
        )

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else " without a namespace"
        return f"{self.kind} {self.name} ({self.api_version}){where}"


type Resources = dict[ResourceId, Node]


def render(manifests: Path) -> list[dict[str, Any]]:
    """Return the resources of a kustomization folder, in the order their files name them.

    Raises BadInput with every problem found: a folder that is missing or a file, YAML that does not parse,
    a kustomization key that is not rendered, a resource stated twice, a patch without its resource.
    """
    return [node.plain for node in render_nodes(manifests).values()]


def render_nodes(manifests: Path) -> Resources:
    """Return the same as `render`, each value with the file and line it stands on."""
    folder = manifests.absolute()
    if not folder.is_dir():
        found = "a file" if folder.exists() else "missing"
        bound = f"a folder that holds a {KUSTOMIZATION}"
        raise BadInput("manifests cannot be read", [Problem(shown(manifests), "", found, bound)])
    renderer = _Renderer()
    resources = renderer.folder(folder, ())
    if renderer.problems:
        raise BadInput(f"manifests {shown(manifests)} cannot be rendered", renderer.problems)
    return resources


def manifests_sha256(resources: list[dict[str, Any]]) -> str:
    """Return the SHA-256 of rendered resources in a canonical form: order of files and comments do not count."""
    lines = sorted(json.dumps(resource, sort_keys=True, ensure_ascii=False) for resource in resources)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class _Renderer:
    """Renders folders into each other and collects every problem on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.folders = 0

    def folder(self, folder: Path, above: tuple[Path, ...]) -> Resources:
        """Return a kustomization folder's resources; `above` are the folders that led here."""
        file = folder / KUSTOMIZATION
        self.folders += 1
        if self.folders > FOLDERS_MAX:
            raise BadInput(
                "too many folders", [Problem(shown(folder), "", "one too many", f"at most {FOLDERS_MAX} folders")]
            )
        documents = self._read(file)
        if len(documents) != 1:
            if documents:
                self._note(documents[1].place, "", "a second document", "one document")
            return {}
        kustomization = documents[0]
        self._check_keys(kustomization)
        resources: Resources = {}
        for index, entry in enumerate(self._list(kustomization, "resources")):
            for found in self._resource_entry(folder, entry, f"resources[{index}]", above):
                self._add(resources, found)
        for index, entry in enumerate(self._list(kustomization, "patches")):
            if (patch := self._patch_entry(folder, entry, f"patches[{index}]")) is not None:
                self._apply(resources, patch)
        return resources

    def _check_keys(self, kustomization: Node) -> None:
        for key, node in kustomization.fields.items():
            if key in _HEADER:
                if node.plain != _HEADER[key]:
                    self._note(node.place, key, str(node.plain), _HEADER[key])
            elif key not in _KEYS:
                self._note(node.place, key, "not rendered by the workbench", f"only {' and '.join(_KEYS)}")

    def _list(self, kustomization: Node, key: str) -> list[Node]:
        node = kustomization.get(key)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self._note(node.place, key, str(node.plain), "a list")
        return node.items

    def _resource_entry(self, folder: Path, entry: Node, key: str, above: tuple[Path, ...]) -> list[Node]:
        if not isinstance(entry.value, str) or "://" in entry.value or Path(entry.value).is_absolute():
            self._note(entry.place, key, str(entry.plain), "a file or folder, relative to this file")
            return []
        path = folder / entry.value
        if not path.exists():
            self._note(entry.place, key, entry.value, "a file or folder that exists")
            return []
        if not path.is_dir():
            return self._read(path)
        below = path.resolve()
        if below in (*above, folder.resolve()):
            self._note(entry.place, key, entry.value, "a folder that does not lead back here")
            return []
        return list(self.folder(below, (*above, folder.resolve())).values())

    def _patch_entry(self, folder: Path, entry: Node, key: str) -> Node | None:
        for name, node in entry.fields.items():
            if name not in ("path", "patch"):
                self._note(node.place, f"{key}.{name}", "not rendered by the workbench", "only path or patch")
        stated = [name for name in ("path", "patch") if name in entry.fields]
        if len(stated) != 1 or not isinstance(entry.fields[stated[0]].value, str):
            self._note(entry.place, key, str(entry.plain), "either path (a file) or patch (the patch itself)")
            return None
        node = entry.fields[stated[0]]
        if stated[0] == "path":
            path = folder / str(node.value)
            if not path.is_file():
                self._note(node.place, f"{key}.path", str(node.value), "a file that exists")
                return None
            patches = self._read(path)
        else:
            try:
                patches = parse(str(node.value), Place(node.place.file, (node.place.line or 0) + 1))
            except BadInput as error:
                self.problems.extend(error.problems)
                return None
        if len(patches) != 1:
            held = f"{len(patches)} documents"
            self._note(node.place, f"{key}.{stated[0]}", held, "one patch: the kustomize of kubectl 1.29 takes no more")
            return None
        if not isinstance(patches[0].value, dict):
            self._note(patches[0].place, "", "a list", "a strategic merge patch: part of a resource")
            return None
        return patches[0]

    def _read(self, path: Path) -> list[Node]:
        try:
            return read_documents(path)
        except BadInput as error:
            self.problems.extend(error.problems)
            return []

    def _add(self, resources: Resources, node: Node) -> None:
        identity = ResourceId.of(node)
        missing = [
            name
            for name, text in (
                ("apiVersion", identity.api_version),
                ("kind", identity.kind),
                ("metadata.name", identity.name),
            )
            if not text
        ]
        for name in missing:
            self._note(node.place, name, "missing", "a Kubernetes resource")
        if missing:
            return
        if identity in resources:
            first = resources[identity].place
            self._note(node.place, "", f"{identity}, a second time", f"once; the first is {first.file}:{first.line}")
            return
        resources[identity] = node

    def _apply(self, resources: Resources, patch: Node) -> None:
        identity = ResourceId.of(patch)
        base = resources.get(identity)
        if base is None:
            near = [str(other) for other in resources if (other.kind, other.name) == (identity.kind, identity.name)]
            hint = f"; there is {near[0]}" if near else ""
            self._note(patch.place, "", f"a patch of {identity}", f"a resource among `resources`{hint}")
            return
        merged = merge(base, patch, core=is_core(identity.api_version), problems=self.problems)
        if merged is None:
            del resources[identity]
        else:
            resources[identity] = merged

    def _note(self, place: Place, key: str, value: str, bound: str) -> None:
        self.problems.append(Problem(place.file, key, value, bound, place.line))
