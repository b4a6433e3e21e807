"""The environment of a container: what stands in `env`, and the ConfigMaps it takes whole (`envFrom`)."""

from __future__ import annotations

import math
from typing import Final

from workbench.topology.documents import Node
from workbench.topology.fields import Reader, near
from workbench.topology.finding import config_map
from workbench.topology.rendering import Resources

_CONTAINER: Final = "spec.template.spec.containers[0]"


class ContainerEnvironment:
    """Literal values by name, and the names that come from elsewhere (Secrets)."""

    def __init__(self, reader: Reader, container: Node, namespace: str, resources: Resources) -> None:
        self.reader = reader
        env = container.get("env")
        self.place = (env or container).place
        self.stated: dict[str, Node] = {}
        self.literal: dict[str, str] = {}
        self._elsewhere: set[str] = set()  # from a Secret
        self._take_config_maps(container, namespace, resources)
        self._take_env(env.items if env else [])

    def _take_config_maps(self, container: Node, namespace: str, resources: Resources) -> None:
        sources = container.get("envFrom")
        for source in sources.items if sources else []:
            name = source.get("configMapRef", "name")
            node = name and config_map(self.reader, resources, str(name.plain), namespace, name.place)
            data = node.get("data") if node else None
            for key, value in (data.fields if data else {}).items():
                self._take(key, value, value)

    def _take_env(self, items: list[Node]) -> None:
        own: set[str] = set()
        for index, item in enumerate(items):
            name = item.text("name")
            if name in own:
                key = f"{_CONTAINER}.env[{index}]"
                self.reader.note(item.place, key, f"{name}, a second time", "each name once")
            own.add(name)
            self._take(name, item, item.get("value"))

    def _take(self, name: str, stated: Node, value: Node | None) -> None:
        """Take one variable; `env` comes after `envFrom` and counts in its place, as in Kubernetes."""
        self.stated[name] = stated
        self.literal.pop(name, None)
        if value is None:
            self._elsewhere.add(name)
            return
        if not isinstance(value.value, str):
            bound = "a text: put it in quotes, or the API server refuses it"
            self.reader.note(value.place, _key(name), value.plain, bound)
            return
        self.literal[name] = value.value

    def text(self, name: str) -> str:
        """Return a literal value; a missing one, or one from elsewhere, is noted."""
        if name in self.literal:
            return self.literal[name]
        if name not in self.stated:
            bound = "a literal value" + near(name, [*self.stated], cutoff=0.75)
            self.reader.note(self.place, _key(name), "missing", bound)
        elif name in self._elsewhere:
            bound = "a literal value: the model needs to know it"
            self.reader.note(self.stated[name].place, _key(name), "not stated here", bound)
        return ""

    def number(self, name: str, at_least: float, at_most: float, *, whole: bool) -> float:
        """Return a literal number within its bounds."""
        text = self.text(name)
        if not text:
            return at_least
        bound = f"{'a whole number' if whole else 'a number'} from {at_least:g} to {at_most:g}"
        try:
            number = float(int(text)) if whole else float(text)
        except ValueError:
            number = math.nan
        if not at_least <= number <= at_most:
            self.reader.note(self.stated[name].place, _key(name), text, bound)
            return at_least
        return number

    def check_stated(self, names: tuple[str, ...]) -> None:
        """Note each name that the container is not given at all."""
        for name in names:
            if name not in self.stated:
                bound = "a value, or a secret's key" + near(name, list(self.stated), cutoff=0.75)
                self.reader.note(self.place, _key(name), "missing", bound)


def _key(name: str) -> str:
    return f"{_CONTAINER}.env[{name}]"
