#!/bin/sh
# Fills corpus/ with small beginnings: the fixtures of the tests, the beginnings of the longer ones, and what the
# program makes of some of them.
set -eu
cd "$(dirname "$0")"
fixtures=../tests/fixtures
mkdir -p corpus/wav corpus/formats corpus/form corpus/refusal corpus/reply corpus/plan

for file in "$fixtures"/*.*; do
    case $file in
    *.sh | *.md | *.opus.flac) continue ;;
    *.wav) head -c 8192 "$file" >"corpus/wav/${file##*/}" ;;
    *.mp3) { printf '\000\017' && head -c 8192 "$file"; } >"corpus/reply/${file##*/}" ;;
    esac
    head -c 8192 "$file" >"corpus/formats/${file##*/}"
    # Choices as good as any.
    tail -c 300 "$file" >"corpus/plan/${file##*/}"
done

# WAV in its depths, from a file and from a pipe.
voxsift() { cargo run --quiet --locked --manifest-path ../Cargo.toml -- -q --attenuation-limit 0 --force "$@"; }
for file in s16.flac s24.aiff f32.aifc; do
    voxsift "$fixtures/$file" -o corpus/whole.wav
    head -c 4096 corpus/whole.wav >"corpus/wav/$file.wav"
    voxsift - -o - <"$fixtures/$file" | head -c 4096 >"corpus/wav/$file.pipe.wav" || true
    head -c 2048 corpus/whole.wav >"corpus/form/$file.wav"
done
rm corpus/whole.wav
tail -c +45 corpus/wav/s16.flac.pipe.wav | head -c 800 >corpus/wav/samples
{ printf 'RF64\377\377\377\377WAVEds64\034\0\0\0' && printf '\0%.0s' $(seq 28) &&
    tail -c +13 corpus/wav/s16.flac.pipe.wav | head -c 2000; } >corpus/wav/rf64.wav

# A status, no wait, and what the service says: two bytes, and one.
refusal() { printf '%b\000%s' "$1" "$2" >"corpus/refusal/$3"; }
refusal '\055\001' '{"detail":{"status":"invalid_api_key","message":"Invalid API key"}}' key.json
refusal '\112\001' '{"detail":[{"loc":["body","audio",0],"msg":"field required","type":"missing"}]}' list.json
refusal '\115\001' '{"detail":{"code":"rate_limit_exceeded","request_id":"r1","type":"rate_limit_error"}}' rate.json
refusal '\220\001' '<html><body>Bad gateway</body></html>' page.html
refusal '\037\001' '{"error":"payment required","detail":"no credits"}' text.json
