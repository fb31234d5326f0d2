package names

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/examples/grpc/proto"
)

// Check calls 20 side channels in each direction.
func Check(client *plugin.Client) error {
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(PluginName)
	if err != nil {
		return err
	}
	kv := raw.(Client)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for round := 0; round < 20; round++ {
		name := strconv.Itoa(round)
		if err := callPlugin(ctx, kv, name); err != nil {
			return fmt.Errorf("calling the plugin, round %d: %w", round, err)
		}
		if err := calledByPlugin(ctx, kv, name); err != nil {
			return fmt.Errorf("called by the plugin, round %d: %w", round, err)
		}
	}
	return expect(ctx, kv, "k", "plugin:k")
}

// callPlugin has the plugin serve something, and calls it.
func callPlugin(ctx context.Context, kv Client, name string) error {
	reply, err := kv.Get(ctx, &proto.GetRequest{Key: "serve " + name})
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(string(reply.GetValue()), 10, 32)
	if err != nil {
		return err
	}
	got, err := Call(ctx, kv.Broker, uint32(id), "k")
	if err == nil && got != name+":k" {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

// calledByPlugin serves something, and has the plugin call it.
func calledByPlugin(ctx context.Context, kv Client, name string) error {
	id := kv.Broker.NextId()
	Serve(kv.Broker, id, name)
	return expect(ctx, kv, fmt.Sprintf("dial %d k", id), name+":k")
}

func expect(ctx context.Context, kv Client, key, value string) error {
	reply, err := kv.Get(ctx, &proto.GetRequest{Key: key})
	if err == nil && string(reply.GetValue()) != value {
		err = fmt.Errorf("got %q, not %q", reply.GetValue(), value)
	}
	return err
}
