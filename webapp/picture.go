package webapp

import "fmt"

// The picture of the field: the web app with its user tokens on the one hand,
// the worker with its service token on the other. It is drawn twice, broad and
// tall, and the style sheet shows the one that fits.

type picture struct{ Broad, Tall drawing }

type drawing struct {
	Name          string // makes ids unique on the page
	Width, Height int
	Label         string
	Nodes         []node
	Wires         []wire
}

type node struct {
	ID, Title, Sub, Colour, Icon string
	X, Y, W, H                   int
	// Figures are lines of a big number (may be empty) and words.
	Figures []figure
	Slots   []slotDot
}

type figure struct {
	X, Y       int
	Big, Words string
}

type slotDot struct {
	X, Y   int
	Colour string
}

type wire struct {
	Path, Colour string
	Dashed       bool
	// Start and End say where the arrow heads are.
	Start, End bool
	Labels     []wireLabel
	// Seconds is how long a dot takes along the wire.
	Seconds string
}

type wireLabel struct {
	X, Y   int
	Anchor string
	Text   string
}

// shape is where the boxes and wires of a drawing are.
type shape struct {
	name          string
	width, height int
	w, h          int
	at            map[string][2]int
	wires         []wire
}

func broadShape() shape {
	return shape{
		name: "broad", width: 980, height: 470, w: 228, h: 160,
		at: map[string][2]int{
			"user": {4, 8}, "webapp": {376, 8}, "identity": {748, 8},
			"data": {4, 302}, "apis": {376, 302}, "worker": {748, 302},
		},
		wires: []wire{
			{
				Path: "M232 88H374", End: true, Seconds: "2.6s",
				Labels: []wireLabel{{303, 78, "middle", "signs in"}},
			},
			{
				Path: "M604 66H746", Colour: "blue", Start: true, End: true, Seconds: "2.4s",
				Labels: []wireLabel{{675, 56, "middle", "code + PKCE"}, {675, 86, "middle", "user token"}},
			},
			{
				Path: "M490 168V300", Colour: "blue", End: true, Seconds: "2s",
				Labels: []wireLabel{{480, 238, "end", "user token"}},
			},
			{
				Path: "M862 302V170", Colour: "green", Start: true, End: true, Seconds: "2.4s",
				Labels: []wireLabel{{872, 230, "start", "client"}, {872, 246, "start", "credentials"}},
			},
			{
				Path: "M748 404H606", Colour: "green", End: true, Seconds: "2.2s",
				Labels: []wireLabel{{677, 394, "middle", "service token"}},
			},
			{
				Path: "M376 382H234", End: true, Seconds: "2.6s",
				Labels: []wireLabel{{305, 372, "middle", "reads, writes"}},
			},
			{
				Path: "M604 128C690 128 662 342 746 342", Dashed: true, End: true, Seconds: "3.4s",
				Labels: []wireLabel{{676, 230, "middle", "asks, with the"}, {676, 246, "middle", "ID token as evidence"}},
			},
		},
	}
}

// tallShape has boxes of the height h with wires of 92 between them.
func tallShape(h int) shape {
	const gap = 92
	row := func(i int) int { return 4 + i*(h+gap) }
	down := func(x, i int) string { return fmt.Sprintf("M%d %dV%d", x, row(i)+h, row(i+1)-2) }
	middle := func(i int) int { return row(i) + h + gap/2 }
	return shape{
		name: "tall", width: 360, height: row(2) + h + 4, w: 160, h: h,
		at: map[string][2]int{
			"user": {2, row(0)}, "identity": {198, row(0)}, "webapp": {2, row(1)},
			"worker": {198, row(1)}, "apis": {2, row(2)}, "data": {198, row(2)},
		},
		wires: []wire{
			{
				Path: down(46, 0), End: true, Seconds: "2.6s",
				Labels: []wireLabel{{54, middle(0), "start", "signs in"}},
			},
			{
				Path: fmt.Sprintf("M130 %dL214 %d", row(1), row(0)+h+2), Colour: "blue", Start: true, End: true, Seconds: "2.4s",
				Labels: []wireLabel{{176, middle(0) - 8, "middle", "code + PKCE"}, {176, middle(0) + 8, "middle", "user token"}},
			},
			{
				Path: fmt.Sprintf("M300 %dV%d", row(1), row(0)+h+2), Colour: "green", Start: true, End: true, Seconds: "2.4s",
				Labels: []wireLabel{{300, middle(0) - 6, "middle", "client"}, {300, middle(0) + 10, "middle", "credentials"}},
			},
			{
				Path: down(46, 1), Colour: "blue", End: true, Seconds: "2s",
				Labels: []wireLabel{{54, middle(1), "start", "user token"}},
			},
			{
				Path: fmt.Sprintf("M240 %dL152 %d", row(1)+h, row(2)-2), Colour: "green", End: true, Seconds: "2.2s",
				Labels: []wireLabel{{208, middle(1), "middle", "service token"}},
			},
			{Path: fmt.Sprintf("M162 %dH196", row(2)+h/2), End: true, Seconds: "1.6s"},
			{Path: fmt.Sprintf("M162 %dH196", row(1)+h/2), Dashed: true, End: true, Seconds: "1.6s"},
		},
	}
}

// plainShape has small boxes without figures.
func plainShape() shape {
	return shape{
		name: "broad", width: 620, height: 324, w: 164, h: 64,
		at: map[string][2]int{
			"user": {2, 4}, "webapp": {228, 4}, "identity": {454, 4},
			"data": {2, 256}, "apis": {228, 256}, "worker": {454, 256},
		},
		wires: []wire{
			{
				Path: "M166 36H226", End: true, Seconds: "2.6s",
				Labels: []wireLabel{{196, 26, "middle", "signs in"}},
			},
			{
				Path: "M392 36H452", Colour: "blue", Start: true, End: true, Seconds: "2.4s",
				Labels: []wireLabel{{422, 26, "middle", "code"}},
			},
			{
				Path: "M310 68V254", Colour: "blue", End: true, Seconds: "2.4s",
				Labels: []wireLabel{{300, 164, "end", "user token"}},
			},
			{
				Path: "M536 256V70", Colour: "green", Start: true, End: true, Seconds: "2.8s",
				Labels: []wireLabel{{546, 158, "start", "client"}, {546, 174, "start", "credentials"}},
			},
			{
				Path: "M454 288H394", Colour: "green", End: true, Seconds: "2.2s",
				Labels: []wireLabel{{424, 272, "middle", "service"}, {424, 308, "middle", "token"}},
			},
			{Path: "M228 288H168", End: true, Seconds: "2.6s"},
			{
				Path: "M372 68C372 170 474 150 474 254", Dashed: true, End: true, Seconds: "3.4s",
				Labels: []wireLabel{{423, 166, "middle", "asks"}},
			},
		},
	}
}

// newPicture draws the figures; nil draws the picture without any.
func newPicture(f *figures) *picture {
	if f == nil {
		return &picture{Broad: draw(plainShape(), nil), Tall: draw(tallShape(64), nil)}
	}
	return &picture{Broad: draw(broadShape(), f), Tall: draw(tallShape(148), f)}
}

// pictureText is the picture for those who cannot see it.
const pictureText = "A user signs in to the web app. " +
	"The web app gets a user token from the identity server and calls the ERP APIs with it. " +
	"The worker gets a service token from the identity server and calls the same APIs with that. " +
	"The APIs read and write the ERP data."

func draw(s shape, f *figures) drawing {
	d := drawing{Name: s.name, Width: s.width, Height: s.height, Wires: s.wires,
		Label: pictureText}
	box := func(id, title, sub, colour string, words ...string) *node {
		at := s.at[id]
		n := node{ID: id, Title: title, Sub: sub, Colour: colour, Icon: icons[id], X: at[0], Y: at[1], W: s.w, H: s.h}
		for i := 0; i+1 < len(words); i += 2 {
			n.Figures = append(n.Figures, figure{X: n.X + 16, Y: n.Y + 88 + i/2*24, Big: words[i], Words: words[i+1]})
		}
		d.Nodes = append(d.Nodes, n)
		return &d.Nodes[len(d.Nodes)-1]
	}
	if f == nil {
		box("user", "People", "with a browser", "")
		box("webapp", "Web app", "the user half", "blue")
		box("identity", "Identity", "issues tokens", "")
		box("data", "Data", "the ERP’s own", "")
		box("apis", "ERP APIs", "check every call", "")
		box("worker", "Worker", "the service half", "green")
		return d
	}
	box("user", "People", "with a browser", "", fmt.Sprint(f.People), plural(f.People, "person", "people")+" signed in")
	box("webapp", "Web app", "the user half", "blue",
		fmt.Sprint(f.Sessions), plural(f.Sessions, "user token", "user tokens"))
	box("identity", "Identity", "issues tokens", "", "", "two separate flows")
	box("data", "Data", "the ERP’s own", "", "", "orders, customers,", "", "products, invoices")
	apis := box("apis", "ERP APIs", "check every call", "", licenceWords(f)...)
	apis.Slots = dots(apis, f)
	if f.WorkerFault != "" {
		box("worker", "Worker", "the service half", "green", "", "does not answer")
		return d
	}
	jobs := f.Worker.JobsQueued + f.Worker.JobsRunning
	box("worker", "Worker", "the service half", "green",
		fmt.Sprint(f.Worker.Tokens), plural(f.Worker.Tokens, "service token", "service tokens"),
		fmt.Sprint(jobs), plural(jobs, "job", "jobs")+" at work")
	return d
}

func licenceWords(f *figures) []string {
	if f.Slots == 0 {
		return []string{"", "licence not known"}
	}
	return []string{fmt.Sprint(f.InUse), fmt.Sprintf("of %d slots in use", f.Slots)}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// maxDots is how many slots are drawn as dots; more are told in words only.
const maxDots = 39

// dots draws one dot for each slot: green for the worker's, blue for people's.
func dots(n *node, f *figures) []slotDot {
	if f.Slots > maxDots {
		return nil
	}
	perRow := (n.W - 32) / 14
	var list []slotDot
	for i := range f.Slots {
		d := slotDot{X: n.X + 21 + i%perRow*14, Y: n.Y + 106 + i/perRow*14}
		switch {
		case i < f.Services && i < f.InUse:
			d.Colour = "green"
		case i < f.InUse:
			d.Colour = "blue"
		}
		list = append(list, d)
	}
	return list
}

// icons are drawn in a box of 24 × 24.
var icons = map[string]string{
	"user":     "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 8c0-3.6 3.6-5.5 8-5.5s8 1.9 8 5.5",
	"webapp":   "M3 5h18v14H3ZM3 9.5h18M6 7.3h.1M8.6 7.3h.1",
	"identity": "M12 3l7.5 2.8V12c0 4.4-3.2 7.6-7.5 9-4.3-1.4-7.5-4.6-7.5-9V5.8ZM9 12l2.2 2.2L15.2 10",
	"data":     "M12 10c4.4 0 8-1.3 8-3s-3.6-3-8-3-8 1.3-8 3 3.6 3 8 3Zm-8-3v10c0 1.7 3.6 3 8 3s8-1.3 8-3V7M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
	"apis":     "M9 4c-3 0-3 1-3 3.5S5.5 12 4 12c1.5 0 2 2 2 4.5S6 20 9 20M15 4c3 0 3 1 3 3.5s.5 4.5 2 4.5c-1.5 0-2 2-2 4.5s0 3.5-3 3.5",
	"worker": "M12 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.1 2.1M16.3 16.3l2.1 2.1" +
		"M18.4 5.6l-2.1 2.1M7.7 16.3l-2.1 2.1",
}
