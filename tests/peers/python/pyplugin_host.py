"""A host that uses python-plugin: it starts the plugin given on its command line and checks it."""

import asyncio
import logging
import sys
import time

import checks
from grpclib_probe import Client as ProbeClient
from probe import COOKIE, PLUGIN_NAME
from pyplugin import Client, ClientConfig, HandshakeConfig, Plugin


class ProbePlugin(Plugin):
    def servicers(self, broker):
        raise NotImplementedError("this is the host's side")

    def stub(self, broker, channel):
        return ProbeClient(channel)


class Recorder(logging.Handler):
    """Keeps level and message of each record, and shows them."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append((record.levelname, record.getMessage()))
        print(f"{record.name} {record.levelname} {record.getMessage()}", file=sys.stderr)


async def main():
    arguments = checks.arguments()
    report = checks.Report(arguments.skip)
    recorder = Recorder()
    logger = logging.getLogger("host")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(recorder)
    # The plugin serves 1 and 2, so both ends must settle on 2.
    plugins = {PLUGIN_NAME: ProbePlugin()}
    host = Client(
        ClientConfig(
            handshake_config=HandshakeConfig(1, *COOKIE),
            plugins={2: plugins, 3: plugins},
            cmd=arguments.command,
            auto_mtls=arguments.tls == "auto",
            start_timeout=20,
            logger=logger,
        )
    )
    try:
        await run(host, arguments, report, recorder)
    finally:
        await end(host, arguments, report, recorder)
    return 1 if report.failed else 0


async def run(host, arguments, report, recorder):
    async def start():
        # Ends with a health check of its own, which wants SERVING.
        await host.start()
        line = host._handshake
        checks.expect(line.network, arguments.network, "network")
        return f"{line.network} {line.address}"

    async def version():
        checks.expect(host.negotiated_version, 2, "version")
        return "2 of 2 and 3"

    async def tls():
        # What the library itself dials with; it verifies the announced certificate against it.
        checks.expect(host._client_ssl is not None, arguments.tls == "auto", "TLS in use")
        return "TLS, own certificate given" if host._client_ssl else "plaintext"

    async def log():
        await client.call("Log", "warn:logged by the plugin")
        wanted = ("WARNING", "logged by the plugin")
        await checks.eventually(lambda: wanted in recorder.records, "the log line")
        return "arrived as a warning"

    if not await report.check("start", start):
        return
    await report.check("version", version)
    await report.check("tls", tls)
    client = host.dispense(PLUGIN_NAME)
    await checks.check_calls(report, client)
    await report.check("log", log)


async def end(host, arguments, report, recorder):
    began = time.monotonic()
    await host.kill()
    took = round((time.monotonic() - began) * 1000)

    async def shutdown():
        if any("failed to exit gracefully" in message for _, message in recorder.records):
            raise AssertionError("the plugin had to be terminated")
        return f"graceful, {took} ms"

    async def exit_status():
        checks.expect(host._proc.returncode, 0, "exit status")
        return "exit status 0"

    if host._handshake is not None:
        await report.check("shutdown", shutdown)
        await report.check("exit", exit_status)
        await checks.check_socket(report, arguments.network, host._handshake.address)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
