// A host that uses go-plugin with everything on one connection. It tells its one check as a line of
// JSON, and exits with 1 if that failed.
//
//	muxhost [--tls auto|plain] -- COMMAND [ARGUMENT…]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/examples/grpc/proto"

	"rpcplugin.test/peers/names"
)

func main() {
	tlsMode := flag.String("tls", "auto", "auto or plain")
	flag.String("network", "unix", "of no account")
	flag.String("skip", "", "of no account")
	flag.Parse()
	command := exec.Command(flag.Arg(0), flag.Args()[1:]...)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:     names.Handshake,
		Plugins:             plugin.PluginSet{names.PluginName: names.Plugin{}},
		Cmd:                 command,
		AllowedProtocols:    []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:            *tlsMode == "auto",
		GRPCBrokerMultiplex: true,
		Logger:              hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr}),
	})
	err := run(client)
	client.Kill()
	if err == nil && command.ProcessState.ExitCode() != 0 {
		err = fmt.Errorf("the plugin ended with %v", command.ProcessState)
	}
	detail := "20 side channels in each direction, and exit status 0"
	if err != nil {
		detail = err.Error()
	}
	// Encoding strings and booleans to standard output cannot fail in a way that could be told.
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"check": "multiplexed", "passed": err == nil, "detail": detail})
	if err != nil {
		os.Exit(1)
	}
}

func run(client *plugin.Client) error {
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(names.PluginName)
	if err != nil {
		return err
	}
	kv := raw.(names.Client)
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
func callPlugin(ctx context.Context, kv names.Client, name string) error {
	reply, err := kv.Get(ctx, &proto.GetRequest{Key: "serve " + name})
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(string(reply.GetValue()), 10, 32)
	if err != nil {
		return err
	}
	got, err := names.Call(ctx, kv.Broker, uint32(id), "k")
	if err == nil && got != name+":k" {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

// calledByPlugin serves something, and has the plugin call it.
func calledByPlugin(ctx context.Context, kv names.Client, name string) error {
	id := kv.Broker.NextId()
	names.Serve(kv.Broker, id, name)
	return expect(ctx, kv, fmt.Sprintf("dial %d k", id), name+":k")
}

func expect(ctx context.Context, kv names.Client, key, value string) error {
	reply, err := kv.Get(ctx, &proto.GetRequest{Key: key})
	if err == nil && string(reply.GetValue()) != value {
		err = fmt.Errorf("got %q, not %q", reply.GetValue(), value)
	}
	return err
}
