package names

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// Arguments are those of every host here: HOST [--tls auto|plain] -- COMMAND [ARGUMENT…]. It returns
// whether TLS is wanted, and the plugin's command.
func Arguments() (bool, *exec.Cmd) {
	tlsMode := flag.String("tls", "auto", "auto or plain")
	flag.String("network", "unix", "of no account")
	flag.String("skip", "", "of no account")
	flag.Parse()
	return *tlsMode == "auto", exec.Command(flag.Arg(0), flag.Args()[1:]...)
}

// Config is a host's, for a plugin that serves names.
func Config() *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  Handshake,
		Plugins:          plugin.PluginSet{PluginName: Plugin{}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr}),
	}
}

// Tell prints the one check of a host as a line of JSON, and ends it with 1 if that failed.
func Tell(check, detail string, err error) {
	if err != nil {
		detail = err.Error()
	}
	// Encoding strings and booleans to standard output cannot fail in a way that could be told.
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"check": check, "passed": err == nil, "detail": detail})
	if err != nil {
		os.Exit(1)
	}
}

// Host starts the plugin of its arguments, calls its side channels and has it call some, and stops it.
func Host(check string, tune func(*plugin.ClientConfig)) {
	tls, command := Arguments()
	config := Config()
	config.Cmd = command
	config.AutoMTLS = tls
	tune(config)
	client := plugin.NewClient(config)
	err := Check(client, tls)
	client.Kill()
	if err == nil && command.ProcessState.ExitCode() != 0 {
		err = fmt.Errorf("the plugin ended with %v", command.ProcessState)
	}
	Tell(check, "20 side channels in each direction, and exit status 0", err)
}
