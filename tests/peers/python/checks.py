"""What every host checks, and how it reports.

    SCRIPT [--tls auto|plain] [--network unix|tcp] [--skip CHECK,CHECK…] -- COMMAND [ARGUMENT…]
"""

import argparse
import asyncio
import json
import os

from probe import Failure


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=["auto", "plain"], default="auto")
    parser.add_argument("--network", choices=["unix", "tcp"], default="unix")
    parser.add_argument("--skip", default="", type=lambda names: set(names.split(",")))
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


class Report:
    """Prints the outcome of each check as one line of JSON, as soon as it is known.

    After a hang or a crash the last line tells how far the host came.
    """

    def __init__(self, skip):
        self._skip = skip
        self.failed = False

    async def check(self, name, run):
        """Runs one check, unless it is among those to skip, and tells whether it passed.

        A check returns what is worth telling, and fails by raising.
        """
        if name in self._skip:
            return True
        try:
            passed, detail = True, await run()
        except Exception as error:  # Whatever a library raises is the outcome of the check.
            passed, detail = False, f"{type(error).__name__}: {error}"
            self.failed = True
        print(json.dumps({"check": name, "passed": passed, "detail": detail or ""}), flush=True)
        return passed


def expect(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, not {wanted!r}")


async def eventually(holds, what):
    """Waits for something that the peer brings about by itself."""
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what} not within 5 s")


async def check_calls(report, client):
    """The calls of the probe, over a client of either library."""

    async def echo(data):
        (reply,) = await client.call("Echo", data)
        if reply != data:
            raise AssertionError(f"{len(data)} bytes came back as {len(reply)} others")
        return f"{len(data)} bytes"

    async def server_stream():
        expect(await client.call("Count", 1000), list(range(1000)), "numbers")
        return "1000 messages"

    async def client_stream():
        expect(await client.call("Sum", 1, 2, 3, 4), [10], "sum")
        return "4 messages"

    async def bidi():
        sent = [b"one", b"two", b"three"]
        expect(await client.chat(*sent), sent, "answers")
        return "3 messages each way, in turns"

    async def status():
        try:
            await client.call("Fail", "9:not now: später")
        except Failure as failure:
            expect((failure.code, failure.message), (9, "not now: später"), "status")
            return "FAILED_PRECONDITION with its message"
        raise AssertionError("the call succeeded")

    await report.check("unary", lambda: echo(b"hello"))
    await report.check("large", lambda: echo(b"20 MiB! " * (20 * 1024 * 1024 // 8)))
    await report.check("server_stream", server_stream)
    await report.check("client_stream", client_stream)
    await report.check("bidi", bidi)
    await report.check("status", status)


async def check_socket(report, network, address):
    async def gone():
        if os.path.exists(address):
            raise AssertionError(f"{address} is still there")
        return "gone"

    if network == "unix":
        await report.check("socket", gone)
