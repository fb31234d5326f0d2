"""A host that uses pyvider-rpcplugin: it starts the plugin given on its command line and checks it."""

import asyncio
import sys
import time

import checks
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpcio_probe import Client as ProbeClient
from probe import COOKIE
from pyvider.rpcplugin import configure, plugin_client


async def main():
    arguments = checks.arguments()
    report = checks.Report(arguments.skip)
    key, value = COOKIE
    configure(
        magic_cookie=value,
        auto_mtls=arguments.tls == "auto",
        magic_cookie_key=key,
        # One start tells what there is to tell; the library would make up to four.
        client_retry_enabled=False,
    )
    host = plugin_client(arguments.command)
    try:
        await run(host, arguments, report)
    finally:
        await host.close()
    return 1 if report.failed else 0


async def run(host, arguments, report):
    async def start():
        await host.start()
        checks.expect(host._transport_name, arguments.network, "network")
        return f"{host._transport_name} {host._address}"

    async def version():
        # This host offers no list, so the plugin serves its lowest.
        checks.expect(int(host._protocol_version), 1, "version")
        return "1, as no list was offered"

    async def tls():
        # The announced certificate is all that decides between a secure and an insecure channel.
        checks.expect(bool(host._server_cert), arguments.tls == "auto", "TLS in use")
        return "TLS, own certificate given" if host._server_cert else "plaintext"

    async def health():
        stub = health_pb2_grpc.HealthStub(host.grpc_channel)
        reply = await stub.Check(health_pb2.HealthCheckRequest(service="plugin"), timeout=5)
        checks.expect(reply.status, health_pb2.HealthCheckResponse.SERVING, "health")
        return "SERVING"

    if not await report.check("start", start):
        return
    await report.check("version", version)
    await report.check("tls", tls)
    await report.check("health", health)
    await checks.check_calls(report, ProbeClient(host.grpc_channel))
    await end(host, arguments, report)


async def end(host, arguments, report):
    process = host._process.process
    address = host._address

    async def shutdown():
        began = time.monotonic()
        await host.shutdown_plugin()
        # The library would send SIGTERM next: first see whether the plugin goes without.
        await checks.eventually(lambda: process.poll() is not None, "the end of the plugin")
        return f"graceful, {round((time.monotonic() - began) * 1000)} ms"

    async def exit_status():
        checks.expect(process.returncode, 0, "exit status")
        return "exit status 0"

    await report.check("shutdown", shutdown)
    await report.check("exit", exit_status)
    await checks.check_socket(report, arguments.network, address)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
