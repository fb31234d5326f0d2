"""The probe on grpcio, which pyvider-rpcplugin builds on."""

import grpc
from probe import METHODS, SERVICE, Failure

STATUS = {status.value[0]: status for status in grpc.StatusCode}


def handler(probe):
    """What a grpcio server needs to serve the probe."""
    return grpc.method_handlers_generic_handler(
        SERVICE, {name: _method_handler(getattr(probe, name), method) for name, method in METHODS.items()}
    )


def _method_handler(serve, method):
    # grpcio tells the kinds of functions apart, so each of the four must be defined as what it is.
    async def stream_stream(requests, context):
        try:
            async for reply in serve(requests):
                yield reply
        except Failure as failure:
            await context.abort(STATUS[failure.code], failure.message)

    async def unary_stream(request, context):
        async for reply in stream_stream(_only(request), context):
            yield reply

    async def stream_unary(requests, context):
        async for reply in stream_stream(requests, context):
            return reply

    async def unary_unary(request, context):
        return await stream_unary(_only(request), context)

    kind = _kind(method)
    return getattr(grpc, f"{kind}_rpc_method_handler")(
        locals()[kind],
        request_deserializer=method.request.FromString,
        response_serializer=method.reply.SerializeToString,
    )


async def _only(request):
    yield request


def _kind(method):
    shape = {False: "unary", True: "stream"}
    return f"{shape[method.streams_requests]}_{shape[method.streams_replies]}"


class Client:
    """Calls the probe over a channel of grpc.aio."""

    def __init__(self, channel):
        self._channel = channel

    def _multicallable(self, name):
        method = METHODS[name]
        return getattr(self._channel, _kind(method))(
            f"/{SERVICE}/{name}",
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.reply.FromString,
        )

    async def call(self, name, *values):
        """Sends all values and returns the values of all replies."""
        method = METHODS[name]
        requests = [method.request(value=value) for value in values]
        start = self._multicallable(name)
        try:
            call = start(requests if method.streams_requests else requests[0], timeout=30)
            replies = [reply async for reply in call] if method.streams_replies else [await call]
        except grpc.aio.AioRpcError as error:
            raise Failure(error.code().value[0], error.details()) from error
        return [getattr(reply, "value", None) for reply in replies]

    async def chat(self, *values):
        """Sends each value only after the answer to the one before."""
        call = self._multicallable("Chat")(timeout=30)
        answers = []
        for value in values:
            await call.write(METHODS["Chat"].request(value=value))
            answers.append((await call.read()).value)
        await call.done_writing()
        if await call.read() is not grpc.aio.EOF:
            raise Failure(2, "the plugin went on after the end of the requests")
        return answers

