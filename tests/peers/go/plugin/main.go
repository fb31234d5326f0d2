// A plugin that serves the probe with go-plugin, in versions 1 and 2.
package main

import (
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"rpcplugin.test/peers/probe"
)

func main() {
	logger := hclog.New(&hclog.LoggerOptions{
		Level:      hclog.Trace,
		Output:     os.Stderr,
		JSONFormat: true,
	})
	set := plugin.PluginSet{
		probe.PluginName: &probe.Plugin{Service: &probe.Server{Logger: logger}},
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  probe.Handshake,
		VersionedPlugins: map[int]plugin.PluginSet{1: set, 2: set},
		Logger:           logger,
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options,
				grpc.MaxRecvMsgSize(probe.MaxMessageSize),
				grpc.MaxSendMsgSize(probe.MaxMessageSize))...)
		},
	})
}
