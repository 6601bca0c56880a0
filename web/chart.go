package web

import (
	"fmt"
	"math"
	"strconv"
)

// A chart is drawn on the server as SVG, without a script: it looks the same on
// paper. Its numbers stand in a table beside it, and its description says the
// gist; colours are classes, told apart by lightness as well.
type chart struct {
	ID, Title   string
	Description string
	Width       int
	Height      int
	Bars        []chartBar
	Rules       []chartRule
	Texts       []chartText
	Legend      []chartKey
}

// chartBar is a rectangle, of the class st-bar-{Class}.
type chartBar struct {
	X, Y, W, H float64
	Class      string
}

// chartRule is a line across, at the height of a number.
type chartRule struct{ X, Y, W float64 }

// chartText is a number or a name; Anchor is start, middle or end.
type chartText struct {
	X, Y   float64
	Anchor string
	Text   string
	Class  string
}

type chartKey struct{ Class, Name string }

// chartWidth is in units of the drawing: on a phone of 320 px nearly a pixel.
const chartWidth = 340

// column is a place on the horizontal axis and the parts piled up there.
type column struct {
	Name  string
	Parts []int
}

// columns draws piles, one for each column; classes and names are of the parts.
func columns(id, title, description string, list []column, keys []chartKey) chart {
	const (
		left, right, top, bottom = 30.0, 4.0, 8.0, 22.0
		height                   = 180
		labels                   = 6 // that fit side by side
	)
	c := chart{ID: id, Title: title, Description: description, Width: chartWidth, Height: height, Legend: keys}
	most := 1
	for _, x := range list {
		most = max(most, total(x.Parts))
	}
	step := niceStep(most)
	ceiling := float64((most + step - 1) / step * step)
	plot := float64(height) - top - bottom
	for n := 0; n <= int(ceiling); n += step {
		y := top + plot*(1-float64(n)/ceiling)
		c.Rules = append(c.Rules, chartRule{left, tenth(y), chartWidth - left - right})
		c.Texts = append(c.Texts, chartText{X: left - 4, Y: tenth(y + 4), Anchor: "end", Text: strconv.Itoa(n)})
	}
	wide := (chartWidth - left - right) / float64(max(len(list), 1))
	every := (len(list) + labels - 1) / labels
	for i, x := range list {
		y := top + plot
		for part, n := range x.Parts {
			h := plot * float64(n) / ceiling
			y -= h
			if n > 0 && part < len(keys) {
				c.Bars = append(c.Bars, chartBar{tenth(left + wide*(float64(i)+0.1)), tenth(y), tenth(wide * 0.8), tenth(h), keys[part].Class})
			}
		}
		if i%every == 0 {
			name := chartText{X: tenth(left + wide*(float64(i)+0.5)), Y: height - 6, Anchor: "middle", Text: x.Name}
			if name.X > chartWidth-20 {
				name.X, name.Anchor = chartWidth, "end" // within the frame
			}
			c.Texts = append(c.Texts, name)
		}
	}
	return c
}

// lying draws bars that lie, one for each row: names of any length stay readable.
func lying(id, title, description string, rows []column, class string) chart {
	const left, right, row = 96.0, 34.0, 22.0
	c := chart{ID: id, Title: title, Description: description, Width: chartWidth, Height: int(row) * len(rows)}
	most := 1
	for _, x := range rows {
		most = max(most, total(x.Parts))
	}
	for i, x := range rows {
		y, n := row*float64(i), total(x.Parts)
		w := (chartWidth - left - right) * float64(n) / float64(most)
		c.Texts = append(c.Texts, chartText{X: left - 6, Y: y + 15, Anchor: "end", Text: x.Name},
			chartText{X: tenth(left + w + 5), Y: y + 15, Anchor: "start", Text: strconv.Itoa(n)})
		if n > 0 {
			c.Bars = append(c.Bars, chartBar{left, y + 3, tenth(w), row - 6, class})
		}
	}
	return c
}

// heatRow is a row of shares from 0 to 100; -1 is none.
type heatRow struct {
	Name  string
	Cells []int
}

// heat draws a table whose cells are the darker the fuller; the number stands
// in each.
func heat(id, title, description string, heads []string, rows []heatRow) chart {
	const left, top, row = 42.0, 20.0, 26.0
	c := chart{ID: id, Title: title, Description: description, Width: chartWidth, Height: int(top + row*float64(len(rows)))}
	wide := (chartWidth - left) / float64(max(len(heads), 1))
	for i, h := range heads {
		c.Texts = append(c.Texts, chartText{X: tenth(left + wide*(float64(i)+0.5)), Y: 14, Anchor: "middle", Text: h})
	}
	for i, x := range rows {
		y := top + row*float64(i)
		c.Texts = append(c.Texts, chartText{X: left - 6, Y: y + 17, Anchor: "end", Text: x.Name})
		for j, n := range x.Cells {
			if n < 0 {
				continue
			}
			shade := min(n*5/100, 4)
			text := chartText{X: tenth(left + wide*(float64(j)+0.5)), Y: y + 17, Anchor: "middle", Text: strconv.Itoa(n)}
			if shade > 2 {
				text.Class = "st-on-dark"
			}
			c.Bars = append(c.Bars, chartBar{tenth(left + wide*float64(j) + 1), y + 1, tenth(wide - 2), row - 2, fmt.Sprintf("heat-%d", shade)})
			c.Texts = append(c.Texts, text)
		}
	}
	return c
}

// niceStep parts 0 to most in at most four by a round number.
func niceStep(most int) int {
	step := 1
	for _, by := range []float64{1, 2, 5} {
		for ten := 1.0; ten < 1e7; ten *= 10 {
			if s := int(by * ten); 4*s >= most && (step*4 < most || s < step) {
				step = s
			}
		}
	}
	return step
}

func total(parts []int) (n int) {
	for _, x := range parts {
		n += x
	}
	return n
}

// tenth keeps a drawing's numbers short.
func tenth(x float64) float64 { return math.Round(x*10) / 10 }
