// Package textin takes the texts people send back: Twilio's webhook for inbound messages, checked, read and acted on.
//
// It promises: nothing without a valid signature is acted on; STOP in any form that Classify reads becomes a brand-wide
// sms_stop row, durable before the 200 (P1); START lifts STOPs only, at most once per message, however often it is delivered again,
// and only if its signed form can be read in no other way.
//
// It sends no text: Twilio has already answered its own keywords. It does not understand free text ("please take me off"), which is
// left without an act for now.
//
// Classify and Valid are pure. Webhook is safe for concurrent use. Sources: Twilio's security notes; 47 CFR 64.1200(a)(10); CTIA
// Messaging Principles 5.1.3.
package textin
