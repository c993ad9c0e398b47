package survey

// order is how well the survey knows the order of the stack. Prompts that are sent
// one at a time stand exactly where they should; those that were in flight together
// may have changed places.
type order struct {
	runs []run // from the top of the stack down
}

// run is a stretch of the stack.
type run struct {
	n, blur int
	asked   bool // they were looked at since they were sent for the first time
}

// push puts n prompts on top, each of which may stand so many places off.
func (o *order) push(n, blur int) { o.add(run{n: n, blur: blur}) }

// add puts a run on top.
func (o *order) add(r run) {
	if len(o.runs) > 0 && o.runs[0].blur == r.blur && o.runs[0].asked == r.asked {
		o.runs[0].n += r.n
		return
	}
	o.runs = append([]run{r}, o.runs...)
}

// raise moves the prompt at a depth to the top, alone: it was looked at, or touched.
func (o *order) raise(depth int, look bool) {
	for i, at := 0, 0; i < len(o.runs); i++ {
		if at += o.runs[i].n; depth > at {
			continue
		}
		if o.runs[i].n--; o.runs[i].n == 0 {
			o.runs = append(o.runs[:i], o.runs[i+1:]...)
		}
		break
	}
	o.add(run{n: 1, asked: look})
}

// at gives the run of the prompt at a depth.
func (o *order) at(depth int) run {
	at := 0
	for _, r := range o.runs {
		if at += r.n; depth <= at {
			return r
		}
	}
	return run{}
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
func (o *order) exact() (n int) {
	for _, r := range o.runs {
		if r.blur > 0 {
			break
		}
		n += r.n
	}
	return n
}
