package html

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// eyes are how linear light is seen: by most, and without one kind of cone (Machado,
// Oliveira and Fernandes: A physiologically-based model for simulation of color vision
// deficiency, 2009, severity 1.0).
var eyes = map[string][3][3]float64{
	"most":         {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

type light [3]float64

func (l light) through(m [3][3]float64) (out light) {
	for i, row := range m {
		for j, w := range row {
			out[i] += w * l[j]
		}
	}
	return out
}

func linear(t *testing.T, colour string) (out light) {
	t.Helper()
	for i := range out {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if v := float64(n) / 255; v <= 0.04045 {
			out[i] = v / 12.92
		} else {
			out[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return out
}

// lab gives the place of a light in Ottosson's OKLab, where distances are as seen.
func (l light) lab() light {
	for i := range l {
		l[i] = min(max(l[i], 0), 1)
	}
	cones := l.through([3][3]float64{{0.4122214708, 0.5363325363, 0.0514459929}, {0.2119034982, 0.6806995451, 0.1073969566}, {0.0883024619, 0.2817188376, 0.6299787005}})
	for i := range cones {
		cones[i] = math.Cbrt(cones[i])
	}
	return cones.through([3][3]float64{{0.2104542553, 0.7936177850, -0.0040720468}, {1.9779984951, -2.4285922050, 0.4505937099}, {0.0259040371, 0.7827717662, -0.8086757660}})
}

// Lines of a chart are told apart by colour: whoever looks, any two are further apart than
// 0.08 in OKLab (0.02 is just noticeable side by side), the first four than 0.13. The colours that
// the pages began with came to 0.017 and 0.007.
func TestColoursAreToldApart(t *testing.T) {
	lists := regexp.MustCompile(`colours: \[([^\]]*)\]`).FindAllStringSubmatch(reportJS, -1)
	if len(lists) != 2 {
		t.Fatalf("%d lists of colours, want one for light and one for dark", len(lists))
	}
	for _, list := range lists {
		colours := regexp.MustCompile(`#[0-9a-f]{6}`).FindAllString(list[1], -1)
		if len(colours) != 8 || strings.Count(list[1], "#") != 8 {
			t.Fatalf("colours %q: want eight", list[1])
		}
		for name, m := range eyes {
			for i, a := range colours {
				for _, b := range colours[:i] {
					p, q := linear(t, a).through(m).lab(), linear(t, b).through(m).lab()
					d, least := math.Sqrt((p[0]-q[0])*(p[0]-q[0])+(p[1]-q[1])*(p[1]-q[1])+(p[2]-q[2])*(p[2]-q[2])), 0.08
					if i < 4 {
						least = 0.13
					}
					if name == "tritanopia" { // one in ten thousand: dashes and dots help
						least = 0.08
					}
					if d < least {
						t.Errorf("%s and %s are %.3f apart with %s, want %.2f", a, b, d, name, least)
					}
				}
			}
		}
	}
}

// brightness is the relative luminance of WCAG.
func brightness(l light) float64 { return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2] }

// Every colour can be seen on the page behind it, also as a point that lets others shine
// through: the third of the dark theme was an olive on black, 3.1 to 1.
func TestColoursStandOut(t *testing.T) {
	themes := regexp.MustCompile(`page: '(#[0-9a-f]{6})'[^\[]*colours: \[([^\]]*)\]`).FindAllStringSubmatch(reportJS, -1)
	if len(themes) != 2 {
		t.Fatalf("%d themes, want light and dark", len(themes))
	}
	for _, theme := range themes {
		page := brightness(linear(t, theme[1]))
		for i, colour := range regexp.MustCompile(`#[0-9a-f]{6}`).FindAllString(theme[2], -1) {
			ink, least := brightness(linear(t, colour)), 3.0
			if i < 4 {
				least = 3.8
			}
			if got := (max(ink, page) + 0.05) / (min(ink, page) + 0.05); got < least {
				t.Errorf("%s on %s is %.1f to 1, want %.1f", colour, theme[1], got, least)
			}
		}
	}
}

// A number on a shade of the matrix can be read, whatever the shade: white in the middle of the
// ramp came to 3.0.
func TestNumbersOnShadesCanBeRead(t *testing.T) {
	shades := strings.Fields(ask(t, `['light', 'dark'].flatMap((name) => [...Array(201).keys()].map((i) => {
		const s = wsrun.shade(wsrun.themes[name].ramp, i / 200);
		return s.colour.match(/\d+/g).map((v) => Number(v).toString(16).padStart(2, '0')).join('') + s.ink;
	})).join(' ')`))
	if len(shades) != 402 {
		t.Fatalf("%d shades, want 402", len(shades))
	}
	for _, s := range shades {
		colour, ink, _ := strings.Cut(s, "#")
		if c := contrast(t, ink, colour); c < 4.5 {
			t.Errorf("#%s on #%s is %.2f to 1, want 4.5", ink, colour, c)
		}
	}
}
