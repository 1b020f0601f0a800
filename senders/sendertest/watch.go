package sendertest

import "heed/senders"

// Watch makes a Message.Begin of a function that gives the end alone, for tests that do not ask when the first byte goes out.
func Watch(begin func() (end func(), err error)) func() (senders.Handoff, error) {
	return func() (senders.Handoff, error) {
		end, err := begin()
		if err != nil {
			return nil, err
		}
		return ends(end), nil
	}
}

type ends func()

func (ends) Began() {}
func (e ends) End() { e() }
