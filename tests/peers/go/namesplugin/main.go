// A plugin that serves names with go-plugin, multiplexed if its host asks for it.
package main

import (
	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/names"
)

func main() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: names.Handshake,
		Plugins:         plugin.PluginSet{names.PluginName: names.Plugin{}},
		GRPCServer:      plugin.DefaultGRPCServer,
	})
}
