// Package names is the key-value service of go-plugin's example, made to open side channels on
// request. It answers to the same keys as tests/src/bin/broker-plugin.
package names

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/examples/grpc/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// PluginName is the name that the two Go ends agree on; it never crosses the wire.
const PluginName = "names"

// Handshake is that of go-plugin's key-value example.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "BASIC_PLUGIN",
	MagicCookieValue: "hello",
}

// Server answers "NAME:KEY", and to the keys "serve NAME" and "dial ID KEY" what they ask for. To
// "secured" it answers "NAME:true" if its caller has shown a certificate.
type Server struct {
	Name   string
	Broker *plugin.GRPCBroker
}

// Get does what the key asks for.
func (s *Server) Get(ctx context.Context, request *proto.GetRequest) (*proto.GetResponse, error) {
	words := strings.SplitN(request.GetKey(), " ", 3)
	switch {
	case len(words) == 2 && words[0] == "serve":
		id := s.Broker.NextId()
		Serve(s.Broker, id, words[1])
		return &proto.GetResponse{Value: []byte(strconv.FormatUint(uint64(id), 10))}, nil
	case len(words) == 3 && words[0] == "dial":
		id, err := strconv.ParseUint(words[1], 10, 32)
		if err != nil {
			return nil, err
		}
		value, err := Call(ctx, s.Broker, uint32(id), words[2])
		return &proto.GetResponse{Value: []byte(value)}, err
	case len(words) == 1 && words[0] == "secured":
		caller, ok := peer.FromContext(ctx)
		value := fmt.Sprintf("%s:%t", s.Name, ok && Secured(caller))
		return &proto.GetResponse{Value: []byte(value)}, nil
	default:
		return &proto.GetResponse{Value: []byte(s.Name + ":" + request.GetKey())}, nil
	}
}

// Put stores nothing.
func (s *Server) Put(context.Context, *proto.PutRequest) (*proto.Empty, error) {
	return &proto.Empty{}, nil
}

// Serve serves a name under a number until the broker closes.
//
// It returns once the number has its listener: go-plugin's plugins stop altogether if somebody
// knocks between the two steps in which they make one.
func Serve(broker *plugin.GRPCBroker, id uint32, name string) {
	listening := make(chan struct{})
	go broker.AcceptAndServe(id, func(options []grpc.ServerOption) *grpc.Server {
		close(listening)
		server := grpc.NewServer(options...)
		proto.RegisterKVServer(server, &Server{Name: name, Broker: broker})
		return server
	})
	<-listening
}

// Secured tells whether the other side is reached by TLS and has shown a certificate.
func Secured(other *peer.Peer) bool {
	info, ok := other.AuthInfo.(credentials.TLSInfo)
	return ok && len(info.State.PeerCertificates) > 0
}

// Call asks what is served under a number for a key.
func Call(ctx context.Context, broker *plugin.GRPCBroker, id uint32, key string, options ...grpc.CallOption) (string, error) {
	conn, err := broker.Dial(id)
	if err != nil {
		return "", fmt.Errorf("dialling %d: %w", id, err)
	}
	defer conn.Close()
	reply, err := proto.NewKVClient(conn).Get(ctx, &proto.GetRequest{Key: key}, options...)
	return string(reply.GetValue()), err
}

// Client is the plugin as its host sees it.
type Client struct {
	proto.KVClient
	Broker *plugin.GRPCBroker
}

// Plugin ties the service to go-plugin.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
}

// GRPCServer registers the service.
func (Plugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	proto.RegisterKVServer(server, &Server{Name: "plugin", Broker: broker})
	return nil
}

// GRPCClient returns a Client.
func (Plugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (interface{}, error) {
	return Client{KVClient: proto.NewKVClient(conn), Broker: broker}, nil
}
