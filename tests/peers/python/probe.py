"""The service rpcplugin.probe.v1.Probe, apart from any gRPC library.

Every message is one of google.protobuf, so no code is generated. A method takes an asynchronous
iterator of requests and yields replies, whatever its kind; `grpcio_probe` and `grpclib_probe` fit
that to the two libraries under test.
"""

import asyncio
import datetime
import json
import sys
from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue, StringValue, UInt32Value

SERVICE = "rpcplugin.probe.v1.Probe"
COOKIE = ("BASIC_PLUGIN", "hello")
PLUGIN_NAME = "probe"  # Known to the two ends only; it never crosses the wire.


@dataclass(frozen=True)
class Method:
    request: type
    reply: type
    streams_requests: bool = False
    streams_replies: bool = False


METHODS = {
    "Echo": Method(BytesValue, BytesValue),
    "Blob": Method(UInt32Value, BytesValue),
    "Sleep": Method(UInt32Value, Empty),
    "Fail": Method(StringValue, Empty),
    "Print": Method(StringValue, Empty),
    "Log": Method(StringValue, Empty),
    "Count": Method(UInt32Value, UInt32Value, streams_replies=True),
    "Sum": Method(UInt32Value, UInt32Value, streams_requests=True),
    "Chat": Method(BytesValue, BytesValue, streams_requests=True, streams_replies=True),
}


class Failure(Exception):
    """A gRPC status other than OK, as a method raises it and a caller gets it."""

    def __init__(self, code, message):
        super().__init__(f"status {code}: {message}")
        self.code = code
        self.message = message


class Probe:
    """Does on request what a plugin may do on its own."""

    async def Echo(self, requests):
        async for request in requests:
            yield request

    async def Blob(self, requests):
        async for request in requests:
            yield BytesValue(value=bytes(request.value))

    async def Sleep(self, requests):
        async for request in requests:
            await asyncio.sleep(request.value / 1000)
            yield Empty()

    async def Fail(self, requests):
        async for request in requests:
            code, _, message = request.value.partition(":")
            raise Failure(int(code), message)
        yield  # Makes this a generator like the others.

    async def Print(self, requests):
        async for request in requests:
            sys.stdout.write(request.value)
            sys.stdout.flush()
            yield Empty()

    async def Log(self, requests):
        async for request in requests:
            level, _, message = request.value.partition(":")
            log(level, message)
            yield Empty()

    async def Count(self, requests):
        async for request in requests:
            for number in range(request.value):
                yield UInt32Value(value=number)

    async def Sum(self, requests):
        total = 0
        async for request in requests:
            total += request.value
        yield UInt32Value(value=total)

    async def Chat(self, requests):
        async for request in requests:
            yield request


def log(level, message):
    """Writes one line in the format that hosts read from a plugin's stderr."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
    line = {"@level": level, "@message": message, "@timestamp": now}
    print(json.dumps(line), file=sys.stderr, flush=True)
