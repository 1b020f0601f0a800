package wire

import (
	"bytes"

	"heed/gateway/internal/httpapi/problem"
)

// single are the headers that two readers of one request could understand differently if they came twice; fasthttp joins or overwrites
// them in silence.
var single = []string{"host", "content-length", "transfer-encoding", "content-type", "content-encoding", "authorization", "idempotency-key", "content-digest", "x-request-id"}

// CheckFraming refuses header blocks on whose meaning a proxy in front and we could disagree (RFC 9112 §6.1, §11.2): a length together
// with chunks, a coding other than chunked, repeated headers, folded lines, bare line feeds. fasthttp v1.74.0 lets all of these pass.
//
// protocol is the request line's, headers the lines after it as they came.
func CheckFraming(protocol, headers []byte) error {
	if p := string(protocol); p != "HTTP/1.1" && p != "HTTP/1.0" {
		return problem.New("bad_request", "Speak HTTP/1.1.")
	}
	seen := 0
	for rest := headers; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		line, ended := bytes.CutSuffix(line, []byte("\r"))
		if !ended {
			return problem.New("bad_request", "A header line ends with a bare line feed (RFC 9112 §2.2).")
		}
		bit, err := checkLine(line)
		if err != nil {
			return err
		}
		if seen&bit != 0 {
			return problem.New("bad_request", "A header stands there twice that may stand once.")
		}
		seen |= bit
	}
	const length, transfer = 1 << 1, 1 << 2
	if seen&length != 0 && seen&transfer != 0 {
		return problem.New("bad_request", "Content-Length and Transfer-Encoding stand together; send one of them.")
	}
	return nil
}

// checkLine looks at one header line and gives the bit of its name in single, or 0.
func checkLine(line []byte) (int, error) {
	if len(line) == 0 {
		return 0, nil
	}
	if line[0] == ' ' || line[0] == '\t' {
		return 0, problem.New("bad_request", "A header line is folded; write it in one line (RFC 9112 §5.2).")
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	for i, want := range single {
		if !bytes.EqualFold(name, []byte(want)) {
			continue
		}
		if want == "transfer-encoding" && !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
			return 0, problem.New("bad_request", "The only Transfer-Encoding we take is chunked.")
		}
		return 1 << i, nil
	}
	return 0, nil
}
