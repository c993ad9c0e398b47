package survey

// order is how well the survey knows the order of the stack. Prompts that are sent
// one at a time stand exactly where they should; those that were in flight together
// may have changed places.
type order struct {
	runs []run // from the top of the stack down
}

// run is a stretch of the stack.
type run struct{ n, blur int }

// push puts n prompts on top, each of which may stand so many places off.
func (o *order) push(n, blur int) {
	if len(o.runs) > 0 && o.runs[0].blur == blur {
		o.runs[0].n += n
		return
	}
	o.runs = append([]run{{n, blur}}, o.runs...)
}

// raise moves the prompt at a depth to the top, alone.
func (o *order) raise(depth int) {
	for i, at := 0, 0; i < len(o.runs); i++ {
		if at += o.runs[i].n; depth > at {
			continue
		}
		if o.runs[i].n--; o.runs[i].n == 0 {
			o.runs = append(o.runs[:i], o.runs[i+1:]...)
		}
		break
	}
	o.push(1, 0)
}

// blur is by how many places the prompt at a depth may be off.
func (o *order) blur(depth int) int {
	at := 0
	for _, r := range o.runs {
		if at += r.n; depth <= at {
			return r.blur
		}
	}
	return 0
}

// worst is the largest blur at depths from lo to hi.
func (o *order) worst(lo, hi int) (b int) {
	at := 0
	for _, r := range o.runs {
		if at >= hi {
			break
		}
		if at += r.n; at >= lo {
			b = max(b, r.blur)
		}
	}
	return b
}

// exact is the number of prompts from the top whose order is known.
func (o *order) exact() int {
	if len(o.runs) > 0 && o.runs[0].blur == 0 {
		return o.runs[0].n
	}
	return 0
}
