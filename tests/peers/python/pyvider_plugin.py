"""A plugin that serves the probe with pyvider-rpcplugin, in versions 1 and 2.

    pyvider_plugin.py [issue=DIR] [certificates=DIR] [unix|tcp]

With `issue` it makes certificates and ends, and with `certificates` it serves with those of a
directory: root.crt, and for plugin and host each a .crt and a .key.
"""

import asyncio
import os
import pathlib
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


def value(name):
    return next((word.removeprefix(name) for word in sys.argv if word.startswith(name)), None)


def issue(directory):
    from provide.foundation.crypto import Certificate

    for curve in ["secp256r1", "secp384r1"]:
        place = pathlib.Path(directory, curve)
        place.mkdir(parents=True)
        root = Certificate.create_ca(f"pyvider {curve} root", "pyvider", 30, ecdsa_curve=curve)
        (place / "root.crt").write_text(root.cert_pem)
        for role in ["plugin", "host"]:
            made = Certificate.create_signed_certificate(
                root,
                role,
                "pyvider",
                30,
                alt_names=["localhost"],
                ecdsa_curve=curve,
                is_client_cert=role == "host",
            )
            (place / f"{role}.crt").write_text(made.cert_pem)
            (place / f"{role}.key").write_text(made.key_pem)


def certificates(directory):
    place = pathlib.Path(directory)
    return {
        "PLUGIN_SERVER_CERT": (place / "plugin.crt").read_text(),
        "PLUGIN_SERVER_KEY": (place / "plugin.key").read_text(),
        "PLUGIN_CLIENT_ROOT_CERTS": (place / "root.crt").read_text(),
    }


async def main():
    key, value_of_cookie = COOKIE
    own = value("certificates=")
    server = plugin_server(
        protocol=ProbeProtocol(),
        handler=handler(Probe()),
        transport="tcp" if "tcp" in sys.argv else "unix",
        config={
            "PLUGIN_MAGIC_COOKIE_KEY": key,
            "PLUGIN_MAGIC_COOKIE_VALUE": value_of_cookie,
            **(certificates(own) if own else {}),
        },
    )
    await server.serve()


if __name__ == "__main__":
    os.umask(0o077)
    if into := value("issue="):
        issue(into)
    else:
        asyncio.run(main())
