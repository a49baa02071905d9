#!/bin/sh
#SBATCH --job-name=voxsift
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem=1G
#
# Isolates a tree of recordings as a Slurm job array, each of whose tasks takes a share:
#
#   sbatch examples/slurm-array.sh                                # takes/ into clean/, in 8 shares
#   sbatch --array=1-100%20 examples/slurm-array.sh IN OUT        # in 100 shares, 20 at once
#   SHARES=100 sbatch --array=3,17 examples/slurm-array.sh IN OUT # two of these once more
#
# Both directories have to be on a file system that all nodes see.
set -eu

# Which recordings belong to a share depends on their paths and on the number of shares, so that the tasks need not
# know of each other. The array has to begin with 1; where it is not the whole one, SHARES says how many there are.
share=${SLURM_ARRAY_TASK_ID:?run this with sbatch}
shares=${SHARES:-${SLURM_ARRAY_TASK_MAX:?run this with sbatch}}

# With --skip-existing a task that was ended goes on where it was. With exec the signal that ends it reaches voxsift,
# which leaves nothing unfinished behind.
exec voxsift -r "${1:-takes}" -d "${2:-clean}" --skip-existing -j "${SLURM_CPUS_PER_TASK:-1}" --shard "$share/$shares"
