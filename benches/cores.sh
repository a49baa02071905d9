#!/usr/bin/env bash
# Isolates one long recording with the local engine on one core and on several, side by side in one run, at 16 and at
# 48 kHz. Prints medians of time and of CPU time, their ratios, and the largest peaks of memory; fails when the results
# differ in a single byte.
#
# Needs python3 and GNU time; builds voxsift itself. Usage: benches/cores.sh [RUNS] [MINUTES] [CORES]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5} minutes=${2:-10} cores=${3:-2}

cargo build --quiet --locked --release
voxsift=${CARGO_TARGET_DIR:-target}/release/voxsift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The checked-in voice over and over, in noise.
"$voxsift" -q -e local --attenuation-limit 0 tests/fixtures/voice.opus -o "$work/voice.wav"
python3 - "$work" "$minutes" << 'PYTHON'
import array, random, sys, wave
work, seconds = sys.argv[1], 60 * float(sys.argv[2])
with wave.open(f"{work}/voice.wav") as voice:
    clean = array.array("h", voice.readframes(voice.getnframes()))
noise = random.Random(1)
for rate, step in ((16000, 3), (48000, 1)):
    # Averaging is filter enough.
    voice = [sum(clean[i:i + step]) // step for i in range(0, len(clean) - step, step)]
    part = array.array("h")
    for level in (100, 300, 1000):
        part.extend(max(-32768, min(32767, int(x + noise.gauss(0, level)))) for x in voice)
    frames = int(seconds * rate)
    with wave.open(f"{work}/{rate}.wav", "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes((part * (frames // len(part) + 1))[:frames].tobytes())
PYTHON

# Seconds, seconds of CPU and KiB of one run.
measure() {
    local start=$EPOCHREALTIME
    command time -f '%U %S %M' -o "$work/usage" "$@"
    echo "$start $EPOCHREALTIME $(cat "$work/usage")" | awk '{ printf "%.3f %.2f %d\n", $2 - $1, $3 + $4, $5 }'
}
median() { cut -d' ' -f"$1" "$2" | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
peak() { cut -d' ' -f3 "$1" | sort -n | tail -1; }

printf '%8s %12s %12s %8s %12s %12s %12s %12s\n' \
    rate '-j 1' "-j $cores" ratio 'CPU -j 1' "CPU -j $cores" 'memory -j 1' "memory -j $cores"
for rate in 16000 48000; do
    for run in $(seq "$runs"); do
        for jobs in 1 "$cores"; do
            measure "$voxsift" -q -e local -j "$jobs" "$work/$rate.wav" -f -o "$work/$jobs.wav" >> "$work/$rate.$jobs"
        done
        cmp "$work/1.wav" "$work/$cores.wav"
    done
    one=$work/$rate.1 more=$work/$rate.$cores
    echo "$rate $(median 1 "$one") $(median 1 "$more") $(median 2 "$one") $(median 2 "$more") $(peak "$one") $(peak "$more")" |
        awk '{ printf "%5d Hz %10.2f s %10.2f s %8.2f %10.2f s %10.2f s %8.1f MiB %8.1f MiB\n",
            $1, $2, $3, $2 / $3, $4, $5, $6 / 1024, $7 / 1024 }'
done
