package problem

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

// kind is the table's row for the problem. Parts below may know finer codes than the table does; their type is the row for the status.
func (p *Problem) kind() Kind {
	if k, ok := kindOf[p.Code]; ok {
		return k
	}
	switch {
	case p.Status == http.StatusForbidden:
		return kindOf["insufficient_scope"]
	case p.Status == http.StatusConflict:
		return kindOf["conflict"]
	case p.Status < 500:
		return kindOf["invalid"]
	}
	return kindOf["unavailable"]
}

// Document is a problem on the wire, RFC 9457 §3.1.
type Document struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail,omitempty"`
	Instance string  `json:"instance"`
	Code     string  `json:"code"`
	Errors   []Fault `json:"errors,omitempty"`
}

// ContentType is a document's.
const ContentType = "application/problem+json"

// Document gives the problem as it goes to the caller. Its type is a page below publicURL; instance is the request's id.
func (p *Problem) Document(publicURL, instance string) []byte {
	k := p.kind()
	body, err := json.Marshal(Document{
		Type: publicURL + "/problems/" + k.Code, Title: k.Title, Status: p.Status, Detail: p.Detail,
		Instance: instance, Code: p.Code, Errors: p.Faults,
	})
	if err != nil { // only text of ours that is not UTF-8 could do it
		return []byte(`{"type":"about:blank","title":"A fault of ours","status":500,"code":"internal"}`)
	}
	return body
}

// RetrySeconds is RetryAfter as the header has it, rounded up (RFC 9110 §10.2.3); 0: no header.
func (p *Problem) RetrySeconds() int { return int((p.RetryAfter + time.Second - 1) / time.Second) }
