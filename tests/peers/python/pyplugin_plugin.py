"""A plugin that serves the probe with python-plugin, in versions 1 and 2."""

import sys

from grpclib_probe import Servicer
from probe import COOKIE, PLUGIN_NAME, Probe
from pyplugin import HandshakeConfig, Plugin, ServeConfig, serve


class ProbePlugin(Plugin):
    def servicers(self, broker):
        return [Servicer(Probe())]

    def stub(self, broker, channel):
        raise NotImplementedError("this is the plugin's side")


if __name__ == "__main__":
    plugins = {PLUGIN_NAME: ProbePlugin()}
    serve(
        ServeConfig(
            handshake_config=HandshakeConfig(1, *COOKIE),
            plugins={1: plugins, 2: plugins},
            force_tcp="tcp" in sys.argv,
        )
    )
