// A plugin that serves the probe with go-plugin and certificates of an authority.
//
//	certplugin [issue=DIR] [certificates=DIR]
package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/certificates"
	"rpcplugin.test/peers/probe"
)

func main() {
	var dir string
	for _, argument := range os.Args[1:] {
		if into, found := strings.CutPrefix(argument, "issue="); found {
			if err := certificates.Issue(into, "host"); err != nil {
				fmt.Fprintln(os.Stderr, "certplugin:", err)
				os.Exit(1)
			}
			return
		}
		if from, found := strings.CutPrefix(argument, "certificates="); found {
			dir = from
		}
	}
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr, JSONFormat: true})
	set := plugin.PluginSet{
		probe.PluginName: &probe.Plugin{Service: &probe.Server{Logger: logger}},
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  probe.Handshake,
		VersionedPlugins: map[int]plugin.PluginSet{1: set, 2: set},
		Logger:           logger,
		GRPCServer:       plugin.DefaultGRPCServer,
		TLSProvider:      func() (*tls.Config, error) { return certificates.Side(dir, "plugin") },
	})
}
