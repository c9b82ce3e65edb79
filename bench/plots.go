package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

var (
	blue   = color.RGBA{31, 119, 180, 255}
	orange = color.RGBA{255, 127, 14, 255}
	grey   = color.Gray{150}
)

// series is a line or a row of bars, with its name in the legend.
type series struct {
	name  string
	color color.Color
	xys   plotter.XYs
}

// plots draws everything that was measured, by file name.
func (r *Report) plots() map[string]*plot.Plot {
	drawn := map[string]*plot.Plot{}
	if p := r.Plan; p != nil {
		drawn["plan.svg"] = versus("Runs per second, by runs in flight", p.Loads, "RunPlan", "bare workflow")
		drawn["plan-rounds.svg"] = rounds("RunPlan by the bare workflow, runs per second of every round", 1, p.Loads)
	}
	if b := r.Bridge; b != nil {
		drawn["bridge.svg"] = versus("Callbacks per second, by callbacks in flight", b.Loads, "through the bridge", "raw signals")
		drawn["bridge-rounds.svg"] = rounds("The bridge by raw signals, callbacks per second of every round", .95, b.Loads)
	}
	if b := r.Runbook; b != nil {
		events := func(c RunbookCost) float64 { return float64(c.Events) }
		seconds := func(c RunbookCost) float64 { return c.Seconds }
		drawn["runbook-events.svg"] = lines("Events of a runbook, by its plans", "plans", "events", false, b.series(events)...)
		drawn["runbook-time.svg"] = lines("Seconds that a runbook takes, by its plans", "plans", "seconds", false, b.series(seconds)...)
	}
	if w := r.Waiting; w != nil {
		drawn["waiting-memory.svg"] = lines("Memory of the worker, by waiting runs", "runs", "MB", true,
			series{"process", blue, w.xys(func(r Waiting) float64 { return r.Memory.RSS / 1e6 })},
			series{"live heap and stacks", orange, w.xys(func(r Waiting) float64 { return (r.Memory.Heap + r.Memory.Stack) / 1e6 })})
		drawn["waiting-time.svg"] = lines("Seconds until all runs wait, by runs", "runs", "seconds", true,
			series{"start, trigger and wait", blue, w.xys(func(r Waiting) float64 { return float64(r.Open) / r.StartsPerSecond })})
		if points := w.Runs[len(w.Runs)-1].Points(); points != nil {
			var started plotter.XYs
			for _, p := range points {
				started = append(started, plotter.XY{X: p[0], Y: p[1]})
			}
			drawn["waiting-growth.svg"] = lines("Seconds until so many runs were started, none of which ends", "runs", "seconds", false,
				series{"start and trigger", blue, started})
		}
	}
	if s := r.Spool; s != nil {
		var names []string
		var values plotter.Values
		for _, l := range s.Loads {
			names, values = append(names, strconv.Itoa(l.InFlight)), append(values, l.PerSecond.Median)
		}
		drawn["spool.svg"] = bars("Callbacks stored on disk per second, by callbacks in flight", names, row{"spool", blue, values})
	}
	return drawn
}

func (b *RunbookFigures) series(of func(RunbookCost) float64) []series {
	xys := func(costs []RunbookCost) (points plotter.XYs) {
		for _, c := range costs {
			points = append(points, plotter.XY{X: float64(c.Plans), Y: of(c)})
		}
		return points
	}
	return []series{{"one step after another", blue, xys(b.Sequential)}, {"forEach, side by side", orange, xys(b.ForEach)}}
}

func (w *WaitingFigures) xys(of func(Waiting) float64) (points plotter.XYs) {
	for _, r := range w.Runs {
		points = append(points, plotter.XY{X: float64(r.Open), Y: of(r)})
	}
	return points
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(6)
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs, p.Legend.Padding = true, true, vg.Points(4), vg.Points(2)
	for _, style := range []*font.Font{
		&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font,
		&p.X.Tick.Label.Font, &p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font,
	} {
		style.Typeface, style.Variant = "Liberation", "Sans"
	}
	return p
}

// lines draws series from zero, or on logarithmic axes, where what grows in proportion is a line at 45°.
func lines(title, x, y string, logarithmic bool, all ...series) *plot.Plot {
	p := newPlot(title)
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.Add(plotter.NewGrid())
	for _, s := range all {
		line, points, err := plotter.NewLinePoints(s.xys)
		if err != nil {
			continue // nothing was measured
		}
		line.Color, points.Color, points.Shape = s.color, s.color, draw.CircleGlyph{}
		p.Add(line, points)
		p.Legend.Add(s.name, line, points)
	}
	if logarithmic {
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
		p.Y.Max *= 3 // room for the legend
	} else {
		p.X.Min, p.Y.Min, p.Y.Max = 0, 0, p.Y.Max*1.2
	}
	return p
}

// row is what one side has of every bar.
type row struct {
	name   string
	color  color.Color
	values plotter.Values
}

// versus draws how fast two sides were under several loads.
func versus(title string, loads []Comparison, ours, other string) *plot.Plot {
	var names []string
	a, b := row{name: ours, color: blue}, row{name: other, color: grey}
	for _, c := range loads {
		names = append(names, strconv.Itoa(c.InFlight))
		a.values, b.values = append(a.values, c.Ours.PerSecond.Median), append(b.values, c.Other.PerSecond.Median)
	}
	return bars(title, names, a, b)
}

// bars draws bars side by side, for each name one of every row.
func bars(title string, names []string, rows ...row) *plot.Plot {
	p := newPlot(title)
	width := vg.Points(30)
	for i, row := range rows {
		chart, err := plotter.NewBarChart(row.values, width)
		if err != nil {
			continue // nothing was measured
		}
		chart.Color, chart.LineStyle.Width = row.color, 0
		chart.Offset = width * (vg.Length(i) - vg.Length(len(rows)-1)/2)
		p.Add(chart)
		p.Legend.Add(row.name, chart)
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -.5, float64(len(names))-.5
	p.Y.Min, p.Y.Max = 0, p.Y.Max*1.25 // room for the legend
	return p
}

// rounds draws the ratio of every round, and the goal.
func rounds(title string, goal float64, loads []Comparison) *plot.Plot {
	p := newPlot(title)
	var points plotter.XYs
	var names []string
	for i, c := range loads {
		names = append(names, fmt.Sprintf("%d in flight", c.InFlight))
		for n, ratio := range c.SpeedRatio.Rounds {
			spread := .4 * (float64(n) - float64(len(c.SpeedRatio.Rounds)-1)/2) / float64(len(c.SpeedRatio.Rounds))
			points = append(points, plotter.XY{X: float64(i) + spread, Y: ratio})
		}
	}
	scatter, err := plotter.NewScatter(points)
	if err != nil {
		return p // nothing was measured
	}
	scatter.Color, scatter.Shape = blue, draw.CircleGlyph{}
	line := plotter.NewFunction(func(float64) float64 { return goal })
	line.Color = grey
	p.Add(scatter, line)
	p.Legend.Add("a round", scatter)
	p.Legend.Add(fmt.Sprintf("goal: %g", goal), line)
	p.NominalX(names...)
	p.X.Min, p.X.Max = -.5, float64(len(loads))-.5
	p.Y.Min, p.Y.Max = min(p.Y.Min, goal)-.1, max(p.Y.Max, goal)+.2
	return p
}

// save writes a plot as an SVG.
func save(p *plot.Plot, path string) error {
	const width, height = 6 * vg.Inch, 3.2 * vg.Inch
	canvas := vgsvg.New(width, height)
	p.Draw(draw.New(canvas))
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return fmt.Errorf("draw %s: %w", filepath.Base(path), err)
	}
	// For browsers that do not have the font that the text was measured with.
	text := bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif"))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("write a plot: %w", err)
	}
	return nil
}
