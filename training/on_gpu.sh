#!/usr/bin/env bash
# Renders and trains FieldLift S on a GPU that is there for minutes only: training/on_gpu.sh DATA WORK START SECONDS
# DATA: folder with train_images, train_video, train_faces. START: checkpoint whose running mean is taken.
# WORK: shards/, early/ and run/ lie there; what to take home goes to WORK/out.
set -euo pipefail
data=$1 work=$2 start=$3 seconds=$4
first=${FIRST_SHARDS:-96} all=${SHARDS:-288} early=${EARLY_SECONDS:-150}
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
mkdir -p "$work/out" "$work/early" "$work/run"
render() { OMP_NUM_THREADS=1 nice -n 10 python3 -m footlights.training.render --data "$data" "$@"; }
train() { python3 -m footlights.training.fieldlift --shards "$work/shards" "$@" 2>&1 | tee -a "$work/out/train.log"; }
rendered() { find "$work/shards/train" -name 'shard-*' ! -name '*.part' 2>/dev/null | wc -l; }
take_home() { cp "$work/$1"/{last.safetensors,journal.csv,curve.png,sheet.png} "$work/out/" 2>/dev/null || true; }

render --out "$work/shards/train" --count "$all" --seed 7 --calm 0.25 --shaken 0.15 --workers "$(nproc)" \
  >"$work/out/render.log" 2>&1 &
renderer=$!
render --out "$work/shards/val" --count 4 --held-out --workers 4 >>"$work/out/render.log" 2>&1
while [ "$(rendered)" -lt "$first" ] && kill -0 "$renderer"; do sleep 1; done
echo "$SECONDS s: $(rendered) shards"
train --config training/configs/fieldlift-s-gpu-early.toml --run "$work/early" --start-from "$start" \
  --minutes "$(python3 -c "print($early / 60)")"
take_home early
# The files of shards that are not finished are named .part, so that whatever is there by now can be used.
left=$((seconds - SECONDS - 45))
iterations=$(python3 - "$work/early/last.safetensors" "$left" <<'PY'
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], "pt") as file:
    iteration, _, wall = json.loads(file.metadata()["progress"])
print(max(500, round(iteration / wall * float(sys.argv[2]))))
PY
)
echo "$SECONDS s: $(rendered) shards, $iterations iterations in $left s"
train --config training/configs/fieldlift-s-gpu.toml --run "$work/run" --start-from "$work/early/last.safetensors" \
  --iterations "$iterations" --minutes "$(python3 -c "print(($seconds - $SECONDS - 12) / 60)")"
take_home run
kill "$renderer" 2>/dev/null || true
