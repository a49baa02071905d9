#!/usr/bin/env bash
# Uploads files of growing size to a local service that swallows them, with voxsift and with curl -F, side
# by side in one run. Prints medians of time and the largest peak of memory.
#
# Needs curl, python3 and GNU time; builds voxsift itself. Usage: benches/upload.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}

cargo build --quiet --locked --release
voxsift=${CARGO_TARGET_DIR:-target}/release/voxsift
work=$(mktemp -d)
trap 'kill "$sink" 2>/dev/null || true; rm -rf "$work"' EXIT

python3 benches/sink.py tests/fixtures/cbr.mp3 > "$work/port" &
sink=$!
until [ -s "$work/port" ]; do sleep 0.05; done
url=http://127.0.0.1:$(cat "$work/port")
export ELEVENLABS_API_KEY=bench ELEVENLABS_BASE_URL=$url

# Seconds and KiB of one run.
measure() {
    local start=$EPOCHREALTIME
    command time -f '%M' -o "$work/peak" "$@" > /dev/null 2> "$work/err" || { cat "$work/err" >&2; exit 1; }
    echo "$start $EPOCHREALTIME $(cat "$work/peak")" | awk '{ printf "%.4f %d\n", $2 - $1, $3 }'
}
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

printf '%8s %14s %14s %8s %16s %16s\n' size 'voxsift' 'curl -F' ratio 'voxsift memory' 'curl memory'
for megabytes in 1 50 480; do
    # Bytes of no known length, which the same short reply answers whatever their number.
    head -c "${megabytes}000000" /dev/urandom > "$work/take.bin"
    for run in $(seq "$runs"); do
        measure "$voxsift" -q --file-format other "$work/take.bin" -o "$work/voice.mp3" --force >> "$work/voxsift.$megabytes"
        measure curl -sS -F file_format=other -F "audio=@$work/take.bin" \
            -H 'xi-api-key: bench' -H 'Expect:' "$url/v1/audio-isolation" -o "$work/voice.mp3" >> "$work/curl.$megabytes"
    done
    ours=$(median < "$work/voxsift.$megabytes")
    theirs=$(median < "$work/curl.$megabytes")
    awk -v size="$megabytes" -v a="$ours" -v b="$theirs" \
        -v m="$(cut -d' ' -f2 "$work/voxsift.$megabytes" | sort -n | tail -1)" \
        -v n="$(cut -d' ' -f2 "$work/curl.$megabytes" | sort -n | tail -1)" \
        'BEGIN { printf "%5d MB %12.3f s %12.3f s %8.2f %12.1f MiB %12.1f MiB\n", size, a, b, a / (b > 0 ? b : 0.01), m / 1024, n / 1024 }'
done
