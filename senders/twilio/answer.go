package twilio

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"heed/senders"
)

const (
	maxAnswer = 64 << 10
	maxPause  = 24 * time.Hour // a Retry-After beyond it is taken for a mistake
)

// refusal is a decoded answer that is no 2xx. It passes through twilio-go as an error.
type refusal struct {
	status  int
	code    int // 0 if the body has none
	message string
	pause   time.Duration
}

func (r *refusal) Error() string { return "HTTP status " + strconv.Itoa(r.status) }

// newRefusal reads what it can: a load balancer's HTML has a status and nothing else.
func newRefusal(status int, header http.Header, body []byte, now time.Time) *refusal {
	r := &refusal{status: status, pause: retryAfter(header.Get("Retry-After"), now)}
	var answer struct {
		Code    int
		Message string
	}
	if json.Unmarshal(body, &answer) == nil {
		r.code, r.message = answer.Code, answer.Message
	}
	return r
}

// retryAfter reads seconds or a date (RFC 9110 §10.2.3); 0 if it is neither or past.
func retryAfter(value string, now time.Time) time.Duration {
	var pause time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		pause = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		pause = at.Sub(now)
	}
	return min(max(pause, 0), maxPause)
}

func (r *refusal) classify(recipient string) *senders.Error {
	e := &senders.Error{Class: classOf(r.status, r.code), Code: strconv.Itoa(r.code), Detail: senders.Detail(r.message, recipient), OfRecipient: ofRecipient[r.code]}
	if r.code == 0 {
		e.Code, e.Detail = strconv.Itoa(r.status), "HTTP status "+strconv.Itoa(r.status)
	}
	if e.Class == senders.Throttled {
		e.RetryAfter = r.pause
	}
	return e
}
