#!/bin/sh
# Makes examples/noisy.wav: synthetic speech in a synthetic room, with a fan and hum.
# Needs espeak-ng and sox. The result is checked in; run this only to change it.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

espeak-ng -v en-gb -s 150 -w "$work/speech.wav" \
    "This was recorded beside a fan, in a room with a hum. You should hear only my voice."
# Pauses around the words, so that the noise can be heard on its own.
sox -R "$work/speech.wav" -r 16000 -b 16 "$work/padded.wav" gain -n -4 pad 0.7 0.7 reverb 15
length=$(soxi -D "$work/padded.wav")
sox -R -n -r 16000 -b 16 -c 1 "$work/fan.wav" synth "$length" pinknoise lowpass 3000 gain -n -19
sox -R -n -r 16000 -b 16 -c 1 "$work/hum.wav" synth "$length" sine 50 synth "$length" sine mix 150 gain -n -32
sox -R -m -v 0.9 "$work/padded.wav" -v 0.9 "$work/fan.wav" -v 0.9 "$work/hum.wav" -b 16 noisy.wav
