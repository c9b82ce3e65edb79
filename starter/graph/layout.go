package graph

import (
	"cmp"
	"slices"
)

// Distances of a drawing, in pixels.
const (
	gapX = 36 // between the boxes of a layer
	gapY = 56 // between layers
	// maxBends bounds the places at which edges go around boxes; beyond it they go straight.
	maxBends = 10_000
	sweeps   = 8
)

// box is a node's place in a drawing, or a bend: a place that an edge goes through, without a width.
type box struct {
	x, y, w, h float64 // x and y of its upper left corner
	layer      int
	up, down   []int // boxes that it is joined to in the layer above, and in the one below
}

func (b *box) middle() float64 { return b.x + b.w/2 }

// layout places boxes in layers, each below all that lead to it, and bends the edges around them. The
// boxes come in an order in which edges lead forward; ways are the boxes that each edge goes through,
// its ends included.
type layout struct {
	boxes  []box
	ways   [][]int
	layers [][]int
	w, h   float64
}

func newLayout(boxes []box, edges []edge, order []int) *layout {
	l := &layout{boxes: boxes}
	into := make([][]edge, len(boxes))
	for _, e := range edges {
		into[e.to] = append(into[e.to], e)
	}
	for _, i := range order {
		for _, e := range into[i] {
			l.boxes[i].layer = max(l.boxes[i].layer, l.boxes[e.from].layer+1)
		}
	}
	for i := range l.boxes {
		l.enter(i)
	}
	for _, e := range edges {
		l.ways = append(l.ways, l.way(e, len(l.boxes)-len(boxes) < maxBends))
	}
	l.sort()
	l.place()
	return l
}

// enter puts a box into its layer.
func (l *layout) enter(i int) {
	for len(l.layers) <= l.boxes[i].layer {
		l.layers = append(l.layers, nil)
	}
	l.layers[l.boxes[i].layer] = append(l.layers[l.boxes[i].layer], i)
}

// way leads an edge through a bend in every layer that it crosses.
func (l *layout) way(e edge, bends bool) []int {
	way := []int{e.from}
	for layer := l.boxes[e.from].layer + 1; bends && layer < l.boxes[e.to].layer; layer++ {
		l.boxes = append(l.boxes, box{layer: layer})
		l.enter(len(l.boxes) - 1)
		way = append(way, len(l.boxes)-1)
	}
	way = append(way, e.to)
	for i := range way[1:] {
		upper, lower := way[i], way[i+1]
		l.boxes[upper].down = append(l.boxes[upper].down, lower)
		l.boxes[lower].up = append(l.boxes[lower].up, upper)
	}
	return way
}

// sort orders every layer by where its neighbours stand, so that fewer edges cross.
func (l *layout) sort() {
	rank := make([]float64, len(l.boxes))
	number := func(layer []int) {
		for at, i := range layer {
			rank[i] = float64(at)
		}
	}
	for _, layer := range l.layers {
		number(layer)
	}
	l.sweep(func(layer []int, neighbours func(int) []int) {
		wanted := make(map[int]float64, len(layer))
		for _, i := range layer {
			wanted[i] = mean(neighbours(i), rank[i], func(j int) float64 { return rank[j] })
		}
		slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(wanted[a], wanted[b]) })
		number(layer)
	})
}

// place gives every box its coordinates, as near to the middle of its neighbours as its layer lets it.
func (l *layout) place() {
	for _, layer := range l.layers {
		height := 0.0
		for _, i := range layer {
			height = max(height, l.boxes[i].h)
		}
		for _, i := range layer {
			if l.boxes[i].w == 0 {
				l.boxes[i].h = height // a bend goes straight past the boxes beside it
			}
			l.boxes[i].y = l.h + (height-l.boxes[i].h)/2
		}
		l.row(layer, func(int) float64 { return 0 })
		l.h += height + gapY
	}
	l.h -= gapY
	l.sweep(func(layer []int, neighbours func(int) []int) {
		l.row(layer, func(i int) float64 {
			return mean(neighbours(i), l.boxes[i].middle(), func(j int) float64 { return l.boxes[j].middle() })
		})
	})
	left := 0.0
	for i := range l.boxes {
		left = min(left, l.boxes[i].x)
	}
	for i := range l.boxes {
		l.boxes[i].x -= left
		l.w = max(l.w, l.boxes[i].x+l.boxes[i].w)
	}
}

// row places the boxes of a layer side by side, on the average where they want their middles.
func (l *layout) row(layer []int, wanted func(int) float64) {
	middles := make([]float64, len(layer))
	for at, i := range layer {
		middles[at] = wanted(i)
	}
	shift, right := 0.0, 0.0
	for at, i := range layer {
		b := &l.boxes[i]
		b.x = middles[at] - b.w/2
		if at > 0 {
			b.x = max(b.x, right+gapX)
		}
		right = b.x + b.w
		shift += middles[at] - b.middle()
	}
	for _, i := range layer {
		l.boxes[i].x += shift / float64(len(layer))
	}
}

// sweep visits the layers downwards and upwards in turns.
func (l *layout) sweep(visit func(layer []int, neighbours func(int) []int)) {
	for turn := range sweeps {
		for at := range l.layers {
			if turn%2 == 0 {
				visit(l.layers[at], func(i int) []int { return l.boxes[i].up })
			} else {
				visit(l.layers[len(l.layers)-1-at], func(i int) []int { return l.boxes[i].down })
			}
		}
	}
}

func mean(of []int, otherwise float64, value func(int) float64) float64 {
	if len(of) == 0 {
		return otherwise
	}
	sum := 0.0
	for _, i := range of {
		sum += value(i)
	}
	return sum / float64(len(of))
}
