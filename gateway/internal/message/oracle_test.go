package message

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// go-msgauth is the second verifier, and what the signer is measured against. It needs golang.org/x/crypto in go.mod, hence the tag.

func TestSigner_GoMsgauthAgrees(t *testing.T) {
	s, z := bothKeys(t)
	lookup := &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) { return []string{z[name]}, nil }}
	for _, value := range naughtyBodies {
		if hasControl(value) {
			continue
		}
		c, r := content(), recipient()
		c.Marketing, c.Headers, r.Vars = true, [][2]string{{"X-Shop", "a  b"}}, map[string]string{"name": value[:min(len(value), 1000)]}
		list, err := dkim.VerifyWithOptions(bytes.NewReader(signedMail(t, s, mustRender(t, c, r))), lookup)
		if err != nil || len(list) != 2 {
			t.Fatalf("%d signatures, %v", len(list), err)
		}
		for _, v := range list {
			if v.Err != nil {
				t.Errorf("%.40q: %v", value, v.Err)
			}
		}
	}
}

func BenchmarkSigner_GoMsgauth(b *testing.B) {
	block, _ := pem.Decode(testKey(b, Ed25519).PEM)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		b.Fatal(err)
	}
	options := &dkim.SignOptions{
		Domain: "example.com", Selector: "s", Signer: key.(crypto.Signer),
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed, HeaderKeys: signed[:],
	}
	c, r := sized(2 << 10)
	mail := mustRender(b, c, r)
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := dkim.Sign(&out, bytes.NewReader(mail), options); err != nil {
			b.Fatal(err)
		}
	}
}
