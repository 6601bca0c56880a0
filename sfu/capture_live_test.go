package sfu_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"testing"

	"sportello/sfu"
	"sportello/sfu/sfutest"
)

// -capture testdata/camera.cap makes the kept capture anew.
var captureTo = flag.String("capture", "", "write the capture of TestCaptureOfACall to this file") //nolint:gochecknoglobals // a flag

func TestCaptureOfACall(t *testing.T) {
	s := start(t)
	a := join(t, s, "secret-room", "Ada Rossi", sfutest.Options{Slots: 1})
	b := join(t, s, "secret-room", "Bruno Bianchi", sfutest.Options{Slots: 1})
	ctx, cancel := context.WithCancel(deadline(t))
	var file bytes.Buffer
	done := make(chan error, 1)
	go func() { done <- s.Capture(ctx, &file) }()
	a.stream(t, 0xa7, "l", "h")
	for i := range 60 { // with keyframes, since the layers are switched
		b.next(t, "camera", camera)
		if i%20 == 10 {
			if err := b.peer.SetQuality(0, sfu.QualityLow+sfu.Quality(i/10%4/2)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// 60 frames of camera and as much sound; 0xa7 marks what Stream sends as payload.
	if n := file.Len(); n < 120*10 {
		t.Errorf("%d bytes", n)
	}
	for _, secret := range []string{"Rossi", "Bianchi", "secret-room", "\xa7\x00\x00\x00", "\xa7\x01\x02\x03"} {
		if bytes.Contains(file.Bytes(), []byte(secret)) {
			t.Errorf("%q is in the capture", secret)
		}
	}
	if *captureTo != "" {
		if err := os.WriteFile(*captureTo, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
