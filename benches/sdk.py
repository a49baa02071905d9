#!/usr/bin/env python3
"""What a program with the service's own Python SDK does to isolate a file.

Usage: sdk.py BASE_URL IN OUT      with the key in ELEVENLABS_API_KEY
"""

import os
import sys

from elevenlabs.client import ElevenLabs

_, base_url, source, target = sys.argv
client = ElevenLabs(api_key=os.environ["ELEVENLABS_API_KEY"], base_url=base_url)
with open(source, "rb") as audio, open(target, "wb") as voice:
    for block in client.audio_isolation.convert(audio=audio, file_format="other"):
        voice.write(block)
