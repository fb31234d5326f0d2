"""The probe on grpclib, which python-plugin builds on."""

from grpclib import GRPCError
from grpclib.client import StreamStreamMethod, StreamUnaryMethod, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.const import Cardinality, Handler, Status
from probe import METHODS, SERVICE, Failure

KINDS = {
    (False, False): (Cardinality.UNARY_UNARY, UnaryUnaryMethod),
    (False, True): (Cardinality.UNARY_STREAM, UnaryStreamMethod),
    (True, False): (Cardinality.STREAM_UNARY, StreamUnaryMethod),
    (True, True): (Cardinality.STREAM_STREAM, StreamStreamMethod),
}


class Servicer:
    """What a grpclib server needs to serve the probe."""

    def __init__(self, probe):
        self._probe = probe

    def __mapping__(self):
        return {
            f"/{SERVICE}/{name}": Handler(
                _serving(getattr(self._probe, name)),
                KINDS[method.streams_requests, method.streams_replies][0],
                method.request,
                method.reply,
            )
            for name, method in METHODS.items()
        }


def _serving(serve):
    async def serve_stream(stream):
        try:
            async for reply in serve(stream):
                await stream.send_message(reply)
        except Failure as failure:
            raise GRPCError(Status(failure.code), failure.message) from None

    return serve_stream


class Client:
    """Calls the probe over a channel of grpclib."""

    def __init__(self, channel):
        self._channel = channel

    def _method(self, name):
        method = METHODS[name]
        kind = KINDS[method.streams_requests, method.streams_replies][1]
        return kind(self._channel, f"/{SERVICE}/{name}", method.request, method.reply)

    async def call(self, name, *values):
        """Sends all values and returns the values of all replies."""
        method = METHODS[name]
        requests = [method.request(value=value) for value in values]
        try:
            reply = await self._method(name)(requests if method.streams_requests else requests[0], timeout=30)
        except GRPCError as error:
            raise Failure(error.status.value, error.message) from error
        replies = reply if method.streams_replies else [reply]
        return [getattr(reply, "value", None) for reply in replies]

    async def chat(self, *values):
        """Sends each value only after the answer to the one before."""
        answers = []
        async with self._method("Chat").open(timeout=30) as stream:
            for value in values:
                await stream.send_message(METHODS["Chat"].request(value=value))
                answers.append((await stream.recv_message()).value)
            await stream.end()
            if await stream.recv_message() is not None:
                raise Failure(2, "the plugin went on after the end of the requests")
        return answers
