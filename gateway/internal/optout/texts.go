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

// AllowTexts records a START text: it lifts the STOPs that stand for the number now, and no row of any other reason. first is asked
// once they are read and before they are lifted, whether this START is heard for the first time, and has to note that it was: so
// one heard again lifts nothing, and no START lifts a STOP that came after its note. Errors are the list's and those of first.
func (d *Desk) AllowTexts(ctx context.Context, key suppression.Key, first func(context.Context) (bool, error)) error {
	rows, err := d.list.Rows(nil, key)
	if err != nil {
		return fmt.Errorf("read stops: %w", err)
	}
	if isFirst, err := first(ctx); err != nil || !isFirst {
		return err
	}
	changes := liftsOfStops(key, rows)
	if len(changes) == 0 {
		return nil
	}
	if _, err := d.list.Apply(ctx, changes...); err != nil {
		return fmt.Errorf("record start: %w", err)
	}
	return nil
}

func liftsOfStops(key suppression.Key, rows []suppression.Row) (changes []suppression.Change) {
	for _, row := range rows {
		if row.Reason == policy.SMSStop {
			changes = append(changes, lift(key, suppression.Row{Reason: row.Reason, Topic: row.Topic}, row.Position))
		}
	}
	return changes
}
