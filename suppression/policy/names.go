package policy

import "slices"

// The names on the wire, at the index of their value. Index 0 is what an unknown value prints as.
var (
	channelNames = []string{"unknown", "email", "sms"}
	classNames   = []string{"unknown", "marketing", "transactional", "service", "mandatory"}
	actionNames  = []string{"unknown", "allow", "reroute", "defer", "hold", "block"}
	reasonNames  = []string{
		"unknown",
		"unsubscribe_topic", "unsubscribe_all", "sms_stop", "complaint", "hard_bounce", "invalid_number", "manual_block",
		"account_deactivated", "erasure", "sharing_optout", "legal_hold", "no_consent", "consent_expired",
		"number_reassigned", "role_or_trap", "underage", "dnc_registry", "gdpr_restriction", "quiet_hours",
		"frequency_cap",
	}
)

// ParseChannel reads the name of a channel as it stands on the wire: "email" or "sms".
func ParseChannel(s string) (Channel, bool) { return parse[Channel](channelNames, s) }

// ParseClass reads the name of a class as it stands on the wire, such as "marketing".
func ParseClass(s string) (Class, bool) { return parse[Class](classNames, s) }

// ParseReason reads the name of a reason as it stands on the wire, such as "unsubscribe_all".
func ParseReason(s string) (Reason, bool) { return parse[Reason](reasonNames, s) }

// ParseAction reads the name of an action, such as "block".
func ParseAction(s string) (Action, bool) { return parse[Action](actionNames, s) }

// String is the channel's name on the wire, "unknown" for any other value.
func (c Channel) String() string { return name(channelNames, c) }

// String is the class's name on the wire, "unknown" for any other value.
func (c Class) String() string { return name(classNames, c) }

// String is the reason's name on the wire, "unknown" for any other value.
func (r Reason) String() string { return name(reasonNames, r) }

// String is the action's name on the wire, "unknown" for any other value.
func (a Action) String() string { return name(actionNames, a) }

func parse[T ~uint8](names []string, s string) (T, bool) {
	i := slices.Index(names[1:], s) + 1
	return T(i), i > 0
}

func name[T ~uint8](names []string, v T) string {
	if int(v) >= len(names) {
		return names[0]
	}
	return names[v]
}
