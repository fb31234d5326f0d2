// A host that uses go-plugin with everything on one connection.
//
//	muxhost [--tls auto|plain] -- COMMAND [ARGUMENT…]
package main

import (
	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/names"
)

func main() {
	names.Host("multiplexed", func(config *plugin.ClientConfig) { config.GRPCBrokerMultiplex = true })
}
