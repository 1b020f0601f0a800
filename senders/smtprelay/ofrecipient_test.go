package smtprelay

import (
	"testing"

	"github.com/emersion/go-smtp"
)

// A relay that refuses our own address as unknown has not been asked about the recipient's: taking its 5.1.1 for the recipient's would
// mark a whole campaign's people as bounced.
func TestRefusal_OfTheSenderSaysNothingAboutTheRecipient(t *testing.T) {
	unknown := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "mailbox unknown"}
	for p, want := range map[phase]bool{phaseHello: false, phaseMail: false, phaseRcpt: true, phaseData: true, phaseDot: true} {
		if e := refusal(p, unknown, "ann@example.org"); e.OfRecipient != want || e.Code != "5.1.1" {
			t.Errorf("in answer to %v: of the recipient %v, code %s", p, e.OfRecipient, e.Code)
		}
	}
}
