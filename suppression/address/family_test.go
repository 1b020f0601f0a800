package address

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAppendFamily_FollowsTheProvider(t *testing.T) {
	check := func(canonical, want string) {
		t.Helper()
		got, ok := AppendFamily([]byte("x:"), []byte(canonical))
		if want == "" {
			if ok || string(got) != "x:" {
				t.Errorf("%q has the family %q", canonical, got)
			}
		} else if !ok || string(got) != "x:"+want {
			t.Errorf("%q has the family %q, %v; want %q", canonical, got, ok, want)
		}
	}
	check("a.n.n+news@gmail.com", "ann@gmail.com")
	check("ann@googlemail.com", "ann@gmail.com")
	check("ann@gmail.com", "ann@gmail.com") // a family of its own spelling is still one
	check("a.nn+x+y@outlook.com", "a.nn@outlook.com")
	check("ann+x@icloud.com", "ann@icloud.com")
	check("ann+x@fastmail.com", "ann@fastmail.com")
	check("ann+x@proton.me", "ann@proton.me")
	check("ann-x@yahoo.com", "") // a disposable address of its own
	check("ann+x@example.org", "")
	check("ann+x@mail.gmail.com", "")
	check("+x@gmail.com", "") // never an empty local part
	check(`"ann smith+x"@gmail.com`, "")
	check("+4790000000", "")
	check("", "")
}

func TestAppendFamily_IsItsOwnFamily(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form, ok := AppendFamily(nil, []byte(email(t, drawEmail(t, "address"))))
		if !ok {
			return
		}
		again, ok := AppendFamily(nil, form)
		if !ok || string(again) != string(form) || email(t, string(form)) != string(form) {
			t.Fatalf("%q became %q", form, again)
		}
	})
}
