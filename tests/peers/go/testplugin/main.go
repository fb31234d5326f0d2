// A plugin that serves names with go-plugin in test mode, as somebody starts it by hand. Its record
// goes to stdout as one line of JSON; an interrupt or SIGTERM ends it. Under a host it serves as ever.
package main

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/names"
)

func main() {
	config := &plugin.ServeConfig{
		HandshakeConfig: names.Handshake,
		Plugins:         plugin.PluginSet{names.PluginName: names.Plugin{}},
		GRPCServer:      plugin.DefaultGRPCServer,
	}
	if os.Getenv(names.Handshake.MagicCookieKey) != "" {
		plugin.Serve(config)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	records := make(chan *plugin.ReattachConfig, 1)
	closed := make(chan struct{})
	config.Test = &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: records, CloseCh: closed}
	go plugin.Serve(config)
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{names.PluginName: names.NewRecord(<-records)}); err != nil {
		os.Exit(1)
	}
	<-closed
}
