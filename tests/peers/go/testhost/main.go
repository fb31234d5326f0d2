// A host that uses go-plugin to attach to a plugin, twice. Without TLS it starts that plugin in test
// mode, as somebody would by hand. With TLS it starts the plugin as a host does, since go-plugin has
// no other way to a plugin's certificate, and then attaches beside itself.
//
//	testhost [--tls auto|plain] -- COMMAND [ARGUMENT…]
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/names"
)

func main() {
	tls, command := names.Arguments()
	if tls {
		names.Tell("attached", "refused in plaintext, served with the first host's key, and exit status 0", beside(command))
	} else {
		names.Tell("attached", "attached twice, 20 side channels in each direction, and left running", run(command))
	}
}

// beside attaches to the plugin of another host in this process: by what go-plugin says of it, which
// has neither certificate nor key, and then with the key that this process happens to have.
func beside(command *exec.Cmd) error {
	config := names.Config()
	config.Cmd = command
	config.AutoMTLS = true
	first := plugin.NewClient(config)
	defer first.Kill()
	if err := names.Check(first, true); err != nil {
		return fmt.Errorf("the first host: %w", err)
	}
	bare := names.Config()
	bare.Reattach = first.ReattachConfig()
	bare.AutoMTLS = true
	if bare.Reattach == nil {
		return errors.New("go-plugin has no record of its plugin")
	}
	// Neither of the two is killed or closed, which would ask the plugin to shut down: it is the first
	// one's.
	protocol, err := plugin.NewClient(bare).Client()
	if err == nil {
		err = protocol.Ping()
	}
	if err == nil {
		return errors.New("the plugin answers without TLS")
	}
	fmt.Fprintln(os.Stderr, "refused, as it should be:", err)
	keyed := names.Config()
	keyed.Reattach = first.ReattachConfig()
	keyed.TLSConfig = config.TLSConfig
	if err := names.Ask(plugin.NewClient(keyed)); err != nil {
		return fmt.Errorf("with the first host's key: %w", err)
	}
	if err := names.Ask(first); err != nil {
		return fmt.Errorf("the first host, afterwards: %w", err)
	}
	first.Kill()
	if code := command.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the plugin ended with %d", code)
	}
	return nil
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
	reattach := names.Config()
	reattach.Reattach = config
	client := plugin.NewClient(reattach)
	if err := names.Check(client, false); err != nil {
		return err
	}
	client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	return protocol.Close()
}
