#!/usr/bin/env bash
# Times voxsift beside other programs, whole processes in turns on the same inputs, and prints tables in Markdown: medians
# of time, CPU time and peak memory, and ratios.
#
# Usage: benches/compare.sh [--write] [SECTION]...
#   sections: startup upload local convert batch cores growth kernels; all of them by default
#   --write   puts all of it into docs/benchmarks.md
#
# Builds voxsift, and installs what it needs with apt-get and its peers under target/peers: hush-vani and nnnoiseless
# with cargo, the elevenlabs SDK with pip. These set how much is done; QUICK=1 is all of it in a few minutes, to see
# whether it works:
#   RUNS            runs of each contender                          5
#   STARTUP_RUNS    of those that do nearly nothing               100
#   UPLOAD_SIZES    MB                                              "1 50 480"
#   SECONDS_LOCAL   length of the recordings of `local`            60
#   SECONDS_LONG    of `convert` and `cores`                      600
#   BATCH_FILES     short recordings                              200
#   GROWTH_MINUTES, GROWTH_FILES                                    "1 10 60", "10 100 1000"
#   DEEPFILTERNET   0 leaves out its build, which takes long        1
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -n "${QUICK:-}" ]; then
    : "${RUNS:=1}" "${STARTUP_RUNS:=5}" "${UPLOAD_SIZES:=1 10}" "${SECONDS_LOCAL:=10}" "${SECONDS_LONG:=60}"
    : "${BATCH_FILES:=6}" "${GROWTH_MINUTES:=0.1 0.5}" "${GROWTH_FILES:=2 8}" "${DEEPFILTERNET:=0}"
fi
: "${RUNS:=5}" "${STARTUP_RUNS:=100}" "${UPLOAD_SIZES:=1 50 480}" "${SECONDS_LOCAL:=60}" "${SECONDS_LONG:=600}"
: "${BATCH_FILES:=200}" "${GROWTH_MINUTES:=1 10 60}" "${GROWTH_FILES:=10 100 1000}" "${DEEPFILTERNET:=1}"

all=(startup upload local convert batch cores growth kernels)
write='' sections=()
for argument in "$@"; do
    case $argument in
        --write) write=1 ;;
        *)
            [[ " ${all[*]} " = *" $argument "* ]] || { echo "compare.sh: there is no section $argument" >&2; exit 2; }
            sections+=("$argument")
            ;;
    esac
done
if [ -n "$write" ] && [ "${#sections[@]}" -gt 0 ]; then
    echo "compare.sh: --write wants all sections, so that the page is of one day and one machine" >&2
    exit 2
fi
[ "${#sections[@]}" -gt 0 ] || sections=("${all[@]}")

target=${CARGO_TARGET_DIR:-target}
peers=$PWD/target/peers
voxsift=$(realpath -m "$target/release/voxsift")
bare=$(realpath -m "$target/release/examples/bare")
deepfilternet=$peers/deepfilternet/release/voxsift
sdk=$peers/venv/bin/python
export PATH=$peers/bin:$PATH
# Nothing of the machine's settings counts.
unset VOXSIFT_ENGINE ELEVENLABS_API_KEY ELEVENLABS_BASE_URL HUSH_WEIGHTS
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "== $*" >&2; }
. benches/peers.sh

# --- how they are told to measure.py ------------------------------------------------------------------------------

# A contender's line for measure.py; the reason stands there where its program is missing.
contender() {
    local name=$1 leaves=$2
    shift 2
    printf '%s\t%s\t%s\n' "$name" "$leaves" "${*@Q}"
}
missing() { printf '%s\t!\t%s\n' "$1" "$2"; }
measure() { python3 benches/measure.py "$@"; }
# One core for everybody, where one is compared.
one_core=(taskset -c 0)

# --- inputs -----------------------------------------------------------------------------------------------------

# A sound of so many seconds: the example over and over, at 48 kHz with hiss up to the top.
recording() {
    local rate=$1 seconds=$2 file=$work/$1-$2.wav
    if [ ! -e "$file" ]; then
        sox -D -R examples/noisy.wav "$work/long.wav" repeat 600 trim 0 "$seconds"
        if [ "$rate" -eq 16000 ]; then
            mv "$work/long.wav" "$file"
        else
            sox -D -R -m -v 1 "|sox -D -R $work/long.wav -p rate $rate" \
                -v 1 "|sox -D -R -n -r $rate -c 1 -p synth $seconds pinknoise gain -45" -b 16 "$file" trim 0 "$seconds"
        fi
    fi
    echo "$file"
}

# A folder with so many recordings of two seconds.
takes() {
    local folder=$work/takes-$1
    mkdir -p "$folder"
    sox -D -R examples/noisy.wav "$work/take.wav" trim 1 2
    for number in $(seq "$1"); do
        cp "$work/take.wav" "$folder/$number.wav"
    done
    echo "$folder"
}

# --- sections ---------------------------------------------------------------------------------------------------

startup() {
    printf '## Start-up\n\n`--version`; %s runs. `true` is what starting any program costs.\n\n' "$STARTUP_RUNS"
    {
        contender voxsift - "$voxsift" --version
        contender curl - curl --version
        contender ffmpeg - ffmpeg -version
        contender sox - sox --version
        contender true - "$(type -P true)"
    } | measure --runs "$STARTUP_RUNS" --columns time,cpu --ratio time --base curl --target 'voxsift: ratio <= 1.5'
}

# In a shell of its own, with which the service ends.
upload() (
    reply=tests/fixtures/cbr.mp3
    size=$(stat -c %s "$reply")
    python3 benches/sink.py "$reply" > "$work/port" &
    service=$!
    trap 'kill "$service"' EXIT
    until [ -s "$work/port" ]; do sleep 0.05; done
    url=http://127.0.0.1:$(cat "$work/port")
    export ELEVENLABS_API_KEY=bench ELEVENLABS_BASE_URL=$url
    cat << 'EOF'
## Upload

To a service on the same machine that reads all of it and answers with a short MP3 (`benches/sink.py`); no TLS. What is
sent are bytes of no known length; `voxsift --file-format other`, `curl -F audio=@FILE`, and `audio_isolation.convert` of
the service's Python SDK.

EOF
    for megabytes in $UPLOAD_SIZES; do
        file=$work/take.bin
        head -c "${megabytes}000000" /dev/urandom > "$file"
        printf '**%s MB**\n\n' "$megabytes"
        {
            contender voxsift "bytes $work/voice.mp3 $size" "$voxsift" -q --file-format other "$file" -o "$work/voice.mp3"
            contender 'curl -F' "bytes $work/curl.mp3 $size" curl -sS -F file_format=other -F "audio=@$file" \
                -H 'xi-api-key: bench' "$url/v1/audio-isolation" -o "$work/curl.mp3"
            if [ -x "$sdk" ]; then
                contender 'elevenlabs SDK' "bytes $work/sdk.mp3 $size" "$sdk" benches/sdk.py "$url" "$file" "$work/sdk.mp3"
            else
                missing 'elevenlabs SDK' 'pip could not install it'
            fi
        } | measure --runs "$RUNS" --columns time,cpu,memory --ratio time --base 'curl -F'
    done
    rm "$file"
)

# The contenders that isolate $1, whose rate is $2, in $3 seconds.
isolators() {
    local file=$1 rate=$2 seconds=$3 narrow out=$work/out
    narrow=$(recording 16000 "$seconds")
    contender 'the bare network' - "${one_core[@]}" "$bare" model "$narrow"
    contender voxsift "seconds $out-1.wav $seconds" "${one_core[@]}" "$voxsift" -q -e local "$file" -o "$out-1.wav"
    if [ -x "$deepfilternet" ] && [ "$DEEPFILTERNET" != 0 ]; then
        contender 'voxsift, DeepFilterNet3' "seconds $out-2.wav $seconds" \
            "${one_core[@]}" "$deepfilternet" -q -e local --model deepfilternet "$file" -o "$out-2.wav"
    else
        missing 'voxsift, DeepFilterNet3' 'left out of this run'
    fi
    if [ ! -x "$peers/bin/hush-vani" ]; then
        missing hush-vani 'it could not be built'
    elif [ "$rate" -ne 16000 ]; then
        missing hush-vani 'it takes 16 kHz mono only'
    else
        contender hush-vani "seconds $out-3.wav $seconds" "${one_core[@]}" hush-vani "$file" "$out-3.wav"
    fi
    if [ -x "$peers/bin/nnnoiseless" ]; then
        contender nnnoiseless "seconds $out-4.wav $seconds" "${one_core[@]}" nnnoiseless "$file" "$out-4.wav"
    else
        missing nnnoiseless 'it could not be built'
    fi
    local ffmpeg=("${one_core[@]}" ffmpeg -nostdin -v error -threads 1 -filter_threads 1 -y -i "$file")
    if [ -s "$peers/rnnoise.rnnn" ]; then
        contender 'ffmpeg arnndn' "seconds $out-5.wav $seconds" \
            "${ffmpeg[@]}" -af "arnndn=m=$peers/rnnoise.rnnn" -ar "$rate" "$out-5.wav"
    else
        missing 'ffmpeg arnndn' 'there are no weights for it without nnnoiseless'
    fi
    contender 'ffmpeg afftdn' "seconds $out-6.wav $seconds" "${ffmpeg[@]}" -af afftdn "$out-6.wav"
    # The example begins with a pause, from which sox learns the noise.
    contender 'sox noisered' "seconds $out-7.wav $seconds" "${one_core[@]}" bash -c \
        'sox "$0" -n trim 0 0.6 noiseprof - | sox "$0" "$1" noisered - 0.21' "$file" "$out-7.wav"
}

local_engine() {
    cat << EOF
## Isolation on this machine

$SECONDS_LOCAL s of noisy speech, WAV to WAV, on one core (\`taskset\`, and \`-threads 1\` for ffmpeg). The bare network is the
one that voxsift runs by default, over 16 kHz, without anything around it (\`benches/bare.rs\`): what voxsift takes more
is for level, bands, alignment, resampling, reading and writing. \`arnndn\` and nnnoiseless are RNNoise with the same weights,
at 48 kHz. The peers differ in what they achieve, not in time alone.

EOF
    local rate ratio=1.2
    for rate in 16000 48000; do
        printf '**%s kHz mono**\n\n' $((rate / 1000))
        isolators "$(recording "$rate" "$SECONDS_LOCAL")" "$rate" "$SECONDS_LOCAL" |
            measure --runs "$RUNS" --columns time,cpu,speed,memory --ratio cpu --base 'the bare network' \
                --target "voxsift: ratio <= $ratio"
        ratio=1.5
    done
}

convert() {
    local file out=$work/converted
    file=$(recording 48000 "$SECONDS_LONG")
    cat << EOF
## 48 kHz to 16 kHz

$SECONDS_LONG s of mono, WAV to WAV, on one core. voxsift has no command for this alone: it is its resampler between
its reader and its writer (\`benches/bare.rs\`). Its filter is flat to 0.9 of the Nyquist frequency and below −130 dB above it,
which only sox and soxr come near.

EOF
    local ffmpeg=("${one_core[@]}" ffmpeg -nostdin -v error -threads 1 -filter_threads 1 -y -i "$file")
    {
        contender "voxsift's resampler" "seconds $out-1.wav $SECONDS_LONG" "${one_core[@]}" "$bare" convert "$file" "$out-1.wav"
        contender 'sox rate -v' "seconds $out-2.wav $SECONDS_LONG" "${one_core[@]}" sox "$file" "$out-2.wav" rate -v 16000
        contender 'sox rate' "seconds $out-3.wav $SECONDS_LONG" "${one_core[@]}" sox "$file" "$out-3.wav" rate 16000
        contender 'ffmpeg' "seconds $out-4.wav $SECONDS_LONG" "${ffmpeg[@]}" -ar 16000 "$out-4.wav"
        contender 'ffmpeg, soxr' "seconds $out-5.wav $SECONDS_LONG" \
            "${ffmpeg[@]}" -af aresample=16000:resampler=soxr:precision=28 "$out-5.wav"
    } | measure --runs "$RUNS" --columns time,cpu,speed,memory --ratio time --base "voxsift's resampler" \
        --target "voxsift's resampler: speed >= 500"
}

batch() {
    local folder out=$work/voices loop=$work/loop length
    folder=$(takes "$BATCH_FILES")
    length=$((2 * BATCH_FILES))
    # Runs a command for every file of a folder; IN and OUT stand for it and for its output.
    cat > "$loop" << 'EOF'
#!/usr/bin/env bash
in=$1 out=$2
shift 2
for file in "$in"/*; do
    now=("${@/#IN/$file}")
    "${now[@]/#OUT/$out/${file##*/}}"
done
EOF
    chmod +x "$loop"
    printf '## Many short recordings\n\n%s of 2 s each, 16 kHz mono, on %s cores. A loop starts a process for each.\n\n' \
        "$BATCH_FILES" "$(nproc)"
    local leaves="$BATCH_FILES $length"
    {
        contender 'voxsift -j 1' "files $out-1 $leaves" "$voxsift" -q -e local -j 1 "$folder" -d "$out-1"
        contender 'voxsift -j 2' "files $out-2 $leaves" "$voxsift" -q -e local -j 2 "$folder" -d "$out-2"
        contender 'loop of voxsift' "files $out-3 $leaves" "$loop" "$folder" "$out-3" "$voxsift" -q -e local IN -o OUT
        if [ -x "$peers/bin/hush-vani" ]; then
            contender 'loop of hush-vani' "files $out-4 $leaves" "$loop" "$folder" "$out-4" hush-vani IN OUT
        else
            missing 'loop of hush-vani' 'it could not be built'
        fi
        contender 'loop of ffmpeg afftdn' "files $out-5 $leaves" "$loop" "$folder" "$out-5" \
            ffmpeg -nostdin -v error -y -i IN -af afftdn OUT
    } | measure --runs "$RUNS" --columns time,cpu,speed,memory --ratio speed --base 'voxsift -j 1' \
        --target 'voxsift -j 2: ratio >= 1.8'
}

cores() {
    cat << EOF
## One long recording on several cores

$SECONDS_LONG s of mono, which is cut into pieces that the cores share. Each of them hears some of what is before it, which
the bare network, uncut on one core, does not.

EOF
    local rate file
    for rate in 16000 48000; do
        file=$(recording "$rate" "$SECONDS_LONG")
        printf '**%s kHz**\n\n' $((rate / 1000))
        {
            contender 'the bare network' - "$bare" model "$(recording 16000 "$SECONDS_LONG")"
            for jobs in 1 2; do
                contender "voxsift -j $jobs" "seconds $work/voice-$jobs.wav $SECONDS_LONG" \
                    "$voxsift" -q -e local -j "$jobs" "$file" -o "$work/voice-$jobs.wav"
            done
        } | measure --runs "$RUNS" --columns time,cpu,speed,memory --ratio time --base 'voxsift -j 1'
        cmp "$work/voice-1.wav" "$work/voice-2.wav" >&2
        printf 'Both results are the same, byte for byte.\n\n'
    done
}

growth() {
    local minutes seconds files file
    printf '## Growth\n\nWith the length of a recording at 48 kHz mono, on %s cores:\n\n' "$(nproc)"
    {
        for minutes in $GROWTH_MINUTES; do
            seconds=$(awk "BEGIN { print 60 * $minutes }")
            file=$(recording 48000 "$seconds")
            contender "voxsift, $minutes min" "seconds $work/grown.wav $seconds" "$voxsift" -q -e local "$file" -o "$work/grown.wav"
        done
    } | measure --runs "$RUNS" --columns time,cpu,speed,memory
    printf 'At 16 kHz, beside the network'"'"'s own program, which holds the whole recording in memory:\n\n'
    {
        for minutes in $GROWTH_MINUTES; do
            seconds=$(awk "BEGIN { print 60 * $minutes }")
            file=$(recording 16000 "$seconds")
            contender "voxsift, $minutes min" "seconds $work/grown.wav $seconds" "$voxsift" -q -e local "$file" -o "$work/grown.wav"
            if [ ! -x "$peers/bin/hush-vani" ]; then
                missing "hush-vani, $minutes min" 'it could not be built'
            elif awk "BEGIN { exit $minutes <= 10 }"; then
                missing "hush-vani, $minutes min" 'its memory grows with the length, to more than this machine may have'
            else
                contender "hush-vani, $minutes min" "seconds $work/peer.wav $seconds" hush-vani "$file" "$work/peer.wav"
            fi
        done
    } | measure --runs "$RUNS" --columns time,cpu,speed,memory
    printf 'With the number of recordings of 2 s each:\n\n'
    {
        for files in $GROWTH_FILES; do
            contender "voxsift, $files files" "files $work/grown $files $((2 * files))" \
                "$voxsift" -q -e local "$(takes "$files")" -d "$work/grown"
        done
    } | measure --runs "$RUNS" --columns time,cpu,speed,memory
}

kernels() {
    printf '## The parts alone\n\nFrom `cargo bench`, on 10 s of mono; a file where there is one.\n\n'
    local quick=()
    [ -z "${QUICK:-}" ] || quick=(--quick)
    rm -rf "$target/criterion"
    cargo bench --quiet --locked --bench kernels -- --noplot "${quick[@]}" >&2
    measure --kernels "$target/criterion"
}

# --- the page ---------------------------------------------------------------------------------------------------

head_of_page() {
    local changed=''
    git diff --quiet HEAD -- src Cargo.lock || changed=', changed'
    cat << EOF
# Benchmarks

Made by \`benches/compare.sh --write\`, which says what is run; this page is not edited. Whole processes, in turns,
$RUNS runs of each unless said otherwise; medians.

| | |
| --- | --- |
| date | $(date -u +%Y-%m-%d) |
| voxsift | $(version "$voxsift" --version), commit $(git rev-parse --short HEAD)$changed |
| machine | $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r | cut -d- -f1) |
| load before | $(cut -d' ' -f1 "$work/load") |
| Rust | $(version rustc --version) |
| peers | curl $(version curl --version), ffmpeg $(version ffmpeg -version), sox $(sox --version | grep -oE '[0-9]+\.[0-9.]+' | head -1), hush-vani $(crate hush-vani), nnnoiseless $(crate nnnoiseless), elevenlabs $("$peers/venv/bin/pip" list 2> /dev/null | awk '$1 == "elevenlabs" { print $2 }') |

EOF
}

cp /proc/loadavg "$work/load"
install
{
    head_of_page
    for section in "${sections[@]}"; do
        say "$section"
        case $section in
            local) local_engine ;;
            *) "$section" ;;
        esac
    done
} | cat -s | tee "$work/page.md"
if [ -n "$write" ]; then
    mkdir -p docs
    cp "$work/page.md" docs/benchmarks.md
    say 'docs/benchmarks.md is written'
fi
