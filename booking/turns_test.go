package booking

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestTurns: of those who want the same, one goes at a time; when it finds that all
// is taken, those who had come before it looked are told, and the others look themselves.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns
		w := wish{service: 1, start: 2}
		type got struct {
			turn *turn
			lost *place
			err  error
		}
		come := func(ctx context.Context) chan got {
			c := make(chan got, 1)
			go func() {
				n, lost, err := all.await(ctx, w)
				c <- got{n, lost, err}
			}()
			synctest.Wait()
			return c
		}
		waits := func(who string, c chan got) {
			t.Helper()
			select {
			case g := <-c:
				t.Fatalf("%s did not wait: %+v", who, g)
			default:
			}
		}
		first := (<-come(t.Context())).turn
		second := come(t.Context())
		waits("the second", second)
		if other, _, err := all.await(t.Context(), wish{service: 1, start: 3}); err != nil {
			t.Fatal(err)
		} else {
			other.end(nil)
		}
		ctx, cancel := context.WithCancel(t.Context())
		tired := come(ctx)
		cancel()
		if g := <-tired; !errors.Is(g.err, context.Canceled) {
			t.Errorf("who waits no more: %+v", g)
		}
		first.end(nil)
		now := (<-second).turn
		late := come(t.Context()) // after the second began to look
		waits("who came late", late)
		now.end(&place{})
		g := <-late
		if g.turn == nil || g.lost != nil {
			t.Fatalf("who came late was told what was found before: %+v", g)
		}
		g.turn.end(nil)

		first = (<-come(t.Context())).turn
		second, third := come(t.Context()), come(t.Context())
		first.end(nil)
		synctest.Wait()
		waiting := third
		select {
		case g = <-second:
		case g = <-third:
			waiting = second
		}
		g.turn.end(&place{service: Service{ID: 7}})
		if g := <-waiting; g.turn != nil || g.lost == nil || g.lost.service.ID != 7 {
			t.Errorf("who had come before was not told: %+v", g)
		}
		if len(all.queue) != 0 {
			t.Errorf("%d queues left", len(all.queue))
		}
	})
}
