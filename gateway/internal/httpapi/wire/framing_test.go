package wire

import (
	"bytes"
	"strings"
	"testing"
)

func TestCheckFraming_WhatTwoReadersAgreeOnPasses(t *testing.T) { // RFC 9112 §6.1
	check := func(protocol, headers string, passes bool) {
		t.Helper()
		if err := CheckFraming([]byte(protocol), []byte(headers)); (err == nil) != passes {
			t.Errorf("%s %q: %v", protocol, headers, err)
		}
	}
	check("HTTP/1.1", "Host: h\r\nContent-Length: 5\r\n\r\n", true)
	check("HTTP/1.1", "Host: h\r\ntransfer-encoding:  Chunked \r\n\r\n", true)
	check("HTTP/1.1", "Host: h\r\nX-A: b\r\nX-A: c\r\n\r\n", true)
	check("HTTP/2.0", "Host: h\r\n\r\n", false)
	check("HTTP/1.1", "Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false)
	check("HTTP/1.1", "Content-Length: 5\r\ncontent-length: 5\r\n\r\n", false)
	check("HTTP/1.1", "Transfer-Encoding: gzip, chunked\r\n\r\n", false)
	check("HTTP/1.1", "X-A: b\r\n\tc\r\n\r\n", false)
	check("HTTP/1.1", "X-A: b\nContent-Length: 5\r\n\r\n", false)
}

// A block that passes has each of the telling headers at most once, however it is written.
func FuzzCheckFraming(f *testing.F) {
	f.Add([]byte("Host: h\r\nContent-Length: 5\r\n\r\n"))
	f.Add([]byte("HOST: h\r\nhost: i\r\n\r\n"))
	f.Add([]byte("Transfer-Encoding: chunked\r\nX: y\r\n z\r\n\r\n"))
	f.Add([]byte("A: b\nHost: c\r\n"))
	f.Fuzz(func(t *testing.T, headers []byte) {
		if CheckFraming([]byte("HTTP/1.1"), headers) != nil {
			return
		}
		seen := map[string]int{}
		for _, line := range bytes.Split(headers, []byte("\n")) {
			name, _, _ := strings.Cut(string(line), ":")
			seen[strings.ToLower(strings.TrimRight(name, "\r"))]++
		}
		for _, name := range single {
			if seen[name] > 1 {
				t.Fatalf("%q passes with %s twice", headers, name)
			}
		}
		if seen["content-length"] > 0 && seen["transfer-encoding"] > 0 {
			t.Fatalf("%q passes with two lengths", headers)
		}
	})
}
