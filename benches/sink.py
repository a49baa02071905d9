#!/usr/bin/env python3
"""A service that swallows: answers every upload with a few seconds of MP3, as fast as it can read.

Usage: sink.py REPLY.mp3      prints its port on a line, then serves until it is killed.
"""

import socket
import sys
import threading

REPLY = open(sys.argv[1], "rb").read()


def serve(connection):
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            block = connection.recv(65536)
            if not block:
                return
            head += block
        head, _, rest = head.partition(b"\r\n\r\n")
        headers = dict(
            line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        if b"expect" in headers:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        left = int(headers[b"content-length"]) - len(rest)
        buffer = bytearray(1 << 20)
        while left > 0:
            read = connection.recv_into(buffer)
            if not read:
                return
            left -= read
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n" % len(REPLY)
            + REPLY
        )


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
