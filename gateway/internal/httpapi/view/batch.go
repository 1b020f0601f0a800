// Package view gives what the queue and the list hold the shape that it has on the wire: batches, recipients, messages, rows. It decides
// nothing. Views are copies; everything but a Segments is safe for concurrent use. The shapes are described in openapi.yaml.
package view

import (
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
)

// Batch is a batch on the wire.
type Batch struct {
	ID      string            `json:"id"`
	Status  string            `json:"status"`
	Created time.Time         `json:"created"`
	Tenant  string            `json:"tenant"`
	Channel string            `json:"channel"`
	Class   string            `json:"class"`
	Topic   string            `json:"topic,omitempty"`
	Counts  map[string]uint64 `json:"counts"`
}

// OfBatch shows a batch. An error means that its head is damaged.
func OfBatch(info queue.Info) (Batch, error) {
	head, err := batch.DecodeHead(info.Head)
	if err != nil {
		return Batch{}, err
	}
	return Batch{
		ID: batch.ID(info.ID).String(), Status: status(info), Created: info.Created.UTC(), Tenant: info.Tenant,
		Channel: head.Channel.String(), Class: head.Class.String(), Topic: head.Topic, Counts: Counts(info.Counts),
	}, nil
}

// status names where a batch stands.
func status(info queue.Info) string {
	switch open := info.Counts[queue.Queued] + info.Counts[queue.Retrying]; {
	case info.Control == queue.Stopped:
		return "cancelled"
	case open == 0:
		return "done"
	case info.Control == queue.Paused:
		return "paused"
	}
	return "running"
}

// Counts names the numbers; all states are there, so that a caller may add them up.
func Counts(n queue.Counts) map[string]uint64 {
	named := make(map[string]uint64, len(n))
	for state := queue.Queued; int(state) < len(n); state++ {
		named[state.String()] = n[state]
	}
	return named
}
