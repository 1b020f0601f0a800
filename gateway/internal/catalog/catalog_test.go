package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"heed/gateway/internal/queue"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// records is a store in memory; fail makes the next calls fail.
type records struct {
	mu   sync.Mutex
	m    map[string][]byte
	fail error
	gets int
}

func newRecords() *records { return &records{m: map[string][]byte{}} }

func (s *records) Put(list ...queue.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	for _, r := range list {
		s.m[r.Space+"\x00"+r.Key] = r.Value
	}
	return nil
}

func (s *records) Get(space, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	if s.fail != nil {
		return nil, s.fail
	}
	v, ok := s.m[space+"\x00"+key]
	if !ok {
		return nil, queue.ErrNotFound
	}
	return v, nil
}

func (s *records) List(space, after string, limit int) (keys []string, values [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, nil, s.fail
	}
	for _, k := range slices.Sorted(maps.Keys(s.m)) {
		key, in := strings.CutPrefix(k, space+"\x00")
		if in && key > after && len(keys) < limit {
			keys, values = append(keys, key), append(values, s.m[k])
		}
	}
	return keys, values, nil
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(s store) *Catalog { return New(s, func() time.Time { return noon }) }

func welcome() Template {
	return Template{ID: "welcome", Channel: "email", Class: "service", Subject: "Hi {{name}}", Text: "t", Variables: map[string]string{"name": "you"}}
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestTopic_IsFoundAgain(t *testing.T) {
	s := newRecords()
	want := Topic{ID: "news/weekly", Name: "The week", Description: "Every\nFriday", Created: noon}
	put := must[Topic](t)(open(s).PutTopic("acme", want))
	for _, c := range []*Catalog{open(s), open(s)} {
		got := must[Topic](t)(c.Topic("acme", "news/weekly"))
		if diff := cmp.Diff(want, got) + cmp.Diff(want, put); diff != "" {
			t.Error(diff)
		}
	}
	for _, who := range [][2]string{{"acme", "news"}, {"other", "news/weekly"}} {
		if _, err := open(s).Topic(who[0], who[1]); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v: %v", who, err)
		}
	}
}

func TestTopic_ChangesKeepTheTimeOfCreation(t *testing.T) {
	s := newRecords()
	must[Topic](t)(open(s).PutTopic("acme", Topic{ID: "news", Name: "Old"}))
	later := New(s, func() time.Time { return noon.Add(time.Hour) })
	got := must[Topic](t)(later.PutTopic("acme", Topic{ID: "news", Name: "New"}))
	if got.Name != "New" || !got.Created.Equal(noon) {
		t.Errorf("%+v", got)
	}
}

// Deleting a topic never frees the people who left it. Its id stays taken, by itself.
func TestArchiveTopic_ForgetsNothing(t *testing.T) {
	s := newRecords()
	c := open(s)
	must[Topic](t)(c.PutTopic("acme", Topic{ID: "news", Name: "News"}))
	if err := errors.Join(c.ArchiveTopic("acme", "news"), c.ArchiveTopic("acme", "news")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Catalog{c, open(s)} {
		if got := must[Topic](t)(c.Topic("acme", "news")); !got.Archived || got.Name != "News" {
			t.Errorf("%+v", got)
		}
		if list := must[[]Topic](t)(c.Topics("acme", "", 10)); len(list) != 1 || !list[0].Archived {
			t.Errorf("%+v", list)
		}
	}
	if err := c.ArchiveTopic("acme", "gone"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestTopics_ArePagedWithinTheTenant(t *testing.T) {
	q, err := queue.Open("queue", queue.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for _, s := range []store{newRecords(), q} {
		pageWithinTheTenant(t, open(s))
	}
}

func pageWithinTheTenant(t *testing.T, c *Catalog) {
	t.Helper()
	for _, id := range []string{"c", "a", "b", "a/x", "a-x"} {
		must[Topic](t)(c.PutTopic("acme", Topic{ID: id, Name: id}))
		must[Topic](t)(c.PutTopic("acme2", Topic{ID: id + "2", Name: id}))
		must[Topic](t)(c.PutTopic("acme-eu", Topic{ID: id + "3", Name: id}))
	}
	var ids []string
	for after := ""; ; after = ids[len(ids)-1] {
		list := must[[]Topic](t)(c.Topics("acme", after, 2))
		if len(list) == 0 {
			break
		}
		for _, topic := range list {
			ids = append(ids, topic.ID)
		}
	}
	if diff := cmp.Diff([]string{"a", "a-x", "a/x", "b", "c"}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestTemplate_VersionsNeverChange(t *testing.T) {
	s := newRecords()
	c := open(s)
	first := must[Template](t)(c.PutTemplate("acme", welcome()))
	next := welcome()
	next.Subject, next.Approved, next.Approver, next.Closing, next.Version = "Hello", true, "me", true, 17
	second := must[Template](t)(c.PutTemplate("acme", next))
	if first.Version != 1 || second.Version != 2 || second.Approved || second.Closing || second.Approver != "" {
		t.Errorf("%+v %+v", first, second)
	}
	for _, c := range []*Catalog{c, open(s)} {
		for version, want := range map[int]Template{0: second, 1: first, 2: second} {
			if diff := cmp.Diff(want, must[Template](t)(c.Template("acme", "welcome", version))); diff != "" {
				t.Errorf("version %d: %s", version, diff)
			}
		}
		if _, err := c.Template("acme", "welcome", 3); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
}

func TestTemplate_CallersCannotChangeWhatIsKept(t *testing.T) {
	c := open(newRecords())
	in := welcome()
	out := must[Template](t)(c.PutTemplate("acme", in))
	in.Variables["name"], out.Variables["name"] = "in", "out"
	got := must[Template](t)(c.Template("acme", "welcome", 1))
	got.Variables["name"] = "got"
	if v := must[Template](t)(c.Template("acme", "welcome", 1)).Variables["name"]; v != "you" {
		t.Errorf("name = %q", v)
	}
}

// docs/policy.md: service and mandatory need an approved template; the approval is of one version.
func TestApprove_IsOfOneVersion(t *testing.T) {
	s := newRecords()
	c := open(s)
	must[Template](t)(c.PutTemplate("acme", welcome()))
	approved := must[Template](t)(c.Approve("acme", "welcome", 1, "heed_admin", true))
	must[Template](t)(c.PutTemplate("acme", welcome()))
	if !approved.Approved || approved.Approver != "heed_admin" || !approved.Closing {
		t.Errorf("%+v", approved)
	}
	for _, c := range []*Catalog{c, open(s)} {
		if diff := cmp.Diff(approved, must[Template](t)(c.Template("acme", "welcome", 1))); diff != "" {
			t.Error(diff)
		}
		if latest := must[Template](t)(c.Template("acme", "welcome", 0)); latest.Version != 2 || latest.Approved {
			t.Errorf("%+v", latest)
		}
	}
	for _, err := range []error{
		second(c.Approve("acme", "welcome", 0, "heed_admin", false)), second(c.Approve("acme", "welcome", 1, "", false)),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Error(err)
		}
	}
	if err := second(c.Approve("acme", "welcome", 9, "heed_admin", false)); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func second(_ Template, err error) error { return err }

func TestTemplates_ListTheLatestVersions(t *testing.T) {
	c := open(newRecords())
	for _, id := range []string{"b", "a", "b", "c", "b"} {
		tmpl := welcome()
		tmpl.ID = id
		must[Template](t)(c.PutTemplate("acme", tmpl))
	}
	var got []string
	for _, tmpl := range must[[]Template](t)(c.Templates("acme", "a", 10)) {
		got = append(got, fmt.Sprint(tmpl.ID, tmpl.Version))
	}
	if diff := cmp.Diff([]string{"b3", "c1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPut_RefusesWhatIsNotWellFormed(t *testing.T) {
	c := open(newRecords())
	topic := func(id, name, description string) {
		t.Helper()
		if _, err := c.PutTopic("acme", Topic{ID: id, Name: name, Description: description}); !errors.Is(err, ErrInvalid) {
			t.Errorf("topic %q %q: %v", id, name, err)
		}
	}
	for _, id := range []string{"", "A", "-a", "/a", "a/", "a//b", "a@1", "a b", "é", strings.Repeat("a", 65), "a\n"} {
		topic(id, "n", "")
	}
	topic("a", "", "")
	topic("a", "  ", "")
	topic("a", "a\nb", "")
	topic("a", "\xff", "")
	topic("a", strings.Repeat("é", 201), "")
	topic("a", "n", "a\x00")

	template := func(part string, change func(*Template)) {
		t.Helper()
		tmpl := welcome()
		change(&tmpl)
		if _, err := c.PutTemplate("acme", tmpl); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), part) {
			t.Errorf("%v; want %s", err, part)
		}
	}
	template("id", func(t *Template) { t.ID = "A" })
	template("channel", func(t *Template) { t.Channel = "fax" })
	template("class", func(t *Template) { t.Class = "" })
	template("subject", func(t *Template) { t.Subject = "" })
	template("html or text", func(t *Template) { t.Text = "" })
	template("998", func(t *Template) { t.Subject = strings.Repeat("a", 999) })
	template("bytes together", func(t *Template) { t.HTML = strings.Repeat("a", 1<<20) })
	template("UTF-8", func(t *Template) { t.Body = "\xff" })
	template("body", func(t *Template) { t.Channel = "sms" })
	template("1600", func(t *Template) { t.Channel, t.Body = "sms", strings.Repeat("é", 1601) })
	template("name", func(t *Template) { t.Variables = map[string]string{"": ""} })
	template("name", func(t *Template) { t.Variables = map[string]string{"a\"": ""} })
	template("default", func(t *Template) { t.Variables = map[string]string{"a": strings.Repeat("a", 4097)} })
	template("at most 64", func(t *Template) {
		t.Variables = map[string]string{}
		for i := range 65 {
			t.Variables[fmt.Sprint("v", i)] = ""
		}
	})
}

// A store that fails is an error, and nothing that was not stored is believed afterwards.
func TestCatalog_BelievesOnlyTheStore(t *testing.T) {
	s := newRecords()
	c := open(s)
	must[Topic](t)(c.PutTopic("acme", Topic{ID: "news", Name: "Old"}))
	must[Template](t)(c.PutTemplate("acme", welcome()))
	boom := errors.New("disk gone")
	s.fail = boom
	fails := []error{
		func() error { _, err := c.PutTopic("acme", Topic{ID: "news", Name: "New"}); return err }(),
		func() error { _, err := c.PutTopic("acme", Topic{ID: "more", Name: "New"}); return err }(),
		c.ArchiveTopic("acme", "news"),
		second(c.PutTemplate("acme", welcome())),
		second(c.Approve("acme", "welcome", 1, "me", false)),
		func() error { _, err := c.Topics("acme", "", 1); return err }(),
		func() error { _, err := c.Templates("acme", "", 1); return err }(),
		second(c.Template("acme", "other", 0)),
	}
	for i, err := range fails {
		if !errors.Is(err, boom) {
			t.Errorf("%d: %v", i, err)
		}
	}
	s.fail = nil
	if topic := must[Topic](t)(c.Topic("acme", "news")); topic.Name != "Old" || topic.Archived {
		t.Errorf("%+v", topic)
	}
	if tmpl := must[Template](t)(c.Template("acme", "welcome", 0)); tmpl.Version != 1 || tmpl.Approved {
		t.Errorf("%+v", tmpl)
	}
}

func TestCatalog_DamagedRecordIsAnError(t *testing.T) {
	s := newRecords()
	s.m["topic\x00acme/news"] = []byte("{")
	if _, err := open(s).Topic("acme", "news"); err == nil || errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := open(s).Topics("acme", "", 1); err == nil {
		t.Error("no error")
	}
}

func TestTopic_IsReadOnce(t *testing.T) {
	s := newRecords()
	must[Topic](t)(open(s).PutTopic("acme", Topic{ID: "news", Name: "News"}))
	c := open(s)
	before := s.gets
	for range 10 {
		must[Topic](t)(c.Topic("acme", "news"))
	}
	if s.gets != before+1 {
		t.Errorf("%d reads", s.gets-before)
	}
}

func TestCache_IsBoundedAndIgnoresStaleReads(t *testing.T) {
	c := newCache[int](3)
	for i := range 10 {
		c.set(fmt.Sprint(i), i)
	}
	if len(c.mu.values) != 3 {
		t.Errorf("%d values", len(c.mu.values))
	}
	_, epoch, _ := c.get("k")
	c.set("k", 2)
	c.drop("k")
	c.fill("k", 1, epoch) // read before the write
	if _, _, ok := c.get("k"); ok {
		t.Error("a stale read was kept")
	}
}

// Writers at the same time each get a version of their own, and readers see none go back.
func TestPutTemplate_VersionsAreUniqueUnderConcurrency(t *testing.T) {
	c := open(newRecords())
	var wg sync.WaitGroup
	got := make([]int, 32)
	for i := range got {
		wg.Go(func() {
			tmpl, err := c.PutTemplate("acme", welcome())
			if err != nil {
				t.Error(err)
			}
			got[i] = tmpl.Version
			if latest, err := c.Template("acme", "welcome", 0); err != nil || latest.Version < tmpl.Version {
				t.Errorf("latest %d after %d: %v", latest.Version, tmpl.Version, err)
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	for i, v := range got {
		if v != i+1 {
			t.Fatalf("versions %v", got)
		}
	}
}

// One random history gives the same answers with a warm cache, a tiny one and none at all.
func TestCatalog_SameAnswersWithAnyCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newRecords()
		warm := open(s)
		id := rapid.SampledFrom([]string{"a", "b", "a/b"})
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch name := id.Draw(t, "id"); rapid.IntRange(0, 3).Draw(t, "op") {
			case 0:
				_, _ = warm.PutTopic("acme", Topic{ID: name, Name: rapid.StringMatching("[a-z]{1,3}").Draw(t, "name")})
			case 1:
				_ = warm.ArchiveTopic("acme", name)
			case 2:
				tmpl := welcome()
				tmpl.ID = name
				_, _ = warm.PutTemplate("acme", tmpl)
			case 3:
				_, _ = warm.Approve("acme", name, rapid.IntRange(1, 3).Draw(t, "version"), "me", rapid.Bool().Draw(t, "closing"))
			}
			name := id.Draw(t, "look")
			cold := open(s)
			a, errA := warm.Topic("acme", name)
			b, errB := cold.Topic("acme", name)
			x, errX := warm.Template("acme", name, rapid.IntRange(0, 2).Draw(t, "v"))
			y, errY := cold.Template("acme", name, x.Version)
			if !cmp.Equal(a, b) || !errors.Is(errB, errA) || errX == nil && (errY != nil || !cmp.Equal(x, y)) {
				t.Fatalf("warm %+v %v %+v %v, cold %+v %v %+v %v", a, errA, x, errX, b, errB, y, errY)
			}
		}
	})
}

func TestRemedy_NamesTheMemberInPlainWords(t *testing.T) {
	check := func(err error, member, remedy string) {
		t.Helper()
		if m, r := Remedy(fmt.Errorf("wrapped: %w", err)); m != member || r != remedy {
			t.Errorf("%v: %q, %q", err, m, r)
		}
	}
	check(CheckID("Weekly News"), "id", "use 1 to 64 of a-z 0-9 . _ - and single slashes inside, starting with a letter or digit")
	check(Template{ID: "a", Channel: "email", Class: "marketing"}.check(), "subject", "an email needs a subject, and html or text")
}
