"""A host that uses python-plugin, and side channels in both directions."""

import asyncio
import sys

import checks
from names import COOKIE, PLUGIN_NAME, call, get, serve
from pyplugin import Client, ClientConfig, HandshakeConfig, Plugin


class NamesPlugin(Plugin):
    def servicers(self, broker):
        raise NotImplementedError("this is the host's side")

    def stub(self, broker, channel):
        return channel


async def main():
    arguments = checks.arguments()
    report = checks.Report(arguments.skip)
    host = Client(
        ClientConfig(
            handshake_config=HandshakeConfig(1, *COOKIE),
            plugins={1: {PLUGIN_NAME: NamesPlugin()}},
            cmd=arguments.command,
            auto_mtls=arguments.tls == "auto",
            start_timeout=20,
        )
    )

    async def side_channels():
        await host.start()
        checks.expect(host._client_ssl is not None, arguments.tls == "auto", "TLS in use")
        channel = host.dispense(PLUGIN_NAME)
        for number in range(20):
            # First, because the library opens its broker's stream with its own first announcement.
            own = await serve(host.broker, str(number))
            checks.expect(await get(channel, f"dial {own} k"), f"{number}:k", "called by the plugin")
            served = int(await get(channel, f"serve {number}"))
            checks.expect(await call(host.broker, served, "k"), f"{number}:k", "called the plugin")
        checks.expect(await get(channel, "k"), "plugin:k", "main connection")
        return "20 in each direction"

    async def exit_status():
        checks.expect(host._proc.returncode, 0, "exit status")
        return "exit status 0"

    try:
        await report.check("side_channels", side_channels)
    finally:
        await host.kill()
    await report.check("exit", exit_status)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
