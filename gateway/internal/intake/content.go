package intake

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/message"
	"heed/suppression/policy"
)

// Limits of the shared part.
const (
	maxSubjectBytes = 998     // RFC 5322 §2.1.1, the longest line
	maxContentBytes = 1 << 20 // HTML and text together
	maxBodyRunes    = 1600    // Twilio's limit for a text
	maxHeaders      = 32
	maxRequired     = 64 // as many variables as a recipient may bring
)

// compiler checks the content for a channel, from this sender, and lists the variables that each recipient must bring.
type compiler func(h *batch.Head, c policy.Channel, from string) ([]string, error)

func compile(h *batch.Head, c policy.Channel, from string) ([]string, error) {
	content := message.ContentOf(h, c)
	content.From = from
	check := message.CompileEmail
	if c == policy.SMS {
		check = message.CompileSMS
	}
	t, err := check(content)
	if err != nil {
		return nil, err
	}
	return t.Required(), nil
}

// speaks says whether the batch has something to say on a channel.
func speaks(h *batch.Head, c policy.Channel) bool {
	if c == policy.SMS {
		return h.Body != ""
	}
	return h.Subject != "" && h.HTML+h.Text != ""
}

// contentFault is the refusal of content that does not compile. Inside a template there is nothing the caller could point at.
func contentFault(h *batch.Head, err error) error {
	var f *message.Fault
	if !errors.As(err, &f) {
		return refuse("", "invalid_content", err.Error())
	}
	if h.Template != "" {
		return refuse("/template_id", f.Code, "template "+h.Template+", "+f.Pointer+": "+f.Detail)
	}
	return refuse(f.Pointer, f.Code, f.Detail)
}

// content fills in what the batch says: the call's own words or a template's.
func (in *Intake) content(h *batch.Head, s *batchjson.Shared) error {
	h.Vars = s.Vars
	if s.TemplateID != "" {
		return in.template(h, s)
	}
	if in.o.RequireTemplate && h.Class >= policy.Service {
		return refuse("/template_id", "template_required", "messages of class "+h.Class.String()+" need an approved template (template_id)")
	}
	h.Subject, h.HTML, h.Text, h.Body = s.Subject, s.HTML, s.Text, s.Body
	return checkSizes(h)
}

func checkSizes(h *batch.Head) error {
	switch {
	case len(h.Subject) > maxSubjectBytes:
		return refuse("/subject", "too_long", fmt.Sprintf("the subject has more than %d bytes", maxSubjectBytes))
	case len(h.HTML)+len(h.Text) > maxContentBytes:
		return refuse("/html", "too_long", fmt.Sprintf("html and text have more than %d bytes together", maxContentBytes))
	case len([]rune(h.Body)) > maxBodyRunes:
		return refuse("/body", "too_long", fmt.Sprintf("the text has more than %d characters", maxBodyRunes))
	case len(h.Headers) > maxHeaders:
		return refuse("/headers", "too_many", fmt.Sprintf("there are more than %d headers", maxHeaders))
	}
	return nil
}

// template fills in a template's words; the call may add vars only.
func (in *Intake) template(h *batch.Head, s *batchjson.Shared) error {
	if s.Subject+s.HTML+s.Text+s.Body != "" {
		return refuse("/template_id", "content_and_template", "send either a template_id or the content itself; vars go with both")
	}
	id, version, ok := parseTemplateID(s.TemplateID)
	if !ok {
		return refuse("/template_id", "unknown_template", `write the template's id, or id and version: "welcome@3"`)
	}
	t, err := in.o.Catalog.Template(h.Tenant, id, version)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return refuse("/template_id", "unknown_template", "create the template first: POST /v1/templates")
	case err != nil:
		return unavailable("catalog_unavailable", "templates cannot be read: try again", err)
	case t.Channel != h.Channel.String():
		return refuse("/template_id", "template_channel", "this template is for the channel "+t.Channel)
	case t.Class != h.Class.String():
		return refuse("/template_id", "template_class", "this template is for messages of class "+t.Class)
	case in.o.RequireTemplate && h.Class >= policy.Service && !t.Approved:
		return refuse("/template_id", "template_not_approved", "an admin must approve this version of the template first")
	}
	fill(h, t)
	return checkSizes(h)
}

// fill takes over a template's words and the defaults of its variables; the call's own vars beat those.
func fill(h *batch.Head, t catalog.Template) {
	h.Subject, h.HTML, h.Text, h.Body, h.Closing = t.Subject, t.HTML, t.Text, t.Body, t.Closing
	h.Template = t.ID + "@" + strconv.Itoa(t.Version)
	vars := make(map[string]string, len(t.Variables)+len(h.Vars))
	for name, value := range t.Variables {
		if value != "" {
			vars[name] = value
		}
	}
	maps.Copy(vars, h.Vars)
	h.Vars = vars
}

// parseTemplateID reads "id" or "id@version"; version 0 is the latest.
func parseTemplateID(s string) (id string, version int, ok bool) {
	id, number, cut := strings.Cut(s, "@")
	if !cut {
		return id, 0, true
	}
	version, err := strconv.Atoi(number)
	return id, version, err == nil && version > 0
}
