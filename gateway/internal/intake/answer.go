package intake

import (
	"strconv"
	"unicode/utf8"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
)

// maxListed bounds the results of an answer; the rest can be paged.
const maxListed = 10_000

// results is what the caller is told of single recipients.
type results struct {
	listed []byte // JSON objects, each followed by a comma
	shown  int
	hidden bool   // there are more than maxListed
	items  []Item // of a strict call, at most maxItems
}

func (r results) reset() results {
	clear(r.items)
	return results{listed: r.listed[:0], items: r.items[:0]}
}

// note counts the chunk's decisions and lists those that the caller wants to see.
func (j *job) note(chunk []batchjson.Recipient) {
	for i := range chunk {
		d, index := &j.decisions[i], j.count+uint32(i)
		j.tally[d.status]++
		if j.call.Strict && (d.status == invalid || d.status == duplicate) && len(j.items) < maxItems {
			item := Item{Pointer: d.why.member, Code: d.why.code, Detail: d.why.detail}
			j.items = append(j.items, item.at(index, chunk[i].Line))
		}
		if j.wants(d.status) {
			j.list(index, chunk[i].To, d)
		}
	}
}

// wants says whether results of a status are listed: by default those where something is to be known.
func (j *job) wants(s status) bool {
	return j.call.Results == "all" || j.call.Results == "" && s != accepted
}

func (j *job) list(index uint32, to []byte, d *decision) {
	if j.shown == maxListed {
		j.hidden = true
		return
	}
	j.shown++
	b := append(j.listed, `{"index":`...)
	b = strconv.AppendUint(b, uint64(index), 10)
	b = appendString(append(b, `,"to":`...), cut(to, maxStoredTo))
	b = d.append(append(b, ','))
	if d.status.live() && !j.call.DryRun {
		b = append(b, `,"message_id":"`...)
		b = append(batch.AppendMessageID(b, j.id, index), '"')
	}
	j.listed = append(b, "},"...)
}

// append appends the members that tell the decision.
func (d *decision) append(b []byte) []byte {
	b = append(append(b, `"status":"`...), d.status.String()...)
	b = append(b, '"')
	if d.why == nil {
		return b
	}
	b = appendString(append(b, `,"code":`...), d.why.code)
	b = appendString(append(b, `,"detail":`...), d.why.detail)
	if d.reason != nil { // within the quotes
		b = append(b[:len(b)-1], ": "...)
		b = append(appendEscaped(b, d.reason.detail), '"')
	}
	if d.status == deferred {
		b = append(b, `,"until":"`...)
		b = append(d.until.UTC().AppendFormat(b, "2006-01-02T15:04:05Z"), '"')
	}
	return b
}

// appendAnswer appends the body of the answer. accepted counts the deferred and rerouted too, so that accepted, suppressed,
// invalid and duplicate add up to the recipients of the call.
func (j *job) appendAnswer(b []byte) []byte {
	if j.call.DryRun {
		b = append(b, `{"dry_run":true`...)
	} else {
		b = append(j.id.Append(append(b, `{"id":"`...)), '"')
	}
	b = append(b, `,"status":"accepted"`...)
	b = appendCount(b, accepted, j.tally[accepted]+j.tally[deferred]+j.tally[rerouted])
	for _, s := range [...]status{suppressed, invalid, duplicate, deferred, rerouted} {
		b = appendCount(b, s, j.tally[s])
	}
	if j.call.Results == "none" {
		return append(b, '}')
	}
	b = append(append(b, `,"results":[`...), j.listed[:max(len(j.listed)-1, 0)]...)
	b = append(b, ']')
	if j.hidden {
		b = append(b, `,"results_truncated":true`...)
		if !j.call.DryRun {
			b = append(j.id.Append(append(b, `,"results_url":"/v1/batches/`...)), `/recipients"`...)
		}
	}
	return append(b, '}')
}

func appendCount(b []byte, s status, n uint32) []byte {
	b = append(append(b, `,"`...), s.String()...)
	return strconv.AppendUint(append(b, `":`...), uint64(n), 10)
}

// appendSingle appends the answer to a call with one recipient. Requires: the recipient was taken.
func (j *job) appendSingle(b []byte) []byte {
	if j.call.DryRun {
		b = append(b, `{"dry_run":true`...)
	} else {
		b = batch.AppendMessageID(append(b, `{"id":"`...), j.id, 0)
		b = append(j.id.Append(append(b, `","batch_id":"`...)), '"')
	}
	return append(j.decisions[0].append(append(b, ',')), '}')
}

// appendString appends s as a JSON string (RFC 8259 §7). Bytes that are not UTF-8 become U+FFFD. No allocation beyond b.
func appendString[T string | []byte](b []byte, s T) []byte {
	return append(appendEscaped(append(b, '"'), s), '"')
}

func appendEscaped[T string | []byte](b []byte, s T) []byte {
	const digits = "0123456789abcdef"
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			b = utf8.AppendRune(b, r)
			i += n
			continue
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		default:
			b = append(b, c)
		}
		i++
	}
	return b
}

// cut is at most n bytes of s, ending between characters.
func cut(s []byte, n int) []byte {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
