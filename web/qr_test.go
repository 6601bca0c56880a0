package web

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"
)

// TestQRIsDrawnModuleByModule paints the path again and compares.
func TestQRIsDrawnModuleByModule(t *testing.T) {
	const code = "7K2M-9QXB"
	v, err := qrOf(code)
	if err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode(code, qr.M)
	if err != nil || v.Size != want.Size+8 {
		t.Fatalf("size %d, %v", v.Size, err)
	}
	dark := map[[2]int]bool{}
	for _, part := range strings.Split(strings.TrimSuffix(v.Path, "z"), "z") {
		var x, y, width, back int
		if n, err := fmt.Sscanf(part, "M%d %dh%dv1h-%d", &x, &y, &width, &back); n != 4 || err != nil || width != back {
			t.Fatalf("part %q: %v", part, err)
		}
		for i := range width {
			dark[[2]int{x + i, y}] = true
		}
	}
	for y := range v.Size {
		for x := range v.Size {
			if dark[[2]int{x, y}] != want.Black(x-4, y-4) {
				t.Fatalf("module %d,%d differs", x, y)
			}
		}
	}
	if none, err := qrOf(""); none != nil || err != nil {
		t.Errorf("nothing is drawn as %v, %v", none, err)
	}
}
