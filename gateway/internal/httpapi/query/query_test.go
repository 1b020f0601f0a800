package query

import (
	"testing"

	"heed/gateway/internal/httpapi/problem"
)

func TestParse_RefusesEverySlip(t *testing.T) {
	check := func(raw, names, parameter string, ok bool) {
		t.Helper()
		_, err := Parse(raw, names)
		p, _ := err.(*problem.Problem)
		if ok != (err == nil) || p != nil && (p.Code != "invalid_parameter" || len(p.Faults) == 1 && p.Faults[0].Parameter != parameter) {
			t.Errorf("%q: %+v", raw, err)
		}
	}
	check("", "a b", "", true)
	check("a=1&b=2", "a b", "", true)
	check("utm=1&utm=2&%zz", "*", "", true)
	check("c=1", "a b", "", false)
	check("ann@example.org=1", "", "", false)
	check("a=1&a=1", "a b", "a", false)
	check("a=%zz", "a", "", false)
	check("%0d%0aX=1", "a", "", false)
}

func TestLimit_IsOneToAThousand(t *testing.T) {
	for raw, want := range map[string]int{"": 100, "1": 1, "1000": 1000, "0": 0, "1001": 0, "-1": 0, "x": 0} {
		if n, err := (Values{"limit": raw}).Limit(); n != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", raw, n, err)
		}
	}
}

func TestPaged_TellsOfMoreOnlyIfThereIs(t *testing.T) {
	cursor := func(s string) string { return s }
	if p := Paged([]string{"a", "b", "c"}, 2, cursor); !p.More || p.Next != "b" || len(p.Data) != 2 {
		t.Errorf("%+v", p)
	}
	if p := Paged([]string{"a", "b"}, 2, cursor); p.More || p.Next != "" || len(p.Data) != 2 {
		t.Errorf("%+v", p)
	}
	if p := Paged[string](nil, 2, cursor); p.Data == nil || p.More {
		t.Errorf("an empty page is an empty array: %+v", p)
	}
}
