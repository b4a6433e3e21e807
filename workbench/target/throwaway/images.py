"""Container images made on this machine: one layer with the programs that are named, no base, no registry.

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
LDD_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True)
class Image:
    """What an image holds."""

    name: str  # with its tag
    files: Mapping[str, Path]  # path inside -> file on this machine; shared libraries follow by themselves
    command: Sequence[str]
    links: Mapping[str, str] = field(default_factory=dict)  # path inside -> where it points
    folders: Sequence[str] = ("tmp",)

    @property
    def reference(self) -> str:
        """Return the name that pods use."""
        return f"{REGISTRY}/{self.name}"


def write_image(image: Image, path: Path) -> None:
    """Write `image` as an archive. Raises ToolFailed where a program's libraries cannot be told."""
    layer = _layer(image)
    layer_digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": list(image.command), "Env": ["PATH=/bin:/usr/bin:/usr/local/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{layer_digest}/layer.tar"
    manifest = [{"Config": config_name, "RepoTags": [image.reference], "Layers": [layer_name]}]
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as archive:
        for name, content in (
            (config_name, config),
            (layer_name, layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            _add(archive, name, content, 0o644)
    part.rename(path)


def libraries_of(program: Path) -> list[Path]:
    """Return the shared libraries a program loads, the loader included; none for a static one."""
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True, timeout=LDD_TIMEOUT_S, check=False)
    if "not found" in done.stdout:
        raise ToolFailed(f"{program} lacks a library: {done.stdout.strip()}")
    return [Path(found) for found in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", done.stdout, re.MULTILINE)]


def _layer(image: Image) -> bytes:
    files = dict(image.files)
    for program in image.files.values():
        files.update({str(library).lstrip("/"): library for library in libraries_of(program)})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in sorted({*image.folders, *_parents(files), *_parents(image.links)}):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if folder == "tmp" else 0o755
            layer.addfile(entry)
        for name, path in sorted(files.items()):
            _add(layer, name, path.read_bytes(), 0o755)
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
