"""Fits the face descriptor: `python -m footlights.training.faceid --shards SHARDS --out faceid.safetensors`.

People are the sources of the shards' faces; every person is seen clean and off several tapes, in several lights and
sizes. The between-people scatter is whitened by the within-people scatter, and its 128 strongest directions are kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.linalg import eigh

from footlights.models.faceid import DIMENSIONS, jets
from footlights.training.trackface_data import read_facts

Values = NDArray[np.float32]

_RIDGE = 0.1
"""Share of mean power added to the within-people scatter: there are fewer pictures than jets."""
_INSTANTS = (1, 6)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, save, and say how well held-out people are told apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    vectors, people = gathered(chosen.shards / "train")
    centre, project = discriminant(vectors, people)
    save_file({"centre": centre, "project": project}, str(chosen.out))
    held, names = gathered(chosen.shards / "val")
    told = separation(held, names, centre, project)
    print(f"{len(vectors)} pictures of {len(set(people))} people; held out {len(set(names))}: {told}")  # noqa: T201


def gathered(folder: Path) -> tuple[Values, list[str]]:
    """Jets of tape and truth of whole faces, and whose they are.

    Only of pictures that hold one face: photographs show several people, and people stand in several of them.
    """
    vectors, people = [], []
    for shard in sorted(path for path in folder.glob("shard-*") if not path.name.endswith(".part")):
        arrays = [np.load(shard / f"{name}.npy", mmap_mode="r") for name in ("base", "truth")]
        for number, facts in enumerate(read_facts(shard)):
            if not facts.whole or not facts.identity.startswith("train_faces/"):
                continue
            for array, instants in zip(arrays, (_INSTANTS, _INSTANTS[:1]), strict=True):
                for instant in instants:
                    vectors.append(jets(array[number, instant].astype(np.float32)))
                    people.append(facts.identity)
    return np.stack(vectors), people


def discriminant(vectors: Values, people: Sequence[str]) -> tuple[Values, Values]:
    """Centre `(D,)` and projection `(D, 128)`."""
    names, who = np.unique(np.array(people), return_inverse=True)
    counts = np.bincount(who).astype(np.float64)
    means = np.zeros((len(names), vectors.shape[1]))
    np.add.at(means, who, vectors)
    means /= counts[:, None]
    inner = vectors - means[who]
    within = inner.T @ inner / len(vectors)
    centre = means.mean(axis=0)
    outer = means - centre
    between = outer.T @ outer / len(names)
    within += _RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    size = len(within)
    values, directions = eigh(between, within, subset_by_index=[size - DIMENSIONS, size - 1])
    project = directions[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))
    return centre.astype(np.float32), project.astype(np.float32)


def separation(vectors: Values, people: Sequence[str], centre: Values, project: Values) -> str:
    """How well people are told apart: cosines of one and of two, and how often the nearest picture is one's own."""
    found = (vectors - centre) @ project
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    cosines, who = found @ found.T, np.array(people)
    same = who[:, None] == who[None, :]
    np.fill_diagonal(cosines, -2)
    apart = ~np.eye(len(who), dtype=bool)
    nearest = float((who[np.argmax(cosines, axis=1)] == who).mean())
    one, two = cosines[same & apart], cosines[~same]
    return (
        f"same {one.mean():.2f} (p10 {np.quantile(one, 0.1):.2f}), different {two.mean():.2f} "
        f"(p99 {np.quantile(two, 0.99):.2f}), nearest is right {nearest:.2f}"
    )


if __name__ == "__main__":
    main()
