// A host that uses go-plugin with a connection of its own for each side channel.
//
//	brokerhost [--tls auto|plain] -- COMMAND [ARGUMENT…]
package main

import (
	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/names"
)

func main() {
	names.Host("side channels", func(*plugin.ClientConfig) {})
}
