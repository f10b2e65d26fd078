"""Shape of a head from one view and from several, against heads of another construction than the fitted model.

The truth is made by `tests/made_heads.py` (stretches, bumps and smooth fields), seen orthographically with expressions
of their own in every view and landmarks off by 0.5 or 1.5 mm; distances after the best shift, turn and scale.
"""

from __future__ import annotations

import sys

import numpy as np

import bench

sys.path.insert(0, str(bench.ROOT / "tests"))

from footlights.core.face_shape import apart, fit
from footlights.models.face3d import built_in
from made_heads import head, seen

_VIEWS = {
    "mean face": (),
    "1 frontal": (0.0,),
    "1 at 30°": (30.0,),
    "3 at ±40°": (-40.0, 0.0, 40.0),
    "5 at ±60°": (-60.0, -30.0, 0.0, 30.0, 60.0),
}


def main() -> None:
    """Fit and compare."""
    parser = bench.arguments("face_shape", __doc__)
    parser.add_argument("--heads", type=int, default=32)
    options = parser.parse_args()
    model = built_in()
    rows = {}
    for noise in (0.5, 1.5):
        for name, yaws in _VIEWS.items():
            errors = []
            for seed in range(options.heads):
                rng = np.random.default_rng(seed)
                true = head(rng, model)
                shape = (
                    model.shape(fit(model, seen(rng, true, model, yaws, noise)).coefficients) if yaws else model.mean
                )
                errors.append(apart(shape, true))
            rows[f"{name}, landmarks off by {noise} mm"] = {
                "mean_mm": round(float(np.mean(errors)), 3),
                "worst_mm": round(float(np.max(errors)), 3),
                "n": len(errors),
            }
            print(f"{name:12} {noise} mm: {np.mean(errors):.2f} mm (worst {np.max(errors):.2f}, n = {len(errors)})")
    bench.write(options.out, {"machine": bench.machine(), "commit": bench.commit(), "fits": rows})


if __name__ == "__main__":
    main()
