// Package suppression is the list of addresses that are not to be contacted, and why.
package suppression
