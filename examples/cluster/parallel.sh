#!/usr/bin/env bash
# Shares a folder of images out among machines by GNU parallel, over SSH, and joins what they did.
#
#   examples/cluster/parallel.sh PHOTOS OUTPUT MACHINES [PARTS]
#
# MACHINES is a file that names one on every line, as ssh knows it; `:` is this one. Both folders, and
# samkit itself, must be there on all of them under the same path. Each machine works on one part at a
# time, which takes all its cores; with more parts than machines fast ones do more of them.
set -euo pipefail

usage="usage: parallel.sh PHOTOS OUTPUT MACHINES [PARTS]"
photos=$(realpath -- "${1:?$usage}")
output=$(realpath -m -- "${2:?$usage}")
machines=${3:?$usage}
parts=${4:-32}

# A part that ends badly is tried again, on another machine where there is one, and goes on where it
# stopped. Whether all is done in the end is for the merge to say.
seq "$parts" | parallel --quote --sshloginfile "$machines" --jobs 1 --retries 3 \
    samkit everything "$photos" --output "$output" --save masks,coco \
    --shard "{}/$parts" --resume --quiet ||
    echo "parallel.sh: some parts ended badly" >&2

samkit merge "$output"
