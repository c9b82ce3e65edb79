package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatAnEarlierRunShowsOfATrigger(t *testing.T) {
	t.Parallel()
	intent := &Intent{OnItsWayUntil: after(time.Minute)}
	for name, test := range map[string]struct {
		scheduling Scheduling
		mayHaveRun bool
	}{
		"pending without an intent":  {Scheduling{}, false},
		"pending with an intent":     {Scheduling{Intent: intent}, true},
		"pending, and not listed":    {Scheduling{Unreadable: true}, true},
		"answered":                   {Scheduling{Ended: true, InstanceID: "in1"}, true},
		"refused":                    {Scheduling{Ended: true, ErrorType: ErrorTriggerRejected, Intent: intent}, false},
		"wrong":                      {Scheduling{Ended: true, ErrorType: ErrorInvalidInput}, false},
		"refused for its token":      {Scheduling{Ended: true, ErrorType: ErrorPlatformAuth, Intent: intent}, false},
		"not sent within its lease":  {Scheduling{Ended: true, ErrorType: ErrorTriggerNotSent, Intent: intent}, false},
		"lost without an intent":     {Scheduling{Ended: true, ErrorType: ErrorLost}, false},
		"lost with an intent":        {Scheduling{Ended: true, ErrorType: ErrorLost, Intent: intent}, true},
		"in doubt":                   {Scheduling{Ended: true, ErrorType: ErrorTriggerOutcomeUnknown}, true},
		"ended in an unheard-of way": {Scheduling{Ended: true, ErrorType: "Surprise"}, true},
		"its history is gone":        {Scheduling{Unreadable: true, ErrorType: ErrorTriggerNotSent}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.mayHaveRun, test.scheduling.MayHaveRun())
			require.Equal(t, test.mayHaveRun, Judge(1, []Scheduling{test.scheduling}, start, time.Second).MayHaveRun)
		})
	}
}

func TestATriggerBeforeTheOneThatIsSentNowIsSettled(t *testing.T) {
	t.Parallel()
	first := Scheduling{Number: 1, Intent: &Intent{OnItsWayUntil: after(time.Minute)}}
	third := Scheduling{Number: 3, Ended: true, InstanceID: "in3", Intent: &Intent{OnItsWayUntil: after(time.Second)}}
	earlier := []Scheduling{third, first}

	past := Judge(1, earlier, start, time.Second)
	require.Equal(t, Past{MayHaveRun: true, Number: 3, InstanceID: "in3", OnItsWayUntil: after(time.Minute)}, past)
	past = Judge(2, earlier, start, time.Second)
	require.Equal(t, Past{MayHaveRun: true, Number: 3, InstanceID: "in3", OnItsWayUntil: after(time.Second)}, past)
	require.Equal(t, Past{}, Judge(4, earlier, start, time.Second))
	require.True(t, Judge(0, earlier, start, time.Second).MayHaveRun, "without numbers all of them count")
}

func TestAnIntentWhoseTimeIsNotKnownMayBeAsYoungAsNow(t *testing.T) {
	t.Parallel()
	lease, err := NewLease(start, time.Time{}, time.Second)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		scheduling Scheduling
		until      time.Time
	}{
		"unreadable":     {Scheduling{Unreadable: true}, lease.OnItsWayUntil},
		"without a time": {Scheduling{Intent: &Intent{}}, lease.OnItsWayUntil},
		"answered":       {Scheduling{Ended: true, InstanceID: "in1"}, start},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.until, Judge(1, []Scheduling{test.scheduling}, start, time.Second).OnItsWayUntil)
		})
	}
}

func TestARetriggerAfterAResetIsNotHeldBackByWhatItSettled(t *testing.T) {
	t.Parallel()
	s := sent(afterReset)
	// The activity found that the earlier run has sent the first and the second trigger.
	s.Next(after(time.Second), &Sent{
		Key: key(1), ErrorType: ErrorTriggerOutcomeUnknown, Message: "sent before the reset",
		Earlier: 2, Intent: &Intent{OnItsWayUntil: after(time.Minute)},
	})
	require.Equal(t, key(2), s.LeadingKey())
	require.ErrorContains(t, s.Refuse(&Resolve{What: ActionRetrigger}, after(time.Second)), "may still be on its way")
	commands := s.Next(after(time.Minute), &Resolve{ID: 1, What: ActionRetrigger})
	number := only[Send](commands)[0].Number
	require.Equal(t, 3, number)
	earlier := []Scheduling{{Number: 1, Intent: &Intent{}}, {Number: 2, Ended: true, InstanceID: "in2"}}
	require.False(t, Judge(number, earlier, after(time.Minute), time.Second).MayHaveRun)
}
