package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"rpcplugin.test/peers/probe"
)

// session is one plugin from its start to its end.
type session struct {
	report  *report
	network string
	auto    bool
	command *exec.Cmd
	config  *plugin.ClientConfig
	client  *plugin.Client
	address net.Addr
	stdout  recorder
	stderr  recorder
	logs    recorder
	// asked tells whether the plugin asked for this host's certificate.
	asked bool
}

func (s *session) run() {
	defer s.end()
	if !s.report.check("start", s.start) {
		return
	}
	s.report.check("version", s.version)
	if s.auto {
		s.watchCertificateRequest()
	}
	var client probe.Client
	connected := s.report.check("connect", func() (string, error) {
		protocol, err := s.client.Client()
		if err != nil {
			return "", err
		}
		raw, err := protocol.Dispense(probe.PluginName)
		if err != nil {
			return "", err
		}
		client = raw.(probe.Client)
		return "", nil
	})
	if !connected {
		return
	}
	s.report.check("health", s.health)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s.report.check("tls", func() (string, error) { return s.tls(ctx, client) })
	if s.auto {
		s.report.check("mutual", s.mutual)
		s.report.check("tls12", s.tls12)
		s.report.check("strangers", s.strangers)
	}
	s.calls(ctx, client)
}

func (s *session) start() (string, error) {
	address, err := s.client.Start()
	if err != nil {
		return "", err
	}
	s.address = address
	if address.Network() != s.network {
		return "", fmt.Errorf("listens on %s, not %s", address.Network(), s.network)
	}
	return address.Network() + " " + address.String(), nil
}

func (s *session) version() (string, error) {
	if version := s.client.NegotiatedVersion(); version != 2 {
		return "", fmt.Errorf("settled on %d, not 2", version)
	}
	return "2 of 2 and 3", nil
}

func (s *session) health() (string, error) {
	// The same client as before: go-plugin connects once.
	protocol, err := s.client.Client()
	if err != nil {
		return "", err
	}
	return "answered", protocol.Ping()
}

// watchCertificateRequest notes whether the plugin asks for a certificate. go-plugin has put its TLS
// configuration into ours by now, and dials only later.
func (s *session) watchCertificateRequest() {
	own := s.config.TLSConfig.Certificates[0]
	s.config.TLSConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		s.asked = true
		return &own, nil
	}
}

func (s *session) tls(ctx context.Context, client probe.Client) (string, error) {
	var remote peer.Peer
	if _, err := client.Echo(ctx, []byte("who are you"), grpc.Peer(&remote)); err != nil {
		return "", err
	}
	info, encrypted := remote.AuthInfo.(credentials.TLSInfo)
	if encrypted != s.auto {
		return "", fmt.Errorf("TLS is %v, and should be %v", encrypted, s.auto)
	}
	if !encrypted {
		return "plaintext", nil
	}
	// The pool of roots holds the announced certificate alone, so a verified chain ends in it.
	if len(info.State.VerifiedChains) == 0 {
		return "", errors.New("the plugin's certificate was not verified")
	}
	return fmt.Sprintf("%s, %s", tls.VersionName(info.State.Version), info.State.PeerCertificates[0].PublicKeyAlgorithm), nil
}

func (s *session) mutual() (string, error) {
	if !s.asked {
		return "", errors.New("the plugin never asked for the host's certificate")
	}
	return "the plugin asked for the host's certificate", nil
}

func (s *session) calls(ctx context.Context, client probe.Client) {
	s.report.check("unary", func() (string, error) { return echo(ctx, client, []byte("hello")) })
	s.report.check("large", func() (string, error) {
		return echo(ctx, client, bytes.Repeat([]byte("20 MiB! "), 20<<20/8))
	})
	s.report.check("server_stream", func() (string, error) {
		numbers, err := client.Count(ctx, 1000)
		if err == nil && (len(numbers) != 1000 || numbers[999] != 999) {
			err = fmt.Errorf("got %d numbers", len(numbers))
		}
		return "1000 messages", err
	})
	s.report.check("client_stream", func() (string, error) {
		sum, err := client.Sum(ctx, 1, 2, 3, 4)
		if err == nil && sum != 10 {
			err = fmt.Errorf("1 + 2 + 3 + 4 came back as %d", sum)
		}
		return "4 messages", err
	})
	s.report.check("bidi", func() (string, error) {
		sent := []string{"one", "two", "three"}
		answers, err := client.Chat(ctx, sent...)
		if err == nil && !slices.Equal(sent, answers) {
			err = fmt.Errorf("got %q", answers)
		}
		return "3 messages each way, in turns", err
	})
	s.report.check("status", func() (string, error) {
		got := status.Convert(client.Do(ctx, "Fail", "9:not now: später"))
		if got.Code() != codes.FailedPrecondition || got.Message() != "not now: später" {
			return "", fmt.Errorf("got %v: %q", got.Code(), got.Message())
		}
		return "FAILED_PRECONDITION with its message", nil
	})
	s.report.check("stdio", func() (string, error) {
		if err := client.Do(ctx, "Print", "printed by the plugin\n"); err != nil {
			return "", err
		}
		if _, err := s.stdout.await("printed by the plugin"); err != nil {
			return "", err
		}
		if err := client.Do(ctx, "Print", "stderr:printed as an error\n"); err != nil {
			return "", err
		}
		if _, err := s.stderr.await("printed as an error"); err != nil {
			return "", err
		}
		if printed := s.stdout.String(); strings.Contains(printed, "as an error") {
			return "", fmt.Errorf("the two halves are mixed up: %q", printed)
		}
		return "both halves arrived through the stdio service", nil
	})
	s.report.check("log", func() (string, error) {
		if err := client.Do(ctx, "Log", "warn:logged by the plugin"); err != nil {
			return "", err
		}
		_, err := s.logs.await(`"@level":"warn"`, "logged by the plugin")
		return "arrived as a warning", err
	})
}

func echo(ctx context.Context, client probe.Client, data []byte) (string, error) {
	reply, err := client.Echo(ctx, data)
	if err == nil && !bytes.Equal(data, reply) {
		err = fmt.Errorf("%d bytes came back as %d others", len(data), len(reply))
	}
	return fmt.Sprintf("%d bytes", len(data)), err
}

// end shuts the plugin down and checks that it went by itself and left nothing.
func (s *session) end() {
	began := time.Now()
	s.client.Kill()
	took := time.Since(began)
	if s.address == nil {
		return
	}
	s.report.check("shutdown", func() (string, error) {
		if strings.Contains(s.logs.String(), "failed to exit gracefully") {
			return "", errors.New("the plugin had to be killed")
		}
		return fmt.Sprintf("graceful, %d ms", took.Milliseconds()), nil
	})
	s.report.check("exit", func() (string, error) {
		if state := s.command.ProcessState; state == nil || state.ExitCode() != 0 {
			return "", fmt.Errorf("the plugin ended with %v", state)
		}
		return "exit status 0", nil
	})
	if s.network == "unix" {
		s.report.check("socket", func() (string, error) {
			if _, err := os.Stat(s.address.String()); !os.IsNotExist(err) {
				return "", fmt.Errorf("%s is still there", s.address)
			}
			return "gone", nil
		})
	}
}
