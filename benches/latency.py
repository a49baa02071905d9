#!/usr/bin/env python3
"""How long sound takes through `voxsift --raw -t pcm`, and whether that grows.

Usage: latency.py [SECONDS]           blocks of 10 ms in real time, 20 seconds of them; prints a table
       latency.py --long [MINUTES]    60 minutes of sound as fast as possible; prints the lag in frames

Starts target/release/voxsift, or that in CARGO_TARGET_DIR: cargo build --release. Exits with 1 when a target
is missed. Times want a machine that does nothing else: another program that takes all cores for 50 ms shows as
a maximum. The lag in frames does not depend on that.
"""

import array
import os
import random
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
VOXSIFT = os.path.join(TARGET, "release", "voxsift")

# Sample rate, channels, and the longest that a sample may take, in milliseconds.
CASES = [(16_000, 1, 60), (48_000, 1, 90), (48_000, 2, 90)]
# What a sound card hands over at once, in seconds.
BLOCK = 0.010
# The first second is told apart: the program is still being loaded when its first sound arrives.
START = 1.0
# How often a long run stops to look at what is missing, and the seconds without sound after which no more
# is expected.
STOPS = 12
QUIET = 0.5


def start(rate, channels):
    layout = ["--raw", "--rate", str(rate), "--channels", str(channels), "-t", "pcm"]
    command = [VOXSIFT, "-q", "-e", "local", *layout]
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    except FileNotFoundError:
        sys.exit(f"there is no {VOXSIFT}: cargo build --release")


def give(program, data):
    """Writes all of it: a pipe without a buffer may take a part."""
    data = memoryview(data)
    while data:
        data = data[program.stdin.write(data) :]


def noise(rate, channels, seconds):
    """Noise that comes and goes like speech, in every channel its own."""
    source = random.Random(1)
    samples = array.array("h")
    for i in range(rate * seconds):
        level = 6000 if i * 3 // rate % 2 else 300
        samples.extend(int(source.uniform(-level, level)) for _ in range(channels))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def check(program, frames_in, frames_out):
    if program.wait() != 0 or frames_in != frames_out:
        sys.exit(f"exit code {program.returncode}, {frames_in} frames in, {frames_out} out")


def live(rate, channels, seconds):
    """Feeds in real time. Returns the times from arrival to exit for the first second and for all the others, in
    milliseconds, each with the number of frames that took it."""
    frame = 2 * channels
    block = int(rate * BLOCK)
    total = rate * seconds // block * block
    sound = noise(rate, channels, seconds)
    arrivals = []
    program = start(rate, channels)

    def feed():
        begun = time.perf_counter()
        for at in range(0, total, block):
            # A block is handed over when its last sample has been recorded.
            due = begun + (at + block) / rate
            while (left := due - time.perf_counter()) > 0:
                time.sleep(left)
            arrivals.append(time.perf_counter())
            give(program, sound[at * frame : (at + block) * frame])
        program.stdin.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    first, later = [], []
    read, out = 0, 0
    while data := program.stdout.read(1 << 16):
        now = time.perf_counter()
        read += len(data)
        # What comes out behind the end of the input has not waited for anything.
        live = feeder.is_alive()
        while out < read // frame:
            upto = min(read // frame, (out // block + 1) * block)
            if live:
                times = first if out < START * rate else later
                times.append((1000 * (now - arrivals[out // block]), upto - out))
            out = upto
    feeder.join()
    check(program, total, out)
    return first, later


def quantile(times, part):
    left = part * sum(frames for _, frames in times)
    for took, frames in sorted(times):
        left -= frames
        if left <= 0:
            return took
    return max(times)[0]


def in_real_time(seconds):
    met = True
    print(f"{'input':>16} {'median':>10} {'99 %':>10} {'maximum':>10} {'target':>10} {'first second':>14}")
    for rate, channels, target in CASES:
        first, later = live(rate, channels, seconds)
        times = [quantile(later, part) for part in (0.5, 0.99, 1)]
        met = met and times[-1] <= target
        shown = " ".join(f"{took:>7.1f} ms" for took in times)
        print(f"{rate:>6} Hz, {channels} ch. {shown} {target:>7} ms {quantile(first, 1):>11.1f} ms", flush=True)
    return met


def as_fast_as_possible(minutes):
    met = True
    for rate, channels, target in CASES[:2]:
        frame = 2 * channels
        most = rate * target // 1000
        minute = noise(rate, channels, 60)
        program = start(rate, channels)
        moved = threading.Condition()
        read = 0

        def listen():
            nonlocal read
            while data := program.stdout.read(1 << 16):
                with moved:
                    read += len(data)
                    moved.notify()

        listener = threading.Thread(target=listen)
        listener.start()
        print(f"{rate} Hz, {channels} channel: at most {most} frames may be missing")
        print(f"{'minutes in':>14} {'frames missing':>16} {'that is':>10} {'speed':>12}")
        given, spent = 0, 0.0
        for stop in range(1, STOPS + 1):
            begun = time.perf_counter()
            # Each stop is at another place within a block.
            goal = minutes * 60 * rate * stop // STOPS + 37 * stop
            while given < goal:
                at = given % (60 * rate)
                piece = minute[at * frame : (at + min(goal - given, rate)) * frame]
                give(program, piece)
                given += len(piece) // frame
            with moved:
                seen = None
                while seen != read:
                    seen = read
                    moved.wait_for(lambda: read != seen, timeout=QUIET)
            spent += time.perf_counter() - begun - QUIET
            missing = given - read // frame
            met = met and missing <= most
            print(
                f"{given / rate / 60:>14.2f} {missing:>16} {1000 * missing / rate:>7.1f} ms"
                f" {given / rate / spent:>10.0f} ×",
                flush=True,
            )
        program.stdin.close()
        listener.join()
        check(program, given, read // frame)
    return met


def main():
    long = sys.argv[1:2] == ["--long"]
    numbers = sys.argv[2 if long else 1 :]
    if len(numbers) > 1 or not all(number.isdecimal() and int(number) > 1 for number in numbers):
        sys.exit(__doc__)
    if long:
        met = as_fast_as_possible(int(numbers[0]) if numbers else 60)
    else:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before this")
        met = in_real_time(int(numbers[0]) if numbers else 20)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
