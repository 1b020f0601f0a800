package message

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// The kinds of DKIM keys. Sign with both: not every receiver knows Ed25519 (RFC 8463 §5).
const (
	Ed25519 = "ed25519"
	RSA     = "rsa" // of 2,048 bits
)

const smallestRSA = 2048 // bits; RFC 8301 §3.2

// GenerateKey makes a private key of a kind, as PKCS#8 PEM.
func GenerateKey(kind string) ([]byte, error) {
	var key crypto.Signer
	var err error
	switch kind {
	case Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case RSA:
		key, err = rsa.GenerateKey(rand.Reader, smallestRSA)
	default:
		return nil, fmt.Errorf("message: no kind of key %q; use %s or %s", kind, Ed25519, RSA)
	}
	if err != nil {
		return nil, fmt.Errorf("message: generate key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("message: encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// DNSRecord is the text that publishes the public half of a private key (PKCS#8 PEM), as the TXT record of <selector>._domainkey.<domain>
// (RFC 6376 §3.6, RFC 8463 §4). That of an RSA key is longer than the 255 bytes of one string in a zone file (RFC 1035 §3.3): cut it there.
func DNSRecord(key []byte) (string, error) {
	private, err := privateKey(key)
	if err != nil {
		return "", fmt.Errorf("message: DKIM key: %w", err)
	}
	if public, ok := private.Public().(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public), nil
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return "", fmt.Errorf("message: encode public key: %w", err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
}

// privateKey reads a PKCS#8 key and refuses kinds and sizes that receivers do not trust.
func privateKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block; give a PKCS#8 private key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a PKCS#8 private key; convert it with: openssl pkcs8 -topk8 -nocrypt")
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < smallestRSA {
			return nil, fmt.Errorf("an RSA key of %d bits; use %d or more (RFC 8301 §3.2)", bits, smallestRSA)
		}
		return key, nil
	}
	return nil, fmt.Errorf("a key of kind %T; use RSA or Ed25519", key)
}
