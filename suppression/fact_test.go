package suppression_test

import (
	"slices"
	"testing"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

func TestFacts_AreTheRowsInTheirOrderBehindWhatStood(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	rows := []suppression.Row{
		{Reason: policy.UnsubscribeAll, Class: policy.Marketing, AllChannels: true, At: at, Source: suppression.ByPage, Position: 7},
		{Reason: policy.UnsubscribeTopic, Topic: "weekly", At: at.Add(time.Hour)},
	}
	stood := policy.Row{Reason: policy.Complaint}
	want := []policy.Row{
		stood,
		{Reason: policy.UnsubscribeAll, Class: policy.Marketing, AllChannels: true, Since: at},
		{Reason: policy.UnsubscribeTopic, Topic: "weekly", Since: at.Add(time.Hour)},
	}
	if got := suppression.Facts([]policy.Row{stood}, rows); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := suppression.Facts(nil, nil); len(got) != 0 {
		t.Errorf("facts of nothing: %+v", got)
	}
}
