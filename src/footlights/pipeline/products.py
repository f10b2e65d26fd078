"""Products: what a job leaves at the top of its folder, under final names only when finished and verified.

`SHA256SUMS` lists them, so that `footlights verify` and `sha256sum -c` can tell years later whether they are whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from footlights.core import records
from footlights.engine.artifacts import Artifact
from footlights.errors import PausedError

SUMS = "SHA256SUMS"


def publish(artifact: Artifact, names: Mapping[str, str], job_folder: Path) -> None:
    """Give finished files of an artifact their final names in the job folder, each whole or not at all, and list them.

    `names` maps names in the artifact to names in the job; a folder is taken with everything in it. Files are hard
    links where the file system has them, so a 4K master is not stored twice.
    """
    for source, target in names.items():
        final = job_folder / target
        part = final.with_name(f".{final.name}.{uuid4().hex[:8]}.part")
        try:
            final.parent.mkdir(exist_ok=True)
            _link(artifact.folder / source, part)
            _replace(part, final)
        except OSError as error:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
            raise PausedError(
                f"{final} cannot be written", error.strerror or str(error), "make space and run the same command again"
            ) from error
    records.sync_folder(job_folder)
    listed: dict[str, str] = {}
    for source, target in names.items():
        for name, file in artifact.manifest.files.items():
            if name == source or name.startswith(f"{source}/"):
                listed[target + name.removeprefix(source)] = file.sha256
    list_products(job_folder, listed)


def clean(job_folder: Path) -> None:
    """Remove what killed runs left half-made beside the products; only the holder of the job's lock may."""
    for folder in (job_folder, job_folder / "reports"):
        for path in (*folder.glob(".*.part"), *folder.glob(".*.old")):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write(job_folder: Path, name: str, text: str) -> None:
    """Write a product that is no artifact, such as a report, and list it."""
    records.write(job_folder / name, text)
    list_products(job_folder, {name: records.file_digest(job_folder / name)})


def list_products(job_folder: Path, digests: Mapping[str, str]) -> None:
    """Enter products into `SHA256SUMS`; the others in it stay while their files exist."""
    folders = {name.split("/")[0] for name in digests if "/" in name}
    kept = {
        name: digest
        for name, digest in read_list(job_folder).items()
        if (job_folder / name).is_file() and name.split("/")[0] not in folders - {"reports"}
    }
    lines = (f"{digest}  {name}\n" for name, digest in sorted({**kept, **digests}.items()))
    records.write(job_folder / SUMS, "".join(lines))


def read_list(job_folder: Path) -> dict[str, str]:
    """SHA-256 of every listed product by its name; empty where nothing is listed."""
    path = job_folder / SUMS
    if not path.is_file():
        return {}
    rows = (line.split("  ", 1) for line in path.read_text("utf-8").splitlines() if "  " in line)
    return {name: digest for digest, name in rows}


def _link(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir()
        for inner in sorted(source.iterdir()):
            _link(inner, target / inner.name)
        return
    try:
        os.link(source, target)
    except OSError:
        # A file system without hard links; the copy is made durable like any other file.
        shutil.copyfile(source, target)
        with target.open("rb+") as file:
            os.fsync(file.fileno())


def _replace(part: Path, final: Path) -> None:
    """Rename over what an earlier run of this job left there; a folder is moved aside first."""
    if not final.is_dir() or final.is_symlink():
        part.replace(final)
        part.unlink(missing_ok=True)  # POSIX: renaming a link of a file over another link of it does nothing
        return
    aside = final.with_name(f".{final.name}.{uuid4().hex[:8]}.old")
    final.rename(aside)
    part.rename(final)
    shutil.rmtree(aside)
