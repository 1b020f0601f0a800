package page

import (
	"errors"
	"net/http"

	"heed/gateway/internal/optout"
)

// retryAfter is how many seconds a client is asked to wait when the list could not take the act.
const retryAfter = "30"

// statusOf is the one table from errors to statuses (RFC 9110 §15.5), with the name of the page that explains.
func statusOf(err error) (status int, name string) {
	switch {
	case errors.Is(err, optout.ErrMalformed):
		return http.StatusBadRequest, "broken"
	case errors.Is(err, optout.ErrForged):
		return http.StatusNotFound, "forged"
	case errors.Is(err, optout.ErrExpired):
		return http.StatusGone, "expired"
	case errors.Is(err, optout.ErrStands):
		return http.StatusConflict, "stands"
	}
	return http.StatusServiceUnavailable, "unavailable"
}

func (p *Pages) failure(say messages, err error) Response {
	status, name := statusOf(err)
	return unavailable(p.renderer.page(status, noticeView(say, name)), err)
}

// shortFailure is for programs, which read the status only.
func shortFailure(err error) Response {
	status, _ := statusOf(err)
	return unavailable(text(status, http.StatusText(status)+"\n"), err)
}

func unavailable(r Response, err error) Response {
	if r.Status == http.StatusServiceUnavailable {
		r.Err = err
		r.Header = append(r.Header, [2]string{"Retry-After", retryAfter})
	}
	return r
}
