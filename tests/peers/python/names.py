"""go-plugin's key-value service on grpclib, made to open side channels on request.

It answers to the same keys as tests/src/bin/broker-plugin. Its messages have one field each, so those
of google.protobuf have the same bytes, and no code is generated.
"""

from google.protobuf.wrappers_pb2 import BytesValue, StringValue
from grpclib.client import UnaryUnaryMethod
from grpclib.const import Cardinality, Handler

COOKIE = ("BASIC_PLUGIN", "hello")
PLUGIN_NAME = "names"  # Known to the two ends only; it never crosses the wire.
GET = "/proto.KV/Get"


class Names:
    """Answers "NAME:KEY", and to the keys "serve NAME" and "dial ID KEY" what they ask for."""

    def __init__(self, name, broker):
        self._name = name
        self._broker = broker

    async def _answer(self, key):
        match key.split(" ", 2):
            case ["serve", name]:
                return str(await serve(self._broker, name))
            case ["dial", number, key]:
                return await call(self._broker, int(number), key)
            case _:
                return f"{self._name}:{key}"

    async def _get(self, stream):
        request = await stream.recv_message()
        answer = await self._answer(request.value)
        await stream.send_message(BytesValue(value=answer.encode()))

    def __mapping__(self):
        return {GET: Handler(self._get, Cardinality.UNARY_UNARY, StringValue, BytesValue)}


async def serve(broker, name):
    """Serves a name until the broker closes, and returns its number."""
    number = broker.next_id()
    await broker.accept_and_serve(number, [Names(name, broker)])
    return number


async def call(broker, number, key):
    """Asks what is served under a number for a key."""
    channel = await broker.dial(number)
    try:
        return await get(channel, key)
    finally:
        channel.close()


async def get(channel, key):
    method = UnaryUnaryMethod(channel, GET, StringValue, BytesValue)
    reply = await method(StringValue(value=key), timeout=30)
    return reply.value.decode()
