package smtprelay

import "bytes"

const maxLine = 998 // bytes, CRLF apart (RFC 5322 §2.1.1)

// bodyFault says what keeps body from the wire, "" if nothing does, and whether it needs 8BITMIME. A bare CR or LF would let one
// server see another end of the message than the next (SMTP smuggling, RFC 5321 §2.3.8). Cost: one pass, no allocation.
func bodyFault(body []byte) (fault string, eightBit bool) {
	for rest := body; len(rest) > 0; {
		line, after, found := bytes.Cut(rest, []byte{'\n'})
		if found {
			var hasCR bool
			if line, hasCR = bytes.CutSuffix(line, []byte{'\r'}); !hasCR {
				return "body has a bare LF: end lines with CRLF", false
			}
		}
		switch {
		case bytes.IndexByte(line, '\r') >= 0:
			return "body has a bare CR: end lines with CRLF", false
		case len(line) > maxLine:
			return "body has a line of more than 998 bytes: encode or fold it", false
		case bytes.IndexByte(line, 0) >= 0:
			return "body has a NUL: encode it", false
		}
		eightBit = eightBit || !isASCIIBytes(line)
		rest = after
	}
	return "", eightBit
}

func isASCIIBytes(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
