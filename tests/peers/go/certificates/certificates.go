// Package certificates makes certificates with crypto/x509 and reads them from directories, as our
// programs do: root.crt, and for plugin and host each a .crt and a .key.
package certificates

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// kinds of key, each with a way to make one.
var kinds = map[string]func() (crypto.Signer, error){
	"p256":    func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"p384":    func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
	"p521":    func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) },
	"rsa2048": func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
	"ed25519": func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	},
}

// Issue writes a directory for each kind of key. The role that is ours never gets a P-521 key, with
// which our programs do not sign.
func Issue(dir, ours string) error {
	for kind, generate := range kinds {
		if err := issue(filepath.Join(dir, kind), kind, ours, generate); err != nil {
			return err
		}
	}
	return nil
}

func issue(dir, kind, ours string, generate func() (crypto.Signer, error)) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	rootKey, err := generate()
	if err != nil {
		return err
	}
	root := template("Go " + kind + " root")
	root.IsCA = true
	root.BasicConstraintsValid = true
	root.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "root.crt"), "CERTIFICATE", der); err != nil {
		return err
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	usages := map[string]x509.ExtKeyUsage{
		"plugin": x509.ExtKeyUsageServerAuth,
		"host":   x509.ExtKeyUsageClientAuth,
	}
	for role, usage := range usages {
		generate := generate
		if role == ours && kind == "p521" {
			generate = kinds["p256"]
		}
		key, err := generate()
		if err != nil {
			return err
		}
		leaf := template(role)
		leaf.DNSNames = []string{"localhost"}
		leaf.KeyUsage = x509.KeyUsageDigitalSignature
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{usage}
		der, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), rootKey)
		if err != nil {
			return err
		}
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(dir, role+".crt"), "CERTIFICATE", der); err != nil {
			return err
		}
		if err := write(filepath.Join(dir, role+".key"), "PRIVATE KEY", secret); err != nil {
			return err
		}
	}
	return nil
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // It cannot fail since Go 1.24.
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

func write(path, label string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}), 0o600)
}

// Side is the TLS configuration of "plugin" or "host" with the certificates of a directory.
func Side(dir, role string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, role+".crt"), filepath.Join(dir, role+".key"))
	if err != nil {
		return nil, err
	}
	roots, err := Roots(dir)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		RootCAs:      roots,
		ClientCAs:    roots,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ServerName:   "localhost",
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
	}, nil
}

// Roots reads the root of a directory.
func Roots(dir string) (*x509.CertPool, error) {
	text, err := os.ReadFile(filepath.Join(dir, "root.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New("no root in " + dir)
	}
	return roots, nil
}

// Verify has crypto/x509 judge the two chains of a directory: each must be good for its role, under
// its name, and for nothing else.
func Verify(dir string) error {
	roots, err := Roots(dir)
	if err != nil {
		return err
	}
	for role, usage := range map[string]x509.ExtKeyUsage{
		"plugin": x509.ExtKeyUsageServerAuth,
		"host":   x509.ExtKeyUsageClientAuth,
	} {
		text, err := os.ReadFile(filepath.Join(dir, role+".crt"))
		if err != nil {
			return err
		}
		block, rest := pem.Decode(text)
		if block == nil {
			return errors.New("no certificate of the " + role)
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		between := x509.NewCertPool()
		between.AppendCertsFromPEM(rest)
		options := x509.VerifyOptions{
			Roots:         roots,
			Intermediates: between,
			DNSName:       "localhost",
			KeyUsages:     []x509.ExtKeyUsage{usage},
		}
		if _, err := leaf.Verify(options); err != nil {
			return fmt.Errorf("%s of %s: %w", role, dir, err)
		}
		other := x509.ExtKeyUsageServerAuth
		if usage == other {
			other = x509.ExtKeyUsageClientAuth
		}
		options.KeyUsages = []x509.ExtKeyUsage{other}
		if _, err := leaf.Verify(options); err == nil {
			return fmt.Errorf("the %s of %s is good in the other role too", role, dir)
		}
	}
	return nil
}
