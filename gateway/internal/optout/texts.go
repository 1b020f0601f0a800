package optout

import (
	"context"
	"fmt"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

// StopTexts records a STOP text from the number behind key: no more texts of this brand (47 CFR 64.1200(a)(10)).
// Durable and in force when it returns nil; twice is once.
func (d *Desk) StopTexts(ctx context.Context, key suppression.Key, at time.Time) error {
	row := suppression.Row{Reason: policy.SMSStop, Source: suppression.BySMS, At: at.UTC().Truncate(time.Second)}
	changes, _ := d.adds([]suppression.Key{key}, row)
	if _, err := d.list.Apply(ctx, changes...); err != nil {
		return fmt.Errorf("record stop: %w", err)
	}
	d.stopped(suppression.BySMS, at)
	return nil
}

// AllowTexts records a START text: it lifts the STOPs that stand for the number now, and no row of any other reason.
func (d *Desk) AllowTexts(ctx context.Context, key suppression.Key) error {
	rows, err := d.list.Rows(nil, key)
	if err != nil {
		return fmt.Errorf("read stops: %w", err)
	}
	var changes []suppression.Change
	for _, row := range rows {
		if row.Reason == policy.SMSStop {
			changes = append(changes, lift(key, suppression.Row{Reason: row.Reason, Topic: row.Topic}, row.Position))
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if _, err := d.list.Apply(ctx, changes...); err != nil {
		return fmt.Errorf("record start: %w", err)
	}
	return nil
}
