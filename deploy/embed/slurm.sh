#!/bin/bash
# Embeds a corpus on ten machines of a Slurm cluster: sbatch deploy/embed/slurm.sh CORPUS OUT
# CORPUS and OUT lie in a folder that all machines share, and so does akin's home, which
# `akin setup` filled once (AKIN_HOME). A task that was preempted or killed is run again by
# Slurm and goes on where it was: what is embedded is in OUT/I/cache.
#SBATCH --job-name=akin-embed
#SBATCH --array=1-10
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=8G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
set -euo pipefail
corpus=${1:?give the corpus}
out=${2:?give a folder for the vectors}
# Embedding twice gives the same bytes on one kind of CPU alone; a partition of one kind
# is best. The precision is named, for all shards must have the same.
exec akin embed "$corpus" --out "$out/$SLURM_ARRAY_TASK_ID" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
  --precision float32
