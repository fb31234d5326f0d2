// A host that uses go-plugin to attach to a plugin in test mode, twice. It starts that plugin as
// somebody would by hand, and tells its one check as a line of JSON; it exits with 1 if that failed.
//
//	testhost -- COMMAND [ARGUMENT…]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/names"
)

func main() {
	for _, name := range []string{"tls", "network", "skip"} {
		flag.String(name, "", "of no account")
	}
	flag.Parse()
	detail := "attached twice, 20 side channels in each direction, and left running"
	err := run(exec.Command(flag.Arg(0), flag.Args()[1:]...))
	if err != nil {
		detail = err.Error()
	}
	// Encoding strings and booleans to standard output cannot fail in a way that could be told.
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"check": "attached", "passed": err == nil, "detail": detail})
	if err != nil {
		os.Exit(1)
	}
}

func run(command *exec.Cmd) error {
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	defer command.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the record: %w", err)
	}
	var records map[string]names.Record
	if err := json.Unmarshal(line, &records); err != nil {
		return fmt.Errorf("in %q: %w", line, err)
	}
	config, err := records[names.PluginName].Config()
	if err != nil {
		return err
	}
	for round := 1; round <= 2; round++ {
		if err := attach(config); err != nil {
			return fmt.Errorf("attached for the %d. time: %w", round, err)
		}
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("it should run on: %w", err)
	}
	return command.Wait()
}

// attach is one host's whole stay. It ends as that of a process does: go-plugin itself leaves a
// plugin in test mode, and its connection, as they are.
func attach(config *plugin.ReattachConfig) error {
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  names.Handshake,
		Plugins:          plugin.PluginSet{names.PluginName: names.Plugin{}},
		Reattach:         config,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr}),
	})
	if err := names.Check(client); err != nil {
		return err
	}
	client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	return protocol.Close()
}
