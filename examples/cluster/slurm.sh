#!/usr/bin/env bash
# Shares a folder of images out among the tasks of a Slurm job array, and joins what they did.
#
#   examples/cluster/slurm.sh PHOTOS OUTPUT [PARTS]
#
# Run it on the login node; both folders, and samkit itself, must be there on every node under the same
# path. Run it again to go on where tasks were cut off: what is complete is not done again.
set -euo pipefail

usage="usage: slurm.sh PHOTOS OUTPUT [PARTS]"
PHOTOS=$(realpath -- "${1:?$usage}")
OUTPUT=$(realpath -m -- "${2:?$usage}")
PARTS=${3:-8}
# Slurm hands exported variables on to the jobs.
export PHOTOS OUTPUT
export SAMKIT_MODELS_DIR=${SAMKIT_MODELS_DIR:-$HOME/.cache/samkit/models}

# Fetched once and here, because nodes often have no way out.
samkit models pull mobile-sam

# `--shard auto` takes number and count from the array. A node that fails puts its task back into the
# queue, and `--resume` goes on there.
work=$(
    sbatch --parsable --job-name=samkit --array="1-$PARTS" \
        --cpus-per-task=8 --mem=4G --time=08:00:00 --requeue <<'JOB'
#!/usr/bin/env bash
exec samkit everything "$PHOTOS" --output "$OUTPUT" --save masks,coco \
    --shard auto --resume --offline --threads "$SLURM_CPUS_PER_TASK"
JOB
)

# After all tasks, however they ended: one of which an image failed ends with 1, and is done all the
# same. Where images are missing, this says which shards to finish, and ends with 2.
sbatch --job-name=samkit-merge --dependency="afterany:${work%%;*}" \
    --cpus-per-task=1 --mem=2G --time=01:00:00 <<'JOB'
#!/usr/bin/env bash
exec samkit merge "$OUTPUT"
JOB
