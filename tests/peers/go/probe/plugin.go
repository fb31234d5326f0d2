package probe

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// PluginName is the name that the two Go ends agree on; it never crosses the wire.
const PluginName = "probe"

// Handshake is that of go-plugin's key-value example, so that one plugin of ours can serve both.
var Handshake = plugin.HandshakeConfig{
	MagicCookieKey:   "BASIC_PLUGIN",
	MagicCookieValue: "hello",
}

// Plugin ties the service to go-plugin.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Service is set on the plugin's side only.
	Service *Server
}

// GRPCServer registers the service.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	p.Service.Register(server)
	return nil
}

// GRPCClient returns a Client.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (interface{}, error) {
	return Client{Conn: conn}, nil
}
