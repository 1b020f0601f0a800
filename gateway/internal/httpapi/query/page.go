package query

import (
	"strconv"

	"heed/gateway/internal/httpapi/problem"
)

const (
	defaultPage = 100
	mostPage    = 1000
)

// Limit reads how long a page may be.
func (v Values) Limit() (int, error) {
	raw := v["limit"]
	if raw == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 || n > mostPage {
		return 0, problem.Parameter("limit", "Use 1 to 1000.")
	}
	return n, nil
}

// Listing is a piece of a list (cursor only: offsets lie as soon as the list moves).
type Listing[T any] struct {
	Data []T    `json:"data"`
	More bool   `json:"has_more"`
	Next string `json:"next,omitempty"` // value of ?after= for the next page
}

// Paged makes a page of at most limit from limit+1 elements asked for.
func Paged[T any](list []T, limit int, cursor func(T) string) Listing[T] {
	p := Listing[T]{Data: list}
	if len(list) > limit {
		p.Data, p.More = list[:limit], true
		p.Next = cursor(p.Data[limit-1])
	}
	if p.Data == nil {
		p.Data = []T{}
	}
	return p
}
