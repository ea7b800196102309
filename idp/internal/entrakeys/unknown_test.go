package entrakeys_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// wantLearnt wants an error that says when kid may be looked for, or with 0 a set that lacks it.
func wantLearnt(t *testing.T, source *entrakeys.Source, kid string, want time.Duration) {
	t.Helper()
	set, err := source.Learn(t.Context(), kid)
	var later interface{ RetryAfter() time.Duration }
	switch {
	case want == 0 && (err != nil || set.Key(kid) != nil):
		t.Errorf("%q: %v, want a set without it", kid, err)
	case want != 0 && (!errors.Is(err, entrakeys.ErrUnavailable) || !errors.Is(err, entrakeys.ErrKeyUnseen) || !errors.As(err, &later) || later.RetryAfter() != want):
		t.Errorf("%q: %v, want to be asked again after %s", kid, err, want)
	}
}

func TestAKeyIsMissingOnlyOnceSomebodyLookedForIt(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		wantLearnt(t, source, "one", 0) // the first one fetches
		time.Sleep(10 * time.Second)
		wantLearnt(t, source, "two", 20*time.Second)
		wantLearnt(t, source, "one", 0)
		time.Sleep(20 * time.Second)
		wantLearnt(t, source, "three", 0) // fetches again, and looks for all who asked before
		wantLearnt(t, source, "two", 0)
		wantLearnt(t, source, "four", 30*time.Second)
		if n := e.requests(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// A fetch that failed is not tried again at once, and who asks meanwhile is told when it will be.
func TestAfterAFetchThatFailedTheTimeToComeAgainRunsDown(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		wantLater := func(want time.Duration) {
			t.Helper()
			_, err := source.Learn(t.Context(), "new")
			var later interface{ RetryAfter() time.Duration }
			if !errors.Is(err, entrakeys.ErrUnavailable) || errors.Is(err, entrakeys.ErrKeyUnseen) || !errors.As(err, &later) || later.RetryAfter() != want {
				t.Errorf("%v, want to be asked again after %s", err, want)
			}
		}
		if err := source.Fetch(t.Context()); err != nil || source.Failing() {
			t.Fatal(err, source.Failing())
		}
		e.answer(broken)
		wantLater(30 * time.Second)
		if !source.Failing() || source.Health() != nil {
			t.Errorf("failing %v, health %v", source.Failing(), source.Health())
		}
		time.Sleep(12 * time.Second)
		wantLater(18 * time.Second)
		time.Sleep(18 * time.Second)
		wantLater(30 * time.Second)
		time.Sleep(29*time.Second + 900*time.Millisecond)
		wantLater(time.Second) // never less than a caller can wait
		e.answer(nil)
		time.Sleep(time.Second)
		wantLearnt(t, source, "new", 0)
		if source.Failing() {
			t.Error("failing, after all came")
		}
	})
}

// Who comes while keys are fetched waits for them, and that fetch looked for their key too.
func TestAFetchLooksForAllWhoWaitForIt(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		e.answer(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_, _ = w.Write(e.document)
		})
		var callers sync.WaitGroup
		for i := range 10 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				wantLearnt(t, source, fmt.Sprint(i), 0)
			})
		}
		callers.Wait()
		if n := e.requests(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

// Strangers can make us forget who asked, and gain nothing by it but that others ask once more.
func TestWhoIsForgottenAsksAgain(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		wantLearnt(t, source, "one", 0)
		for i := range 2000 {
			wantLearnt(t, source, fmt.Sprint(i), 30*time.Second)
		}
		wantLearnt(t, source, "one", 30*time.Second)
		time.Sleep(30 * time.Second)
		wantLearnt(t, source, "one", 0)
		if n := e.requests(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}
