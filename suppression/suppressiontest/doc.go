// Package suppressiontest helps to test what uses a suppression list, and the list itself: a model that gives the
// same answers by the plainest means, random histories, and a list in memory.
//
// The model promises the answers of suppression.List, not its durability or speed. It is not safe for concurrent use.
package suppressiontest
