// A host that uses go-plugin: it starts the plugin given on its command line and checks it.
//
//	host [--tls auto|plain] [--skip CHECK,CHECK…] -- COMMAND [ARGUMENT…]
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/probe"
)

func main() {
	tlsMode := flag.String("tls", "auto", "auto or plain")
	network := flag.String("network", "unix", "what the plugin is expected to listen on: unix or tcp")
	skip := flag.String("skip", "", "names of checks to leave out")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "host: no plugin given after --")
		os.Exit(2)
	}
	skipped := map[string]bool{}
	for _, name := range strings.Split(*skip, ",") {
		skipped[name] = true
	}

	s := &session{
		report:  &report{skip: skipped},
		network: *network,
		auto:    *tlsMode == "auto",
		command: exec.Command(flag.Arg(0), flag.Args()[1:]...),
	}
	s.config = &plugin.ClientConfig{
		HandshakeConfig: probe.Handshake,
		// The plugin serves 1 and 2, so both ends must settle on 2.
		VersionedPlugins: map[int]plugin.PluginSet{
			2: {probe.PluginName: &probe.Plugin{}},
			3: {probe.PluginName: &probe.Plugin{}},
		},
		Cmd:              s.command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         s.auto,
		SyncStdout:       &s.stdout,
		SyncStderr:       &s.stderr,
		Logger: hclog.New(&hclog.LoggerOptions{
			Level:      hclog.Trace,
			Output:     &s.logs,
			JSONFormat: true,
		}),
	}
	s.client = plugin.NewClient(s.config)
	s.run()
	fmt.Fprint(os.Stderr, s.logs.String())
	if s.report.failed {
		os.Exit(1)
	}
}
