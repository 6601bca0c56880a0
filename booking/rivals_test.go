package booking

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestRivals: of those who want the same, whoever comes while some are under way goes with
// all others who do; who waits no more is left out, and what goes on ends when nobody waits.
func TestRivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type run struct {
			ctx  context.Context //nolint:containedctx // what it is stopped by is looked at
			all  []*rival
			tell func(*rival, verdict)
			end  chan struct{}
		}
		var all rivals
		runs := make(chan run, 1)
		together := func(ctx context.Context, all []*rival, tell func(*rival, verdict)) {
			r := run{ctx, all, tell, make(chan struct{})}
			runs <- r
			<-r.end
		}
		come := func(ctx context.Context, service int64) chan verdict {
			c := make(chan verdict, 1)
			go func() {
				c <- all.hold(ctx, &rival{request: HoldRequest{ServiceID: service}, told: make(chan verdict, 1)}, together)
			}()
			synctest.Wait()
			return c
		}
		nothing := func(what string) {
			t.Helper()
			if synctest.Wait(); len(runs) > 0 {
				t.Fatal(what)
			}
		}
		first := come(t.Context(), 1)
		one := <-runs
		other := come(t.Context(), 2)
		two := <-runs
		two.tell(two.all[0], verdict{})
		close(two.end)
		<-other

		second, third := come(t.Context(), 1), come(t.Context(), 1)
		ctx, cancel := context.WithCancel(t.Context())
		tired := come(ctx, 1)
		cancel()
		if v := <-tired; !errors.Is(v.err, context.Canceled) {
			t.Errorf("who waits no more: %+v", v)
		}
		nothing("a second group went beside the first")
		one.tell(one.all[0], verdict{hold: Hold{Secret: "first"}})
		if v := <-first; v.hold.Secret != "first" {
			t.Errorf("the first was told %+v", v)
		}
		nothing("a second group went before the first was done")
		close(one.end)
		both := <-runs
		if len(both.all) != 2 {
			t.Fatalf("%d go together, want the two who still wait", len(both.all))
		}
		late := come(t.Context(), 1)
		both.tell(both.all[0], verdict{hold: Hold{Secret: "second"}})
		both.tell(both.all[1], verdict{lost: &place{}})
		if a, b := <-second, <-third; a.hold.Secret != "second" || b.lost == nil {
			t.Errorf("told %+v and %+v", a, b)
		}
		close(both.end)

		// Who goes is stopped when nobody waits for it, and whoever comes then begins anew.
		last := <-runs
		last.tell(last.all[0], verdict{})
		<-late
		close(last.end)
		synctest.Wait()
		ctx, cancel = context.WithCancel(t.Context())
		gone := come(ctx, 1)
		alone := <-runs
		cancel()
		<-gone
		if synctest.Wait(); alone.ctx.Err() == nil {
			t.Error("nobody waits, and it goes on")
		}
		after := come(t.Context(), 1)
		anew := <-runs
		if anew.ctx.Err() != nil {
			t.Error("who came after was stopped with who had gone")
		}
		alone.tell(alone.all[0], verdict{}) // to nobody
		close(alone.end)
		anew.tell(anew.all[0], verdict{})
		<-after
		close(anew.end)
		if synctest.Wait(); len(all.group) != 0 {
			t.Errorf("%d groups left", len(all.group))
		}
	})
}
