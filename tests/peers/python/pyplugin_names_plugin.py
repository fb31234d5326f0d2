"""A plugin that serves names with python-plugin."""

import sys

from names import COOKIE, PLUGIN_NAME, Names
from pyplugin import HandshakeConfig, Plugin, ServeConfig, serve


class NamesPlugin(Plugin):
    def servicers(self, broker):
        return [Names("plugin", broker)]

    def stub(self, broker, channel):
        raise NotImplementedError("this is the plugin's side")


if __name__ == "__main__":
    serve(
        ServeConfig(
            handshake_config=HandshakeConfig(1, *COOKIE),
            plugins={1: {PLUGIN_NAME: NamesPlugin()}},
            force_tcp="tcp" in sys.argv,
        )
    )
