#!/usr/bin/env python3
"""A TCP link of limited speed and with latency, for one server.

    slow_link.py SERVER_PORT MEGABYTES_PER_SECOND LATENCY_MS

Listens on a free port of 127.0.0.1, prints it, and forwards to 127.0.0.1:SERVER_PORT. The speed holds
for each direction, over all connections together; the latency for each way, so that a round trip
takes twice as long. Bytes leave in the order in which they came.
"""

import asyncio
import sys
import time

PIECE = 64 << 10


class Direction:
    """One direction of the link, shared by all connections."""

    def __init__(self, speed, latency):
        self.speed, self.latency, self.free_at = speed, latency, 0.0

    def arrives_at(self, size):
        now = time.monotonic()
        self.free_at = max(self.free_at, now) + size / self.speed
        return self.free_at + self.latency


async def forward(reader, writer, direction):
    queue = asyncio.Queue()
    # As much as is under way on such a link, and a little more, counted in bytes: pieces may be small.
    most = int(direction.speed * direction.latency) + (1 << 20)
    under_way = 0
    freed = asyncio.Event()

    async def deliver():
        nonlocal under_way
        while (item := await queue.get()) is not None:
            at, data = item
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            writer.write(data)
            await writer.drain()
            under_way -= len(data)
            freed.set()
        writer.close()

    task = asyncio.create_task(deliver())
    try:
        while True:
            while under_way >= most:
                freed.clear()
                await freed.wait()
            data = await reader.read(PIECE)
            if not data:
                break
            at = direction.arrives_at(len(data))
            under_way += len(data)
            queue.put_nowait((at, data))
            # The link takes no more than it can carry.
            await asyncio.sleep(max(0.0, direction.free_at - time.monotonic() - 0.005))
    except ConnectionError:
        pass
    queue.put_nowait(None)
    try:
        await task
    except ConnectionError:
        pass


async def main():
    port, speed, latency = int(sys.argv[1]), float(sys.argv[2]) * 1e6, float(sys.argv[3]) / 1e3
    there, back = Direction(speed, latency), Direction(speed, latency)

    async def connected(reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        await asyncio.gather(
            forward(reader, to_writer, there),
            forward(to_reader, writer, back),
            return_exceptions=True,
        )

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
