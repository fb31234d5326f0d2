package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
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
	for who, config := range map[string]*tls.Config{
		"in plaintext":                  nil,
		"without a certificate":         {},
		"with a certificate of its own": {Certificates: []tls.Certificate{own}},
	} {
		if s.admits(config) {
			return "", fmt.Errorf("the plugin admits a stranger %s", who)
		}
	}
	return "refused: in plaintext, without a certificate, with another one", nil
}

// admits tells whether the plugin speaks HTTP/2 with a peer of this TLS configuration.
//
// A TLS 1.3 client has finished its handshake before the server judges its certificate, so only the
// answer to the first bytes tells.
func (s *session) admits(config *tls.Config) bool {
	conn, err := net.DialTimeout(s.address.Network(), s.address.String(), 5*time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if config != nil {
		// What the plugin thinks of the stranger is at stake, not the reverse.
		config.InsecureSkipVerify = true
		config.NextProtos = []string{"h2"}
		conn = tls.Client(conn, config)
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte(preface)); err != nil {
		return false
	}
	answer := make([]byte, 1)
	n, _ := conn.Read(answer)
	return n == 1 && answer[0] != tlsAlert
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
