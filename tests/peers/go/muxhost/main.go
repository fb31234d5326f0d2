// A host that uses go-plugin with everything on one connection. It tells its one check as a line of
// JSON, and exits with 1 if that failed.
//
//	muxhost [--tls auto|plain] -- COMMAND [ARGUMENT…]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

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
	err := names.Check(client)
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
