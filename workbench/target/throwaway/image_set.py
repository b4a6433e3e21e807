"""Which images a cluster's nodes get, and their archives in the cache."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.target.throwaway import control_plane_pods
from workbench.target.throwaway.images import Image, write_image
from workbench.target.throwaway.layout import Node
from workbench.target.throwaway.places import images_directory

Progress = Callable[[str], None]
FOR_EVER_S = str(2**31 - 1)


@dataclass(frozen=True)
class Archives:
    """The images' files."""

    everywhere: tuple[Path, ...]
    control_plane: tuple[Path, ...]

    def of(self, node: Node) -> tuple[Path, ...]:
        """Return the archives that `node` gets."""
        return (*self.everywhere, *self.control_plane) if node.is_control_plane else self.everywhere


def written_images(programs: Mapping[str, Path], progress: Progress) -> Archives:
    """Return the archives, writing those that are missing or made from other programs."""
    busybox = Path(str(shutil.which("busybox")))
    etcd = Path(str(shutil.which("etcd")))
    applets = {
        f"bin/{name}": "/bin/busybox"
        for name in ("sh", "sleep", "nslookup", "wget", "nc", "cat", "ls", "httpd", "mkdir", "rm")
    }
    everywhere = (
        Image("pause:1", {"bin/busybox": busybox}, ["/bin/busybox", "sleep", FOR_EVER_S]),
        Image("busybox:1", {"bin/busybox": busybox}, ["/bin/sh"], applets),
        Image("coredns:1", {"bin/coredns": programs["coredns"]}, ["/bin/coredns"]),
        Image(
            "local-path-provisioner:0.0.30",
            {"bin/local-path-provisioner": programs["local-path-provisioner"]},
            ["/bin/local-path-provisioner"],
        ),
    )
    components = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
    control_plane = (
        Image(
            control_plane_pods.IMAGE,
            {"bin/etcd": etcd, **{f"bin/{name}": programs[name] for name in components}},
            ["/bin/kube-apiserver"],
        ),
        Image("kwok:1", {"bin/kwok": programs["kwok"]}, ["/bin/kwok"]),
    )
    return Archives(
        tuple(written(image, progress) for image in everywhere),
        tuple(written(image, progress) for image in control_plane),
    )


def written(image: Image, progress: Progress) -> Path:
    """Return the archive of an image, written if it is missing or of other files; older ones go."""
    folder, name = images_directory(), image.name.partition(":")[0]
    path = folder / f"{name}-{_fingerprint(image)}.tar"
    if not path.exists():
        progress(f"making image {image.name}")
        for older in folder.glob(f"{name}-????????????.tar"):
            older.unlink()
        write_image(image, path)
    return path


def _fingerprint(image: Image) -> str:
    """Return what tells whether an archive is of this image and these very files: their places, sizes and times."""
    parts = [repr(image)]
    for name, path in sorted(image.all_files().items()):
        about = path.stat()
        parts.append(f"{name} {path} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
