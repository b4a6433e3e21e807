"""Container images made on this machine: one layer with the programs that are named, no base image, no registry.

The file is a docker-archive (docker/docker image specification v1.2), which containerd imports. Times, owners and order
are fixed, so the same programs give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workbench.errors import ToolFailed

REGISTRY: Final = "hub-workbench.local"  # no registry: images of this name are only ever imported
LDD_TIMEOUT_S: Final = 60.0
PATH: Final = "/bin:/usr/bin:/usr/local/bin"


@dataclass(frozen=True)
class Image:
    """What an image holds."""

    name: str  # with its tag
    files: Mapping[str, Path]  # path inside -> file on this machine; shared libraries follow by themselves
    command: Sequence[str]
    links: Mapping[str, str] = field(default_factory=dict)  # path inside -> where it points
    folders: Sequence[str] = ("tmp",)
    trees: Mapping[str, Path] = field(default_factory=dict)  # folder inside -> folder on this machine, all of it
    texts: Mapping[str, str] = field(default_factory=dict)  # path inside -> what the file says
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""  # numbers, "uid:gid"; "": root
    stop_signal: str = ""  # "": SIGTERM
    registry: str = REGISTRY
    others: Mapping[str, Sequence[str]] = field(default_factory=dict)  # images that differ in name and command alone

    @property
    def commands(self) -> dict[str, Sequence[str]]:
        """Return the command of each image of these files, by the name that pods use."""
        return {
            f"{self.registry}/{name}": command for name, command in {self.name: self.command, **self.others}.items()
        }

    def all_files(self) -> dict[str, Path]:
        """Return every file with its path inside, those of the trees too; shared libraries are not in it yet."""
        found = dict(self.files)
        for inside, tree in self.trees.items():
            found.update({f"{inside}/{path.relative_to(tree)}": path for path in tree.rglob("*") if path.is_file()})
        return found


def write_image(image: Image, path: Path) -> None:
    """Write `image`, and those of the same files, as one archive.

    Raises ToolFailed where a program's libraries cannot be told.
    """
    layer = _layer(image)
    layer_digest = hashlib.sha256(layer).hexdigest()
    layer_name = f"{layer_digest}/layer.tar"
    contents, manifest = {layer_name: layer}, []
    for reference, command in image.commands.items():
        config = _config(image, command, layer_digest)
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        contents[config_name] = config
        manifest.append({"Config": config_name, "RepoTags": [reference], "Layers": [layer_name]})
    contents["manifest.json"] = json.dumps(manifest).encode()
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as archive:
        for name, content in contents.items():
            _add(archive, name, content, 0o644)
    part.rename(path)


def _config(image: Image, command: Sequence[str], layer_digest: str) -> bytes:
    return json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Cmd": list(command),
                "Entrypoint": list(image.entrypoint),
                "Env": [f"{name}={value}" for name, value in {"PATH": PATH, **image.environment}.items()],
                "User": image.user,
                **({"StopSignal": image.stop_signal} if image.stop_signal else {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    ).encode()


def libraries_of(*programs: Path) -> list[Path]:
    """Return the shared libraries that programs load, the loader included; none for a static one.

    Raises ToolFailed where one is not there.
    """
    said = _ldd(programs)
    if missing := re.findall(r"(\S+) => not found", said):
        raise ToolFailed(f"{', '.join(path.name for path in programs)}: no library {', '.join(missing)}")
    return _found(said)


def _ldd(programs: Sequence[Path]) -> str:
    command = ["ldd", *map(str, programs)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LDD_TIMEOUT_S, check=False).stdout


def _found(said: str) -> list[Path]:
    return [Path(found) for found in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", said, re.MULTILINE)]


def _with_libraries(image: Image) -> dict[str, Path]:
    """Return an image's files with the libraries they load from outside of its own folders.

    A folder holds parts that nobody here uses, a desktop's say: what those lack is no error.
    """
    files = image.all_files()
    programs = [path for path in image.files.values() if _is_elf(path)]
    parts = [path for path in files.values() if path not in programs and _is_elf(path)]
    libraries = [*(libraries_of(*programs) if programs else ()), *(_found(_ldd(parts)) if parts else ())]
    inside = [tree.resolve() for tree in image.trees.values()]
    for library in libraries:
        if not any(library.resolve().is_relative_to(tree) for tree in inside):
            files[str(library).lstrip("/")] = library
    return files


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _layer(image: Image) -> bytes:
    files = _with_libraries(image)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in sorted({*image.folders, *_parents(files), *_parents(image.links), *_parents(image.texts)}):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if folder == "tmp" else 0o755
            layer.addfile(entry)
        for name, path in sorted(files.items()):
            _add(layer, name, path.read_bytes(), 0o755)
        for name, text in sorted(image.texts.items()):
            _add(layer, name, text.encode(), 0o755)
        for name, target in sorted(image.links.items()):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            layer.addfile(entry)
    return buffer.getvalue()


def _parents(names: Mapping[str, object]) -> set[str]:
    return {str(parent) for name in names for parent in Path(name).parents if str(parent) != "."}


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
