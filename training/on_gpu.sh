#!/usr/bin/env bash
# Renders what is missing, trains or resumes, lays out what to take home: training/on_gpu.sh DATA WORK CONFIG MINUTES [SHARDS]
# DATA: folder with train_images, train_video, train_faces. WORK: kept between calls; shards/, run/ and out/ lie there.
set -euo pipefail
data=$1 work=$2 config=$3 minutes=$4 shards=${5:-200}
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
mkdir -p "$work/run" "$work/out"
OMP_NUM_THREADS=1 python3 -m footlights.training.render --data "$data" --out "$work/shards/val" --count 4 --held-out \
  --workers 4 >"$work/out/render.log"
OMP_NUM_THREADS=1 python3 -m footlights.training.render --data "$data" --out "$work/shards/train" --count "$shards" \
  --workers "$(nproc)" >>"$work/out/render.log"
python3 -m footlights.training.fieldlift --config "$config" --shards "$work/shards" --run "$work/run" --resume \
  --minutes "$minutes" 2>&1 | tee -a "$work/out/train.log"
# In pieces, for channels that carry small files only: cat last.safetensors.* puts them together again.
split --bytes=15M --numeric-suffixes "$work/run/last.safetensors" "$work/out/last.safetensors."
cp "$work"/run/{journal.csv,curve.png,sheet.png} "$work/out/" 2>/dev/null || true
