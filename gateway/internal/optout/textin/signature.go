package textin

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// Valid tells whether signature (the X-Twilio-Signature field) is that of a request to rawURL, under one of the auth tokens.
// rawURL is the URL as Twilio called it, query included; it comes from the configuration, never from the Host field, which
// a proxy may have rewritten and anybody may forge. It is tried with and without the default port, since Twilio's back ends
// disagree. A URL with bodySHA256 speaks for a body that is no form.
// Constant time in the signature. The scheme carries no time: replays are valid.
func Valid(authTokens []string, rawURL, contentType string, body []byte, signature string) bool {
	fields, ok := signedFields(rawURL, contentType, body)
	if !ok {
		return false
	}
	valid := false
	for _, token := range authTokens {
		for _, spelling := range ports(rawURL) {
			want := sign(token, spelling+fields)
			valid = hmac.Equal([]byte(want), []byte(signature)) || valid
		}
	}
	return valid
}

// signedFields is what is signed after the URL: nothing, if the URL holds the right digest of the body.
func signedFields(rawURL, contentType string, body []byte) (string, bool) {
	if digest := bodyDigest(rawURL); digest != "" {
		sum := sha256.Sum256(body)
		return "", hmac.Equal([]byte(hex.EncodeToString(sum[:])), []byte(digest))
	}
	form, err := parseForm(contentType, body)
	return sorted(form), err == nil
}

func sign(authToken, data string) string {
	mac := hmac.New(sha1.New, []byte(authToken))
	mac.Write([]byte(data))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// sorted is name and value of each field, sorted, without separators; of a repeated field each distinct value once, as Twilio's
// Node library does (its Go library takes only the first value).
func sorted(form []field) string {
	form = slices.Clone(form)
	slices.SortFunc(form, func(a, b field) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
	var b strings.Builder
	for _, f := range slices.Compact(form) {
		b.WriteString(f.name)
		b.WriteString(f.value)
	}
	return b.String()
}

// ports are the URL's two spellings: without a port, and with its own or the default one. The text is not re-encoded, since
// every byte of it is signed.
func ports(rawURL string) []string {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return []string{rawURL}
	}
	end := strings.IndexAny(rest+"/", "/?#")
	host, path := rest[:end], rest[end:]
	if bare := withoutPort(host); bare != host {
		return []string{rawURL, scheme + "://" + bare + path}
	}
	port := ":443"
	if scheme == "http" {
		port = ":80"
	}
	return []string{rawURL, scheme + "://" + host + port + path}
}

// withoutPort leaves the colons of an IPv6 address alone.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

func bodyDigest(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Query().Get("bodySHA256")
}
