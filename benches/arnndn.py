#!/usr/bin/env python3
"""RNNoise's network as ffmpeg's `arnndn` wants it, from that in the crate nnnoiseless: the same numbers as text.

Usage: arnndn.py WEIGHTS.rnn > MODEL.rnnn
"""

import array
import sys

GATES = 3
# The layers in both files' order, and whether they remember.
LAYERS = [False, True, True, True, False, False]

weights = iter(array.array("b", open(sys.argv[1], "rb").read()))


def line(length):
    print(*(next(weights) for _ in range(length)))


print("rnnoise-nu model file version 1")
for recurrent in LAYERS:
    inputs, neurons, activation = (next(weights) for _ in range(3))
    print(inputs, neurons, activation)
    gates = GATES if recurrent else 1
    line(gates * inputs * neurons)
    if recurrent:
        line(gates * neurons * neurons)
    line(gates * neurons)
if next(weights, None) is not None:
    sys.exit("there are more weights than the six layers take")
