"""Strategic merge: one patch laid over one resource, as kustomize does it.

Maps are merged key by key; null deletes a key; `$patch: delete` and `$patch: replace` are directives. Lists
of the Kubernetes core types are merged by their merge key, new elements first; any other list, and every
list of a custom resource, is replaced whole. Source: Kubernetes documentation, "Update API Objects in Place
Using kubectl patch", and `patchMergeKey` in the API types of 1.29.
"""

from __future__ import annotations

from typing import Final

from workbench.errors import Problem
from workbench.topology.documents import Node, dotted

DIRECTIVE: Final = "$patch"
_CORE_GROUPS: Final = frozenset({"", "apps", "batch", "policy", "autoscaling", "networking.k8s.io"})
_MERGE_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "hostAliases": "ip",
}
_PRIMITIVE_LISTS: Final = frozenset({"finalizers"})  # lists of plain values that are joined


def is_core(api_version: str) -> bool:
    """Return whether a type belongs to Kubernetes itself, whose lists have merge keys."""
    group, slash, _ = api_version.partition("/")
    return (group if slash else "") in _CORE_GROUPS


def merge(base: Node, patch: Node, *, core: bool, problems: list[Problem], key: str = "") -> Node | None:
    """Return `patch` laid over `base`, None where a directive deletes it.

    Args:
        base: the resource or a part of it.
        patch: the patch, or the part of it for the same key.
        core: whether lists are merged by the core types' merge keys (`is_core`).
        problems: directives that are not rendered are added here by name.
        key: dotted path inside the patch, for those problems.
    """
    if isinstance(base.value, dict) and isinstance(patch.value, dict):
        return _merge_maps(base, patch, core, problems, key)
    last = key.rsplit(".", 1)[-1]
    if isinstance(base.value, list) and isinstance(patch.value, list) and core:
        merge_key = _merge_key(last, [*base.value, *patch.value])
        if merge_key:
            return _merge_lists(base, patch, merge_key, problems, key)
        if last in _PRIMITIVE_LISTS:
            known = [item.plain for item in patch.value]
            return Node([*patch.value, *(item for item in base.value if item.plain not in known)], patch.place)
    return cleaned(patch, problems, key)


def cleaned(patch: Node, problems: list[Problem], key: str) -> Node | None:
    """Return what a patch adds where there was nothing: without nulls and directives, None if it deletes."""
    if isinstance(patch.value, list):
        items = [cleaned(item, problems, f"{key}[{index}]") for index, item in enumerate(patch.value)]
        return Node([item for item in items if item is not None], patch.place)
    if not isinstance(patch.value, dict):
        return patch
    if _directive(patch, problems, key) == "delete":
        return None
    children = {}
    for name, child in patch.value.items():
        if child.value is None or name.startswith("$"):
            continue
        below = cleaned(child, problems, dotted(key, name))
        if below is not None:
            children[name] = below
    return Node(children, patch.place)


def _merge_maps(base: Node, patch: Node, core: bool, problems: list[Problem], key: str) -> Node | None:
    match _directive(patch, problems, key):
        case "delete":
            return None
        case "replace":
            return cleaned(patch, problems, key)
    children = dict(base.fields)
    for name, child in patch.fields.items():
        if name.startswith("$"):
            continue
        below = dotted(key, name)
        if child.value is None:
            children.pop(name, None)
            continue
        old = children.get(name)
        if old is None:
            merged = cleaned(child, problems, below)
        else:
            merged = merge(old, child, core=core, problems=problems, key=below)
        if merged is None:
            children.pop(name, None)
        else:
            children[name] = merged
    return Node(children, base.place)


def _merge_lists(base: Node, patch: Node, merge_key: str, problems: list[Problem], key: str) -> Node:
    old = {item.text(merge_key): item for item in base.items}
    merged: list[Node] = []
    touched = set()
    for index, item in enumerate(patch.items):
        name = item.text(merge_key)
        below = f"{key}[{index}]"
        touched.add(name)
        if name in old:
            result = merge(old[name], item, core=True, problems=problems, key=below)
        else:
            result = cleaned(item, problems, below)
        if result is not None:
            merged.append(result)
    return Node([*merged, *(item for name, item in old.items() if name not in touched)], base.place)


def _merge_key(last: str, items: list[Node]) -> str | None:
    """Return the key by which a core list is merged, None if it is replaced."""
    if last == "ports":  # containers and Services both have `ports`, each with a key of its own
        merge_key: str | None = "containerPort" if any("containerPort" in item.fields for item in items) else "port"
    else:
        merge_key = _MERGE_KEYS.get(last)
    return merge_key if merge_key and all(merge_key in item.fields for item in items) else None


def _directive(patch: Node, problems: list[Problem], key: str) -> str:
    """Return a map's `$patch` directive ("merge" if it has none); refuse every other `$` key by name."""
    for name, child in patch.fields.items():
        if name.startswith("$") and name != DIRECTIVE:
            bound = "only $patch is rendered; write the lists out"
            problems.append(Problem(child.place.file, dotted(key, name), "not rendered", bound, child.place.line))
    node = patch.get(DIRECTIVE)
    if node is None:
        return "merge"
    if node.value not in ("merge", "delete", "replace"):
        bound = "merge, delete or replace"
        path = dotted(key, DIRECTIVE)
        problems.append(Problem(node.place.file, path, str(node.plain), bound, node.place.line))
        return "merge"
    return str(node.value)
