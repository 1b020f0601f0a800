package transfer

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

// Entry is one suppression as a file states it.
type Entry struct {
	Line    int
	Address []byte // as the file gives it; valid until the next Next
	Channel policy.Channel
	Reason  policy.Reason
	Topic   string
	At      time.Time // zero if the file does not say
	// Class and AllChannels are as in policy.Row.
	Class       policy.Class
	AllChannels bool
	// Keyed tells that the row names its address by Key, as our own exports do, and has no Address.
	Keyed bool
	Key   suppression.Key
}

// Code says why a row was rejected. The codes are a closed set and stand in rejects files.
type Code string

// The codes.
const (
	Unreadable Code = "unreadable"
	TooLong    Code = "row_too_long"
	NoAddress  Code = "address_missing"
	BadAddress Code = "address_syntax"
	LongAddr   Code = "address_too_long"
	NoRegion   Code = "phone_region"
	BadChannel Code = "channel"
	BadReason  Code = "reason"
	NoTopic    Code = "topic_missing"
	BadTopic   Code = "topic"
	BadTime    Code = "time"
	BadClass   Code = "class"
	BadKey     Code = "key"
	KeyDenied  Code = "key_not_permitted"
	Passing    Code = "temporary"
)

// remedies say what to change, per code.
var remedies = map[Code]string{
	Unreadable: "the row cannot be read: close its quotes and brackets",
	TooLong:    "the row is longer than 65,536 bytes",
	NoAddress:  "the row has no address",
	BadAddress: "the address is not valid: write one bare email address, or a phone number with + and country code",
	LongAddr:   "the address is too long",
	NoRegion:   "the number has no + and country code: add it, or start the import with a region",
	BadChannel: "the channel is unknown or does not fit the reason: write email or sms, or start the import with a channel",
	BadReason:  "the reason is unknown, or none that a list keeps",
	NoTopic:    "the row does not say which topic was left: start the import with a topic",
	BadTopic:   "no topic can have this id: write 1 to 64 of a-z 0-9 . _ - and single slashes inside, starting with a letter or digit",
	BadTime:    "the time is not readable: write RFC 3339, such as 2026-01-31T12:00:00Z, or Unix seconds",
	BadClass:   "the class is unknown: write marketing, transactional, service or mandatory",
	BadKey:     "the key is not 32 hexadecimal digits",
	KeyDenied:  "rows with a key are read only in an import that permits them",
	Passing:    "a temporary refusal is no suppression: nothing was added",
}

// RowError rejects one row; reading goes on with the next.
type RowError struct {
	Line int
	Code Code
}

// Error says what to change. It holds nothing of the row.
func (e *RowError) Error() string {
	return "line " + strconv.Itoa(e.Line) + ": " + remedies[e.Code]
}

// entry makes of a row's values what they state. Topics of a list (layout.topics) are left to the caller.
func (l *layout) entry(v *values, d *Defaults, e *Entry) Code {
	*e = Entry{Address: bytes.TrimSpace(v[addr]), Channel: l.channel, Reason: d.Reason}
	r, code := l.reason(v)
	if code != "" {
		return code
	}
	if r != 0 {
		e.Reason = r
	}
	if e.Reason == 0 {
		return BadReason
	}
	for _, read := range []func(*values, *Defaults, *Entry) Code{readKey, readChannel, readTime, readClass} {
		if code := read(v, d, e); code != "" {
			return code
		}
	}
	e.AllChannels = string(v[allChannels]) == "true"
	return ""
}

func readKey(v *values, d *Defaults, e *Entry) Code {
	switch {
	case len(v[key]) == 0 && len(e.Address) == 0:
		return NoAddress
	case len(v[key]) == 0:
		return ""
	case !d.Keys:
		return KeyDenied
	case len(v[key]) != 2*len(e.Key):
		return BadKey
	}
	if _, err := hex.Decode(e.Key[:], v[key]); err != nil {
		return BadKey
	}
	e.Keyed = true
	return ""
}

// readChannel: the file's word, else the format's channel, else the job's. A key has its channel inside.
func readChannel(v *values, d *Defaults, e *Entry) Code {
	if e.Keyed {
		return ""
	}
	if named, ok := policy.ParseChannel(string(v[channel])); ok {
		e.Channel = named
	} else if len(v[channel]) > 0 {
		return BadChannel
	}
	if e.Channel == 0 {
		e.Channel = d.Channel
	}
	onSMS := e.Reason == policy.SMSStop || e.Reason == policy.DNCRegistry || e.Reason == policy.InvalidNumber
	if e.Channel == 0 || onSMS && e.Channel != policy.SMS {
		return BadChannel
	}
	return ""
}

func readClass(v *values, _ *Defaults, e *Entry) Code {
	c, ok := policy.ParseClass(string(v[class]))
	if len(v[class]) > 0 && !ok {
		return BadClass
	}
	e.Class = c
	return ""
}

func readTime(v *values, _ *Defaults, e *Entry) Code {
	t, ok := parseTime(bytes.TrimSpace(v[at]))
	if !ok {
		return BadTime
	}
	e.At = t
	return ""
}

// looseTimes are the times providers write beside RFC 3339 and Unix seconds.
var looseTimes = []string{time.RFC1123, time.RFC1123Z, time.DateTime, "2006-01-02 15:04:05 -0700 MST", "2006-01-02T15:04:05", time.DateOnly}

// parseTime reads a time in whole seconds, UTC; nothing is the zero time. The two common forms are read without allocation.
func parseTime(b []byte) (time.Time, bool) {
	if len(b) == 0 {
		return time.Time{}, true
	}
	if t, ok := unixTime(b); ok {
		return t, true
	}
	var t time.Time
	if err := t.UnmarshalText(b); err == nil {
		return plausible(t)
	}
	for _, form := range looseTimes {
		if t, err := time.Parse(form, string(b)); err == nil {
			return plausible(t)
		}
	}
	return time.Time{}, false
}

// unixTime reads Unix seconds, with a fraction that is dropped.
func unixTime(b []byte) (time.Time, bool) {
	whole, _, _ := bytes.Cut(b, []byte("."))
	if len(whole) == 0 || len(whole) > 10 {
		return time.Time{}, false
	}
	var n int64
	for _, c := range whole {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		n = 10*n + int64(c-'0')
	}
	return time.Unix(n, 0).UTC(), true
}

// plausible refuses times before there was mail to suppress, and takes year 1, which Mailgun writes for "unknown", as no time.
func plausible(t time.Time) (time.Time, bool) {
	t = t.UTC().Truncate(time.Second)
	if t.Year() == 1 {
		return time.Time{}, true
	}
	return t, t.Year() >= 1970 && t.Year() < 2100
}
