package suppression_test

import (
	"testing"

	"heed/suppression"
)

func TestSource_NamesAreWhatCallersKnow(t *testing.T) { // docs/api.md
	want := []string{"", "api", "one_click", "page", "mail", "sms", "bounce", "report", "provider", "import", "operator", ""}
	for s, name := range want {
		if got := suppression.Source(s).String(); got != name {
			t.Errorf("source %d is %q, want %q", s, got, name)
		}
	}
	if got := suppression.Source(255).String(); got != "" {
		t.Errorf("the source of a newer version is %q", got)
	}
}
