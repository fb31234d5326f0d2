"""A plugin that serves the probe with pyvider-rpcplugin, in versions 1 and 2."""

import asyncio
import sys

from grpcio_probe import handler
from probe import COOKIE, SERVICE, Probe
from pyvider.rpcplugin import RPCPluginProtocol, plugin_server


class ProbeProtocol(RPCPluginProtocol):
    supported_protocol_versions = [1, 2]

    async def get_grpc_descriptors(self):
        return None, SERVICE

    async def add_to_server(self, server, handler):
        server.add_generic_rpc_handlers((handler,))


async def main():
    key, value = COOKIE
    server = plugin_server(
        protocol=ProbeProtocol(),
        handler=handler(Probe()),
        transport="tcp" if "tcp" in sys.argv else "unix",
        config={"PLUGIN_MAGIC_COOKIE_KEY": key, "PLUGIN_MAGIC_COOKIE_VALUE": value},
    )
    await server.serve()


if __name__ == "__main__":
    asyncio.run(main())
