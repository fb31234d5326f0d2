// A host that uses go-plugin with certificates of an authority: it has the plugin given on its
// command line issue some, makes others itself, and starts the plugin with each.
//
//	certhost [--tls auto] [--network unix|tcp] [--skip CHECK,CHECK…] -- COMMAND [ARGUMENT…]
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"rpcplugin.test/peers/certificates"
	"rpcplugin.test/peers/probe"
)

func main() {
	flag.String("tls", "auto", "there is no other")
	network := flag.String("network", "unix", "what the plugin is expected to listen on: unix or tcp")
	flag.String("skip", "", "these pairs have no limits")
	flag.Parse()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Fprintln(os.Stderr, "certhost:", err)
		os.Exit(2)
	}
	// go-plugin kills a plugin that it cannot call, and then the plugin's socket stays: here.
	sockets := filepath.Join(dir, "sockets")
	h := &host{network: *network, command: flag.Args(), sockets: sockets}
	if err := os.Mkdir(sockets, 0o700); err != nil {
		fmt.Fprintln(os.Stderr, "certhost:", err)
		os.Exit(2)
	}
	// Each side's name for what it issues.
	theirs, own := filepath.Join(dir, "theirs"), filepath.Join(dir, "own")
	h.check("issue", func() (string, error) {
		return "certificates of the plugin's making", h.plugin("issue=" + theirs).Run()
	})
	h.check("verify", func() (string, error) { return each(theirs, certificates.Verify) })
	h.check("theirs", func() (string, error) { return each(theirs, h.served) })
	h.check("own", func() (string, error) {
		if err := certificates.Issue(own, "plugin"); err != nil {
			return "", err
		}
		return each(own, h.served)
	})
	h.check("strangers", func() (string, error) {
		return h.strangers(filepath.Join(theirs, "p256"), filepath.Join(theirs, "p384"))
	})
	os.RemoveAll(dir)
	if h.failed {
		os.Exit(1)
	}
}

type host struct {
	network string
	command []string
	// Where plugins that are killed may leave something.
	sockets string
	failed  bool
}

func (h *host) check(name string, run func() (string, error)) {
	detail, err := run()
	if err != nil {
		h.failed = true
		detail = err.Error()
	}
	// Encoding strings and booleans to standard output cannot fail in a way that could be told.
	_ = json.NewEncoder(os.Stdout).Encode(struct {
		Check  string `json:"check"`
		Passed bool   `json:"passed"`
		Detail string `json:"detail"`
	}{name, err == nil, detail})
}

func (h *host) plugin(argument string) *exec.Cmd {
	return exec.Command(h.command[0], append(h.command[1:len(h.command):len(h.command)], argument)...)
}

// each runs something for every directory that was issued into.
func each(dir string, run func(string) error) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) == 0 {
		return "", errors.New("nothing was issued")
	}
	var names []string
	for _, entry := range entries {
		if err := run(filepath.Join(dir, entry.Name())); err != nil {
			return "", fmt.Errorf("%s: %w", entry.Name(), err)
		}
		names = append(names, entry.Name())
	}
	return strings.Join(names, ", "), nil
}

// served starts the plugin with the certificates of a directory, in each version of TLS, calls it
// and shuts it down.
func (h *host) served(dir string) error {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config, err := certificates.Side(dir, "host")
		if err != nil {
			return err
		}
		config.MinVersion, config.MaxVersion = version, version
		asked := false
		own := config.Certificates[0]
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &own, nil
		}
		if err := h.call(dir, config); err != nil {
			return fmt.Errorf("%s: %w", tls.VersionName(version), err)
		}
		if !asked {
			return errors.New("the plugin did not ask for a certificate")
		}
	}
	return nil
}

// strangers must be refused, whichever side they are on.
func (h *host) strangers(dir, other string) (string, error) {
	config, err := certificates.Side(dir, "host")
	if err != nil {
		return "", err
	}
	strange, err := certificates.Side(other, "host")
	if err != nil {
		return "", err
	}
	distrustful, unknown := config.Clone(), config.Clone()
	distrustful.RootCAs = strange.RootCAs
	unknown.Certificates = strange.Certificates
	nobody := config.Clone()
	nobody.Certificates = nil
	// The plugins get the environment of this process.
	if err := os.Setenv("TMPDIR", h.sockets); err != nil {
		return "", err
	}
	for name, config := range map[string]*tls.Config{
		"another root": distrustful, "another certificate": unknown, "no certificate": nobody,
	} {
		if err := h.call(dir, config); err == nil {
			return "", errors.New("served with " + name)
		}
	}
	return "another root, another certificate, no certificate", h.call(dir, config)
}

func (h *host) call(dir string, config *tls.Config) error {
	command := h.plugin("certificates=" + dir)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: probe.Handshake,
		VersionedPlugins: map[int]plugin.PluginSet{
			2: {probe.PluginName: &probe.Plugin{}},
		},
		Cmd:              command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		TLSConfig:        config,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr}),
	})
	defer client.Kill()
	address, err := client.Start()
	if err != nil {
		return err
	}
	if address.Network() != h.network {
		return fmt.Errorf("listens on %s, not %s", address.Network(), h.network)
	}
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(probe.PluginName)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	reply, err := raw.(probe.Client).Echo(ctx, []byte("hello"))
	if err != nil {
		return err
	}
	if string(reply) != "hello" {
		return fmt.Errorf("hello came back as %q", reply)
	}
	return protocol.Ping()
}
