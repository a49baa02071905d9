# shellcheck shell=bash disable=SC2154
# The second half of compare.sh: installs what it needs, and says which versions these are.

install() {
    mkdir -p "$peers"
    local missing=()
    command -v sox > /dev/null || missing+=(sox)
    command -v ffmpeg > /dev/null || missing+=(ffmpeg)
    command -v curl > /dev/null || missing+=(curl)
    [ -n "$(type -P time)" ] || missing+=(time)
    command -v python3 > /dev/null || missing+=(python3)
    python3 -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv)
    if [ "${#missing[@]}" -gt 0 ]; then
        local sudo=''
        [ "$(id -u)" -eq 0 ] || sudo=sudo
        say "apt-get install ${missing[*]}"
        $sudo apt-get update -q >&2
        $sudo apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
    fi
    say 'cargo build --release'
    cargo build --quiet --locked --release --bin voxsift --example bare
    if [ "$DEEPFILTERNET" != 0 ]; then
        say 'cargo build --release --features deepfilternet'
        cargo build --quiet --locked --release --ignore-rust-version --features deepfilternet --bin voxsift \
            --target-dir "$peers/deepfilternet"
    fi
    # A peer that does not build is missing in the tables, with the reason.
    for crate in hush-vani nnnoiseless; do
        [ -x "$peers/bin/$crate" ] || { say "cargo install $crate"; cargo install --quiet --locked --root "$peers" "$crate" >&2 || true; }
    done
    if [ ! -x "$sdk" ]; then
        say 'pip install elevenlabs'
        { python3 -m venv "$peers/venv" && "$peers/venv/bin/pip" install --quiet elevenlabs; } >&2 || true
    fi
    # ffmpeg has no network for arnndn; nnnoiseless has RNNoise's.
    local weights
    weights=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -path '*/nnnoiseless-*/src/weights.rnn' 2> /dev/null | tail -1)
    [ -z "$weights" ] || python3 benches/arnndn.py "$weights" > "$peers/rnnoise.rnnn"
}

version() { "$@" 2> /dev/null | head -1 | grep -oE '[0-9]+\.[0-9]+[^ ]*' | head -1 || true; }
crate() { sed -n "s/^\"$1 \([^ ]*\) .*/\1/p" "$peers/.crates.toml"; }
