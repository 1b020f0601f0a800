package message

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestParseText_CutsAtTags(t *testing.T) {
	check := func(src string, want ...token) {
		t.Helper()
		got, err := parseText(src)
		for i := range got {
			got[i].at = 0
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v; want %+v", src, got, err, want)
		}
	}
	check("", token{})
	check("plain", token{literal: "plain"})
	check("a{{b}}c", token{literal: "a", name: "b"}, token{literal: "c"})
	check("{{ _a.b-c9 }}", token{name: "_a.b-c9"}, token{})
	check(`{{a|default:"x"}}`, token{name: "a", fallback: "x", optional: true}, token{})
	check(`{{ a | default : 'it "is"' }}`, token{name: "a", fallback: `it "is"`, optional: true}, token{})
	check(`{{a | default: "say \"hi\" \\ }}"}}!`, token{name: "a", fallback: `say "hi" \ }}`, optional: true}, token{literal: "!"})
	check("{{a\n|\r\n\tdefault:\n''\n}}", token{name: "a", optional: true}, token{})
	check("@media{p{color:red}}", token{literal: "@media{p{color:red}}"})
	check("{ {a} } {%22a%22:1}", token{literal: "{ {a} } {%22a%22:1}"})
	check("{{a}}{{b}}", token{name: "a"}, token{name: "b"}, token{})
	check("{{"+strings.Repeat("n", maxNameLength)+"}}", token{name: strings.Repeat("n", maxNameLength)}, token{})
}

func TestCompile_FaultsNameMemberAndPlace(t *testing.T) {
	check := func(text string, want ...string) {
		t.Helper()
		for _, place := range []struct {
			pointer string
			c       Content
		}{
			{"/subject", Content{From: "a@example.com", Subject: text, Text: "x"}},
			{"/html", Content{From: "a@example.com", Subject: "x", HTML: text}},
			{"/text", Content{From: "a@example.com", Subject: "x", Text: text}},
			{"/headers/X-A", Content{From: "a@example.com", Subject: "x", Text: "x", Headers: [][2]string{{"X-A", text}}}},
		} {
			_, err := CompileEmail(place.c)
			if f := (*Fault)(nil); !errors.As(err, &f) || f.Pointer != place.pointer || f.Code != "template_syntax" || !containsAll(f.Detail, want) {
				t.Errorf("%q in %s: got %v, want %q", text, place.pointer, err, want)
			}
		}
	}
	check("Hi {{name", "line 1, column 4", "not closed")
	check("é {{", "line 1, column 3", "begins with a letter")
	check("{{}}", "column 1", "empty")
	check("{{{name}}}", "three braces")
	check("{{#if a}}x{{/if}}", "blocks")
	check("{{> head}}", "blocks")
	check("{{ first name }}", "letters, digits")
	check("{{ 1st }}", "begins with a letter")
	check("{{ naïve }}", "letters, digits")
	check("{{ a | upcase }}", "only filter")
	check("{{ a | default }}", "only filter")
	check("{{ a | default: there }}", "quotes")
	check(`{{ a | default: "there }}`, "closing quote")
	check(`{{ a | default: "x" | upcase }}`, "only")
	check(`{{ unsubscribe_url | default: "x" }}`, "gateway")
	check("{% if a %}", "logic tags")
	check("x {%- if a %} {{b}}", "column 3", "logic tags")
	check("{{"+strings.Repeat("n", maxNameLength+1)+"}}", "longer than 64")
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

func TestCompile_FaultCountsLines(t *testing.T) {
	_, err := CompileEmail(Content{From: "a@example.com", Subject: "x", Text: "one\r\ntwo {{a}}\n  {{b c}}"})
	if err == nil || !strings.Contains(err.Error(), "line 3, column 3") {
		t.Errorf("%v", err)
	}
}

func TestCompile_OtherFaults(t *testing.T) {
	check := func(pointer, code string, change func(*Content)) {
		t.Helper()
		c := content()
		change(&c)
		_, err := CompileEmail(c)
		if f := (*Fault)(nil); !errors.As(err, &f) || f.Pointer != pointer || f.Code != code {
			t.Errorf("got %v, want %s at %s", err, code, pointer)
		}
	}
	check("/from", "missing", func(c *Content) { c.From = "" })
	check("/from", "address_syntax", func(c *Content) { c.From = "a@example.com, b@example.com" })
	check("/reply_to", "address_syntax", func(c *Content) { c.ReplyTo = "nobody" })
	check("/subject", "missing", func(c *Content) { c.Subject = " " })
	check("/text", "invalid_utf8", func(c *Content) { c.Text = "\xff" })
	check("/subject", "control_character", func(c *Content) { c.Subject = "\xff" })
	check("/html", "missing", func(c *Content) { c.HTML, c.Text = "", "" })
	check("/text", "too_long", func(c *Content) { c.Text = strings.Repeat("{{a}}", maxTags+1) })
	check("/headers", "too_long", func(c *Content) { c.Headers = make([][2]string, maxHeaders+1) })
	check("/headers/X-9", "too_long", func(c *Content) {
		for _, n := range "0123456789" {
			c.Headers = append(c.Headers, [2]string{"X-" + string(n), strings.Repeat("x", 3500)})
		}
	})
	check("/headers/x-a", "header_duplicate", func(c *Content) { c.Headers = [][2]string{{"X-A", "1"}, {"x-a", "2"}} })
}

// A value in a tag but outside of quotes could become attributes.
func TestCompile_ValuesInTagsStandBetweenQuotes(t *testing.T) {
	check := func(html string, ok bool) {
		t.Helper()
		c := content()
		c.HTML = html
		_, err := CompileEmail(c)
		if (err == nil) != ok || err != nil && !isFault(err, "/html") {
			t.Errorf("%q: %v", html, err)
		}
	}
	check(`<a href="{{a}}" title='{{b}}'>{{c}}</a>`, true)
	check(`a < b {{c}} 1<2 {{d}}`, true)
	check(`<!-- {{a}} <b --> {{c}}`, true)
	check(`<a title="x > y" href="{{a}}">`, true)
	check(`<a href={{a}}>`, false)
	check(`<{{a}}>`, false)
	check(`</{{a}}>`, false)
	check(`<a {{a}}>`, false)
	check(`<a title="it's" {{a}}>`, false)
	check("<a href=`{{a}}`>", false)
}

func TestMarketing_LinkInACommentIsNotVisible(t *testing.T) {
	if got := withLink("<p>x<!-- {{unsubscribe_url}} -->"); !strings.HasSuffix(got, htmlFooter) {
		t.Errorf("got %q", got)
	}
}

func TestTemplate_RequiredListsWhatRecipientsMustBring(t *testing.T) {
	c := content()
	c.Marketing = true
	c.Subject = `{{z}} {{shared}} {{both | default: "x"}}`
	c.HTML, c.Text = `{{optional | default: ""}} {{both}} {{unsubscribe_url}}`, "{{a}} {{z}} {{preferences_url}}"
	c.Vars = map[string]string{"shared": ""}
	if got, want := mustCompile(t, c).Required(), []string{"a", "both", "z"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Subject, c.HTML, c.Text = "x", "", "y"
	if got := mustCompile(t, c).Required(); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestTemplate_IsSafeForConcurrentUse(t *testing.T) {
	c, r := content(), recipient()
	r.Vars = map[string]string{"name": "Ann"}
	tpl := mustCompile(t, c)
	want := mustRender(t, c, r)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got, err := tpl.AppendEmail(nil, r); err != nil || string(got) != string(want) {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"Hi {{name}}", `{{ a | default: "x\"}}" }}`, "{{{", "{% if %}", "<a href={{x}}>", "<!-- {{a}} --></body>", "\r\r\n. \n=", "{{unsubscribe_url}}"} {
		f.Add(s, "Zoë\r\n.", true)
	}
	f.Fuzz(func(t *testing.T, text, value string, marketing bool) {
		r := recipient()
		r.Lookup = func(string) (string, bool) { return value, true }
		c := Content{From: "a@example.com", Subject: text, HTML: text, Text: text, Headers: [][2]string{{"X-A", text}}, Marketing: marketing}
		for range 2 { // first with the text everywhere, then where line breaks may be
			if tpl, err := CompileEmail(c); err == nil {
				if b, err := tpl.AppendEmail(nil, r); err == nil {
					checkLines(t, b)
					read(t, b)
				}
			}
			c.Subject, c.Headers = "x", nil
		}
		if tpl, err := CompileSMS(Content{Body: text}); err == nil {
			tpl.AppendSMS(nil, r)
		}
	})
}
