package web

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// qrView is a QR code as the outline of its dark squares, for an SVG that
// needs neither style nor script.
type qrView struct {
	Size int // modules a side, with the margin
	Path string
}

// qrMargin is the quiet zone that ISO/IEC 18004 asks for, in modules.
const qrMargin = 4

// qrOf draws a short code: nothing else may stand in what a stranger's camera
// can read from across a counter.
func qrOf(code string) (*qrView, error) {
	if code == "" {
		return nil, nil //nolint:nilnil // nothing to draw is no mistake
	}
	c, err := qr.Encode(code, qr.M)
	if err != nil {
		return nil, fmt.Errorf("qr: %w", err)
	}
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+qrMargin, y+qrMargin, x-from, x-from)
			}
		}
	}
	return &qrView{Size: c.Size + 2*qrMargin, Path: b.String()}, nil
}
