package address

import (
	"strings"
	"testing"
)

func TestMask_ShowsLittle(t *testing.T) { // P6
	check := func(addr, want string) {
		t.Helper()
		if got := Mask(addr); got != want {
			t.Errorf("%q is shown as %q, want %q", addr, got, want)
		}
	}
	check("john@example.com", "j***@example.com")
	check("j@example.com", "j***@example.com")
	check("élise@example.com", "é***@example.com")
	check(`"a b"@example.com`, `"***@example.com`)
	check("+14155552671", "+1********71")
	check("+4790000000", "+4*******00")
	check("john", "***")
	check("@example.com", "***")
	check("", "***")
	check("john@example.com\r\nforged", "***")
	check("jo\u202Ehn@example.com", "***")
	check("\xff@example.com", "***")
	check("+12", "***")
	check("a@"+strings.Repeat("x", 2000), "***")
}
