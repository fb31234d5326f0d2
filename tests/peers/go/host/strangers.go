package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// preface opens an HTTP/2 connection: the fixed text and an empty SETTINGS frame.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// tlsAlert is the first byte of a TLS alert record.
const tlsAlert = 0x15

// strangers tries to use the plugin without the host's certificate; each way must fail.
func (s *session) strangers() (string, error) {
	own, err := strangerCertificate()
	if err != nil {
		return "", err
	}
	// What the plugin thinks of the stranger is at stake, not the reverse.
	careless := tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
	impostor := careless.Clone()
	impostor.Certificates = []tls.Certificate{own}
	for who, config := range map[string]*tls.Config{
		"in plaintext":                  nil,
		"without a certificate":         &careless,
		"with a certificate of its own": impostor,
	} {
		if s.speaksHTTP2(config) == nil {
			return "", fmt.Errorf("the plugin admits a stranger %s", who)
		}
	}
	return "refused: in plaintext, without a certificate, with another one", nil
}

// tls12 connects as this host, but with the older TLS, where the two sides agree on hash and key
// apart from each other.
func (s *session) tls12() (string, error) {
	config := s.config.TLSConfig.Clone()
	config.MaxVersion = tls.VersionTLS12
	config.NextProtos = []string{"h2"}
	return "accepted", s.speaksHTTP2(config)
}

// speaksHTTP2 fails unless the plugin speaks HTTP/2 with a peer of this TLS configuration.
//
// A TLS 1.3 client has finished its handshake before the server judges its certificate, so only the
// answer to the first bytes tells.
func (s *session) speaksHTTP2(config *tls.Config) error {
	conn, err := net.DialTimeout(s.address.Network(), s.address.String(), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if config != nil {
		conn = tls.Client(conn, config)
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte(preface)); err != nil {
		return err
	}
	answer := make([]byte, 1)
	if _, err := conn.Read(answer); err != nil {
		return err
	}
	if answer[0] == tlsAlert {
		return errors.New("answered with a TLS alert")
	}
	return nil
}

func strangerCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
