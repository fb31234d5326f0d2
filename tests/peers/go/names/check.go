package names

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/examples/grpc/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

// Check calls 20 side channels in each direction, each with or without mutual TLS.
func Check(client *plugin.Client, secured bool) error {
	kv, err := dispense(client)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for round := 0; round < 20; round++ {
		name := strconv.Itoa(round)
		if err := callPlugin(ctx, kv, name, secured); err != nil {
			return fmt.Errorf("calling the plugin, round %d: %w", round, err)
		}
		if err := calledByPlugin(ctx, kv, name, secured); err != nil {
			return fmt.Errorf("called by the plugin, round %d: %w", round, err)
		}
	}
	return expect(ctx, kv, "k", "plugin:k")
}

// Ask calls the plugin once, over the main connection.
func Ask(client *plugin.Client) error {
	kv, err := dispense(client)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return expect(ctx, kv, "k", "plugin:k")
}

func dispense(client *plugin.Client) (Client, error) {
	protocol, err := client.Client()
	if err != nil {
		return Client{}, err
	}
	raw, err := protocol.Dispense(PluginName)
	if err != nil {
		return Client{}, err
	}
	return raw.(Client), nil
}

// callPlugin has the plugin serve something, and calls it.
func callPlugin(ctx context.Context, kv Client, name string, secured bool) error {
	reply, err := kv.Get(ctx, &proto.GetRequest{Key: "serve " + name})
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(string(reply.GetValue()), 10, 32)
	if err != nil {
		return err
	}
	var other peer.Peer
	got, err := Call(ctx, kv.Broker, uint32(id), "k", grpc.Peer(&other))
	if err == nil && got != name+":k" {
		err = fmt.Errorf("got %q", got)
	}
	if err == nil && Secured(&other) != secured {
		err = fmt.Errorf("over %v", other.AuthInfo)
	}
	return err
}

// calledByPlugin serves something, and has the plugin call it.
func calledByPlugin(ctx context.Context, kv Client, name string, secured bool) error {
	id := kv.Broker.NextId()
	Serve(kv.Broker, id, name)
	return expect(ctx, kv, fmt.Sprintf("dial %d secured", id), fmt.Sprintf("%s:%t", name, secured))
}

func expect(ctx context.Context, kv Client, key, value string) error {
	reply, err := kv.Get(ctx, &proto.GetRequest{Key: key})
	if err == nil && string(reply.GetValue()) != value {
		err = fmt.Errorf("got %q, not %q", reply.GetValue(), value)
	}
	return err
}
