package reread

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheLastGoodValueStaysWhileTheFilesCannotBeRead(t *testing.T) {
	t.Parallel()
	var failure error
	var failures []string
	content := "first"
	v := &Value[string]{
		Read:   func(string) (string, error) { return content, failure },
		Failed: func(err error) { failures = append(failures, err.Error()) },
	}
	value, err := v.Get()
	require.NoError(t, err)
	require.Equal(t, "first", value)
	content, failure = "half", errors.New("half written")
	for range 3 {
		value, err = v.Get()
		require.ErrorIs(t, err, failure)
		require.Equal(t, "first", value)
	}
	require.Equal(t, []string{"half written"}, failures, "it is told once")
	content, failure = "second", nil
	value, err = v.Get()
	require.NoError(t, err)
	require.Equal(t, "second", value)
}

func TestAValueServesForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		v := &Value[int]{Read: func(last int) (int, error) { reads++; return last + 1, nil }, Every: time.Minute}
		for _, expected := range []int{1, 1, 2} {
			value, err := v.Get()
			require.NoError(t, err)
			require.Equal(t, expected, value)
			require.Equal(t, expected, reads)
			time.Sleep(31 * time.Second)
		}
	})
}

func TestADiskThatHangsKeepsOneCallerOnly(t *testing.T) {
	t.Parallel()
	hangs, release := make(chan struct{}), make(chan struct{})
	reads := 0
	v := &Value[int]{Read: func(last int) (int, error) {
		if reads++; reads == 2 {
			close(hangs)
			<-release
		}
		return reads, nil
	}}
	_, err := v.Get()
	require.NoError(t, err)
	done := make(chan int)
	go func() {
		value, _ := v.Get()
		done <- value
	}()
	<-hangs
	value, err := v.Get()
	require.NoError(t, err)
	require.Equal(t, 1, value, "the others go on with what there is")
	close(release)
	require.Equal(t, 2, <-done)
}
