package twilio

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
)

// call is one request, in the shape of twilio-go's BaseClient: theirs has no context, leaves error bodies open and loses their headers.
type call struct {
	sender *Sender
	ctx    context.Context
	gate   *gate
}

var _ client.BaseClient = (*call)(nil)

func (c *call) AccountSid() string       { return c.sender.opt.AccountSid }
func (c *call) SetTimeout(time.Duration) {} // Options.Timeout holds
func (c *call) SetOauth(client.OAuth)    {} // Basic holds
func (c *call) OAuth() client.OAuth      { return nil }

// SendRequest implements client.BaseClient for form posts, the only ones made here.
func (c *call) SendRequest(method, rawURL string, form url.Values, headers map[string]any, _ ...byte) (*http.Response, error) {
	request, err := c.request(method, rawURL, form)
	if err != nil {
		return nil, err
	}
	response, err := c.sender.http.Do(request)
	if err != nil {
		return nil, err
	}
	response.Body = capped{io.LimitReader(response.Body, maxAnswer), response.Body}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return nil, newRefusal(response.StatusCode, response.Header, body, time.Now())
}

func (c *call) request(method, rawURL string, form url.Values) (*http.Request, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	target := c.sender.base.JoinPath(u.Path).String()
	request, err := http.NewRequestWithContext(c.gate.watch(c.ctx), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	again := request.GetBody
	request.GetBody = func() (io.ReadCloser, error) {
		if err := c.gate.refused(); err != nil {
			return nil, err // or net/http would try every idle connection in turn
		}
		return again()
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "heed")
	request.SetBasicAuth(c.sender.opt.credentials())
	return request, nil
}

// capped is a body that ends at maxAnswer. What is left unread costs the connection, not memory.
type capped struct {
	io.Reader
	io.Closer
}
